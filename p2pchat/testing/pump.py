"""One heap, one task: everything that will happen in a simulated network.

A task per message in flight would cost several scheduler steps and a timer each. Here whatever is
due is a plain function in a heap; one task sleeps until the earliest and runs all that are due, so
a message costs its receiver's wake-up and a share of the pump's.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable

import trio

__all__ = ["Pump", "on_tick"]

_TICKS_PER_S = 1024
"""Arrivals are rounded up to these, a power of two: sums of them stay exact, and what arrives
almost together arrives in one step."""


def on_tick(when_s: float) -> float:
    """The first tick at or after `when_s`."""
    return math.ceil(when_s * _TICKS_PER_S) / _TICKS_PER_S


class Pump:
    """Runs functions at their time, those of one time in the order they were given."""

    def __init__(self) -> None:
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._count = 0
        self._alarm = trio.move_on_at(math.inf)

    def at(self, when_s: float, action: Callable[[], None]) -> None:
        """Run `action` at virtual time `when_s`; it must not raise."""
        self._count += 1
        heapq.heappush(self._due, (when_s, self._count, action))
        if when_s < self._alarm.deadline:
            self._alarm.deadline = when_s

    async def run(self) -> None:
        """Work until cancelled."""
        due = self._due
        while True:
            with trio.move_on_at(due[0][0] if due else math.inf) as self._alarm:
                await trio.sleep_forever()
            now = trio.current_time()
            while due and due[0][0] <= now:
                heapq.heappop(due)[2]()
