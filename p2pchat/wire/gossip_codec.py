"""GossipSub RPCs: bytes <-> values in bounds.

The policy on the wire is StrictNoSign: a message is a topic and data, nothing else. Who wrote it
stands, signed, inside the sealed data, so that those who forward it do not learn the author. A
message that names an author, a sequence number, a signature or a key is left out.

What is no RPC is refused. What is one, and holds something that this network has no use for, is
read without it: a node of another implementation takes part in other topics as well and passes on
what others publish, and js-libp2p never opens a gossip stream again that was reset once.

An RPC is encoded by concatenation, as Protocol Buffers allows: each `encode_*` function answers one
complete field, which the router makes once and sends to many peers.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from itertools import chain
from typing import NewType, cast

from google.protobuf.message import DecodeError

from p2pchat.errors import FrameTooLarge, MalformedMessage
from p2pchat.wire import gossip_pb2 as pb
from p2pchat.wire.framing import encode_varint

__all__ = [
    "RPC_BYTES_MAX",
    "IHave",
    "Message",
    "MessageId",
    "Rpc",
    "decode_rpc",
    "encode_control",
    "encode_publish",
    "message_id",
]

RPC_BYTES_MAX = 1 << 20
"""What go-libp2p accepts, too."""
DATA_BYTES_MAX = 64 * 1024
TOPIC_BYTES_MAX = 128
ENTRIES_MAX = 10_000
"""Entries of one kind in one RPC."""
SCANNED_FROM_BYTES = 64 * 1024
"""RPCs above this size are counted before they are parsed."""
FIELDS_MAX = 2 * ENTRIES_MAX
"""Fields of an RPC and its control message together, counted then."""

MESSAGE_ID_BYTES = 32
_ID_SIZES = frozenset((MESSAGE_ID_BYTES,))
MessageId = NewType("MessageId", bytes)
"""SHA-256 of a message's data, which is js-libp2p's choice for unsigned messages."""

_LENGTH_DELIMITED = 2
_CONTROL_TAG = 3 << 3 | _LENGTH_DELIMITED
_PUBLISH_TAG = bytes((2 << 3 | _LENGTH_DELIMITED,))
_DATA_TAG = bytes((2 << 3 | _LENGTH_DELIMITED,))
_TOPIC_TAG = bytes((4 << 3 | _LENGTH_DELIMITED,))


@dataclass(frozen=True, slots=True)
class Message:
    """A published message; `id` is derived from `data`, never read from the wire."""

    topic: str
    data: bytes
    id: MessageId


@dataclass(frozen=True, slots=True)
class Subscription:
    """The sender subscribes to a topic, or leaves it."""

    topic: str
    subscribes: bool


@dataclass(frozen=True, slots=True)
class IHave:
    """The sender holds these messages of a topic."""

    topic: str
    ids: tuple[MessageId, ...]


@dataclass(frozen=True, slots=True)
class Prune:
    """The sender leaves the mesh of a topic; `backoff_s` is 0 when it did not say for how long."""

    topic: str
    backoff_s: int


@dataclass(frozen=True, slots=True)
class Rpc:
    """One frame: `iwant` asks for messages, `graft` names topics whose mesh the sender joins, and
    `choke` those of which it wants advertisements in place of messages, until `unchoke`."""

    subscriptions: tuple[Subscription, ...] = ()
    messages: tuple[Message, ...] = ()
    ihave: tuple[IHave, ...] = ()
    iwant: tuple[MessageId, ...] = ()
    graft: tuple[str, ...] = ()
    prune: tuple[Prune, ...] = ()
    choke: tuple[str, ...] = ()
    unchoke: tuple[str, ...] = ()
    unfit: int = 0
    """Messages left out: too large, with an author, or without a topic that can be one here."""
    skipped: int = 0
    """Other entries left out: their topic or a message id is none of this network."""


def message_id(data: bytes) -> MessageId:
    """The name under which peers speak of a message."""
    return MessageId(sha256(data).digest())


def is_topic(text: str) -> bool:
    """True for what may stand on the wire as a topic."""
    if not 0 < len(text) <= TOPIC_BYTES_MAX:
        return False
    return text.isascii() or len(text.encode()) <= TOPIC_BYTES_MAX


def decode_rpc(raw: bytes) -> Rpc:
    """Raises `FrameTooLarge`, `MalformedMessage`; unknown fields are skipped."""
    if len(raw) > RPC_BYTES_MAX:
        raise FrameTooLarge(f"a gossip RPC of {len(raw)} bytes, over {RPC_BYTES_MAX}")
    if len(raw) > SCANNED_FROM_BYTES:
        _refuse_swarm(raw)
    try:
        rpc = pb.RPC.FromString(raw)
    except DecodeError as error:
        raise MalformedMessage("a gossip RPC does not decode") from error
    _require_count("messages", rpc.publish)
    messages = tuple(one for one in map(_read_message, rpc.publish) if one is not None)
    unfit = len(rpc.publish) - len(messages)
    if rpc.subscriptions or rpc.HasField("control"):
        return _read_all(rpc, messages, unfit)
    return Rpc(messages=messages, unfit=unfit)


def encode_subscription(topic: str, *, subscribes: bool) -> bytes:
    """One `subscriptions` field of an RPC."""
    entry = pb.RPC.SubOpts(subscribe=subscribes, topicid=topic)
    return pb.RPC(subscriptions=[entry]).SerializeToString()


def encode_publish(topic: str, data: bytes) -> bytes:
    """One `publish` field of an RPC, a quarter of the cost of building protobuf objects for it.

    What is forwarded is made anew from topic and data: a stranger's unknown fields end here.
    """
    topic_field = _encode_topic(topic)
    data_head = _DATA_TAG + encode_varint(len(data))
    length = len(data_head) + len(data) + len(topic_field)
    return b"".join((_PUBLISH_TAG, encode_varint(length), data_head, data, topic_field))


def encode_control(entries: Iterable[bytes]) -> bytes:
    """The `control` field of an RPC, of entries that the four functions below made.

    At most one may stand in an RPC: js-libp2p keeps the last where others merge them.
    """
    body = b"".join(entries)
    return bytes((_CONTROL_TAG,)) + encode_varint(len(body)) + body


def encode_ihave(topic: str, ids: Sequence[MessageId]) -> bytes:
    """One control entry."""
    entry = pb.ControlIHave(topicID=topic, messageIDs=ids)
    return pb.ControlMessage(ihave=[entry]).SerializeToString()


def encode_iwant(ids: Sequence[MessageId]) -> bytes:
    """One control entry."""
    return pb.ControlMessage(iwant=[pb.ControlIWant(messageIDs=ids)]).SerializeToString()


def encode_graft(topic: str) -> bytes:
    """One control entry."""
    return pb.ControlMessage(graft=[pb.ControlGraft(topicID=topic)]).SerializeToString()


def encode_prune(topic: str, backoff_s: int) -> bytes:
    """One control entry."""
    entry = pb.ControlPrune(topicID=topic, backoff=backoff_s)
    return pb.ControlMessage(prune=[entry]).SerializeToString()


def encode_choke(topic: str, *, chokes: bool) -> bytes:
    """One control entry, CHOKE or UNCHOKE."""
    entry = [pb.ControlChoke(topicID=topic)]
    message = pb.ControlMessage(choke=entry) if chokes else pb.ControlMessage(unchoke=entry)
    return message.SerializeToString()


@lru_cache(maxsize=1024)
def _encode_topic(topic: str) -> bytes:
    raw = topic.encode()
    return _TOPIC_TAG + encode_varint(len(raw)) + raw


def _read_all(rpc: pb.RPC, messages: tuple[Message, ...], unfit: int) -> Rpc:
    control = rpc.control
    _require_count("subscriptions", rpc.subscriptions)
    _require_count("IHAVE", control.ihave)
    _require_count("IWANT", control.iwant)
    _require_count("GRAFT", control.graft)
    _require_count("PRUNE", control.prune)
    _require_count("CHOKE", control.choke)
    _require_count("UNCHOKE", control.unchoke)
    subscriptions = [one for one in rpc.subscriptions if is_topic(one.topicid)]
    ihave = [one for one in control.ihave if is_topic(one.topicID) and _are_ids(one.messageIDs)]
    iwant = [one.messageIDs for one in control.iwant if _are_ids(one.messageIDs)]
    graft = [one.topicID for one in control.graft if is_topic(one.topicID)]
    prune = [one for one in control.prune if is_topic(one.topicID)]
    choke = [one.topicID for one in control.choke if is_topic(one.topicID)]
    unchoke = [one.topicID for one in control.unchoke if is_topic(one.topicID)]
    sent = (rpc.subscriptions, control.ihave, control.iwant, control.graft, control.prune)
    sent_count = sum(map(len, (*sent, control.choke, control.unchoke)))
    kept_count = sum(map(len, (subscriptions, ihave, iwant, graft, prune, choke, unchoke)))
    return Rpc(
        subscriptions=tuple(Subscription(one.topicid, one.subscribe) for one in subscriptions),
        messages=messages,
        ihave=tuple(IHave(one.topicID, _read_ids(one.messageIDs)) for one in ihave),
        iwant=_read_ids(chain.from_iterable(iwant)),
        graft=tuple(graft),
        prune=tuple(Prune(one.topicID, one.backoff) for one in prune),
        choke=tuple(choke),
        unchoke=tuple(unchoke),
        unfit=unfit,
        skipped=sent_count - kept_count,
    )


def _read_message(message: pb.Message) -> Message | None:
    """None for one that nobody in this network may publish."""
    has = message.HasField
    if has("from") or has("seqno") or has("signature") or has("key"):
        return None
    topic, data = message.topic, message.data
    if len(data) > DATA_BYTES_MAX or not is_topic(topic):
        return None
    return Message(topic, data, message_id(data))


def _are_ids(ids: Iterable[bytes]) -> bool:
    return _ID_SIZES.issuperset(map(len, ids))


def _read_ids(ids: Iterable[bytes]) -> tuple[MessageId, ...]:
    return cast("tuple[MessageId, ...]", tuple(ids))


def _require_count(kind: str, entries: Sequence[object]) -> None:
    if len(entries) > ENTRIES_MAX:
        raise MalformedMessage(f"{len(entries)} {kind} in a gossip RPC, over {ENTRIES_MAX}")


def _refuse_swarm(raw: bytes) -> None:
    """Refuse a large RPC of very many tiny fields before memory is given to them.

    A megabyte of empty messages is half a million objects, sixty times its size; a small RPC
    cannot hold enough of them to matter, so that the usual ones are spared the walk.
    """
    count = 0
    spans = [(0, len(raw), True)]
    while spans:
        offset, end, is_rpc = spans.pop()
        while offset < end:
            tag, body = _read_varint(raw, offset)
            offset = _end_of_field(raw, tag & 7, body)
            count += 1
            if count > FIELDS_MAX:
                raise MalformedMessage(f"over {FIELDS_MAX} fields in a gossip RPC")
            if is_rpc and tag == _CONTROL_TAG:
                spans.append((_read_varint(raw, body)[1], offset, False))


def _end_of_field(raw: bytes, wire_type: int, body: int) -> int:
    match wire_type:
        case 0:
            return _read_varint(raw, body)[1]
        case 1:
            return body + 8
        case 2:
            length, start = _read_varint(raw, body)
            return start + length
        case 5:
            return body + 4
        case _:
            raise MalformedMessage("a gossip RPC does not decode")


def _read_varint(raw: bytes, offset: int) -> tuple[int, int]:
    value = 0
    for position, byte in enumerate(raw[offset : offset + 10]):
        value |= (byte & 0x7F) << (7 * position)
        if byte < 0x80:
            return value, offset + position + 1
    raise MalformedMessage("a gossip RPC does not decode")
