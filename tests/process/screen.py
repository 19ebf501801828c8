"""A program in a terminal of its own: what its screen shows, and keys for it."""

from __future__ import annotations

import fcntl
import os
import struct
import termios
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager

import pyte
import trio

COLUMNS, ROWS = 90, 24


class Terminal:
    """The screen of a pseudo-terminal."""

    def __init__(self, master: int, slave: int, process: trio.Process) -> None:
        self._master = master
        self._slave = slave
        self._screen = pyte.Screen(COLUMNS, ROWS)
        self._stream = pyte.ByteStream(self._screen)
        self._changed = trio.Event()
        self.process = process

    @property
    def lines(self) -> list[str]:
        """What it shows; the second half of a wide character is no character."""
        return [line.rstrip() for line in self._screen.display]

    @property
    def is_raw(self) -> bool:
        """Whether a program reads each key, instead of lines."""
        return not termios.tcgetattr(self._slave)[3] & termios.ICANON

    def types(self, keys: str) -> None:
        """Press keys; Enter is a carriage return."""
        os.write(self._master, keys.encode())

    async def shows(self, *texts: str) -> None:
        """Wait until all of these are to be seen."""
        await self._until(lambda: all(map(self._sees, texts)), f"{texts} is not among:")

    async def hides(self, text: str) -> None:
        """Wait until this is to be seen no more."""
        await self._until(lambda: not self._sees(text), f"{text} is still among:")

    def _sees(self, text: str) -> bool:
        return any(text in line for line in self.lines)

    async def _until(self, is_so: Callable[[], bool], complaint: str) -> None:
        with trio.move_on_after(90) as patience:
            while not is_so():
                self._changed = trio.Event()
                await self._changed.wait()
        assert not patience.cancelled_caught, "\n".join([complaint, *self.lines])

    async def read(self) -> None:
        """Draw whatever comes, as long as there is anybody to draw it."""
        while True:
            await trio.lowlevel.wait_readable(self._master)
            self._stream.feed(os.read(self._master, 65_536))
            self._changed.set()


@asynccontextmanager
async def in_a_terminal(command: Sequence[str]) -> AsyncGenerator[Terminal]:
    """A program with a terminal for the time of the block."""
    master, slave = os.openpty()
    fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    environment = {**os.environ, "TERM": "xterm-256color", "LC_ALL": "C.UTF-8"}
    process = await trio.lowlevel.open_process(
        command, stdin=slave, stdout=slave, stderr=slave, env=environment, start_new_session=True
    )
    terminal = Terminal(master, slave, process)
    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(terminal.read)
            yield terminal
            nursery.cancel_scope.cancel()
    finally:
        process.kill()
        await process.wait()
        os.close(master)
        os.close(slave)
