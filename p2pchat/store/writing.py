"""Changes to rows: what `SqliteStore.commit` does inside its transaction.

Changes are applied in their order, one by one; only heads are kept aside and written net, because
a chain that grows by two hundred ops in one commit moves its head once.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import Table, and_, bindparam, delete, exists, not_

from p2pchat.model.change import (
    AddDeletion,
    AddEdit,
    AddMessage,
    AddOp,
    AddReaction,
    Change,
    DropBlock,
    DropConversation,
    DropPeer,
    PutBlock,
    PutContact,
    PutConversation,
    PutDeviceSet,
    PutDraft,
    PutName,
    PutPeer,
    PutProfile,
    PutReadMark,
    PutReceipt,
    PutSetting,
    PutTrust,
    RestoreContent,
    SetDelivery,
    SetFloor,
    SetPublished,
    SetTelling,
)
from p2pchat.model.identity import Identity
from p2pchat.model.ids import ConversationId, DeviceId, OpId
from p2pchat.model.op import Chain
from p2pchat.model.room_change import (
    DropEpoch,
    DropSpan,
    ExpectMember,
    ForgetMember,
    PutEpoch,
    PutLeave,
    PutRoom,
    PutSpan,
    SetLost,
    SetSettled,
)
from p2pchat.store import schema
from p2pchat.store.mail import MailWriter
from p2pchat.store.reaction_rows import ReactionWriter
from p2pchat.store.reading_rows import ReadingWriter
from p2pchat.store.relation_rows import RelationWriter
from p2pchat.store.room_rows import RoomWriter
from p2pchat.store.statements import Row, add, add_row, drop, key_of, put, text

__all__ = ["Writer"]

KEYS_CACHED_MAX = 50_000
"""Surrogate keys held in memory; past it they are read again."""

_CHAIN = ("conversation", "device", "chain")


def _below(table: Table) -> str:
    conditions = [table.c[name] == bindparam(name) for name in _CHAIN]
    return text(delete(table).where(*conditions, table.c.seq < bindparam("seq")))


def _but_chain(table: Table) -> str:
    is_of_chain = and_(*(table.c[name] == bindparam(name) for name in ("device", "chain")))
    is_here = table.c.conversation == bindparam("conversation")
    return text(delete(table).where(is_here, not_(is_of_chain)))


_OF_CHAINS = (schema.ops, schema.heads, schema.floors)
_ADD_OP = add(schema.ops, "id")
_ADD_TURN = add_row(schema.turns)
_ADD_STOP = add_row(schema.stops)
_KEY_OF_OP = key_of(schema.ops)
_PUT_HEAD = put(schema.heads)
_DROP_HEAD = drop(schema.heads, *_CHAIN, "id")
_PUT_FLOOR = put(schema.floors)
_DROP_OPS_BELOW = _below(schema.ops)
_DROP_HEADS_BELOW = _below(schema.heads)
_PUT_DELIVERY = put(schema.deliveries)
_PUT_READER = put(schema.readers)
_DROP_READER = drop(schema.readers, "conversation", "device")
_PUT_PUBLISHED = put(schema.published)
_PUT_RECEIPT = put(schema.receipts)
_PUT_CONTACT = put(schema.contacts)
_PUT_NAME = put(schema.names)
_PUT_PROFILE = put(schema.profiles)
_PUT_TRUST = put(schema.trust)
_PUT_DETAILS = put(schema.conversation_details)
_DROP_UNSAID = text(
    delete(schema.conversations).where(
        schema.conversations.c.key == bindparam("conversation"),
        *(
            ~exists().where(table.c.conversation == schema.conversations.c.key)
            for table in (schema.heads, schema.floors)
        ),
    )
)
_DROPS = tuple(
    _but_chain(table) if table in _OF_CHAINS else drop(table, "conversation")
    for table in schema.METADATA.sorted_tables
    if any(key.column is schema.conversations.c.key for key in table.foreign_keys)
    and not any(key.column is schema.ops.c.key for key in table.foreign_keys)
)
"""What `DropConversation` forgets; messages, and what was said about them, go with their ops."""
_PUT_DEVICE_SET = put(schema.device_sets)
_PUT_PEER = put(schema.peers)
_DROP_PEER = drop(schema.peers, "peer")
_PUT_BLOCK = put(schema.blocks)
_DROP_BLOCK = drop(schema.blocks, "target")
_PUT_SETTING = put(schema.settings)
_DROP_IDENTITY = drop(schema.identity)
_ADD_IDENTITY = add_row(schema.identity)


class _Keys:
    """The surrogate keys of one kind of id."""

    def __init__(self, cursor: sqlite3.Cursor, table: Table) -> None:
        self._cursor = cursor
        self._add = add(table, "id")
        self._find = key_of(table)
        self._known: dict[bytes, int] = {}

    def key(self, id: bytes) -> int:
        """The key of `id`, given on first sight."""
        known = self._known.get(id)
        if known is not None:
            return known
        self._cursor.execute(self._add, {"id": id})
        (key,) = self._cursor.execute(self._find, {"id": id}).fetchone()
        if len(self._known) >= KEYS_CACHED_MAX:
            self._known.clear()
        self._known[id] = key
        return key

    def forget(self, id: bytes) -> None:
        self._known.pop(id, None)

    def forget_all(self) -> None:
        self._known.clear()


@dataclass(frozen=True, slots=True)
class _Added:
    """What a transaction added."""

    heads: dict[OpId, Row] = field(default_factory=dict[OpId, Row])
    """New heads, not yet written."""
    grown: dict[OpId, Row] = field(default_factory=dict[OpId, Row])
    """Heads on disk that have a successor now, not yet dropped."""
    keys: dict[OpId, int] = field(default_factory=dict[OpId, int])
    """Surrogate keys of ops, of which nothing has been dropped since."""


class Writer:
    """Applies changes through a cursor, inside the transaction of its owner."""

    def __init__(self, cursor: sqlite3.Cursor) -> None:
        self._cursor = cursor
        self._conversations = _Keys(cursor, schema.conversations)
        self._accounts = _Keys(cursor, schema.accounts)
        self._devices = _Keys(cursor, schema.devices)
        self._relations = RelationWriter(cursor, self._conversations.key, self._accounts.key)
        self._reactions = ReactionWriter(cursor, self._conversations.key, self._accounts.key)
        self._rooms = RoomWriter(
            cursor, self._conversations.key, self._accounts.key, self._devices.key
        )
        self._mail = MailWriter(cursor, self._conversations.key, self._devices.key)
        self._added = _Added()

    def apply(self, changes: Sequence[Change]) -> None:
        """Write all of `changes`; after an exception, roll back and call `forget`."""
        for change in changes:
            self._apply(change)
        self._write_heads()
        self._added.keys.clear()

    def put_identity(self, identity: Identity) -> None:
        """Write who we are, in place of what was there."""
        self._cursor.execute(_DROP_IDENTITY)
        self._cursor.execute(
            _ADD_IDENTITY,
            {
                "account": identity.account,
                "device": identity.device,
                "name": identity.name,
                "created_ms": identity.created_ms,
                "account_seed": identity.account_seed,
                "device_seed": identity.device_seed,
                "device_set": identity.device_set,
            },
        )

    def forget(self) -> None:
        """Drop everything remembered from a transaction that was rolled back."""
        self._added = _Added()
        for keys in (self._conversations, self._accounts, self._devices):
            keys.forget_all()

    def _apply(self, change: Change) -> None:
        match change:
            case AddOp():
                self._add_op(change)
            case AddMessage():
                self._relations.add_message(self._key_of(change.op), change)
            case AddEdit() | AddDeletion():
                self._relations.apply(change)
            case RestoreContent():
                self._relations.restore(change)
            case AddReaction():
                self._reactions.apply(change)
            case SetFloor():
                self._set_floor(change)
            case SetDelivery() | SetPublished() | PutReceipt():
                self._put_progress(change)
            case PutReadMark() | SetTelling() | PutDraft():
                places = self._conversations.key, self._devices.key
                ReadingWriter(self._cursor, *places).apply(change)
            case PutConversation() | DropConversation():
                self._apply_conversation(change)
            case PutContact() | PutName() | PutProfile() | PutTrust() | PutDeviceSet():
                self._put_person(change)
            case PutPeer() | DropPeer() | PutBlock() | DropBlock() | PutSetting():
                self._apply_local(change)
            case PutRoom() | PutLeave() | PutEpoch() | DropEpoch():
                self._rooms.apply(change)
            case (
                ExpectMember() | ForgetMember() | SetSettled() | SetLost() | PutSpan() | DropSpan()
            ):
                self._rooms.apply(change)
            case _:
                self._mail.apply(change)

    def _chain(self, conversation: ConversationId, device: DeviceId, chain: Chain) -> Row:
        return {
            "conversation": self._conversations.key(conversation),
            "device": self._devices.key(device),
            "chain": int(chain),
        }

    def _add_op(self, change: AddOp) -> None:
        op, header = change.op, change.op.header
        chain = self._chain(header.conversation, header.device, header.chain)
        account = self._accounts.key(header.account)
        self._cursor.execute(
            _ADD_OP,
            chain
            | {
                "id": op.id,
                "account": account,
                "seq": header.seq,
                "received_ms": change.received_ms,
                "header": op.header_bytes,
                "signature": op.signature,
                "content": op.content,
            },
        )
        if self._cursor.rowcount == 0:
            return
        assert self._cursor.lastrowid is not None, "a row was added"
        self._added.keys[op.id] = key = self._cursor.lastrowid
        if header.was:
            self._cursor.execute(_ADD_TURN, chain | {"op": key, "seq": header.seq})
        if change.is_stopped:
            self._cursor.execute(_ADD_STOP, {"op": key})
        if op.deletion is not None:
            self._relations.came_without_content(self._key_of(op.id), op.deletion)
        if change.is_beneath:
            return
        if header.prev is not None and self._added.heads.pop(header.prev, None) is None:
            self._added.grown[header.prev] = chain | {"id": header.prev}
        self._added.heads[op.id] = chain | {
            "id": op.id,
            "account": account,
            "seq": header.seq,
            "sort_key": change.sort_key,
            "hlc": header.hlc,
        }

    def _write_heads(self) -> None:
        self._cursor.executemany(_DROP_HEAD, self._added.grown.values())
        self._cursor.executemany(_PUT_HEAD, self._added.heads.values())
        self._added.grown.clear()
        self._added.heads.clear()

    def _key_of(self, op: OpId) -> int:
        added = self._added.keys.get(op)
        if added is not None:
            return added
        found = self._cursor.execute(_KEY_OF_OP, {"id": op}).fetchone()
        assert found is not None, "what is said of an op comes after it"
        return found[0]

    def _set_floor(self, change: SetFloor) -> None:
        self._write_heads()
        self._added.keys.clear()
        chain = self._chain(change.conversation, change.device, change.chain)
        self._cursor.execute(_PUT_FLOOR, chain | {"seq": change.seq, "prev": change.prev})
        if not change.spares:
            self._cursor.execute(_DROP_OPS_BELOW, chain | {"seq": change.seq})
        self._cursor.execute(_DROP_HEADS_BELOW, chain | {"seq": change.seq - 1})

    def _put_progress(self, change: SetDelivery | SetPublished | PutReceipt) -> None:
        conversation: Row = {"conversation": self._conversations.key(change.conversation)}
        match change:
            case SetDelivery():
                row: Row = {
                    "device": self._devices.key(change.device),
                    "account": self._accounts.key(change.account),
                    "control_acked": change.control_acked,
                    "talk_acked": change.talk_acked,
                    "talk_sent": change.talk_sent,
                    "attempts": change.attempts,
                    "next_try_ms": change.next_try_ms,
                    "last_error": change.last_error,
                }
                self._cursor.execute(_PUT_DELIVERY, conversation | row)
                reader: Row = {"device": row["device"], "talk_read": change.talk_read}
                statement = _PUT_READER if change.talk_read else _DROP_READER
                self._cursor.execute(statement, conversation | reader)
            case SetPublished():
                self._cursor.execute(_PUT_PUBLISHED, conversation | {"talk_sent": change.talk_sent})
            case PutReceipt():
                row = {
                    "device": self._devices.key(change.device),
                    "body": change.body,
                    "signature": change.signature,
                }
                self._cursor.execute(_PUT_RECEIPT, conversation | row)

    def _apply_conversation(self, change: PutConversation | DropConversation) -> None:
        match change:
            case PutConversation():
                row: Row = {
                    "conversation": self._conversations.key(change.conversation),
                    "kind": change.kind,
                    "name": change.name,
                    "created_ms": change.created_ms,
                }
                self._cursor.execute(_PUT_DETAILS, row)
            case DropConversation():
                self._write_heads()
                self._added.keys.clear()
                row = self._chain(change.conversation, change.device, Chain.TALK)
                for statement in _DROPS:
                    self._cursor.execute(statement, row)
                self._cursor.execute(_DROP_UNSAID, row)
                if self._cursor.rowcount:
                    self._conversations.forget(change.conversation)

    def _put_person(
        self, change: PutContact | PutName | PutProfile | PutTrust | PutDeviceSet
    ) -> None:
        account: Row = {"account": self._accounts.key(change.account)}
        match change:
            case PutContact():
                row: Row = {
                    "conversation": change.conversation,
                    "state": change.state,
                    "created_ms": change.created_ms,
                    "intro": change.intro,
                }
                self._cursor.execute(_PUT_CONTACT, account | row)
            case PutName():
                self._cursor.execute(_PUT_NAME, account | {"name": change.name, "hlc": change.hlc})
            case PutProfile():
                row = {"bio": change.bio, "avatar": change.avatar, "hlc": change.hlc}
                self._cursor.execute(_PUT_PROFILE, account | row)
            case PutTrust():
                row = {
                    "verified_ms": change.verified_ms,
                    "claimed": change.claimed,
                    "is_confirmed": int(change.is_confirmed),
                    "devices": b"".join(change.devices),
                }
                self._cursor.execute(_PUT_TRUST, account | row)
            case PutDeviceSet():
                self._cursor.execute(_PUT_DEVICE_SET, account | {"raw": change.raw})

    def _apply_local(self, change: PutPeer | DropPeer | PutBlock | DropBlock | PutSetting) -> None:
        match change:
            case PutPeer():
                row: Row = {
                    "peer": change.peer,
                    "addresses": json.dumps(change.addresses),
                    "last_seen_ms": change.last_seen_ms,
                }
                self._cursor.execute(_PUT_PEER, row)
            case DropPeer():
                self._cursor.execute(_DROP_PEER, {"peer": change.peer})
            case PutBlock(target, blocked_ms):
                row = {"target": str(target), "blocked_ms": blocked_ms}
                self._cursor.execute(_PUT_BLOCK, row)
            case DropBlock(target):
                self._cursor.execute(_DROP_BLOCK, {"target": str(target)})
            case PutSetting():
                self._cursor.execute(_PUT_SETTING, {"name": change.name, "value": change.value})
