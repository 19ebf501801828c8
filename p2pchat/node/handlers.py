"""Inbound lanes: bytes from a peer become inputs of the chat machine.

Frames are taken in blocks, each paid for before it is decoded, and others run between two of them:
a read may hold very many. What breaks the rules ends its stream and is counted, and in the end the
connection; a peer that sends faster than we decide waits, because the inbox is bounded, and so does
one that floods us, until it is cut off.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from itertools import islice

import trio

from p2pchat.errors import RemoteProtocolError, UnknownVersion
from p2pchat.model.ids import DeviceId
from p2pchat.net.port import Host, Stream
from p2pchat.node.guard import Guard
from p2pchat.protocol.machine import Lane, Received
from p2pchat.wire.frames import decode_frame
from p2pchat.wire.framing import FrameParser

__all__ = ["LaneHandlers"]

logger = logging.getLogger(__name__)

READ_BYTES = 256 * 1024
FRAMES_AT_ONCE = 16
"""Taken before others run; frames of a later version never wait for anything else."""
FRAME_TIMEOUT_S = 20.0
"""From the first byte of a frame to its last."""
STREAMS_PER_LANE_MAX = 2
"""Of one peer; a further one ends the oldest, since a peer needs one."""

Put = Callable[[Received], Awaitable[None]]


class _Flood(Exception):
    """The peer was held back for longer than anybody honest ever is."""


class LaneHandlers:
    """Serves both lanes on a host."""

    def __init__(self, host: Host, frame_bytes_max: int, put: Put) -> None:
        self._host = host
        self._frame_bytes_max = frame_bytes_max
        self._put = put
        self._open: dict[tuple[DeviceId, str], list[trio.CancelScope]] = {}
        self._guard = Guard(trio.current_time)
        self.refused: Counter[str] = Counter()

    def serve(self) -> None:
        """Take streams from now on."""
        for lane in Lane:
            self._host.serve(lane.value, self._handle)

    async def drop(self, peer: DeviceId) -> None:
        """End the inbound streams of a peer that broke the rules."""
        for lane in Lane:
            for scope in self._open.get((peer, lane.value), ()):
                scope.cancel()
        await self._blame(peer)

    async def _blame(self, peer: DeviceId) -> None:
        """Count an offence; the connection ends when it was one too many."""
        if self._guard.blame(peer):
            self.refused["banned peer"] += 1
            logger.warning("%s broke the rules too often", peer.peer_id.short)
            await self._host.disconnect(peer.peer_id)

    async def _handle(self, stream: Stream) -> None:
        peer = stream.peer.device
        if peer is None:
            self.refused["peer id without Ed25519 key"] += 1
            await stream.reset()
            return
        if self._guard.is_banned(peer):
            await stream.reset()
            return
        key = (peer, stream.protocol)
        scopes = self._open.setdefault(key, [])
        if len(scopes) >= STREAMS_PER_LANE_MAX:
            scopes[0].cancel()
        with trio.CancelScope() as scope:
            scopes.append(scope)
            try:
                await self._read(peer, stream)
            except RemoteProtocolError as error:
                self.refused[type(error).__name__] += 1
                logger.info("%s broke the rules: %s", stream.peer.short, error)
                await self._blame(peer)
            except _Flood:
                self.refused["flood"] += 1
                logger.warning("%s sends frames without end: cut off", stream.peer.short)
                await self._host.disconnect(stream.peer)
            except trio.TooSlowError:
                self.refused["slow frame"] += 1
            except trio.BrokenResourceError:
                pass  # the peer reset its stream, or is gone
            finally:
                scopes.remove(scope)
                if not scopes:
                    self._open.pop(key, None)
        with trio.CancelScope(shield=True), trio.move_on_after(1):
            await stream.reset()

    async def _pay_frames(self, peer: DeviceId, frames: int) -> None:
        """Wait for the pace of this peer's frames. Raises `_Flood` when it has been too patient."""
        delay_s = self._guard.frames_delay_s(peer, frames)
        if self._guard.is_banned(peer):
            raise _Flood
        if delay_s > 0:
            await trio.sleep(delay_s)

    async def _pay_bytes(self, peer: DeviceId, size_bytes: int) -> None:
        delay_s = self._guard.bytes_delay_s(peer, size_bytes)
        if delay_s > 0:
            await trio.sleep(delay_s)

    async def _take(self, peer: DeviceId, body: bytes) -> None:
        try:
            frame = decode_frame(body)
        except UnknownVersion:
            self.refused["later version"] += 1
            return
        await self._put(Received(peer, frame))

    async def _take_all(self, peer: DeviceId, frames: Iterator[bytes]) -> int:
        """Take the frames of one read, in order, and count them."""
        count = 0
        while block := list(islice(frames, FRAMES_AT_ONCE)):
            if count:
                await trio.lowlevel.checkpoint()
            await self._pay_frames(peer, len(block))
            for body in block:
                await self._take(peer, body)
            count += len(block)
        return count

    async def _read(self, peer: DeviceId, stream: Stream) -> None:
        """Read until the end. Raises `RemoteProtocolError`, `TooSlowError`."""
        parser = FrameParser(self._frame_bytes_max, skips_empty=False)
        due_s = float("inf")
        with trio.CancelScope() as patience:  # one scope for all reads: making one a read costs
            while data := await stream.receive_some(READ_BYTES):
                patience.deadline = float("inf")  # our own queue may make us wait below
                was_empty = parser.is_empty
                await self._pay_bytes(peer, len(data))
                count = await self._take_all(peer, parser.feed(data))
                if count or was_empty:
                    due_s = trio.current_time() + FRAME_TIMEOUT_S
                patience.deadline = float("inf") if parser.is_empty else due_s
        if patience.cancelled_caught:
            raise trio.TooSlowError
