"""A TCP socket with few turns of the event loop, that knows when it was last heard from.

A turn costs more than the system's own work for a small message. trio's stream takes one after
each send that succeeded, and asks the system once in vain before it waits to receive. Here
receiving takes one turn, and sending none where the system takes all at once.
"""

from __future__ import annotations

import socket
from typing import Any, cast

import trio

__all__ = ["HeardSocket"]

RECEIVE_BYTES = 65_536
"""Received at once by who does not say how much."""


class HeardSocket(trio.abc.HalfCloseableStream):
    """A `trio.SocketStream` that remembers when it last heard from the other side."""

    def __init__(self, stream: trio.SocketStream) -> None:
        self._stream = stream
        self._ended = trio.Event()
        self.socket = stream.socket
        self._raw: socket.socket = cast("Any", stream.socket)._sock  # trio's own never do without
        self.heard_s = trio.current_time()

    def send_soon(self, data: bytes | bytearray | memoryview) -> int:
        """How many bytes the system takes at once."""
        try:
            return self._raw.send(data)
        except OSError:
            return 0  # there is no room; of all else `send_all` says what it is

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """No checkpoint where the system takes all at once: who sends on and on has to yield."""
        sent = self.send_soon(data)
        if sent < len(data):
            await self._stream.send_all(memoryview(data)[sent:])

    async def wait_send_all_might_not_block(self) -> None:
        await self._stream.wait_send_all_might_not_block()

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        data = None
        while data is None:
            if self._raw.fileno() < 0:
                raise trio.ClosedResourceError("this socket was already closed")
            await trio.lowlevel.wait_readable(self._raw)
            data = self._received(max_bytes or RECEIVE_BYTES)
        self.heard_s = trio.current_time()
        if not data:
            self._ended.set()
        return data

    def _received(self, max_bytes: int) -> bytes | None:
        """What is there; None when there is nothing after all."""
        try:
            return self._raw.recv(max_bytes)
        except BlockingIOError:
            return None
        except OSError as error:
            raise trio.BrokenResourceError(f"socket connection broken: {error}") from error

    async def drain(self) -> None:
        """Read to the end, or let who reads already do so."""
        while not self._ended.is_set():
            try:
                await self.receive_some(RECEIVE_BYTES)
            except trio.BusyResourceError:
                await self._ended.wait()

    async def send_eof(self) -> None:
        await self._stream.send_eof()

    async def aclose(self) -> None:
        await self._stream.aclose()
