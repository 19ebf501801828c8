"""Looking for messages by their words.

The index (FTS5, without a copy of the texts) comes after: a message is committed without it, since
somebody waits for that commit, and a mark says how far the index has come. What is below the mark
is kept in it by triggers, so that no way to add, change or drop a message can forget it; what is
above is looked at itself, text by text. Mark, index and texts are read at one moment, so that what
was committed is found at once, whenever the program may have ended.

The index is asked for rows newest first, a page at a time, and each is looked at once more, because
an index of words knows no punctuation.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from typing import Any

from sqlalchemy import Connection, Integer, Row, bindparam, column, select, text

from p2pchat.model.ids import ConversationId, OpId
from p2pchat.model.message import Message
from p2pchat.model.search import Query
from p2pchat.store.folding import Progress
from p2pchat.store.port import PAGE_LIMIT_MAX
from p2pchat.store.reaction_rows import with_reactions
from p2pchat.store.reading import MESSAGES, entered, message_of, read_progress
from p2pchat.store.schema import conversations, indexed, messages

__all__ = ["LOOKED_AT_MAX", "UNINDEXED_MAX", "index_more", "search", "weight_of"]

LOOKED_AT_MAX = 20_000
"""Rows that the index names, in one search; beyond them nothing is found."""

WEIGHED_BYTES = 256
"""A text counts for one more message for each so many bytes: its words are what costs."""
UNINDEXED_MAX = 1_024
"""Messages above the mark when a commit begins, or texts of as much weight; more are indexed
before it."""
INDEXED_AT_ONCE = 256
"""Messages, or texts of as much weight, in one transaction: a commit may wait for it."""

_NEWEST = 1 << 62

_NEXT = (
    "SELECT op, length(CAST(text AS BLOB)) FROM messages"
    " WHERE op > (SELECT upto FROM indexed) ORDER BY op"
)
_INDEX = (
    "INSERT INTO search(rowid, body, room)"
    " SELECT op, index_text(CAST(text AS BLOB)), 'c' || conversation FROM messages"
    " WHERE op > (SELECT upto FROM indexed) AND op <= ? ORDER BY op"
)

_hits = (
    text(
        "SELECT rowid AS op FROM search WHERE search MATCH :expression AND rowid < :below"
        " ORDER BY rowid DESC LIMIT :limit"
    )
    .columns(column("op", Integer))
    .subquery("hits")
)
_ROWS = (
    MESSAGES.add_columns(
        messages.c.op,
        conversations.c.id.label("conversation_id"),
        entered(messages.c.conversation).label("is_entered"),
    )
    .join(conversations, conversations.c.key == messages.c.conversation)
    .order_by(messages.c.op.desc())
)
_FOUND = _ROWS.join(_hits, _hits.c.op == messages.c.op)
_UPTO = select(indexed.c.upto)
_LATER = _ROWS.where(messages.c.op > bindparam("upto"))
_KEY = select(conversations.c.key).where(conversations.c.id == bindparam("id"))


def weight_of(size: int) -> int:
    """For how many messages a text of so many bytes counts."""
    return 1 + size // WEIGHED_BYTES


def index_more(connection: sqlite3.Connection) -> int:
    """Take the next messages into the index, inside a transaction; about how many are left."""
    last, weight = _next(connection, INDEXED_AT_ONCE)
    if not weight:
        return 0
    connection.execute(_INDEX, (last,))
    connection.execute("UPDATE indexed SET upto = ?", (last,))
    return _next(connection, UNINDEXED_MAX)[1]


def _next(connection: sqlite3.Connection, most: int) -> tuple[int, int]:
    """The last of the next messages that weigh so much together, but one at least; and what they
    weigh, with the one that would be too much."""
    last = weight = 0
    with closing(connection.execute(_NEXT)) as rows:
        for row, size in rows:
            weight += weight_of(size)
            if last and weight > most:
                break
            last = row
    return last, weight


def search(
    connection: Connection, query: Query, conversation: ConversationId | None, limit: int
) -> list[Message]:
    """As `Store.search`."""
    limit = min(limit, PAGE_LIMIT_MAX)
    found: list[Message] = []
    having: set[OpId] = set()
    progress: dict[ConversationId, Progress] = {}
    for row in _rows(connection, query, conversation, limit):
        if len(found) >= limit:
            break
        id = ConversationId(row.conversation_id)
        if id not in progress:
            progress[id] = read_progress(connection, id)
        found.append(message_of(row, id, progress[id]))
        having |= {found[-1].id} if row.has_reactions else set()
    return with_reactions(connection, found, having)


def _rows(
    connection: Connection, query: Query, conversation: ConversationId | None, page: int
) -> Iterator[Row[*tuple[Any, ...]]]:
    """What holds what is asked for, newest first."""
    upto = connection.scalar(_UPTO)
    for row in connection.execute(_LATER, {"upto": upto}):
        is_asked = row.is_entered and conversation in (None, row.conversation_id)
        if is_asked and query.finds(row.text):
            yield row
    expression = f"body : ({query.expression})"
    if conversation is not None:
        key = connection.scalar(_KEY, {"id": conversation})
        expression += f" AND room : c{key or 0}"
    for row in _named(connection, expression, page):
        if row.is_entered and query.confirms(row.text):
            yield row


def _named(connection: Connection, expression: str, page: int) -> Iterator[Row[*tuple[Any, ...]]]:
    """What the index names, newest first."""
    below, looked_at = _NEWEST, 0
    while page > 0 and looked_at < LOOKED_AT_MAX:
        parameters = {"expression": expression, "below": below, "limit": page}
        rows = connection.execute(_FOUND, parameters).all()
        yield from rows
        if len(rows) < page:
            return
        looked_at, below = looked_at + len(rows), rows[-1].op
