"""One seed, one run: what makes a simulation repeat itself to the byte.

Randomness has three sources in a simulated world. Ours is seeded per peer and purpose (`seeded`).
Time is trio's `MockClock`, which jumps to the next deadline when every task waits. The third is
trio's scheduler, which shuffles the tasks that are ready on purpose, from a private generator.
Shuffling is worth keeping, it finds races; so `pinned_scheduler` seeds it, and this is the one
place that touches trio's private names. A trio that renames or no longer uses them fails here,
loudly, rather than making seeds lie.

What remains is up to the code under test: no threads (an auto-jumping clock does not wait for
them), no module-level `random`, and sorted iteration wherever a set would decide an order.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from functools import lru_cache
from importlib.metadata import version
from random import Random
from typing import TypeVar, TypeVarTuple

import trio
import trio._core._run as scheduler  # pyright: ignore[reportMissingImports] - not in the stubs
import trio.testing

from p2pchat.node.ambient import seeded

__all__ = ["SchedulerChanged", "pinned_scheduler", "run_simulation", "seeded"]

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

_SWITCH = "_ALLOW_DETERMINISTIC_SCHEDULING"
_USES = (
    "if _ALLOW_DETERMINISTIC_SCHEDULING:",
    "batch.sort(key=lambda t: t._counter)",
    "_r.shuffle(batch)",
)
"""Lines of trio's run loop that the pinning relies on."""


class SchedulerChanged(RuntimeError):
    """This release of trio schedules in another way; `determinism.py` must follow it."""


def run_simulation(async_fn: Callable[[*Ts], Awaitable[T]], seed: int | str, *args: *Ts) -> T:
    """Run `async_fn(*args)` in virtual time with trio's scheduler pinned to `seed`.

    Answers what it returns. Everything inside must be simulated: real input and output does not
    advance virtual time.
    """
    with pinned_scheduler(seed):
        clock = trio.testing.MockClock(autojump_threshold=0)
        return trio.run(  # pyright: ignore[reportUnknownMemberType] - old stubs
            async_fn, *args, clock=clock
        )


@contextmanager
def pinned_scheduler(seed: int | str) -> Generator[None]:
    """Make trio's scheduler repeat itself for runs started inside; put back what was before."""
    private = _private_names()
    shuffler = private["_r"]
    if not isinstance(shuffler, Random):
        raise _changed("_r")
    before, allowed = shuffler.getstate(), private[_SWITCH]
    private[_SWITCH] = True
    shuffler.seed(f"{seed}/scheduler")
    try:
        yield
    finally:
        shuffler.setstate(before)
        private[_SWITCH] = allowed


@lru_cache(maxsize=1)
def _private_names() -> dict[str, object]:
    """The globals of trio's scheduler, once its run loop was seen to use them as expected."""
    source = inspect.getsource(scheduler)
    for line in _USES:
        if line not in source:
            raise _changed(line)
    names: dict[str, object] = scheduler.__dict__  # pyright: ignore[reportAssignmentType] - a module's
    return names


def _changed(missing: str) -> SchedulerChanged:
    return SchedulerChanged(
        f"trio {version('trio')} no longer shuffles tasks in the way that simulations pin:"
        f" {missing!r} is gone; adapt p2pchat/testing/determinism.py"
    )
