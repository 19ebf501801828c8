"""How busy this machine is, so that a figure of the design can be held to where it counts.

The design names times for a machine that does nothing else. A test that measures one multiplies it
with `slowness`, which is 1 there, or with the `worst_slowness` while it was measured. Tests with
such figures are slow ones, run with little beside them; their fast siblings look at what comes of
it, not at when.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable

import trio

__all__ = ["slowness", "worst_slowness"]

WORK_S = 0.3
"""Longer than a turn of the scheduler, whatever else wants the processor."""
PAUSE_S = 2.0
"""Between two looks, so that looking takes no more than an eighth of one processor."""


def slowness() -> float:
    """How many times longer work takes now than if it had a processor to itself; at least 1."""
    began_s, worked_s = time.perf_counter(), time.thread_time()
    while time.thread_time() - worked_s < WORK_S:
        pass
    return max(1.0, (time.perf_counter() - began_s) / WORK_S)


async def worst_slowness(story: Callable[[], Awaitable[None]]) -> float:
    """The largest slowness seen while the story was told.

    For a figure that is the worst of many: what makes it is what the machine did meanwhile, and may
    be over when the story is."""
    seen: list[float] = []

    async def look() -> None:
        while True:
            seen.append(await trio.to_thread.run_sync(slowness))
            await trio.sleep(PAUSE_S)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(look)
        await story()
        nursery.cancel_scope.cancel()
    return max(seen)
