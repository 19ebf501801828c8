"""Noise for connections, with py-libp2p's handshake and a session of our own after it.

The handshake happens once and its correctness is everything, so it stays py-libp2p's. The session
is used for every byte: py-libp2p's takes two awaits a packet to read and a lock of the scheduler to
write. `LeanSession` opens all packets of one receive before it waits again, and talks to the socket
itself where there is one; over anything else (a circuit through a relay) it uses `read`, `write`
and `close` and nothing more.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Final

import trio
from cryptography.exceptions import InvalidTag
from libp2p.abc import IRawConnection, ISecureConn
from libp2p.connection_types import ConnectionType
from libp2p.exceptions import BaseLibp2pError
from libp2p.io.exceptions import (
    ConnectionClosedError,
    DecryptionFailedException,
    IOException,
    MessageTooLarge,
)
from libp2p.io.trio import TrioTCPStream
from libp2p.network.connection.raw_connection import RawConnection
from libp2p.peer.id import ID  # pyright: ignore[reportMissingTypeStubs]  # has none
from libp2p.security.base_session import BaseSession
from libp2p.security.exceptions import HandshakeFailure
from libp2p.security.noise.transport import Transport
from libp2p.security.secure_session import SecureSession
from multiaddr import Multiaddr  # pyright: ignore[reportMissingTypeStubs]  # has none
from noise.exceptions import (  # pyright: ignore[reportMissingTypeStubs]  # has none
    NoiseHandshakeError,
    NoiseInvalidMessage,
    NoiseValueError,
)

from p2pchat.net.libp2p.heard_socket import HeardSocket
from p2pchat.net.libp2p.noise_packets import (
    BadPacket,
    NonceExhausted,
    PacketOpener,
    PacketSealer,
)

__all__ = ["EMPTY_A_TURN", "LeanNoise", "LeanSession"]

RECEIVE_BYTES: Final = 128 * 1024
"""What one receive may bring: two full packets, which stay in the processor's cache."""

EMPTY_A_TURN: Final = 64
"""After so many packets of nothing others have their turn."""

READ_BYTES_MAX: Final = 1 << 20
"""The most that is collected for one read; lengths come from the peer."""

_NO_HANDSHAKE = (
    InvalidTag,
    NoiseHandshakeError,
    NoiseInvalidMessage,
    NoiseValueError,
    ValueError,  # what py-libp2p makes of a payload that does not decode
)
_LOST = (BaseLibp2pError, OSError, EOFError, trio.BrokenResourceError, trio.ClosedResourceError)


