"""Simulated streams: trio's stream contract over a connection that delivers in virtual time.

A stream is two halves a side. The sending half holds credit, the receiving half a buffer, and
reading gives credit back: so a slow reader stops its writer after one window, as Yamux does. The
halves know nothing of time; their `Carrier`, the connection, calls them when bytes arrive.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum, auto
from functools import partial
from typing import NoReturn, Protocol

import trio

from p2pchat.model.ids import PeerId
from p2pchat.net.port import ProtocolId, Stream

__all__ = ["Carrier", "SimulatedStream"]


class Carrier(Protocol):
    """What a stream asks of the connection under it."""

    @property
    def peer(self) -> PeerId: ...
    def transmit(self, protocol: ProtocolId, data: bytes, arrive: Callable[[bytes], None]) -> None:
        """Hand `data` to `arrive` at the remote side, in order, later."""
        ...

    def carry(self, size_bytes: int, arrive: Callable[[], None]) -> None:
        """Call `arrive` at the remote side, in order, later."""
        ...

    def acknowledge(self, refund: Callable[[], None]) -> None:
        """Call `refund` as soon as the way back is open."""
        ...

    def forget(self, stream: SimulatedStream) -> None:
        """The stream is over on this side."""
        ...


class _State(Enum):
    OPEN = auto()
    CLOSED = auto()
    BROKEN = auto()


class _Half:
    """What both halves share: a state, a place to wait, and `with` to admit one task at a time."""

    def __init__(self) -> None:
        self.state = _State.OPEN
        self._busy = False
        self._waiting = trio.lowlevel.ParkingLot()

    def end(self, state: _State) -> None:
        """Leave OPEN; a close of ours overrides a break, never the other way round."""
        if self.state is _State.OPEN or state is _State.CLOSED:
            self.state = state
            self.wake()

    def __enter__(self) -> None:
        if self._busy:
            raise trio.BusyResourceError("another task is using this side of the stream")
        self._busy = True

    def __exit__(self, *_: object) -> None:
        self._busy = False

    def wake(self) -> None:
        """Let the waiting task look again."""
        if self._waiting:
            self._waiting.unpark_all()


def _raise_ended(state: _State) -> NoReturn:
    if state is _State.CLOSED:
        raise trio.ClosedResourceError("this stream was closed here")
    raise trio.BrokenResourceError("the stream was reset, or its connection was lost")


class _ReceivingHalf(_Half):
    def __init__(self, refund: Callable[[int], None]) -> None:
        super().__init__()
        self._refund = refund
        self._buffer = bytearray()
        self.finished = False

    def arrive(self, data: bytes) -> None:
        if self.state is _State.OPEN:
            self._buffer += data
            self.wake()

    def finish(self) -> None:
        """The remote side sends no more; what is buffered can still be read."""
        self.finished = True
        self.wake()

    async def receive_some(self, max_bytes: int | None) -> bytes:
        with self:
            if self._must_wait():
                while self._must_wait():
                    await self._waiting.park()
            else:
                await trio.lowlevel.checkpoint()
            if self.state is not _State.OPEN:
                _raise_ended(self.state)
            return self._take(max_bytes)

    def _must_wait(self) -> bool:
        return self.state is _State.OPEN and not self._buffer and not self.finished

    def _take(self, max_bytes: int | None) -> bytes:
        data = bytes(self._buffer[:max_bytes])
        del self._buffer[: len(data)]
        if data:
            self._refund(len(data))
        return data


class _SendingHalf(_Half):
    def __init__(self, transmit: Callable[[bytes], None], window_bytes: int) -> None:
        super().__init__()
        self._transmit = transmit
        self._credit_bytes = window_bytes
        self._finished = False

    def refund(self, size_bytes: int) -> None:
        """The remote side has read this much."""
        self._credit_bytes += size_bytes
        self.wake()

    async def send_all(self, data: bytes) -> None:
        with self:
            self._check()
            await trio.lowlevel.checkpoint()
            self._check()
            sent = 0
            while sent < len(data):
                await self._wait_credit()
                part = data[sent : sent + self._credit_bytes]
                self._credit_bytes -= len(part)
                sent += len(part)
                self._transmit(part)

    async def wait_might_not_block(self) -> None:
        with self:
            self._check()
            await trio.lowlevel.checkpoint()
            await self._wait_credit()

    async def finish(self, tell: Callable[[], None]) -> None:
        """Send no more; `tell` the remote side once."""
        with self:
            if self.state is not _State.OPEN:
                _raise_ended(self.state)
            if not self._finished:
                self._finished = True
                tell()
            await trio.lowlevel.checkpoint()

    async def _wait_credit(self) -> None:
        self._check()
        while not self._credit_bytes:
            await self._waiting.park()
            self._check()

    def _check(self) -> None:
        if self.state is not _State.OPEN:
            _raise_ended(self.state)
        if self._finished:
            raise trio.ClosedResourceError("this side said that it sends no more")


class SimulatedStream(Stream):
    """One side of a stream between two simulated hosts."""

    def __init__(self, carrier: Carrier, protocol: ProtocolId, window_bytes: int) -> None:
        self.peer = carrier.peer
        self.protocol = protocol
        self._carrier = carrier
        self._twin = self
        self._sending = _SendingHalf(self._transmit, window_bytes)
        self._receiving = _ReceivingHalf(self._refund)

    def join(self, twin: SimulatedStream) -> None:
        """Make these two the sides of one stream."""
        self._twin, twin._twin = twin, self

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Send everything; a cancelled call may have sent a part, whole windows at a time."""
        await self._sending.send_all(bytes(data))

    async def wait_send_all_might_not_block(self) -> None:
        await self._sending.wait_might_not_block()

    async def send_eof(self) -> None:
        await self._sending.finish(partial(self._carrier.carry, 0, self._twin._receiving.finish))

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        if max_bytes is not None:
            if not isinstance(max_bytes, int):  # pyright: ignore[reportUnnecessaryIsInstance]
                raise TypeError(f"max_bytes is a number of bytes, not {max_bytes!r}")
            if max_bytes < 1:
                raise ValueError("max_bytes must be at least 1")
        return await self._receiving.receive_some(max_bytes)

    async def aclose(self) -> None:
        self._close(self._twin.on_remote_closed)
        await trio.lowlevel.checkpoint()

    async def reset(self) -> None:
        self.reset_nowait()
        await trio.lowlevel.cancel_shielded_checkpoint()

    def reset_nowait(self) -> None:
        """End both directions at once; the remote side drops what it has not read."""
        self._close(self._twin.on_remote_reset)

    def on_remote_closed(self) -> None:
        """The remote side closed: everything it sent has arrived, and it reads no more."""
        self._receiving.finish()
        self._sending.end(_State.BROKEN)

    def on_remote_reset(self) -> None:
        self._receiving.end(_State.BROKEN)
        self._sending.end(_State.BROKEN)
        self._carrier.forget(self)

    def on_connection_lost(self) -> None:
        """What arrived together with its end stays readable; all else is broken."""
        if not self._receiving.finished:
            self._receiving.end(_State.BROKEN)
        self._sending.end(_State.BROKEN)

    def _close(self, tell: Callable[[], None]) -> None:
        open_before = self._sending.state is _State.OPEN
        self._sending.end(_State.CLOSED)
        self._receiving.end(_State.CLOSED)
        if open_before:  # a broken stream has no remote side to tell
            self._carrier.carry(0, tell)
        self._carrier.forget(self)

    def _transmit(self, data: bytes) -> None:
        self._carrier.transmit(self.protocol, data, self._twin._receiving.arrive)

    def _refund(self, size_bytes: int) -> None:
        self._carrier.acknowledge(partial(self._twin._sending.refund, size_bytes))
