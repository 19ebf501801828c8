"""What signals ask for: ending in order, or reading the configuration again."""

from __future__ import annotations

import logging
import signal
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Generator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from threading import current_thread, main_thread

import trio

from p2pchat.config import ConfigChange
from p2pchat.errors import ConfigError

__all__ = [
    "Ending",
    "at_hangup",
    "at_the_keyboard",
    "hangups",
    "interruptible",
    "until_signal",
]

logger = logging.getLogger(__name__)

SIGNALLED = 128
"""And the number of the signal: what a shell says of a program that a signal ended."""

Reload = Callable[[], Awaitable[ConfigChange]]


@dataclass(slots=True)
class Ending:
    """Which signal ended the block; None when it ended by itself."""

    signal: int | None = None

    @property
    def was_interrupted(self) -> bool:
        """Whether the user pressed Ctrl-C."""
        return self.signal == signal.SIGINT

    @property
    def name(self) -> str | None:
        """How the signal is called, `SIGTERM`."""
        return None if self.signal is None else signal.Signals(self.signal).name


@asynccontextmanager
async def until_signal() -> AsyncGenerator[Ending]:
    """Cancel the block at SIGINT or SIGTERM; what it has open is closed as usual."""
    ending = Ending()
    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_obey, signals, ending, nursery.cancel_scope)
            yield ending
            nursery.cancel_scope.cancel()


async def _obey(signals: AsyncIterator[int], ending: Ending, scope: trio.CancelScope) -> None:
    async for number in signals:
        ending.signal = number
        scope.cancel()


def interruptible(main: Callable[[], Awaitable[int]]) -> Callable[[], Awaitable[int]]:
    """A command that SIGINT and SIGTERM end in order, with the status that shells expect. Python's
    own way, an exception wherever the program happens to be, is lost in a destructor or an import
    now and then."""

    async def run() -> int:
        if current_thread() is not main_thread():
            return await main()  # signals come to the main thread alone
        status = 0
        async with until_signal() as ending:
            status = await main()
        return status if ending.signal is None else SIGNALLED + ending.signal

    return run


@contextmanager
def at_the_keyboard() -> Generator[None]:
    """Have Ctrl-C raise `KeyboardInterrupt` while somebody types into a blocking prompt."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def hangups() -> Generator[AsyncIterator[int] | None]:
    """SIGHUPs from now on, None where there are none. Entered before anything slow, since a
    hangup that nobody listens for ends the process."""
    if sys.platform == "win32":
        yield None
        return
    with trio.open_signal_receiver(signal.SIGHUP) as signals:
        yield signals


@asynccontextmanager
async def at_hangup(signals: AsyncIterator[int] | None, reload: Reload) -> AsyncGenerator[None]:
    """Reload the configuration at each of the `hangups` while the block lasts, and for one that
    came before; the log says what came of it."""
    async with trio.open_nursery() as nursery:
        if signals is not None:
            nursery.start_soon(_reload_each, signals, reload)
        yield
        nursery.cancel_scope.cancel()


async def _reload_each(signals: AsyncIterator[int], reload: Reload) -> None:
    async for _ in signals:
        try:
            change = await reload()
        except ConfigError as error:
            logger.error("the configuration is not taken over, nothing has changed: %s", error)
            continue
        logger.info("the configuration is taken over: %s", ", ".join(change.applied) or "as it was")
        if change.needs_restart:
            logger.warning("these need a restart: %s", ", ".join(change.needs_restart))
