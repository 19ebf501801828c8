"""How often Python looks for cycles while a large world runs.

A world of fifty peers holds over a million objects that live until it ends, and makes short-lived
ones all the time. With its usual thresholds the collector goes through the living again and again:
half of such a run's time, and next to nothing is found, because most litter is freed by counting
references. Nothing depends on when a cycle is freed, so a run is the same run with either pace.
"""

from __future__ import annotations

import gc
from collections.abc import Generator
from contextlib import contextmanager

__all__ = ["seldom_collected"]

_THRESHOLDS = (20_000, 20, 100)
"""Of the young, as often as new objects outweigh freed ones by so many; the others seldomer."""


@contextmanager
def seldom_collected() -> Generator[None]:
    """Look at young objects seldom, and not at all at what was there before the block."""
    usual = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(*_THRESHOLDS)
    try:
        yield
    finally:
        gc.set_threshold(*usual)
        gc.unfreeze()
