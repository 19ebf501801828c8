"""What a node starts from, read once: who we are, and the state as of the last commit.

Rows come back as the changes that wrote them, in the order of their ids, so that two stores that
hold the same answer the same.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from sqlalchemy import ColumnElement, Connection, func, literal_column, select

from p2pchat.model.blocking import parse_target
from p2pchat.model.change import (
    PutBlock,
    PutContact,
    PutConversation,
    PutDeviceSet,
    PutName,
    PutPeer,
    PutProfile,
    PutTrust,
    SetDelivery,
    SetFloor,
)
from p2pchat.model.contact import ContactState
from p2pchat.model.identity import Identity
from p2pchat.model.ids import KEY_BYTES, AccountId, ConversationId, DeviceId, OpId, PeerId
from p2pchat.model.op import WORDLESS_MAX, Chain
from p2pchat.model.room import RoomKind
from p2pchat.model.snapshot import Head, Snapshot
from p2pchat.store.mail import read_mail
from p2pchat.store.reading import READS, TALK_READ
from p2pchat.store.reading_rows import read_reading
from p2pchat.store.room_rows import read_rooms
from p2pchat.store.schema import (
    accounts,
    blocks,
    contacts,
    conversation_details,
    conversations,
    deliveries,
    device_sets,
    devices,
    floors,
    heads,
    identity,
    names,
    ops,
    peers,
    profiles,
    published,
    readers,
    settings,
    trust,
    wordless,
)

__all__ = ["read_identity", "read_snapshot"]

_conversation_id = conversations.c.id.label("conversation_id")
_account_id = accounts.c.id.label("account_id")
_device_id = devices.c.id.label("device_id")

_CONTACTS = select(contacts, _account_id).join(accounts).order_by(_account_id)
_NAMES = select(names, _account_id).join(accounts).order_by(_account_id)
_DETAILS = (
    select(conversation_details, _conversation_id).join(conversations).order_by(_conversation_id)
)
_HEADS = (
    select(heads, _conversation_id, _account_id, _device_id)
    .join_from(heads, conversations)
    .join_from(heads, accounts)
    .join_from(heads, devices)
    .order_by(_conversation_id, _device_id, heads.c.chain, heads.c.seq, heads.c.id)
)
_CONTROL = (
    select(ops.c.id, _conversation_id)
    .join_from(ops, conversations)
    .where(ops.c.chain == literal_column("0"))  # as the partial index says it
    .order_by(_conversation_id, ops.c.id)
)
_FLOORS = (
    select(floors, _conversation_id, _device_id)
    .join_from(floors, conversations)
    .join_from(floors, devices)
    .order_by(_conversation_id, _device_id, floors.c.chain)
)
_places = (
    select(ops.c.conversation, ops.c.device, ops.c.seq)
    .where(ops.c.key.in_(select(wordless.c.op)))  # joined, all ops would be looked at
    .distinct()
    .subquery()
)
_order: ColumnElement[int] = func.row_number().over(
    partition_by=(_places.c.conversation, _places.c.device), order_by=_places.c.seq.desc()
)
_ranked = select(_places, _order.label("rank")).subquery()
_WORDLESS = (
    select(_conversation_id, _device_id, _ranked.c.seq)
    .join_from(_ranked, conversations, _ranked.c.conversation == conversations.c.key)
    .join(devices, _ranked.c.device == devices.c.key)
    .where(_ranked.c.rank <= WORDLESS_MAX + 1)
    .order_by(_conversation_id, _device_id, _ranked.c.seq)
)
_DELIVERIES = (
    select(deliveries, TALK_READ, _conversation_id, _account_id, _device_id)
    .join_from(deliveries, conversations)
    .join_from(deliveries, accounts)
    .join_from(deliveries, devices)
    .outerjoin(readers, READS)
    .order_by(_conversation_id, _device_id)
)
_PUBLISHED = select(published, _conversation_id).join(conversations).order_by(_conversation_id)
_PROFILES = select(profiles, _account_id).join(accounts).order_by(_account_id)
_TRUST = select(trust, _account_id).join(accounts).order_by(_account_id)
_DEVICE_SETS = select(device_sets, _account_id).join(accounts).order_by(_account_id)
_PEERS = select(peers).order_by(peers.c.peer)
_BLOCKS = select(blocks).order_by(blocks.c.target)
_SETTINGS = select(settings).order_by(settings.c.name)


def read_identity(connection: Connection) -> Identity | None:
    """Who we are, if it was said."""
    row = connection.execute(select(identity)).one_or_none()
    if row is None:
        return None
    return Identity(
        AccountId(row.account),
        DeviceId(row.device),
        row.name,
        row.created_ms,
        row.account_seed,
        row.device_seed,
        row.device_set,
    )


def read_snapshot(connection: Connection) -> Snapshot:
    """The state as of the last commit."""
    return Snapshot(
        contacts=_contacts(connection),
        names=_names(connection),
        profiles=_profiles(connection),
        trust=_trust(connection),
        conversations=_details(connection),
        heads=_heads(connection),
        control=tuple(
            (ConversationId(row.conversation_id), OpId(row.id))
            for row in connection.execute(_CONTROL)
        ),
        floors=_floors(connection),
        wordless=tuple(
            (ConversationId(row.conversation_id), DeviceId(row.device_id), row.seq)
            for row in connection.execute(_WORDLESS)
        ),
        deliveries=_deliveries(connection),
        published={
            ConversationId(row.conversation_id): row.talk_sent
            for row in connection.execute(_PUBLISHED)
        },
        device_sets=tuple(
            PutDeviceSet(AccountId(row.account_id), row.raw)
            for row in connection.execute(_DEVICE_SETS)
        ),
        peers=_peers(connection),
        blocks=tuple(
            PutBlock(parse_target(row.target), row.blocked_ms)
            for row in connection.execute(_BLOCKS)
        ),
        settings={row.name: row.value for row in connection.execute(_SETTINGS)},
        rooms=read_rooms(connection),
        mail=read_mail(connection),
        reading=read_reading(connection),
    )


def _contacts(connection: Connection) -> tuple[PutContact, ...]:
    return tuple(
        PutContact(
            AccountId(row.account_id),
            ConversationId(row.conversation),
            ContactState(row.state),
            row.created_ms,
            row.intro,
        )
        for row in connection.execute(_CONTACTS)
    )


def _names(connection: Connection) -> tuple[PutName, ...]:
    return tuple(
        PutName(AccountId(row.account_id), row.name, row.hlc) for row in connection.execute(_NAMES)
    )


def _profiles(connection: Connection) -> tuple[PutProfile, ...]:
    return tuple(
        PutProfile(AccountId(row.account_id), row.bio, row.avatar, row.hlc)
        for row in connection.execute(_PROFILES)
    )


def _trust(connection: Connection) -> tuple[PutTrust, ...]:
    return tuple(
        PutTrust(
            AccountId(row.account_id),
            row.verified_ms,
            None if row.claimed is None else AccountId(row.claimed),
            bool(row.is_confirmed),
            tuple(map(DeviceId, _keys(row.devices))),
        )
        for row in connection.execute(_TRUST)
    )


def _keys(raw: bytes) -> Iterator[bytes]:
    return (raw[start : start + KEY_BYTES] for start in range(0, len(raw), KEY_BYTES))


def _details(connection: Connection) -> tuple[PutConversation, ...]:
    return tuple(
        PutConversation(
            ConversationId(row.conversation_id),
            None if row.kind is None else RoomKind(row.kind),
            row.name,
            row.created_ms,
        )
        for row in connection.execute(_DETAILS)
    )


def _heads(connection: Connection) -> tuple[Head, ...]:
    return tuple(
        Head(
            ConversationId(row.conversation_id),
            AccountId(row.account_id),
            DeviceId(row.device_id),
            Chain(row.chain),
            row.seq,
            OpId(row.id),
            row.sort_key,
            row.hlc,
        )
        for row in connection.execute(_HEADS)
    )


def _floors(connection: Connection) -> tuple[SetFloor, ...]:
    return tuple(
        SetFloor(
            ConversationId(row.conversation_id),
            DeviceId(row.device_id),
            Chain(row.chain),
            row.seq,
            OpId(row.prev),
        )
        for row in connection.execute(_FLOORS)
    )


def _deliveries(connection: Connection) -> tuple[SetDelivery, ...]:
    return tuple(
        SetDelivery(
            ConversationId(row.conversation_id),
            AccountId(row.account_id),
            DeviceId(row.device_id),
            row.control_acked,
            row.talk_acked,
            row.talk_sent,
            row.attempts,
            row.next_try_ms,
            row.last_error,
            row.talk_read,
        )
        for row in connection.execute(_DELIVERIES)
    )


def _peers(connection: Connection) -> tuple[PutPeer, ...]:
    return tuple(
        PutPeer(PeerId(row.peer), tuple(json.loads(row.addresses)), row.last_seen_ms)
        for row in connection.execute(_PEERS)
    )
