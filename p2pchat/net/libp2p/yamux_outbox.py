"""What a Yamux connection has to send, and whose turn it is.

One queue in the order of the writes would let a file that was queued first delay every message
behind it. Here a write that does not fit the small budget of the connection stays with its caller,
visible to the scheduler, and each batch takes from every stream that has something: a message
that comes while twenty files run leaves with the next batch or two. Control frames go first. A
batch is as long as one Noise packet, so it costs one encryption and one system call.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final

from p2pchat.net.libp2p.yamux_frames import (
    FIN,
    HEADER_BYTES,
    Kind,
    YamuxViolation,
    encode_header,
)
from p2pchat.net.libp2p.yamux_substream import Segment, Substream

__all__ = ["BATCH_BYTES", "Batch", "Outbox"]

BATCH_BYTES: Final = 65_519
"""The longest plaintext of a Noise packet."""
HELD_BYTES_MAX: Final = 64 * 1024
"""How much of all streams together is kept for writers that were let go."""
CONTROL_BYTES_MAX: Final = 64 * 1024
"""Answers that wait because the peer does not read; past it the peer is cut off."""
SHARE_BYTES_MIN: Final = 4096
"""The least one stream gets of a batch, so that many streams do not make tiny frames."""
ROOM_BYTES_MIN: Final = 512
"""A batch with less room than this is full, for the same reason."""


@dataclass(slots=True)
class Batch:
    """Frames to send in one write."""

    parts: list[bytes | memoryview]
    released: list[Substream]
    """Streams on which a waiting write is done now."""
    finished: list[Substream]
    """Streams whose FIN is among the frames."""
    last: bool
    """True when nothing will follow."""


class Outbox:
    """The frames of one connection that have not been sent."""

    __slots__ = ("_control", "_farewell", "_held", "_ring", "control_bytes")

    def __init__(self) -> None:
        self._control: list[bytes | memoryview] = []
        self.control_bytes = 0
        """Bytes of frames without a body that wait."""
        self._ring: deque[Substream] = deque()
        self._held = 0
        self._farewell: int | None = None

    def __bool__(self) -> bool:
        return bool(self._control or self._ring or self._farewell is not None)

    @property
    def overfull(self) -> bool:
        """True when the peer has not read our control frames for too long."""
        return self.control_bytes >= CONTROL_BYTES_MAX

    def control(self, kind: Kind, flags: int, stream_id: int, value: int) -> None:
        """Queue a frame without a body."""
        self._control.append(encode_header(kind, flags, stream_id, value))
        self.control_bytes += HEADER_BYTES

    def answer(self, kind: Kind, flags: int, stream_id: int, value: int) -> None:
        """Queue a frame the peer provoked. Raises `YamuxViolation` when too many wait."""
        if self.overfull:
            raise YamuxViolation("the peer asks for answers and does not read them")
        self.control(kind, flags, stream_id, value)

    def write(self, stream: Substream, data: bytes | memoryview) -> Segment | None:
        """Queue `data`; None when it was taken over whole, else what the caller has to wait for.

        Only what the peer's window allows is taken over, so a stream whose reader sleeps cannot
        fill the budget.
        """
        outlet, size = stream.outlet, len(data)
        if not size:
            return None
        if self.has_room(stream, size):
            self._held += size
            outlet.offer(bytes(data), held=True)
            segment = None
        else:
            segment = outlet.offer(memoryview(data), held=False)
        self.schedule(stream)
        return segment

    def has_room(self, stream: Substream, size: int) -> bool:
        """Whether so many bytes more would be taken over whole."""
        outlet = stream.outlet
        return outlet.queued + size <= outlet.credit and self._held + size <= HELD_BYTES_MAX

    def schedule(self, stream: Substream) -> None:
        """Put a stream into the ring if it can send and is not there."""
        if stream.outlet.sendable and not stream.outlet.scheduled:
            stream.outlet.scheduled = True
            self._ring.append(stream)

    def forget(self, stream: Substream) -> None:
        """Drop everything queued for a stream that was reset."""
        self._held -= stream.outlet.reset()

    def say_goodbye(self, code: int) -> None:
        """End with a GO_AWAY once all else is sent."""
        self._farewell = code

    def take(self) -> Batch:
        """The next frames to send; empty when there are none."""
        batch = Batch(self._control, [], [], last=False)
        room = BATCH_BYTES - self.control_bytes
        self._control, self.control_bytes = [], 0
        while self._ring and room >= ROOM_BYTES_MIN:
            room -= self._take_round(room, batch)
        if self._farewell is not None and not self._ring:
            batch.parts.append(encode_header(Kind.GO_AWAY, 0, 0, self._farewell))
            self._farewell = None
            batch.last = True
        return batch

    def _take_round(self, room: int, batch: Batch) -> int:
        """Append a frame of each stream in the ring that `room` has bytes for, alike in size as
        far as they have as much to send; answers how many bytes that were."""
        ring, used = self._ring, 0
        share = max(room // len(ring), HEADER_BYTES + SHARE_BYTES_MIN)
        for _ in range(len(ring)):
            if room - used < ROOM_BYTES_MIN:
                break
            used += self._take_frame(ring.popleft(), min(share, room - used), batch)
        return used

    def _take_frame(self, stream: Substream, room: int, batch: Batch) -> int:
        """Append one frame of `stream`, at most `room` bytes long; answers its length.

        FIN goes in a frame without a body: js-libp2p acts on the flag first and loses the body.
        """
        outlet = stream.outlet
        outlet.scheduled = False
        last = outlet.finishing and not outlet.queued
        size = min(outlet.queued, outlet.credit, room - HEADER_BYTES)
        if size <= 0 and not last:
            return 0
        kind = Kind.DATA if size else Kind.WINDOW_UPDATE
        batch.parts.append(encode_header(kind, FIN if last else 0, stream.id, size))
        held, released = outlet.cut(size, batch.parts)
        self._held -= held
        if released:
            batch.released.append(stream)
        if last:
            outlet.finishing = False
            batch.finished.append(stream)
        self.schedule(stream)
        return HEADER_BYTES + size
