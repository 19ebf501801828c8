"""Kademlia messages between bytes and values, per the libp2p kad-dht specification.

One message shape serves requests and answers, as it does on the wire. Everything is bounded before
it becomes a value. What breaks the format is refused; a peer in a list that cannot be used (a bad
id, an address of an unknown transport) is dropped, because honest nodes of other implementations
pass on what they heard.

`connection` and `timeReceived` are never written: their defaults mean "nothing to say". Both are
ignored when read, as go-libp2p does.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

from google.protobuf.message import DecodeError

from p2pchat.errors import FrameTooLarge, MalformedMessage
from p2pchat.model.ids import PeerId
from p2pchat.wire.kad_pb2 import Message as MessagePb
from p2pchat.wire.kad_pb2 import Record as RecordPb
from p2pchat.wire.multiaddr import (
    MULTIADDR_BYTES_MAX,
    multiaddr_bytes,
    multiaddr_text,
    without_peer,
)

__all__ = [
    "ADDRESSES_MAX",
    "KEY_BYTES_MAX",
    "MESSAGE_BYTES_MAX",
    "PEERS_MAX",
    "VALUE_BYTES_MAX",
    "KadKind",
    "KadMessage",
    "KadPeer",
    "KadRecord",
    "decode_kad",
    "encode_kad",
]

MESSAGE_BYTES_MAX = 64 * 1024
PEERS_MAX = 32
"""Peers in one list; go and js send 20, and one more for the peer asked for."""
ADDRESSES_MAX = 16
"""Addresses of one peer that are read; the rest is ignored."""
KEY_BYTES_MAX = 128
VALUE_BYTES_MAX = 4096


class KadKind(IntEnum):
    """What a message asks, and its answer answers."""

    PUT_VALUE = 0
    GET_VALUE = 1
    ADD_PROVIDER = 2
    GET_PROVIDERS = 3
    FIND_NODE = 4
    PING = 5


@dataclass(frozen=True, slots=True)
class KadPeer:
    """A peer and multiaddrs that it may be dialled at, without `/p2p/<peer>` at their end."""

    peer: PeerId
    addresses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class KadRecord:
    """A value under its key; the key's namespace says who may write it."""

    key: bytes
    value: bytes


@dataclass(frozen=True, slots=True)
class KadMessage:
    """A request, or the answer of the same kind."""

    kind: KadKind
    key: bytes = b""
    record: KadRecord | None = None
    closer: tuple[KadPeer, ...] = ()
    providers: tuple[KadPeer, ...] = ()


def encode_kad(message: KadMessage) -> bytes:
    """The bytes of a message; deterministic, fields in the order of their numbers."""
    pb = MessagePb(type=message.kind.name, key=message.key)
    if message.record is not None:
        pb.record.CopyFrom(RecordPb(key=message.record.key, value=message.record.value))
    for peer in message.closer:
        pb.closerPeers.add(id=peer.peer, addrs=map(multiaddr_bytes, peer.addresses))
    for peer in message.providers:
        pb.providerPeers.add(id=peer.peer, addrs=map(multiaddr_bytes, peer.addresses))
    data = pb.SerializeToString(deterministic=True)
    assert len(data) <= MESSAGE_BYTES_MAX, "the lists of our own messages are bounded"
    return data


def decode_kad(data: bytes) -> KadMessage:
    """The value of a message. Raises `FrameTooLarge`, `MalformedMessage`."""
    if len(data) > MESSAGE_BYTES_MAX:
        raise FrameTooLarge(f"a message of {len(data)} bytes, over {MESSAGE_BYTES_MAX}")
    try:
        pb = MessagePb.FromString(data)
        kind = KadKind(pb.type)
    except (DecodeError, ValueError) as error:
        raise MalformedMessage(f"a Kademlia message does not decode: {error}") from error
    return KadMessage(
        kind,
        _bounded(pb.key, KEY_BYTES_MAX, "key"),
        _record(pb.record) if pb.HasField("record") else None,
        _peers(pb.closerPeers, len(pb.closerPeers)),
        _peers(pb.providerPeers, len(pb.providerPeers)),
    )


def _bounded(data: bytes, most: int, what: str) -> bytes:
    if len(data) > most:
        raise MalformedMessage(f"a {what} of {len(data)} bytes, over {most}")
    return data


def _record(pb: RecordPb) -> KadRecord:
    return KadRecord(
        _bounded(pb.key, KEY_BYTES_MAX, "record key"), _bounded(pb.value, VALUE_BYTES_MAX, "value")
    )


def _peers(pbs: Iterable[MessagePb.Peer], count: int) -> tuple[KadPeer, ...]:
    """The usable peers of a list, each once: the first entry of a peer counts."""
    if count > PEERS_MAX:
        raise MalformedMessage(f"a list of {count} peers, over {PEERS_MAX}")
    peers: dict[PeerId, KadPeer] = {}
    for pb in pbs:
        try:
            peer = PeerId(pb.id)
        except ValueError:
            continue  # hearsay that nobody could dial
        peers.setdefault(peer, KadPeer(peer, _addresses(peer, pb.addrs[:ADDRESSES_MAX])))
    return tuple(peers.values())


def _addresses(peer: PeerId, raws: Iterable[bytes]) -> tuple[str, ...]:
    """The addresses this program knows how to dial, each once, in their order."""
    addresses: dict[str, None] = {}
    for raw in raws:
        if len(raw) > MULTIADDR_BYTES_MAX:
            continue  # before it costs anything
        try:
            address = without_peer(multiaddr_text(raw), peer)
        except MalformedMessage:
            continue  # hearsay that nobody could dial
        if address is not None:
            addresses[address] = None
    return tuple(addresses)
