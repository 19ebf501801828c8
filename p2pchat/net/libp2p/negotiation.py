"""multistream-select 1.0 on one stream: which protocol is spoken here.

py-libp2p's own reads byte by byte, which costs a window update a byte and three milliseconds a
stream, believes any length, and lets undecodable text escape as another error. Here the dialler
sends the header and its first proposal in one write, both sides read what is there, and what was
read beyond the last line is handed on with the answer.

Source: https://github.com/multiformats/multistream-select
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from libp2p.abc import IMuxedStream

from p2pchat.errors import MalformedMessage
from p2pchat.net.libp2p.streams import Choice, read_some, write_all
from p2pchat.net.port import ProtocolId
from p2pchat.wire.framing import frame

__all__ = ["NotServed", "answer", "propose"]

HEADER = "/multistream/1.0.0"
NOT_AVAILABLE = "na"
LINE_BYTES_MAX = 1024
PROPOSALS_MAX = 32
"""Protocols a dialler may ask for on one stream."""


class NotServed(Exception):
    """The remote serves none of the protocols proposed."""


async def propose(stream: IMuxedStream, protocols: Sequence[ProtocolId]) -> Choice:
    """Agree on the first of `protocols` that the remote serves.

    Raises `NotServed`, `MalformedMessage`, `trio.BrokenResourceError`.
    """
    lines = _Lines(stream)
    lines.put(HEADER)
    greeted = False
    for protocol in protocols:
        lines.put(protocol)
        await lines.flush()
        if not greeted:
            _require_header(await lines.get())
            greeted = True
        reply = await lines.get()
        if reply == protocol:
            return Choice(protocol, lines.rest)
        if reply != NOT_AVAILABLE:
            raise MalformedMessage("an answer in multistream-select is neither the protocol nor na")
    raise NotServed(f"the peer serves none of {', '.join(protocols)}")


async def answer(stream: IMuxedStream, serves: Callable[[ProtocolId], bool]) -> Choice:
    """Answer proposals until one is served.

    Raises `MalformedMessage`, `trio.BrokenResourceError`.
    """
    lines = _Lines(stream)
    lines.put(HEADER)
    _require_header(await lines.get())
    for _ in range(PROPOSALS_MAX):
        protocol = await lines.get()
        if serves(protocol):
            lines.put(protocol)
            await lines.flush()
            return Choice(protocol, lines.rest)
        lines.put(NOT_AVAILABLE)
    raise MalformedMessage(f"over {PROPOSALS_MAX} protocols proposed on one stream")


def _require_header(line: str) -> None:
    if line != HEADER:
        raise MalformedMessage("the stream does not begin with multistream-select 1.0")


class _Lines:
    """Length-prefixed lines; what is put leaves when the next line has to be waited for."""

    def __init__(self, stream: IMuxedStream) -> None:
        self._stream = stream
        self._received = bytearray()
        self._pending = bytearray()

    @property
    def rest(self) -> bytes:
        return bytes(self._received)

    def put(self, line: str) -> None:
        self._pending += frame(line.encode() + b"\n")

    async def flush(self) -> None:
        if self._pending:
            data, self._pending = bytes(self._pending), bytearray()
            await write_all(self._stream, data)

    async def get(self) -> str:
        while (line := self._cut()) is None:
            await self.flush()
            data = await read_some(self._stream)
            if not data:
                raise MalformedMessage("the stream ended within multistream-select")
            self._received += data
        return line

    def _cut(self) -> str | None:
        """The first complete line, taken out; its length has one byte or two."""
        received = self._received
        if not received or (received[0] >= 0x80 and len(received) < 2):
            return None
        length, start = received[0], 1
        if length >= 0x80:
            length, start = length & 0x7F | received[1] << 7, 2
        if not 0 < length <= LINE_BYTES_MAX:
            raise MalformedMessage("a line of multistream-select is empty or too long")
        if len(received) < start + length:
            return None
        line = bytes(received[start : start + length])
        del received[: start + length]
        return _text(line)


def _text(line: bytes) -> str:
    try:
        if line.endswith(b"\n"):
            return line[:-1].decode("ascii")
    except UnicodeDecodeError:
        pass  # falls through to the one refusal
    raise MalformedMessage("a line of multistream-select is no text")
