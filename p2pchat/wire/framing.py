"""Frames on a stream: an unsigned-varint length, then that many bytes (libp2p convention).

The parser is incremental and refuses a length over its limit before a byte of the body is kept. It
cuts a frame when it is asked for one: a read may hold 100,000 of them, and who reads decides how
many are taken before others run. An empty frame would be the cheapest way to keep a reader busy. It
is malformed in protocols that know none. Gossip must take it, because go-libp2p greets with one
before it has subscribed to anything: there a run of them is passed at once.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from p2pchat.errors import FrameTooLarge, MalformedMessage

__all__ = ["FrameParser", "encode_varint", "frame", "join_frames"]

VARINT_BYTES_MAX = 9
"""The unsigned-varint specification's limit."""

_EMPTY_FRAMES = re.compile(rb"\0+")


def encode_varint(value: int) -> bytes:
    """Unsigned LEB128."""
    if value < 0x80:
        return bytes((value,))
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def frame(body: bytes) -> bytes:
    """One frame."""
    return encode_varint(len(body)) + body


def join_frames(bodies: Iterable[bytes]) -> bytes:
    """Several frames as one write."""
    return b"".join(map(frame, bodies))


class FrameParser:
    """Cuts a byte stream into frames; holds at most one incomplete frame and one read."""

    def __init__(self, frame_bytes_max: int, *, skips_empty: bool = True) -> None:
        self._frame_bytes_max = frame_bytes_max
        self._skips_empty = skips_empty
        self._buffer = bytearray()

    @property
    def is_empty(self) -> bool:
        """True between frames, when all were taken: an end of stream here cuts nothing."""
        return not self._buffer

    @property
    def coming_bytes(self) -> int | None:
        """How long the incomplete frame will be; None while it does not say."""
        header = self._length()
        return None if header is None else sum(header)

    @property
    def missing_bytes(self) -> int | None:
        """How much of the incomplete frame is still to come; None while it does not say."""
        coming = self.coming_bytes
        return None if coming is None else coming - len(self._buffer)

    def feed(self, data: bytes | bytearray | memoryview) -> Iterator[bytes]:
        """The frames that are complete now, each cut as it is asked for; what is not asked for
        comes after the next read. Asking raises `FrameTooLarge`, `MalformedMessage`."""
        self._buffer += data
        return iter(self._next, None)

    def _next(self) -> bytes | None:
        buffer = self._buffer
        if buffer and buffer[0] == 0:
            self._pass_empty()
        header = self._length()
        if header is None or sum(header) > len(buffer):
            return None
        length, start = header
        body = bytes(memoryview(buffer)[start : start + length])
        del buffer[: start + length]
        return body

    def _pass_empty(self) -> None:
        if not self._skips_empty:
            raise MalformedMessage("an empty frame")
        run = _EMPTY_FRAMES.match(self._buffer)
        assert run is not None, "the buffer begins with a zero"
        del self._buffer[: run.end()]

    def _length(self) -> tuple[int, int] | None:
        """The length of the next frame and where its body begins; None while incomplete."""
        value = 0
        for index, byte in enumerate(self._buffer[:VARINT_BYTES_MAX]):
            value |= (byte & 0x7F) << 7 * index
            if byte < 0x80:
                if byte == 0 and index:
                    raise MalformedMessage("a frame length is not minimally encoded")
                if value > self._frame_bytes_max:
                    raise FrameTooLarge(f"a frame of {value} bytes, over {self._frame_bytes_max}")
                return value, index + 1
        if len(self._buffer) >= VARINT_BYTES_MAX:
            raise MalformedMessage("a frame length has over 9 bytes")
        return None
