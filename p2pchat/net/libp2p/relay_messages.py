"""The protocols round NAT on the wire: one length-prefixed message at a time, codes in words.

Circuit relay v2, DCUtR and AutoNAT write alike. The bytes after the last message of an exchange
with a relay belong to the circuit, so exactly one message is read and the rest put back.

Sources: https://github.com/libp2p/specs/blob/master/relay/circuit-v2.md, `relay/DCUtR.md` and
`autonat/autonat-v1.md` there
"""

from __future__ import annotations

from typing import TypeVar

from libp2p.host.autonat.pb.autonat_pb2 import Message as AutoNatMessage
from libp2p.relay.circuit_v2.pb.circuit_pb2 import HopMessage, Status, StopMessage
from libp2p.relay.circuit_v2.pb.dcutr_pb2 import HolePunch

from p2pchat.errors import FrameTooLarge, MalformedMessage
from p2pchat.net.libp2p.foreign import Failed, foreign_errors
from p2pchat.net.libp2p.streams import LibP2PStream
from p2pchat.net.port import AT_LIMIT, HOP_PROTOCOL, NOT_AT_RELAY, STOP_PROTOCOL
from p2pchat.wire.framing import frame

__all__ = ["HOP", "STOP", "explain", "read_message", "write_message"]

HOP = HOP_PROTOCOL
STOP = STOP_PROTOCOL

MESSAGE_BYTES_MAX = 4096
"""The specifications' limit."""

NatMessage = HopMessage | StopMessage | HolePunch | AutoNatMessage

M = TypeVar("M", HopMessage, StopMessage, HolePunch, AutoNatMessage)

_REASONS: dict[int, str] = {
    Status.RESERVATION_REFUSED: "it takes no reservation",
    Status.RESOURCE_LIMIT_EXCEEDED: AT_LIMIT,
    Status.PERMISSION_DENIED: "it does not permit this",
    Status.CONNECTION_FAILED: "the peer did not take the call",
    Status.NO_RESERVATION: NOT_AT_RELAY,
}


def explain(status: int) -> str:
    """Why a relay says no."""
    return _REASONS.get(status, f"it answered status {status}")


async def write_message(stream: LibP2PStream, message: NatMessage) -> None:
    """Send one message. Raises `trio.BrokenResourceError`."""
    await stream.send_all(frame(message.SerializeToString()))


async def read_message(stream: LibP2PStream, message: M) -> M:
    """Fill in the next message. Raises `RemoteProtocolError`, `trio.BrokenResourceError`."""
    received = bytearray()
    while (body := _cut(received)) is None:
        data = await stream.receive_some(MESSAGE_BYTES_MAX)
        if not data:
            raise MalformedMessage("the stream ended within a message")
        received += data
    stream.unread(bytes(received))
    try:
        with foreign_errors():
            message.ParseFromString(body)
    except Failed as failed:
        raise MalformedMessage(f"a message does not decode: {failed}") from failed
    return message


def _cut(received: bytearray) -> bytes | None:
    """The first complete message, taken out; its length has one byte or two."""
    if not received or (received[0] >= 0x80 and len(received) < 2):
        return None
    length, start = received[0], 1
    if length >= 0x80:
        length, start = length & 0x7F | received[1] << 7, 2
    if length > MESSAGE_BYTES_MAX:
        raise FrameTooLarge(f"a message of over {MESSAGE_BYTES_MAX} bytes")
    if len(received) < start + length:
        return None
    body = bytes(received[start : start + length])
    del received[: start + length]
    return body
