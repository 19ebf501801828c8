"""Yamux frames: the twelve-byte header, and a reader that cuts bytes into headers and bodies.

A reader that awaits header and body apart wakes the scheduler twice for every frame, and one that
collects a body before looking at it allocates what a stranger announced. This one does neither: it
is handed whatever one receive brought, cut wherever the network happened to cut it. Bodies are
passed on in the pieces they came in, so it never holds back more than eleven bytes, whatever
length a header claims.

Source: https://github.com/hashicorp/yamux/blob/master/spec.md
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from enum import IntEnum
from typing import Final, NamedTuple

from p2pchat.errors import RemoteProtocolError

__all__ = [
    "ACK",
    "FIN",
    "FRAME_BODY_BYTES_MAX",
    "HEADER_BYTES",
    "RST",
    "SYN",
    "FrameReader",
    "GoAwayCode",
    "Header",
    "Kind",
    "YamuxViolation",
    "encode_header",
]

HEADER_BYTES: Final = 12
FRAME_BODY_BYTES_MAX: Final = 1 << 20
"""The largest window ever granted; no honest frame can be longer."""

SYN: Final = 1
ACK: Final = 2
FIN: Final = 4
RST: Final = 8
"""Bits of the flags field (plain integers: arithmetic on an enum costs more than the frame).
Bits not named here are ignored, as other implementations do."""

_HEADER: Final = struct.Struct("!BBHII")  # version, type, flags, stream id, length
_VERSION: Final = 0


class Kind(IntEnum):
    """The type field of a frame."""

    DATA = 0
    WINDOW_UPDATE = 1
    PING = 2
    GO_AWAY = 3


class GoAwayCode(IntEnum):
    """Why a session ends; carried in the length field of a GO_AWAY frame."""

    NORMAL = 0
    PROTOCOL_ERROR = 1
    INTERNAL_ERROR = 2


class YamuxViolation(RemoteProtocolError):
    """The peer broke the rules of Yamux; its connection ends."""


class Header(NamedTuple):
    """One frame's header; `length` is a body length, a credit, a ping value or a code."""

    kind: int
    flags: int
    stream_id: int
    length: int


def encode_header(kind: int, flags: int, stream_id: int, length: int) -> bytes:
    """The twelve bytes of a header."""
    return _HEADER.pack(_VERSION, kind, flags, stream_id, length)


class FrameReader:
    """Cuts a byte stream into headers, each followed by the pieces of its body."""

    __slots__ = ("body_left", "frames", "partial_header")

    def __init__(self) -> None:
        self.body_left = 0
        """Bytes of the present body that have not come yet."""
        self.frames = 0
        """Headers read so far."""
        self.partial_header = b""

    @property
    def mid_frame(self) -> bool:
        """True while a frame has begun and not ended."""
        return self.body_left > 0 or bool(self.partial_header)

    def feed(self, data: bytes | bytearray) -> Iterator[Header | memoryview]:
        """Yield what `data` completes; to be consumed before the next call.

        A piece of a body is a view of `data`, never empty. Raises `YamuxViolation`; everything
        before the offending header has been yielded by then.
        """
        if self.partial_header:
            data = self.partial_header + data
            self.partial_header = b""
        view = memoryview(data)
        at, end = 0, len(data)
        while at < end:
            if self.body_left:
                piece = view[at : at + self.body_left]
                at += len(piece)
                self.body_left -= len(piece)
                yield piece
            elif end - at < HEADER_BYTES:
                self.partial_header = bytes(view[at:])
                return
            else:
                header = self._header(data, at)
                at += HEADER_BYTES
                yield header

    def _header(self, data: bytes | bytearray, at: int) -> Header:
        version, kind, flags, stream_id, length = _HEADER.unpack_from(data, at)
        if version != _VERSION:
            raise YamuxViolation(f"Yamux version {version} is unknown")
        if kind > Kind.GO_AWAY:
            raise YamuxViolation(f"Yamux frame type {kind} is unknown")
        if kind <= Kind.WINDOW_UPDATE and stream_id == 0:
            raise YamuxViolation("a stream frame names stream 0, which is the session")
        if kind == Kind.DATA:
            if length > FRAME_BODY_BYTES_MAX:
                raise YamuxViolation(f"a frame of {length} bytes is longer than any window")
            self.body_left = length
        self.frames += 1
        return Header(kind, flags, stream_id, length)
