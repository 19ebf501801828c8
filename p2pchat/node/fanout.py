"""Fan-out: one writer a peer and lane, which joins everything queued into one write.

A lane is a long-lived stream that we open when there is something to say and that only we write
to. What is queued is bounded in bytes; past that, or when the stream breaks, the queue is dropped
and the machine is told, which sends again what nobody acknowledged.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

import trio

from p2pchat.errors import NetworkError, StreamReset
from p2pchat.model.ids import DeviceId
from p2pchat.net.port import Host, Stream
from p2pchat.protocol.machine import Lane, SendFailed
from p2pchat.wire.framing import frame

__all__ = ["Lanes"]

logger = logging.getLogger(__name__)

WRITE_BYTES = 128 * 1024
"""Joined into one write; more waits for the next, so that a cancelled write loses little."""
WRITE_TIMEOUT_S = 30.0
"""A peer that takes nothing for so long is cut off."""

Report = Callable[[SendFailed], Awaitable[None]]


class Lanes:
    """All outbound streams of one node."""

    def __init__(
        self, host: Host, hello: Callable[[], bytes], queue_bytes_max: int, report: Report
    ) -> None:
        """`hello` makes the first frame of each stream."""
        self._host = host
        self._hello = hello
        self._queue_bytes_max = queue_bytes_max
        self._report = report
        self._writers: dict[tuple[DeviceId, Lane], _Writer] = {}
        self._nursery: trio.Nursery | None = None

    @property
    def longest_queue_bytes(self) -> int:
        """Bytes that wait in the fullest queue."""
        return max((writer.queued_bytes for writer in self._writers.values()), default=0)

    def send(self, peer: DeviceId, lane: Lane, body: bytes) -> None:
        """Queue one frame; a writer is made when there is none."""
        assert self._nursery is not None, "run() comes first"
        writer = self._writers.get((peer, lane))
        if writer is None:
            writer = self._writers[peer, lane] = _Writer()
            self._nursery.start_soon(self._write, peer, lane, writer)
        data = frame(body)
        if not writer.send_soon(data):
            writer.put(data, self._queue_bytes_max)

    def drop(self, peer: DeviceId) -> None:
        """Forget what is queued for a peer that is gone or misbehaved."""
        for lane in Lane:
            writer = self._writers.pop((peer, lane), None)
            if writer is not None:
                writer.scope.cancel()

    def move(self, peer: DeviceId) -> None:
        """Go on over a new stream: there is a better connection now."""
        for lane in Lane:
            writer = self._writers.get((peer, lane))
            if writer is not None:
                writer.move()

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Own the writers until cancelled."""
        async with trio.open_nursery() as self._nursery:
            task_status.started()
            await trio.sleep_forever()

    async def _write(self, peer: DeviceId, lane: Lane, writer: _Writer) -> None:
        reason = ""
        try:
            with writer.scope:
                await self._pump(peer, lane, writer)
        except NetworkError as error:
            reason = str(error)
        if writer.is_full:
            reason = "more was queued than the peer took"
        if self._writers.get((peer, lane)) is writer:
            del self._writers[peer, lane]
        if reason:
            logger.debug("lane to %s ended: %s", peer.peer_id.short, reason)
            await self._report(SendFailed(peer, lane, reason))

    async def _pump(self, peer: DeviceId, lane: Lane, writer: _Writer) -> None:
        """Write on one stream after the other: each lasts until a better way is found."""
        while True:
            stream = await self._host.open_stream(peer.peer_id, [lane.value])
            try:
                reason = await self._write_until_it_ends(stream, writer)
                if reason:
                    raise StreamReset(reason)
                with trio.move_on_after(WRITE_TIMEOUT_S):
                    await stream.aclose()  # what was written arrives
            finally:
                writer.stream = None
                await _end(stream)

    async def _write_until_it_ends(self, stream: Stream, writer: _Writer) -> str:
        """Why it ended; nothing, when the writer shall move to another stream."""
        reason = f"the peer took nothing for {WRITE_TIMEOUT_S:.0f} s"
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(_watch, stream)
                with trio.CancelScope() as patience:  # one scope: making one a write costs
                    await self._write_all(stream, writer, patience)
                    reason = ""
                nursery.cancel_scope.cancel()
        except* (trio.BrokenResourceError, trio.ClosedResourceError):
            reason = "the stream was reset"
        return reason

    async def _write_all(self, stream: Stream, writer: _Writer, patience: trio.CancelScope) -> None:
        """Write what is queued, each time within `WRITE_TIMEOUT_S`, until it shall move."""
        data = frame(self._hello())
        while data:
            patience.deadline = trio.current_time() + WRITE_TIMEOUT_S
            await stream.send_all(data)
            patience.deadline = float("inf")
            writer.stream = stream
            data = await writer.take()


class _Writer:
    """Frames that wait for one stream."""

    def __init__(self) -> None:
        self.scope = trio.CancelScope()
        self.is_full = False
        self.stream: Stream | None = None
        """What is written on, once it has begun."""
        self._frames: list[bytes] = []
        self.queued_bytes = 0
        self._waiting = trio.Event()
        self._is_moving = False

    def send_soon(self, data: bytes) -> bool:
        """Have a frame sent without the task that writes, where nothing waits before it."""
        stream = self.stream
        return stream is not None and not self._frames and stream.send_soon(data)

    def put(self, data: bytes, bytes_max: int) -> None:
        self._frames.append(data)
        self.queued_bytes += len(data)
        self._waiting.set()
        if self.queued_bytes > bytes_max:
            self.is_full = True
            self.scope.cancel()

    def move(self) -> None:
        """Let `take` answer nothing, once."""
        self.stream = None
        self._is_moving = True
        self._waiting.set()

    async def take(self) -> bytes:
        """What is queued, up to a write's worth; waits while there is nothing. Empty when the
        stream shall be left."""
        await self._waiting.wait()
        if self._is_moving:
            self._is_moving = False
            if not self._frames:
                self._waiting = trio.Event()
            return b""
        size = count = 0
        for data in self._frames:
            if count and size + len(data) > WRITE_BYTES:
                break
            size, count = size + len(data), count + 1
        joined = b"".join(self._frames[:count])
        del self._frames[:count]
        self.queued_bytes -= size
        if not self._frames:
            self._waiting = trio.Event()
        return joined


async def _watch(stream: Stream) -> None:
    """Notice the end of a stream on which only we write, though nothing is being written."""
    await stream.receive_some(1)
    raise trio.BrokenResourceError("the peer ended the stream")


async def _end(stream: Stream) -> None:
    """Drop a stream for good; nothing on it is worth a flush."""
    with trio.CancelScope(shield=True), trio.move_on_after(1):
        await stream.reset()
