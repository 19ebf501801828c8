"""A multiplexed stream with trio's manners.

py-libp2p raises at the end of a stream, cannot tell a reset from a lost connection, lets two tasks
read at once, and knows only half a close: a stream that was closed here and not there stays in the
tables of both sides for ever. This adapter answers `b""` at the end, raises the errors that trio
names, lets one task in at a time in each direction, and closes as TCP does: data that arrives after
the close, or too long a silence, is answered with a reset.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import TracebackType
from typing import Any, cast

import trio
from libp2p.abc import IMuxedStream
from libp2p.stream_muxer.exceptions import MuxedStreamEOF
from libp2p.stream_muxer.yamux.yamux import YamuxStream

from p2pchat.model.ids import PeerId
from p2pchat.model.route import Path
from p2pchat.net.libp2p.foreign import Failed, foreign_errors
from p2pchat.net.libp2p.options import HostLimits
from p2pchat.net.libp2p.stock import StockYamux
from p2pchat.net.libp2p.yamux import LeanStream
from p2pchat.net.port import ProtocolId, Stream

__all__ = ["Choice", "Farewells", "LibP2PStream", "Origin", "read_some", "write_all"]

WINDOW_POLL_S = 0.01


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a connection leads and who made it."""

    peer: PeerId
    address: str
    """The remote multiaddr as it was dialled, without `/p2p/<peer>` at the end."""
    remote: str
    """The same with the IP address that the other side, or its relay, really has: what a name leads
    to is for its owner to say, so whoever counts or judges addresses takes this one."""
    path: Path
    inbound: bool


@dataclass(frozen=True, slots=True)
class Choice:
    """The protocol agreed on for a stream, and the bytes that already followed."""

    protocol: ProtocolId
    early: bytes = b""


async def read_some(stream: IMuxedStream, max_bytes: int | None = None) -> bytes:
    """What has arrived, `b""` at the end; `trio.BrokenResourceError` when reset or lost."""
    try:
        with foreign_errors():
            if isinstance(stream.muxed_conn, StockYamux):  # which may not yield
                await trio.lowlevel.checkpoint()
            return await stream.read(max_bytes)
    except Failed as failed:
        data = _read_late(stream, max_bytes, failed.__cause__)
        if data is None:
            raise trio.BrokenResourceError(str(failed)) from None
        return data


def _read_late(
    stream: IMuxedStream, max_bytes: int | None, cause: BaseException | None
) -> bytes | None:
    """What there is to read though reading failed; py-libp2p calls too much an end."""
    muxed = stream.muxed_conn
    if isinstance(muxed, StockYamux):
        return muxed.read_late(cast("YamuxStream", stream), max_bytes)
    return b"" if isinstance(cause, MuxedStreamEOF) else None


async def write_all(stream: IMuxedStream, data: bytes) -> None:
    """Hand over all of `data`; `trio.BrokenResourceError` when reset or lost."""
    try:
        with foreign_errors():
            if isinstance(stream.muxed_conn, StockYamux):
                await trio.lowlevel.checkpoint()
                await stream.muxed_conn.write_patiently(cast("YamuxStream", stream), data)
            else:
                await stream.write(data)
    except Failed as failed:
        raise trio.BrokenResourceError(str(failed)) from None


async def reset(stream: IMuxedStream, timeout_s: float) -> None:
    """Drop the stream at once; never raises, not even when cancelled, and takes `timeout_s`."""
    with trio.move_on_after(timeout_s, shield=True):
        try:
            with foreign_errors():
                await stream.reset()
        except Failed:
            # The connection is gone, and the stream with it: what was asked for.
            pass


def _is_clogged(stream: IMuxedStream) -> bool:
    """True while a write would have to wait for the remote to read."""
    muxed = cast("Any", stream)
    return muxed.send_window <= 0 and not muxed.send_closed and not muxed.closed


class _Turn:
    """Lets one task in at a time, and throws it out when the stream closes."""

    __slots__ = ("_doing", "_scope", "closed")

    def __init__(self, doing: str) -> None:
        self._doing = doing
        self._scope: trio.CancelScope | None = None
        self.closed = False

    def __enter__(self) -> None:
        if self.closed:
            raise trio.ClosedResourceError(f"this stream is closed for {self._doing}")
        if self._scope is not None:
            raise trio.BusyResourceError(f"another task is {self._doing} this stream")
        self._scope = trio.CancelScope()
        self._scope.__enter__()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool | None:
        scope = self._scope
        assert scope is not None
        self._scope = None
        swallowed = scope.__exit__(kind, error, traceback)
        if self.closed and (swallowed or isinstance(error, trio.BrokenResourceError)):
            raise trio.ClosedResourceError("this stream was closed by another task")
        return swallowed

    @property
    def is_free(self) -> bool:
        return self._scope is None and not self.closed

    def close(self) -> None:
        self.closed = True
        if self._scope is not None:
            self._scope.cancel()


