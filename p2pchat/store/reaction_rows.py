"""Who put which emoji to which message, on disk.

One row says what an account did last about one emoji; older news changes nothing. Of an account the
rows that are newest stay, which is the same few in whatever order they came.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection, bindparam, delete, exists, func, select, tuple_
from sqlalchemy.dialects.sqlite import insert

from p2pchat.model.change import AddReaction
from p2pchat.model.ids import AccountId, ConversationId, OpId
from p2pchat.model.message import REACTIONS_MAX, Message, Reaction
from p2pchat.store.schema import accounts, conversations, messages, ops, reactions
from p2pchat.store.statements import key_of, text

__all__ = ["HAS_REACTIONS", "ReactionWriter", "with_reactions"]

HAS_REACTIONS = (
    exists()
    .where(reactions.c.conversation == messages.c.conversation, reactions.c.target == messages.c.id)
    .label("has_reactions")
)
"""Whether there may be any: most messages have none."""

_KEY_OF_OP = key_of(ops)
_add = insert(reactions).values({c: bindparam(c.name) for c in reactions.columns})
_ADD = text(
    _add.on_conflict_do_update(
        index_elements=list(reactions.primary_key),
        set_={name: _add.excluded[name] for name in ("op", "id", "hlc", "is_on")},
        where=tuple_(_add.excluded.hlc, _add.excluded.id) > tuple_(reactions.c.hlc, reactions.c.id),
    )
)
_about = [reactions.c[name] == bindparam(name) for name in ("conversation", "target", "account")]
_other = reactions.alias("other")
_newer_ones = (
    select(func.count())
    .select_from(_other)
    .where(
        *(_other.c[name] == reactions.c[name] for name in ("conversation", "target", "account")),
        tuple_(_other.c.hlc, _other.c.id) > tuple_(reactions.c.hlc, reactions.c.id),
    )
    .scalar_subquery()
)
_TRIM = text(delete(reactions).where(*_about, _newer_ones >= bindparam("most")))


@dataclass(frozen=True, slots=True)
class ReactionWriter:
    """Applies changes through a cursor; `conversation` and `account` give surrogate keys."""

    cursor: sqlite3.Cursor
    conversation: Callable[[bytes], int]
    account: Callable[[bytes], int]

    def apply(self, change: AddReaction) -> None:
        (key,) = self.cursor.execute(_KEY_OF_OP, {"id": change.op}).fetchone()
        about = {
            "conversation": self.conversation(change.conversation),
            "target": change.target,
            "account": self.account(change.account),
        }
        row = {
            "emoji": change.emoji,
            "op": key,
            "id": change.op,
            "hlc": change.hlc,
            "is_on": int(change.is_on),
        }
        self.cursor.execute(_ADD, about | row)
        self.cursor.execute(_TRIM, about | {"most": REACTIONS_MAX})


_REACTIONS = (
    select(
        conversations.c.id.label("conversation_id"),
        reactions.c.target,
        reactions.c.emoji,
        accounts.c.id.label("account_id"),
    )
    .join_from(reactions, conversations)
    .join(accounts, reactions.c.account == accounts.c.key)
    .where(
        reactions.c.conversation.in_(
            select(conversations.c.key).where(
                conversations.c.id.in_(bindparam("conversations", expanding=True))
            )
        ),
        reactions.c.target.in_(bindparam("targets", expanding=True)),
        reactions.c.is_on == 1,
    )
    .order_by(reactions.c.emoji, accounts.c.id)
)


def with_reactions(
    connection: Connection, found: Sequence[Message], having: set[OpId]
) -> list[Message]:
    """The same messages, with what was put to those of them that may have reactions."""
    shown = [message for message in found if message.id in having and not message.deleted]
    if not shown:
        return list(found)
    parameters = {
        "conversations": list({message.conversation for message in shown}),
        "targets": [message.id for message in shown],
    }
    put: dict[tuple[ConversationId, OpId], list[Reaction]] = defaultdict(list)
    for row in connection.execute(_REACTIONS, parameters):
        key = ConversationId(row.conversation_id), OpId(row.target)
        put[key].append(Reaction(row.emoji, AccountId(row.account_id)))
    return [
        replace(message, reactions=tuple(put.get((message.conversation, message.id), ())))
        if message.id in having and not message.deleted
        else message
        for message in found
    ]
