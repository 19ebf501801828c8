"""Named timers of one machine, on one task: setting a timer costs a dictionary entry.

The task rests until the earliest deadline, and setting an earlier one moves that without waking it:
most timers are replaced or cleared before they run out.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from heapq import heapify, heappop, heappush

import trio

__all__ = ["Timers"]

DELAY_S_MIN = 0.001
"""A rest that rounding left of a delay: waiting for less might let no time pass at all, and the
machine would ask for the same rest again, for ever."""
STALE_MAX = 1024
"""Replaced entries kept in the heap before it is swept."""


class Timers:
    """Fires `put(name)` for each timer that runs out, in the order of their deadlines."""

    def __init__(self, put: Callable[[str], Awaitable[None]]) -> None:
        self._put = put
        self._deadlines: dict[str, tuple[float, int]] = {}
        self._heap: list[tuple[float, int, str]] = []
        self._serial = 0
        self._rest = trio.CancelScope()

    def set(self, name: str, delay_s: float) -> None:
        """Fire `name` after `delay_s`, in place of a timer of that name."""
        self._serial += 1
        entry = (trio.current_time() + max(delay_s, DELAY_S_MIN), self._serial)
        self._deadlines[name] = entry
        if not self._heap or entry < self._heap[0][:2]:
            self._rest.deadline = entry[0]
        heappush(self._heap, (*entry, name))
        if len(self._heap) > STALE_MAX + 2 * len(self._deadlines):
            self._heap = [(*entry, name) for name, entry in self._deadlines.items()]
            heapify(self._heap)

    def clear(self, name: str) -> None:
        """Forget `name`."""
        self._deadlines.pop(name, None)

    async def run(self) -> None:
        """Fire timers until cancelled."""
        while True:
            name = await self._next()
            await self._put(name)

    async def _next(self) -> str:
        while True:
            while self._heap and self._deadlines.get(self._heap[0][2]) != self._heap[0][:2]:
                heappop(self._heap)  # replaced or cleared, perhaps while we waited for it
            if self._heap and self._heap[0][0] <= trio.current_time():
                name = heappop(self._heap)[2]
                del self._deadlines[name]
                return name
            until_s = self._heap[0][0] if self._heap else math.inf
            with trio.CancelScope(deadline=until_s) as self._rest:
                await trio.sleep_forever()
