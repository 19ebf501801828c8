"""Datagrams of LAN discovery, and the frames that prove the LAN's secret, between bytes and values.

Anybody on the network can send any of this from any source address. So a datagram is bounded before
it is parsed, nothing in it is believed before its code was checked over the exact bytes, and every
one of ours has the same length: an answer is never longer than what asked for it, and nobody who
forges a source address gets more sent there than they sent.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from enum import IntEnum

from google.protobuf.message import DecodeError

from p2pchat.config.limits import NAME_CHARS_MAX
from p2pchat.errors import FrameTooLarge, MalformedMessage, UnknownVersion
from p2pchat.model.ids import PeerId
from p2pchat.wire.lan_pb2 import Datagram as DatagramPb
from p2pchat.wire.lan_pb2 import Packet as PacketPb
from p2pchat.wire.lan_pb2 import Proof as ProofPb

__all__ = [
    "DATAGRAM_BYTES",
    "DATAGRAM_BYTES_MAX",
    "MAC_BYTES",
    "NONCE_BYTES",
    "PROOF_BYTES_MAX",
    "PROOF_NONCE_BYTES",
    "LanDatagram",
    "LanKind",
    "LanPacket",
    "Role",
    "decode_lan",
    "decode_proof_mac",
    "decode_proof_nonce",
    "encode_lan",
    "encode_proof_mac",
    "encode_proof_nonce",
    "proof_mac",
]

VERSION = 1
DATAGRAM_BYTES = 576
"""The length of all that we send."""
DATAGRAM_BYTES_MAX = 1024
"""The length of what is read."""
NONCE_BYTES = 16
MAC_BYTES = 32
PROOF_NONCE_BYTES = 32
PROOF_BYTES_MAX = 64
_PORT_MAX = 65_535
_PACKET_DOMAIN = b"dchat/lan/packet/1\0"
_PROOF_DOMAIN = b"dchat/lan/proof/1\0"
_PADDING_BYTES_LEAST = 128
"""From here on the length of the padding is written in two bytes, whatever it is."""


class LanKind(IntEnum):
    """What a packet says."""

    HELLO = 1
    """I have come; who is here? Answered by a heartbeat."""
    HEARTBEAT = 2
    """I am here."""
    GOODBYE = 3
    """I am leaving."""
    PROBE = 4
    """Are you there? Sent to one address; answered by a heartbeat."""


@dataclass(frozen=True, slots=True)
class LanPacket:
    """What a peer says of itself; where it is, is where the packet comes from."""

    kind: LanKind
    node: PeerId
    name: str
    listen_port: int
    time_ms: int
    nonce: bytes


@dataclass(frozen=True, slots=True)
class LanDatagram:
    """A packet as it came, not yet believed."""

    packet: LanPacket
    body: bytes
    mac: bytes

    def is_authentic(self, key: bytes | None) -> bool:
        """Whether who holds `key` wrote it; without a key, whether anybody may have."""
        if key is None:
            return not self.mac
        return hmac.compare_digest(_packet_mac(key, self.body), self.mac)


def encode_lan(packet: LanPacket, key: bytes | None) -> bytes:
    """The bytes to send: `DATAGRAM_BYTES` of them, whatever is said."""
    spare = DATAGRAM_BYTES - len(_encode(packet, key, _PADDING_BYTES_LEAST))
    assert spare >= 0, "names and ids are short enough"
    return _encode(packet, key, _PADDING_BYTES_LEAST + spare)


def decode_lan(data: bytes) -> LanDatagram:
    """The value of a datagram; its code is not checked yet.

    Raises `FrameTooLarge`, `MalformedMessage`, `UnknownVersion`.
    """
    if len(data) > DATAGRAM_BYTES_MAX:
        raise FrameTooLarge(f"a datagram of {len(data)} bytes, over {DATAGRAM_BYTES_MAX}")
    try:
        datagram = DatagramPb.FromString(data)
        pb = PacketPb.FromString(datagram.body)
    except DecodeError as error:
        raise MalformedMessage(f"a datagram does not decode: {error}") from error
    if pb.version != VERSION:
        raise UnknownVersion(f"a datagram of version {pb.version}")
    if len(datagram.mac) not in (0, MAC_BYTES):
        raise MalformedMessage(f"a code of {len(datagram.mac)} bytes")
    return LanDatagram(_packet(pb), datagram.body, datagram.mac)


def _encode(packet: LanPacket, key: bytes | None, padding_bytes: int) -> bytes:
    body = PacketPb(
        version=VERSION,
        kind=PacketPb.Kind.Name(packet.kind),
        node=packet.node,
        name=packet.name,
        listen_port=packet.listen_port,
        time_ms=packet.time_ms,
        nonce=packet.nonce,
        padding=bytes(padding_bytes),
    ).SerializeToString(deterministic=True)
    mac = b"" if key is None else _packet_mac(key, body)
    return DatagramPb(body=body, mac=mac).SerializeToString(deterministic=True)


def _packet_mac(key: bytes, body: bytes) -> bytes:
    return hmac.digest(key, _PACKET_DOMAIN + body, "sha256")


def _packet(pb: PacketPb) -> LanPacket:
    try:
        kind, node = LanKind(pb.kind), PeerId(pb.node)
    except ValueError as error:
        raise MalformedMessage(f"a packet that says nothing: {error}") from error
    if len(pb.name) > NAME_CHARS_MAX or not pb.name.isprintable():
        raise MalformedMessage("a name that cannot be shown")
    if not 0 < pb.listen_port <= _PORT_MAX or len(pb.nonce) != NONCE_BYTES:
        raise MalformedMessage("a packet without a port or a nonce")
    return LanPacket(kind, node, pb.name, pb.listen_port, pb.time_ms, pb.nonce)


# The proof


class Role(IntEnum):
    """Who of the two proves: the code of one is never that of the other."""

    OPENER = 1
    """Who opened the stream."""
    RESPONDER = 2


def proof_mac(key: bytes, role: Role, peers: tuple[PeerId, PeerId], nonces: bytes) -> bytes:
    """The code by which `role` proves that it knows the secret: `peers` are opener and responder,
    `nonces` those of both, in this order."""
    opener, responder = peers
    assert len(nonces) == 2 * PROOF_NONCE_BYTES, "of both"
    named = bytes([len(opener)]) + opener + bytes([len(responder)]) + responder
    return hmac.digest(key, _PROOF_DOMAIN + bytes([role]) + named + nonces, "sha256")


def encode_proof_nonce(nonce: bytes) -> bytes:
    return ProofPb(nonce=nonce).SerializeToString()


def encode_proof_mac(mac: bytes) -> bytes:
    return ProofPb(mac=mac).SerializeToString()


def decode_proof_nonce(body: bytes) -> bytes:
    """The nonce in a frame. Raises `MalformedMessage`."""
    return _exactly(_proof(body).nonce, PROOF_NONCE_BYTES)


def decode_proof_mac(body: bytes) -> bytes:
    """The code in a frame. Raises `MalformedMessage`."""
    return _exactly(_proof(body).mac, MAC_BYTES)


def _proof(body: bytes) -> ProofPb:
    try:
        return ProofPb.FromString(body)
    except DecodeError as error:
        raise MalformedMessage(f"a proof does not decode: {error}") from error


def _exactly(data: bytes, size_bytes: int) -> bytes:
    if len(data) != size_bytes:
        raise MalformedMessage(f"a proof with {len(data)} bytes in place of {size_bytes}")
    return data
