"""Frames on a stream: an unsigned-varint length, then that many bytes (libp2p convention).

The parser is incremental and refuses a length over its limit before a byte of the body is kept.
"""

from __future__ import annotations

from collections.abc import Iterable

from p2pchat.errors import FrameTooLarge, MalformedMessage

VARINT_BYTES_MAX = 9
"""The unsigned-varint specification's limit."""


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

    def __init__(self, frame_bytes_max: int) -> None:
        self._frame_bytes_max = frame_bytes_max
        self._buffer = bytearray()

    @property
    def is_empty(self) -> bool:
        """True between frames: an end of stream here cuts nothing."""
        return not self._buffer

    def feed(self, data: bytes | bytearray | memoryview) -> list[bytes]:
        """All frames that are complete now. Raises `FrameTooLarge`, `MalformedMessage`."""
        buffer = self._buffer
        buffer += data
        frames: list[bytes] = []
        offset, end = 0, len(buffer)
        while offset < end:
            header = self._length(offset)
            if header is None:
                break
            length, start = header
            if start + length > end:
                break
            frames.append(bytes(memoryview(buffer)[start : start + length]))
            offset = start + length
        del buffer[:offset]
        return frames

    def _length(self, offset: int) -> tuple[int, int] | None:
        """The length at `offset` and where its body begins; None while incomplete."""
        value = shift = 0
        for index in range(offset, min(offset + VARINT_BYTES_MAX, len(self._buffer))):
            byte = self._buffer[index]
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                if byte == 0 and shift:
                    raise MalformedMessage("a frame length is not minimally encoded")
                if value > self._frame_bytes_max:
                    raise FrameTooLarge(f"a frame of {value} bytes, over {self._frame_bytes_max}")
                return value, index + 1
            shift += 7
        if len(self._buffer) - offset >= VARINT_BYTES_MAX:
            raise MalformedMessage("a frame length has over 9 bytes")
        return None
