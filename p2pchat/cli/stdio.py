"""Standard input and output as trio streams, and lines read from one of them.

On POSIX no thread stands in between. Standard output belongs to the stream alone: whatever else in
the process prints goes to standard error from then on, so that no stray line breaks a protocol.
"""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager

import trio

__all__ = ["LineReader", "open_stdio"]

_STDIN, _STDOUT, _STDERR = 0, 1, 2
_READ_BYTES = 256 * 1024

if sys.platform == "win32":

    class _Input(trio.abc.ReceiveStream):
        """Windows waits for a console or a pipe only in a thread."""

        async def receive_some(self, max_bytes: int | None = None) -> bytes:
            return await trio.to_thread.run_sync(  # noqa: TID251 -- no other way to wait
                os.read, _STDIN, max_bytes or _READ_BYTES, abandon_on_cancel=True
            )

        async def aclose(self) -> None:
            await trio.lowlevel.checkpoint()

    class _Output(trio.abc.SendStream):
        def __init__(self, descriptor: int) -> None:
            self._descriptor = descriptor

        async def send_all(self, data: bytes | bytearray | memoryview) -> None:
            rest = memoryview(data)
            try:
                while rest:
                    written = await trio.to_thread.run_sync(  # noqa: TID251 -- as above
                        os.write, self._descriptor, rest
                    )
                    rest = rest[written:]
            except OSError as error:
                raise trio.BrokenResourceError from error

        async def wait_send_all_might_not_block(self) -> None:
            await trio.lowlevel.checkpoint()

        async def aclose(self) -> None:
            os.close(self._descriptor)
            await trio.lowlevel.checkpoint()

    def _streams() -> tuple[trio.abc.ReceiveStream, trio.abc.SendStream]:
        return _Input(), _Output(os.dup(_STDOUT))

else:

    def _streams() -> tuple[trio.abc.ReceiveStream, trio.abc.SendStream]:
        return (
            trio.lowlevel.FdStream(os.dup(_STDIN)),
            trio.lowlevel.FdStream(os.dup(_STDOUT)),
        )


@asynccontextmanager
async def open_stdio() -> AsyncGenerator[tuple[trio.abc.ReceiveStream, trio.abc.SendStream]]:
    """Standard input and output for the time of the block."""
    sys.stdout.flush()
    async with AsyncExitStack() as stack:
        reader, writer = _streams()
        await stack.enter_async_context(reader)
        await stack.enter_async_context(writer)
        os.dup2(_STDERR, _STDOUT)
        yield reader, writer


class LineReader:
    """Whole lines from a stream, without their ends; an endless line takes bounded memory."""

    def __init__(self, stream: trio.abc.ReceiveStream, line_bytes_max: int) -> None:
        self._stream = stream
        self._line_bytes_max = line_bytes_max
        self._rest = b""
        self._untaken: list[bytes] = []

    def put_back(self, lines: list[bytes]) -> None:
        """Have these lines, which were received and not taken, come again first."""
        self._untaken = lines

    async def receive(self) -> list[bytes]:
        """The lines that are there, at least one; none at the end. Of a line over the limit only
        so much comes that it is seen to be over."""
        if self._untaken:
            lines, self._untaken = self._untaken, []
            return lines
        while True:
            try:
                chunk = bytes(await self._stream.receive_some(_READ_BYTES))
            except trio.BrokenResourceError:
                chunk = b""  # nothing more comes: the end
            if not chunk:
                last, self._rest = self._rest, b""
                return [last] if last else []
            first, *others = chunk.split(b"\n")
            self._rest = self._cut(self._rest + first)
            if others:
                lines = [self._rest, *others[:-1]]
                self._rest = self._cut(others[-1])
                return [self._cut(line) for line in lines]

    def _cut(self, line: bytes) -> bytes:
        return line[: self._line_bytes_max + 1]
