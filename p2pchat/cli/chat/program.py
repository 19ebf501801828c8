"""`p2pchat chat`: client, terminal, and the session between them, for as long as it lasts."""

from __future__ import annotations

import logging
import sys
from collections import deque
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager, suppress
from functools import partial

import trio

from p2pchat.cli.chat.session import HEARD, Session
from p2pchat.cli.chat.terminal import Input, Terminal
from p2pchat.cli.commands import online
from p2pchat.cli.failing import WrongUsage
from p2pchat.cli.settings import Settings

__all__ = ["chat"]

INPUTS_MAX = 256
"""Lines and keys that wait; what comes faster than it is done is lost."""
LOG_RECORDS_MAX = 200
"""Of what the log says meanwhile, the latest is shown afterwards."""


async def chat(settings: Settings) -> int:
    """Chat in the terminal until the person ends it."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise WrongUsage("chat needs a terminal; `p2pchat rpc` is for programs")
    inputs, taken = trio.open_memory_channel[Input](INPUTS_MAX)
    offer = partial(_offer, trio.lowlevel.current_trio_token(), inputs)
    with _log_held_back():
        async with online(settings) as client, client.subscribe(*HEARD) as events:
            session = Session(client, settings.language, settings.warnings)
            terminal = Terminal(session.chat, offer, settings.language)
            session.show = terminal.show
            async with _on_screen(terminal):
                await session.run(events, taken)
    return 0


def _offer(
    token: trio.lowlevel.TrioToken, inputs: trio.MemorySendChannel[Input], input: Input
) -> None:
    """Hand over what was typed, from the terminal's thread."""

    def put() -> None:
        with suppress(trio.WouldBlock):  # somebody leans on a key
            inputs.send_nowait(input)

    token.run_sync_soon(put)


@asynccontextmanager
async def _on_screen(terminal: Terminal) -> AsyncGenerator[None]:
    """The terminal for the time of the block, given back whatever ends it."""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_draw, terminal)
        try:
            yield
        finally:
            terminal.stop()


async def _draw(terminal: Terminal) -> None:
    with trio.CancelScope(shield=True):
        # It has an event loop of asyncio, and must give the terminal back before it is left.
        await trio.to_thread.run_sync(terminal.run)  # noqa: TID251


@contextmanager
def _log_held_back() -> Generator[None]:
    """Keep the log off the screen, and show it when the screen is given back."""
    root = logging.getLogger()
    before, kept = root.handlers[:], _Kept()
    root.handlers = [kept]
    try:
        yield
    finally:
        root.handlers = before
        for record in kept.records:
            root.handle(record)


class _Kept(logging.Handler):
    """The latest records."""

    def __init__(self) -> None:
        super().__init__()
        self.records: deque[logging.LogRecord] = deque(maxlen=LOG_RECORDS_MAX)

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)