class LeanSession(BaseSession):
    """An encrypted connection after the Noise handshake. One reader and one writer at a time.

    Raises only py-libp2p's `IOException`: `ConnectionClosedError` when the connection is gone or
    its counters are used up, `DecryptionFailedException` when a packet is not from the peer.
    """

    def __init__(self, handshaken: SecureSession, raw: IRawConnection) -> None:
        """Take over from py-libp2p's `SecureSession`, which nobody has used yet."""
        super().__init__(
            local_peer=handshaken.local_peer,
            local_private_key=handshaken.local_private_key,
            remote_peer=handshaken.remote_peer,
            remote_permanent_pubkey=handshaken.remote_permanent_pubkey,
            is_initiator=handshaken.is_initiator,
        )
        packets: Any = handshaken.conn
        noise = packets.noise_state.noise_protocol
        sending, receiving = noise.cipher_state_encrypt, noise.cipher_state_decrypt
        self.sealer = PacketSealer(sending.k, sending.n)
        self.opener = PacketOpener(receiving.k, receiving.n)
        self._raw = raw
        self._send, self._receive = _ends(raw)
        self._socket = _socket(raw)
        self._unsent = b""
        """Sealed by `write_soon`, and not taken by the system."""
        self._rest = bytearray()
        """What a read of `n` bytes left over; only negotiation reads so."""
        self._torn = False
        """True while a write is under way, and for ever once one was cut short."""

    async def read(self, n: int | None = None) -> bytes:
        """Exactly `n` bytes, or what one packet brought if `n` is None.

        Raises `ConnectionClosedError` at the end, never answers `b""` unless asked for 0 bytes.
        """
        rest = self._rest
        if n is None and not rest:
            return await self._packet()
        size = len(rest) if n is None else n
        if size > READ_BYTES_MAX:
            raise MessageTooLarge(f"nothing that is read whole has {size} bytes")
        while len(rest) < size:
            rest += await self._packet()
        data = bytes(rest[:size])
        del rest[:size]
        return data

    async def _packet(self) -> bytes:
        """The plaintext of the next packet that has any."""
        empty = 0
        try:
            while not (plaintext := self.opener.next()):
                if plaintext is None:
                    self.opener.feed(await self._block())
                    continue
                empty += 1
                if not empty % EMPTY_A_TURN:
                    await trio.lowlevel.checkpoint()
        except (BadPacket, NonceExhausted) as error:
            raise DecryptionFailedException(str(error)) from error
        except _LOST as error:
            raise _as_closed(error) from error
        return plaintext

    async def _block(self) -> bytes:
        """What one receive brings."""
        block = await self._receive()
        if not block:
            raise ConnectionClosedError("the peer closed the connection")
        return block

    async def write(self, data: bytes) -> None:
        """Send `data` sealed. A write that is cancelled ends the connection for writing: the peer
        has part of a packet, and no other can follow."""
        if self._torn:
            raise ConnectionClosedError("an earlier write was cut short")
        self._torn = True
        try:
            rest, self._unsent = self._unsent, b""
            await self._send(rest + self.sealer.seal(data) if data or not rest else rest)
        except NonceExhausted as error:
            raise ConnectionClosedError(str(error)) from error
        except _LOST as error:
            raise _as_closed(error) from error
        self._torn = False

    @property
    def is_prompt(self) -> bool:
        """Whether `write_soon` may be called: nobody is writing, and no rest waits."""
        return self._socket is not None and not self._torn and not self._unsent

    @property
    def owes_rest(self) -> bool:
        """Whether `write` is to be called, if with nothing: for a rest, or to hear what failed."""
        return bool(self._unsent)

    def write_soon(self, data: bytes) -> None:
        """Send `data` sealed, without waiting; what the system does not take goes with the next
        `write`."""
        assert self._socket is not None, "only who is prompt is asked"
        try:
            sealed = self.sealer.seal(data)
        except NonceExhausted:
            self._torn, self._unsent = True, b"nothing that follows can be sent"
        else:
            self._unsent = sealed[self._socket.send_soon(sealed) :]

    async def close(self) -> None:
        try:
            await self._raw.close()
        except _LOST as error:
            raise _as_closed(error) from error

    def get_remote_address(self) -> tuple[str, int] | None:
        return self._raw.get_remote_address()

    def get_transport_addresses(self) -> list[Multiaddr]:
        return self._raw.get_transport_addresses()

    def get_connection_type(self) -> ConnectionType:
        return self._raw.get_connection_type()


def _as_closed(error: Exception) -> IOException:
    if isinstance(error, ConnectionClosedError):
        return error
    return ConnectionClosedError(str(error) or type(error).__name__)


def _ends(
    raw: IRawConnection,
) -> tuple[Callable[[bytes], Awaitable[None]], Callable[[], Awaitable[bytes]]]:
    """How to send to and receive from `raw`, past the locks of py-libp2p's TCP stream."""
    if isinstance(raw, RawConnection) and isinstance(raw.stream, TrioTCPStream):
        tcp = raw.stream.stream
        return tcp.send_all, partial(tcp.receive_some, RECEIVE_BYTES)
    return raw.write, raw.read


def _socket(raw: IRawConnection) -> HeardSocket | None:
    """What takes bytes without waiting, if it is there."""
    if isinstance(raw, RawConnection) and isinstance(raw.stream, TrioTCPStream):
        stream: Any = raw.stream.stream
        return stream if isinstance(stream, HeardSocket) else None
    return None


class LeanNoise(Transport):
    """py-libp2p's Noise transport, answering lean sessions.

    Raises only `HandshakeFailure`, whatever the peer sends in place of a handshake.
    """

    async def secure_inbound(self, conn: IRawConnection) -> ISecureConn:
        return await _lean(conn, super().secure_inbound(conn))

    async def secure_outbound(self, conn: IRawConnection, peer_id: ID) -> ISecureConn:
        return await _lean(conn, super().secure_outbound(conn, peer_id))


async def _lean(conn: IRawConnection, handshake: Awaitable[ISecureConn]) -> LeanSession:
    try:
        handshaken = await handshake
    except HandshakeFailure:
        raise
    except (*_LOST, *_NO_HANDSHAKE) as error:
        raise HandshakeFailure(f"Noise handshake: {str(error) or type(error).__name__}") from error
    assert isinstance(handshaken, SecureSession)
    return LeanSession(handshaken, conn)