class Farewells:
    """Ends streams in the background, within limits: closing one must not hold up its user."""

    def __init__(self, nursery: trio.Nursery, limits: HostLimits) -> None:
        self._nursery = nursery
        self._limits = limits
        self._closed = False

    def close(self) -> None:
        """The connections are closed, and every stream with them: nothing is left to see to."""
        self._closed = True

    async def finish(self, stream: IMuxedStream) -> None:
        """Send our end of `stream` after all that was written, and see to the rest behind.

        Cancelled, or when the end cannot be sent in time, the stream is reset instead.
        """
        ended = False
        try:
            with trio.move_on_after(self._limits.close_timeout_s), foreign_errors():
                await stream.close()
                ended = True
        except Failed:
            # The connection is gone, and the stream with it.
            pass
        finally:
            if not self._closed:
                self._nursery.start_soon(self._linger if ended else self.reset, stream)

    async def reset(self, stream: IMuxedStream) -> None:
        """Drop `stream` at once; never raises, not even when cancelled, and takes bounded time."""
        with trio.move_on_after(self._limits.close_timeout_s, shield=True):
            try:
                with foreign_errors():
                    await stream.reset()
            except Failed:
                # The connection is gone, and the stream with it: what was asked for.
                pass

    def drop(self, stream: IMuxedStream) -> None:
        """`reset` without waiting for it."""
        if not self._closed:
            self._nursery.start_soon(self.reset, stream)

    async def _linger(self, stream: IMuxedStream) -> None:
        """Wait for the remote's end; answer data, or silence, with a reset."""
        with trio.move_on_after(self._limits.linger_s):
            try:
                if await read_some(stream) == b"":
                    return
            except trio.BrokenResourceError:
                return
        await self.reset(stream)


class LibP2PStream(Stream):
    """One negotiated stream; see `net.port.Stream`."""

    def __init__(
        self, muxed: IMuxedStream, origin: Origin, choice: Choice, farewells: Farewells
    ) -> None:
        self.origin = origin
        self.peer = origin.peer
        self.protocol = choice.protocol
        self._early = choice.early
        self._muxed = muxed
        self._farewells = farewells
        self._sending = _Turn("sending on")
        self._receiving = _Turn("receiving from")

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        with self._sending:
            if data:
                await write_all(self._muxed, data if isinstance(data, bytes) else bytes(data))
            else:
                await trio.lowlevel.checkpoint()

    def send_soon(self, data: bytes) -> bool:
        muxed = self._muxed
        return isinstance(muxed, LeanStream) and self._sending.is_free and muxed.write_soon(data)

    async def wait_send_all_might_not_block(self) -> None:
        with self._sending:
            await trio.lowlevel.checkpoint()
            while _is_clogged(self._muxed):  # noqa: ASYNC110 - Yamux has no event for it
                await trio.sleep(WINDOW_POLL_S)

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        if max_bytes is not None:
            _require_positive(max_bytes)
        with self._receiving:
            if self._early:
                await trio.lowlevel.checkpoint()
                size = max_bytes or len(self._early)
                data, self._early = self._early[:size], self._early[size:]
                return data
            return await read_some(self._muxed, max_bytes)

    async def send_eof(self) -> None:
        if self._sending.closed:
            await trio.lowlevel.checkpoint()
            return
        with self._sending:
            await trio.lowlevel.checkpoint()
            try:
                with foreign_errors():
                    await self._muxed.close()
            except Failed as failed:
                raise trio.BrokenResourceError(str(failed)) from failed
        self._sending.close()

    async def aclose(self) -> None:
        if self._receiving.closed:
            await trio.lowlevel.checkpoint()
            return
        self._sending.close()
        self._receiving.close()
        await self._farewells.finish(self._muxed)
        await trio.lowlevel.checkpoint()

    def keep_small(self) -> None:
        if isinstance(self._muxed, LeanStream):
            self._muxed.substream.inlet.keep_small()

    async def reset(self) -> None:
        self._sending.close()
        self._receiving.close()
        await self._farewells.reset(self._muxed)

    def abandon(self) -> None:
        """`reset` without waiting for it."""
        self._sending.close()
        self._receiving.close()
        self._farewells.drop(self._muxed)

    def unread(self, data: bytes) -> None:
        """Put back what was read too far."""
        self._early = data + self._early


def _require_positive(max_bytes: object) -> None:
    if not isinstance(max_bytes, int):
        raise TypeError("max_bytes is a whole number")
    if max_bytes < 1:
        raise ValueError("max_bytes is at least 1")
