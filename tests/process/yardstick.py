"""How busy this machine is, so that a figure of the design can be held to where it counts.

The design names times for a machine that does nothing else. A test that measures one multiplies it
with `slowness`, which is 1 there. Tests with such figures are slow ones, run with little beside
them; their fast siblings look at what comes of it, not at when.
"""

from __future__ import annotations

import time

__all__ = ["slowness"]

WORK_S = 0.3
"""Longer than a turn of the scheduler, whatever else wants the processor."""


def slowness() -> float:
    """How many times longer work takes now than if it had a processor to itself; at least 1."""
    began_s, worked_s = time.perf_counter(), time.process_time()
    while time.process_time() - worked_s < WORK_S:
        pass
    return max(1.0, (time.perf_counter() - began_s) / WORK_S)
