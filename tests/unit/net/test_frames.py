"""The frames of a stream, one after the other."""

from __future__ import annotations

from typing import cast

import pytest
import trio

from p2pchat.errors import MalformedMessage, StreamReset
from p2pchat.net.frames import FrameReader
from p2pchat.net.port import Stream
from p2pchat.wire.framing import frame, join_frames


class Script:
    """A stream that is read in given pieces."""

    def __init__(self, *pieces: bytes) -> None:
        self._pieces = list(pieces)

    async def receive_some(self, _most: int) -> bytes:
        return self._pieces.pop(0) if self._pieces else b""


def reader(*pieces: bytes) -> FrameReader:
    return FrameReader(cast("Stream", Script(*pieces)), 100)


def test_frames_come_one_after_the_other_and_then_none():
    async def main() -> None:
        frames = reader(join_frames([b"one", b"two"]) + b"\x05th", b"ree")
        assert [await frames.next() for _ in range(4)] == [b"one", b"two", b"three", None]

    trio.run(main)


def test_a_reader_is_between_frames_when_nothing_waits_and_nothing_is_half_there():
    async def main() -> None:
        frames = reader(join_frames([b"one", b"two"]), frame(b"three")[:2])
        assert frames.is_between
        await frames.next()
        assert not frames.is_between
        await frames.next()
        assert frames.is_between
        with pytest.raises(StreamReset):
            await frames.next()
        assert not frames.is_between

    trio.run(main)


def test_what_stands_before_an_empty_frame_is_still_read():
    async def main() -> None:
        frames = reader(join_frames([b"one", b"", b"two"]))
        assert await frames.next() == b"one"
        with pytest.raises(MalformedMessage):
            await frames.next()

    trio.run(main)
