"""Rooms by invitation on disk: how they began, their epochs, and their part of a snapshot.

These rows never leave a home: a device that comes later is given the secrets by another one.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from itertools import groupby

from sqlalchemy import (
    ColumnElement,
    Connection,
    bindparam,
    func,
    literal_column,
    or_,
    select,
    union,
)

from p2pchat.model.ids import AccountId, ConversationId, DeviceId, OpId
from p2pchat.model.op import STOPS_MAX, Chain
from p2pchat.model.query import StoredOp
from p2pchat.model.room_change import (
    DropEpoch,
    DropSpan,
    ExpectMember,
    ForgetMember,
    PutEpoch,
    PutLeave,
    PutRoom,
    PutSpan,
    RoomChange,
    SetLost,
    SetSettled,
)
from p2pchat.model.snapshot import RoomsSnapshot
from p2pchat.store.schema import (
    accounts,
    conversation_details,
    conversations,
    devices,
    epochs,
    expected,
    floors,
    heads,
    leaves,
    lost,
    ops,
    rooms,
    settled,
    settled_read,
    spans,
    stops,
    turns,
)
from p2pchat.store.statements import Row, drop, put
from p2pchat.wire.control import shows_less_than_all

__all__ = ["RoomWriter", "read_rooms"]

_PUT_ROOM, _PUT_LEAVE, _PUT_EPOCH = put(rooms), put(leaves), put(epochs)
_DROP_LEAVE = drop(leaves, "conversation")
_DROP_EPOCH = drop(epochs, "conversation", "op")
_EXPECT, _FORGET = put(expected), drop(expected, "conversation", "account")
_PUT_SPAN, _DROP_SPAN = put(spans), drop(spans, "conversation", "device", "seq")
_SETTLE, _SETTLE_READ = put(settled), put(settled_read)
_LOSE, _LOSE_NOTHING = put(lost), drop(lost, "conversation")

_conversation_id = conversations.c.id.label("conversation_id")
_ROOMS = (
    select(rooms, _conversation_id, accounts.c.id.label("inviter_id"))
    .join_from(rooms, conversations)
    .join(accounts, rooms.c.inviter == accounts.c.key, isouter=True)
    .order_by(_conversation_id)
)
_LEAVES = select(leaves, _conversation_id).join(conversations).order_by(_conversation_id, "seq")
_EPOCHS = select(epochs, _conversation_id).join(conversations).order_by(_conversation_id, "op")
_EXPECTED = (
    select(expected.c.since, _conversation_id, accounts.c.id.label("account_id"))
    .join_from(expected, conversations)
    .join_from(expected, accounts)
    .order_by(_conversation_id, "account_id")
)
_SETTLED = (
    select(settled.c.talk, settled_read.c.talk.label("read"), _conversation_id)
    .join_from(settled, conversations)
    .outerjoin(settled_read, settled_read.c.conversation == settled.c.conversation)
    .order_by(_conversation_id)
)
_LOST = (
    select(lost.c.first, lost.c.end, _conversation_id)
    .join_from(lost, conversations)
    .order_by(_conversation_id, lost.c.first)
)
_CONTROL = (
    select(ops.c.id, ops.c.seq, ops.c.header, ops.c.signature, ops.c.content)
    .join_from(ops, rooms, ops.c.conversation == rooms.c.conversation)
    .join(conversations, ops.c.conversation == conversations.c.key)
    .where(ops.c.chain == literal_column("0"))  # as the partial index says it
    .order_by(conversations.c.id, ops.c.key)
)
_ends = union(
    select(heads.c.id).where(
        heads.c.conversation == bindparam("key"), heads.c.chain == int(Chain.TALK)
    ),
    select(spans.c.id).where(spans.c.conversation == bindparam("key")),
).subquery()
_TALK = (
    select(ops.c.id, ops.c.seq, ops.c.header, ops.c.signature)
    .join_from(_ends, ops, _ends.c.id == ops.c.id)
    .order_by(ops.c.id)
)
_SPANS = (
    select(
        spans,
        _conversation_id,
        accounts.c.id.label("account_id"),
        devices.c.id.label("device_id"),
    )
    .join_from(spans, conversations)
    .join_from(spans, accounts)
    .join_from(spans, devices)
    .order_by(_conversation_id, "device_id", spans.c.seq)
)
_floors = union(
    select(floors.c.device, floors.c.seq).where(
        floors.c.conversation == bindparam("key"), floors.c.chain == int(Chain.TALK)
    ),
    select(spans.c.device, spans.c.seq).where(spans.c.conversation == bindparam("key")),
).subquery()
_BEGUN = (
    select(ops.c.id, ops.c.seq, ops.c.header, ops.c.signature)
    .join_from(
        _floors,
        ops,
        (ops.c.conversation == bindparam("key"))
        & (ops.c.device == _floors.c.device)
        & (ops.c.chain == int(Chain.TALK))
        & (ops.c.seq == _floors.c.seq),
    )
    .order_by(ops.c.id)
)
_rank: ColumnElement[int] = func.row_number().over(
    partition_by=(turns.c.conversation, turns.c.device),
    order_by=(turns.c.seq.desc(), ops.c.id.desc()),
)
_ranked = (
    select(stops.c.op, _rank.label("rank"))
    .join_from(stops, turns, turns.c.op == stops.c.op)
    .join(ops, ops.c.key == stops.c.op)
    .subquery()
)
_STOPS = (
    select(ops.c.id, ops.c.seq, ops.c.header, ops.c.signature)
    .join_from(_ranked, ops, _ranked.c.op == ops.c.key)
    .join(conversations, ops.c.conversation == conversations.c.key)
    .join(devices, ops.c.device == devices.c.key)
    .where(_ranked.c.rank <= STOPS_MAX)
    .order_by(conversations.c.id, devices.c.id, ops.c.seq, ops.c.id)
)
_PLACES = (
    select(conversations.c.key, rooms.c.genesis, conversation_details.c.conversation.label("here"))
    .join(rooms, rooms.c.conversation == conversations.c.key, isouter=True)
    .join(
        conversation_details,
        conversation_details.c.conversation == conversations.c.key,
        isouter=True,
    )
    .where(or_(rooms.c.genesis.is_not(None), conversation_details.c.conversation.is_(None)))
    .order_by(conversations.c.id)
)


class RoomWriter:
    """Applies changes through a cursor; `conversation`, `account` and `device` give
    surrogate keys."""

    def __init__(
        self,
        cursor: sqlite3.Cursor,
        conversation: Callable[[bytes], int],
        account: Callable[[bytes], int],
        device: Callable[[bytes], int],
    ) -> None:
        self._cursor = cursor
        self._conversation = conversation
        self._account = account
        self._device = device

    def apply(self, change: RoomChange) -> None:
        key: Row = {"conversation": self._conversation(change.conversation)}
        match change:
            case PutRoom(_, genesis, secret, inviter, is_entered):
                row = {
                    "genesis": genesis,
                    "secret": secret,
                    "inviter": None if inviter is None else self._account(inviter),
                    "is_entered": int(is_entered),
                }
                self._cursor.execute(_PUT_ROOM, key | row)
            case PutLeave(_, words):
                self._cursor.execute(_DROP_LEAVE, key)
                for op in words:
                    row = {
                        "op": op.id,
                        "seq": op.seq,
                        "header": op.header,
                        "signature": op.signature,
                        "content": op.content,
                    }
                    self._cursor.execute(_PUT_LEAVE, key | row)
            case PutEpoch(_, op, secret, learned_ms):
                row = {"op": op, "secret": secret, "learned_ms": learned_ms}
                self._cursor.execute(_PUT_EPOCH, key | row)
            case DropEpoch(_, op):
                self._cursor.execute(_DROP_EPOCH, key | {"op": op})
            case ExpectMember(_, account, since):
                row = {"account": self._account(account), "since": since}
                self._cursor.execute(_EXPECT, key | row)
            case ForgetMember(_, account):
                self._cursor.execute(_FORGET, key | {"account": self._account(account)})
            case SetSettled(_, talk, read):
                self._cursor.execute(_SETTLE, key | {"talk": talk})
                self._cursor.execute(_SETTLE_READ, key | {"talk": read})
            case SetLost(_, ranges):
                self._cursor.execute(_LOSE_NOTHING, key)
                for first, end in ranges:
                    self._cursor.execute(_LOSE, key | {"first": first, "end": end})
            case PutSpan() | DropSpan():
                self._apply_span(change, key | {"device": self._device(change.device)})

    def _apply_span(self, change: PutSpan | DropSpan, key: Row) -> None:
        key["seq"] = change.seq
        if isinstance(change, DropSpan):
            self._cursor.execute(_DROP_SPAN, key)
            return
        row: Row = {
            "prev": change.prev,
            "account": self._account(change.account),
            "end": change.end,
            "id": change.id,
            "sort_key": change.sort_key,
        }
        self._cursor.execute(_PUT_SPAN, key | row)


def read_rooms(connection: Connection) -> RoomsSnapshot:
    """All rooms by invitation, as of the last commit."""
    return RoomsSnapshot(
        rooms=tuple(
            PutRoom(
                ConversationId(row.conversation_id),
                row.genesis,
                row.secret,
                None if row.inviter_id is None else AccountId(row.inviter_id),
                bool(row.is_entered),
            )
            for row in connection.execute(_ROOMS)
        ),
        epochs=tuple(
            PutEpoch(ConversationId(row.conversation_id), OpId(row.op), row.secret, row.learned_ms)
            for row in connection.execute(_EPOCHS)
        ),
        control=tuple(
            StoredOp(OpId(row.id), row.seq, row.header, row.signature, row.content)
            for row in connection.execute(_CONTROL)
        ),
        leaves=tuple(
            PutLeave(
                ConversationId(id),
                tuple(
                    StoredOp(OpId(row.op), row.seq, row.header, row.signature, row.content)
                    for row in rows
                ),
            )
            for id, rows in groupby(
                connection.execute(_LEAVES), key=lambda row: row.conversation_id
            )
        ),
        expected=tuple(
            ExpectMember(ConversationId(row.conversation_id), AccountId(row.account_id), row.since)
            for row in connection.execute(_EXPECTED)
        ),
        settled=tuple(
            SetSettled(ConversationId(row.conversation_id), row.talk, row.read or 0)
            for row in connection.execute(_SETTLED)
        ),
        lost=tuple(
            SetLost(ConversationId(id), tuple((row.first, row.end) for row in rows))
            for id, rows in groupby(connection.execute(_LOST), key=lambda row: row.conversation_id)
        ),
        talk=tuple(_read_talk(connection)),
        spans=tuple(
            PutSpan(
                ConversationId(row.conversation_id),
                AccountId(row.account_id),
                DeviceId(row.device_id),
                row.seq,
                OpId(row.prev),
                row.end,
                OpId(row.id),
                row.sort_key,
            )
            for row in connection.execute(_SPANS)
        ),
        begun=tuple(_read_begun(connection)),
        stops=tuple(
            StoredOp(OpId(row.id), row.seq, row.header, row.signature, None)
            for row in connection.execute(_STOPS)
        ),
    )


def _read_talk(connection: Connection) -> Iterator[StoredOp]:
    """The heads of talk chains in rooms that do not show all their history, and where we left."""
    for place in connection.execute(_PLACES).all():
        if place.here is None or shows_less_than_all(place.genesis):
            for row in connection.execute(_TALK, {"key": place.key}):
                yield StoredOp(OpId(row.id), row.seq, row.header, row.signature, None)


def _read_begun(connection: Connection) -> Iterator[StoredOp]:
    """The ops where chains and their parts begin; of a fork there each branch."""
    for place in connection.execute(_PLACES).all():
        if place.genesis is None or not shows_less_than_all(place.genesis):
            continue
        for row in connection.execute(_BEGUN, {"key": place.key}):
            yield StoredOp(OpId(row.id), row.seq, row.header, row.signature, None)
