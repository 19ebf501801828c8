"""Looking for messages by their words.

The index (FTS5, without a copy of the texts) is kept by triggers, so that no way to add or drop a
message can forget it, and forgets words with their message. It is asked for rows newest first, a
page at a time, and each is looked at once more, because an index of words knows no punctuation.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, Integer, Row, bindparam, column, select, text

from p2pchat.model.ids import ConversationId, OpId
from p2pchat.model.message import Message
from p2pchat.model.search import Query
from p2pchat.store.folding import Progress
from p2pchat.store.port import PAGE_LIMIT_MAX
from p2pchat.store.reaction_rows import with_reactions
from p2pchat.store.reading import MESSAGES, entered, message_of, read_progress
from p2pchat.store.schema import conversations, messages

__all__ = ["LOOKED_AT_MAX", "search"]

LOOKED_AT_MAX = 20_000
"""Rows that the index names, in one search; beyond them nothing is found."""

_NEWEST = 1 << 62

_hits = (
    text(
        "SELECT rowid AS op FROM search WHERE search MATCH :expression AND rowid < :below"
        " ORDER BY rowid DESC LIMIT :limit"
    )
    .columns(column("op", Integer))
    .subquery("hits")
)
_FOUND = (
    MESSAGES.add_columns(
        messages.c.op,
        conversations.c.id.label("conversation_id"),
        entered(messages.c.conversation).label("is_entered"),
    )
    .join(_hits, _hits.c.op == messages.c.op)
    .join(conversations, conversations.c.key == messages.c.conversation)
    .order_by(messages.c.op.desc())
)
_KEY = select(conversations.c.key).where(conversations.c.id == bindparam("id"))


def search(
    connection: Connection, query: Query, conversation: ConversationId | None, limit: int
) -> list[Message]:
    """As `Store.search`."""
    expression = f"body : ({query.expression})"
    limit = min(limit, PAGE_LIMIT_MAX)
    if conversation is not None:
        key = connection.scalar(_KEY, {"id": conversation})
        expression += f" AND room : c{key or 0}"
    found: list[Message] = []
    having: set[OpId] = set()
    progress: dict[ConversationId, Progress] = {}
    for row in _rows(connection, expression, limit):
        if len(found) >= limit:
            break
        if row.is_entered and query.confirms(row.text):
            id = ConversationId(row.conversation_id)
            if id not in progress:
                progress[id] = read_progress(connection, id)
            found.append(message_of(row, id, progress[id]))
            having |= {found[-1].id} if row.has_reactions else set()
    return with_reactions(connection, found, having)


def _rows(connection: Connection, expression: str, page: int) -> Iterator[Row[*tuple[Any, ...]]]:
    """What the index names, newest first."""
    below, looked_at = _NEWEST, 0
    while page > 0 and looked_at < LOOKED_AT_MAX:
        parameters = {"expression": expression, "below": below, "limit": page}
        rows = connection.execute(_FOUND, parameters).all()
        yield from rows
        if len(rows) < page:
            return
        looked_at, below = looked_at + len(rows), rows[-1].op
