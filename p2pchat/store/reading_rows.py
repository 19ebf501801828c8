"""What was read here, and what was begun to be written, on disk.

A mark is a place in one device's talk chain: below it everything was read. So what comes late, and
sorts before what was read long ago, is unread nevertheless.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    bindparam,
    exists,
    func,
    literal,
    select,
    tuple_,
)
from sqlalchemy.dialects.sqlite import insert

from p2pchat.errors import UnknownMessage
from p2pchat.model.change import Counting, PutDraft, PutReadMark, SetTelling
from p2pchat.model.ids import ConversationId, DeviceId, OpId
from p2pchat.model.op import Chain
from p2pchat.model.snapshot import ReadingSnapshot
from p2pchat.store.port import UNREAD_MAX
from p2pchat.store.reading import entered
from p2pchat.store.schema import (
    conversations,
    devices,
    drafts,
    dropped,
    heads,
    messages,
    ops,
    read_marks,
    telling,
)
from p2pchat.store.statements import Row, drop, put, text

__all__ = ["ReadingWriter", "read_first_unread", "read_marks_to", "read_reading", "read_unread"]

_new = insert(read_marks).values({c: bindparam(c.name) for c in read_marks.columns})
_PUT_MARK = text(
    _new.on_conflict_do_update(
        index_elements=list(read_marks.primary_key),
        set_={"below": func.max(_new.excluded.below, read_marks.c.below)},
    )
)
_PUT_TELLING, _DROP_TELLING = put(telling), drop(telling, "conversation")
_PUT_DRAFT, _DROP_DRAFT = put(drafts), drop(drafts, "conversation")


@dataclass(frozen=True, slots=True)
class ReadingWriter:
    """Applies changes through a cursor; `conversation` and `device` give surrogate keys."""

    cursor: sqlite3.Cursor
    conversation: Callable[[bytes], int]
    device: Callable[[bytes], int]

    def apply(self, change: PutReadMark | SetTelling | PutDraft) -> None:
        row: Row = {"conversation": self.conversation(change.conversation)}
        match change:
            case PutReadMark(_, device, below):
                self.cursor.execute(
                    _PUT_MARK, row | {"device": self.device(device), "below": below}
                )
            case SetTelling(_, is_on) if is_on is None:
                self.cursor.execute(_DROP_TELLING, row)
            case SetTelling(_, is_on):
                self.cursor.execute(_PUT_TELLING, row | {"is_on": int(bool(is_on))})
            case PutDraft(_, ""):
                self.cursor.execute(_DROP_DRAFT, row)
            case PutDraft(_, words):
                self.cursor.execute(_PUT_DRAFT, row | {"text": words})


_conversation_id = conversations.c.id.label("conversation_id")
_MARKS = (
    select(_conversation_id, devices.c.id.label("device_id"), read_marks.c.below)
    .join_from(read_marks, conversations)
    .join(devices, read_marks.c.device == devices.c.key)
    .order_by(_conversation_id, "device_id")
)
_TELLING = select(_conversation_id, telling.c.is_on).join_from(telling, conversations)
_DRAFTS = select(_conversation_id, drafts.c.text).join_from(drafts, conversations)


def read_reading(connection: Connection) -> ReadingSnapshot:
    """All of it, as of the last commit."""
    return ReadingSnapshot(
        tuple(
            PutReadMark(ConversationId(row.conversation_id), DeviceId(row.device_id), row.below)
            for row in connection.execute(_MARKS)
        ),
        tuple(
            SetTelling(ConversationId(row.conversation_id), bool(row.is_on))
            for row in connection.execute(_TELLING.order_by(_conversation_id))
        ),
        tuple(
            PutDraft(ConversationId(row.conversation_id), row.text)
            for row in connection.execute(_DRAFTS.order_by(_conversation_id))
        ),
    )


_authors = (
    select(heads.c.conversation, heads.c.device)
    .join(conversations, heads.c.conversation == conversations.c.key)
    .where(
        conversations.c.id == bindparam("conversation"),
        heads.c.chain == int(Chain.TALK),
        entered(conversations.c.key),
    )
    .distinct()
    .subquery()
)
_IS_MARKED = (read_marks.c.conversation == _authors.c.conversation) & (
    read_marks.c.device == _authors.c.device
)
_IS_ABOVE = (
    (ops.c.conversation == _authors.c.conversation)
    & (ops.c.device == _authors.c.device)
    & (ops.c.chain == int(Chain.TALK))
    & (ops.c.seq >= func.coalesce(read_marks.c.below, 0))
)


def _unread(*columns: ColumnElement[Any]) -> Select[*tuple[Any, ...]]:
    """Messages of others above what was read, found by their authors' chains: it costs as much as
    is unread, however long the history is."""
    return (
        select(*columns)
        .select_from(_authors)
        .outerjoin(read_marks, _IS_MARKED)
        .join(ops, _IS_ABOVE)
        .join(messages, messages.c.op == ops.c.key)
        .where(messages.c.own == int(Counting.NOBODY))
    )


_IS_HERE = ~exists().where(dropped.c.op == messages.c.op)
_COUNT = select(func.count()).select_from(
    _unread(literal(1).label("one")).where(_IS_HERE).limit(UNREAD_MAX).subquery()
)
_first_of_author = (
    select(messages.c.op)
    .join(ops, messages.c.op == ops.c.key)
    .where(_IS_ABOVE, _IS_HERE, messages.c.own == int(Counting.NOBODY))
    .order_by(ops.c.seq)
    .limit(1)
    .correlate(_authors, read_marks)
    .scalar_subquery()
)
_found = messages.alias()
_FIRST = (
    select(_found.c.id)
    .select_from(_authors)
    .outerjoin(read_marks, _IS_MARKED)
    .join(_found, _found.c.op == _first_of_author)
    .order_by(_found.c.sort_key, _found.c.id)
    .limit(1)
)
"""However much is unread, it costs as much as there are authors."""
_ANCHOR = (
    select(messages.c.sort_key, conversations.c.id)
    .join_from(messages, conversations, messages.c.conversation == conversations.c.key)
    .where(
        messages.c.op == select(ops.c.key).where(ops.c.id == bindparam("id")).scalar_subquery(),
        entered(conversations.c.key),
    )
)
_author = ops.c.device.label("author")
_upto = (
    _unread(_author, (func.max(ops.c.seq) + 1).label("below"))
    .where(tuple_(messages.c.sort_key, messages.c.id) <= tuple_(bindparam("key"), bindparam("id")))
    .group_by(_author)
    .subquery()
)
_MARKS_TO = (
    select(devices.c.id, _upto.c.below)
    .join_from(_upto, devices, _upto.c.author == devices.c.key)
    .order_by(devices.c.id)
)


def read_unread(connection: Connection, id: ConversationId) -> int:
    """As `Store.unread`."""
    return connection.scalar(_COUNT, {"conversation": id}) or 0


def read_first_unread(connection: Connection, id: ConversationId) -> OpId | None:
    """As `Store.first_unread`."""
    found = connection.scalar(_FIRST, {"conversation": id})
    return None if found is None else OpId(found)


def read_marks_to(connection: Connection, id: OpId) -> list[PutReadMark]:
    """As `Store.marks_to`."""
    anchor = connection.execute(_ANCHOR, {"id": id}).first()
    if anchor is None:
        raise UnknownMessage("no message here has this id, or it was deleted")
    within = {"conversation": anchor.id, "key": anchor.sort_key, "id": id}
    return [
        PutReadMark(ConversationId(anchor.id), DeviceId(row.id), row.below)
        for row in connection.execute(_MARKS_TO, within)
    ]
