"""What carries a connection: a TCP socket, or a stream through a relay.

Both look alike to py-libp2p's Noise and Yamux and share three things those lack. They remember when
the other side was last heard, from which silence is told. A read of n bytes answers n bytes, or
fewer only at the end (py-libp2p gives a message up after a hundred segments), and refuses an n that
no handshake has. And they can be aborted at once, whoever is writing.
"""

from __future__ import annotations

import socket
import struct
import sys
from collections.abc import Generator
from contextlib import contextmanager, suppress
from typing import Any

import trio
from libp2p.io.abc import ReadWriteCloser
from libp2p.io.exceptions import ConnectionClosedError
from libp2p.io.trio import TrioTCPStream

from p2pchat.net.libp2p.addresses import multiaddr_of, relay_address
from p2pchat.net.libp2p.heard_socket import HeardSocket
from p2pchat.net.libp2p.streams import LibP2PStream

__all__ = ["CircuitPipe", "Pipe", "TcpPipe"]

READ_BYTES_MAX = 65_535
"""One Noise message; before it come only the short lines of multistream-select."""

DRAIN_TIMEOUT_S = 1.0
"""How long closing waits for the other side's end."""

TRY_AGAIN_MS = 1_000
"""The longest wait before Linux sends a lost segment again. By itself it doubles the wait each
time, and all that is said later waits behind: where a third is lost, that is what people feel. It
is a few packets more, since who says nothing for long is cut anyhow."""
_RTO_MAX_MS, _THIN_LINEAR_TIMEOUTS = 44, 16
"""Linux's TCP_RTO_MAX_MS (from 6.15 on) and TCP_THIN_LINEAR_TIMEOUTS, for which Python has no
names; the older of the two does the same while few segments are on their way."""

_RESET_ON_CLOSE = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)
_GONE = (trio.BrokenResourceError, trio.ClosedResourceError, trio.BusyResourceError)


class Pipe(ReadWriteCloser):
    """An ordered, unprotected byte stream that can be watched and aborted."""

    heard_s: float
    """`trio.current_time()` when bytes last came in."""
    closing: trio.Event
    """Set when this side began to close it."""
    closed: trio.Event
    """Set when nothing of it is left."""
    remote: str | None
    """The multiaddr of the other side, with the IP address that it, or its relay, really has; None
    when it was gone before anybody looked."""
    leaves_from_listener = False
    """The other side sees it come from where we listen, or from what a NAT made of that."""

    def abort(self) -> None:
        """Break it at once; whoever reads or writes gets an error."""
        raise NotImplementedError


class TcpPipe(TrioTCPStream, Pipe):
    """A TCP connection. `stream` is what a session of its own reads and writes."""

    stream: Any

    def __init__(self, stream: trio.SocketStream, *, leaves_from_listener: bool = False) -> None:
        self._heard = HeardSocket(stream)
        self.leaves_from_listener = leaves_from_listener
        super().__init__(self._heard)  # pyright: ignore[reportArgumentType]  # used as a stream
        self._remote = _remote(stream.socket)
        self.remote = self._remote and multiaddr_of(*self._remote)
        _do_not_wait_long(stream.socket)
        self.closing = trio.Event()
        self.closed = trio.Event()

    @property
    def heard_s(self) -> float:  # pyright: ignore[reportIncompatibleVariableOverride]  # read only
        return self._heard.heard_s

    async def read(self, n: int | None = None) -> bytes:
        if n is None:
            return bytes(await super().read(None))
        _require_sane(n)
        data = bytearray()
        while len(data) < n and (part := await super().read(n - len(data))):
            data += part
        return bytes(data)

    async def close(self) -> None:
        """Close so that what was sent arrives.

        A socket closed with something unread tells the other side to throw away what it has not
        read either: the end is sent first, and the other's awaited for a while.
        """
        self.closing.set()
        try:
            with suppress(*_GONE), trio.move_on_after(DRAIN_TIMEOUT_S):
                await self._heard.send_eof()
                await self._heard.drain()
        finally:
            self._heard.socket.close()
            self.closed.set()

    def get_remote_address(self) -> tuple[str, int] | None:
        return self._remote

    def abort(self) -> None:
        sock = self._heard.socket
        if sock.fileno() >= 0:
            with suppress(OSError):  # some systems refuse it on a connection that is reset already
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
            sock.close()
        self.closing.set()
        self.closed.set()


def _do_not_wait_long(sock: trio.socket.SocketType) -> None:
    """Send again soon what was lost, as far as the system can be asked to."""
    if sys.platform != "linux":
        return
    for option, value in ((_THIN_LINEAR_TIMEOUTS, 1), (_RTO_MAX_MS, TRY_AGAIN_MS)):
        with suppress(OSError):  # a kernel that does not know it, or a socket that is gone
            sock.setsockopt(socket.IPPROTO_TCP, option, value)


def _remote(sock: trio.socket.SocketType) -> tuple[str, int] | None:
    try:
        host, port = sock.getpeername()[:2]
    except OSError:
        return None  # it was reset before anybody looked
    return str(host), int(port)


def _require_sane(n: int) -> None:
    if n > READ_BYTES_MAX:
        raise ConnectionClosedError(f"the peer announced {n} bytes")


class CircuitPipe(Pipe):
    """A stream through a relay; what passes is for the far peer, who authenticates inside it."""

    def __init__(self, stream: LibP2PStream) -> None:
        self._stream = stream
        self.remote = relay_address(stream.origin.remote, stream.peer)
        self._reading = trio.Lock()
        self._writing = trio.Lock()
        self.closing = trio.Event()
        self.closed = trio.Event()
        self.heard_s = trio.current_time()

    async def read(self, n: int | None = None) -> bytes:
        async with self._reading:
            if n is None:
                return await self._some(None)
            _require_sane(n)
            data = bytearray()
            while len(data) < n and (part := await self._some(n - len(data))):
                data += part
            return bytes(data)

    async def _some(self, n: int | None) -> bytes:
        with _circuit_errors():
            data = await self._stream.receive_some(n)
        self.heard_s = trio.current_time()
        return data

    async def write(self, data: bytes) -> None:
        async with self._writing:
            with _circuit_errors():
                await self._stream.send_all(data)

    async def close(self) -> None:
        self.closing.set()
        try:
            await self._stream.aclose()
        finally:
            self.closed.set()

    def get_remote_address(self) -> tuple[str, int] | None:
        return None

    def abort(self) -> None:
        if not self.closed.is_set():
            self._stream.abandon()
        self.closing.set()
        self.closed.set()


@contextmanager
def _circuit_errors() -> Generator[None]:
    try:
        yield
    except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
        raise ConnectionClosedError(str(error), transport="circuit") from error
