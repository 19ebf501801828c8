"""One Yamux stream without I/O: what has come in under its window, what waits to go out.

The two directions end apart, so they are two small machines: an `Inlet` and an `Outlet`. Neither
knows of frames on the wire nor of tasks; the session moves bytes between them and the frames.
"""

from __future__ import annotations

from collections import deque
from enum import Enum, auto
from typing import Final

from p2pchat.net.libp2p.yamux_frames import FRAME_BODY_BYTES_MAX, YamuxViolation

__all__ = ["WINDOW_BYTES", "WINDOW_BYTES_MAX", "End", "Inlet", "Outlet", "Segment", "Substream"]

WINDOW_BYTES: Final = 256 * 1024
"""The window every stream starts with, by the specification."""
WINDOW_BYTES_MAX: Final = FRAME_BODY_BYTES_MAX
"""What a window grows to once its stream has shown that it carries bulk."""


class End(Enum):
    """How a direction ended."""

    FINISHED = auto()
    """By FIN: all that was sent is there."""
    RESET = auto()
    """By RST, or with the connection: something may be missing."""


class Inlet:
    """The receiving direction: a buffer that never exceeds the window granted to the peer."""

    __slots__ = ("_buffer", "_consumed", "_credit", "_largest", "_window", "end", "received")

    def __init__(self) -> None:
        self.end: End | None = None
        self.received = 0
        """Bytes that came in so far."""
        self._buffer = bytearray()
        self._largest = WINDOW_BYTES_MAX
        self._window = WINDOW_BYTES
        self._credit = WINDOW_BYTES
        self._consumed = 0

    def __len__(self) -> int:
        return len(self._buffer)

    def announce(self, length: int) -> None:
        """A frame of `length` bytes begins; raises `YamuxViolation` if it may not."""
        if length > self._credit:
            raise YamuxViolation(f"a frame of {length} bytes exceeds the {self._credit} granted")
        if length and self.end is End.FINISHED:
            raise YamuxViolation("data after FIN")
        self._credit -= length

    def append(self, piece: memoryview) -> None:
        self._buffer += piece
        self.received += len(piece)

    def read(self, size: int) -> bytes:
        """Up to `size` bytes, all there are if negative; `b""` when there is nothing now."""
        buffer = self._buffer
        if size < 0 or size >= len(buffer):
            data = bytes(buffer)
            buffer.clear()
        else:
            data = bytes(buffer[:size])
            del buffer[:size]
        self._consumed += len(data)
        return data

    def keep_small(self) -> None:
        """The window does not grow."""
        self._largest = WINDOW_BYTES

    def grant(self) -> int:
        """The credit to give back now: none before half the window was consumed, then all of it
        and, the first time, what makes a small window a large one, if it may be."""
        if self._consumed * 2 < self._window or self.end is not None:
            return 0
        window = max(self._window, self._largest)
        increment = self._consumed + window - self._window
        self._window = window
        self._credit += increment
        self._consumed = 0
        return increment

    def reset(self) -> None:
        """Nothing more comes, and nothing that came is handed out."""
        self.end = End.RESET
        self._buffer.clear()


class Segment:
    """The bytes of one write that no frame has carried yet."""

    __slots__ = ("held", "rest")

    def __init__(self, data: bytes | memoryview, *, held: bool) -> None:
        self.rest = data
        self.held = held
        """True when the writer was let go and the session keeps the bytes; otherwise the writer
        waits, and they are still its own."""

    @property
    def done(self) -> bool:
        return not self.rest

    def take(self, size: int) -> bytes | memoryview:
        """The next `size` bytes, without copying."""
        if size == len(self.rest):
            whole, self.rest = self.rest, b""
            return whole
        view = memoryview(self.rest)
        self.rest = view[size:]
        return view[:size]


class Outlet:
    """The sending direction: segments in order, sent as far as the peer's window allows."""

    __slots__ = ("_segments", "credit", "end", "finishing", "queued", "scheduled")

    def __init__(self) -> None:
        self.credit = WINDOW_BYTES
        self.end: End | None = None
        """Set as soon as nothing more is accepted, although segments may still wait."""
        self.finishing = False
        """True from the wish to send FIN until it is sent."""
        self.queued = 0
        self.scheduled = False
        """True while the session's ring holds this stream; only the session sets it."""
        self._segments: deque[Segment] = deque()

    @property
    def sendable(self) -> bool:
        """True when a frame could go out now."""
        if self.queued:
            return self.credit > 0
        return self.finishing

    def offer(self, data: bytes | memoryview, *, held: bool) -> Segment:
        segment = Segment(data, held=held)
        self._segments.append(segment)
        self.queued += len(data)
        return segment

    def cut(self, size: int, into: list[bytes | memoryview]) -> tuple[int, bool]:
        """Move `size` queued bytes to `into`.

        Answers how many of them the session had held, and whether a waiting writer is done now.
        """
        self.credit -= size
        self.queued -= size
        held, done = 0, False
        while size:
            segment = self._segments[0]
            taken = min(size, len(segment.rest))
            size -= taken
            if segment.held:
                held += taken
            into.append(segment.take(taken))
            if segment.done:
                self._segments.popleft()
                done = done or not segment.held
        return held, done

    def withdraw(self, segment: Segment) -> None:
        """Forget what is left of a write whose caller gave up."""
        if segment in self._segments:
            self._segments.remove(segment)
            self.queued -= len(segment.rest)

    def close(self, end: End) -> None:
        """Accept nothing more and forget the writes that still wait; what is held goes out."""
        self.end = self.end or end
        for segment in [segment for segment in self._segments if not segment.held]:
            self.withdraw(segment)

    def reset(self) -> int:
        """Forget everything queued; answers how many bytes of it the session had held."""
        held = sum(len(segment.rest) for segment in self._segments if segment.held)
        self.end = End.RESET
        self.finishing = False
        self.queued = 0
        self._segments.clear()
        return held


class Substream:
    """Both directions of one stream."""

    __slots__ = ("_idle_sweeps", "_seen", "id", "inbound", "inlet", "outlet")

    def __init__(self, id: int, *, inbound: bool) -> None:
        self.id = id
        self.inbound = inbound
        self.inlet = Inlet()
        self.outlet = Outlet()
        self._seen = 0
        self._idle_sweeps = 0

    @property
    def over(self) -> bool:
        """True when both directions have ended and nothing waits to go out."""
        outlet = self.outlet
        return (
            self.inlet.end is not None
            and outlet.end is not None
            and not outlet.finishing
            and not outlet.queued
        )

    def lies_idle(self) -> int:
        """For how many calls of this we have been finished and the peer silent."""
        if self.outlet.end is None or self.inlet.received != self._seen:
            self._seen = self.inlet.received
            self._idle_sweeps = 0
        else:
            self._idle_sweeps += 1
        return self._idle_sweeps
