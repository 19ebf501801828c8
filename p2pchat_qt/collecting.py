"""Garbage is collected in the thread of the window alone.

The client's thread makes most of it, so Python would collect there; but an object of Qt that is
destroyed in another thread than its own may take the process with it.

A collection stops the window for as long as it takes, 50 ms for all that an open client consists
of. So what is there once it is open is looked at no more, and the young more seldom than by
Python's measure: of what a client makes hardly anything is in a cycle.
"""

from __future__ import annotations

import gc
from collections.abc import Generator
from contextlib import contextmanager

from PySide6.QtCore import QTimer

__all__ = ["collecting_here", "keep_what_is_here"]

EVERY_MS = 500
_THRESHOLDS = (10_000, 20, 20)
"""Objects made and not freed before the young are looked at; then as many times as follow before
those that survived are."""


@contextmanager
def collecting_here() -> Generator[None]:
    """Collect by a timer of this thread, and by nothing else."""
    was_enabled, thresholds = gc.isenabled(), gc.get_threshold()
    gc.disable()
    gc.set_threshold(*_THRESHOLDS)
    timer = QTimer()
    timer.timeout.connect(_collect)
    timer.start(EVERY_MS)
    try:
        yield
    finally:
        timer.stop()
        gc.unfreeze()
        gc.collect()
        gc.set_threshold(*thresholds)
        if was_enabled:
            gc.enable()


def keep_what_is_here() -> None:
    """The client is open: what is here by now is no garbage for as long as the window is."""
    if not gc.isenabled():
        gc.collect()
        gc.freeze()


def _collect() -> None:
    """As Python itself would: the oldest generation whose turn it is."""
    due = [count > most for count, most in zip(gc.get_count(), gc.get_threshold(), strict=True)]
    if due[0]:
        gc.collect(2 if due[1] and due[2] else 1 if due[1] else 0)
