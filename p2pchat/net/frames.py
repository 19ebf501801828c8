"""The frames of a stream, one after the other, for protocols of requests and answers."""

from __future__ import annotations

from collections.abc import Iterator

from p2pchat.errors import StreamReset
from p2pchat.net.port import Stream
from p2pchat.wire.framing import FrameParser

__all__ = ["FrameReader"]

_READ_BYTES = 64 * 1024


class FrameReader:
    """Holds at most one read of the stream and one frame. These protocols know no empty frame."""

    def __init__(self, stream: Stream, frame_bytes_max: int) -> None:
        self._stream = stream
        self._parser = FrameParser(frame_bytes_max, skips_empty=False)
        self._ready: Iterator[bytes] = iter(())

    @property
    def is_between(self) -> bool:
        """Whether everything that came was taken: nothing waits, nothing is half there."""
        return self._parser.is_empty

    async def next(self) -> bytes | None:
        """The next frame, or None at the end of the stream.

        Raises `StreamReset` when the stream ends inside a frame, `FrameTooLarge` and
        `MalformedMessage` for a bad length, and what the stream raises.
        """
        while (body := next(self._ready, None)) is None:
            data = await self._stream.receive_some(_READ_BYTES)
            if data:
                self._ready = self._parser.feed(data)
            elif self._parser.is_empty:
                return None
            else:
                raise StreamReset("the stream ended inside a frame")
        return body
