"""Ending in order when the user or the system asks for it."""

from __future__ import annotations

import signal
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import trio

__all__ = ["Ending", "until_signal"]


@dataclass(slots=True)
class Ending:
    """Which signal ended the block; None when it ended by itself."""

    signal: int | None = None

    @property
    def was_interrupted(self) -> bool:
        """Whether the user pressed Ctrl-C."""
        return self.signal == signal.SIGINT


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
