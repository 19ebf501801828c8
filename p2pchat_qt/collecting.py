"""Garbage is collected in the thread of the window alone.

The client's thread makes most of it, so Python would collect there; but an object of Qt that is
destroyed in another thread than its own may take the process with it.
"""

from __future__ import annotations

import gc
from collections.abc import Generator
from contextlib import contextmanager

from PySide6.QtCore import QTimer

__all__ = ["collecting_here"]

EVERY_MS = 500


@contextmanager
def collecting_here() -> Generator[None]:
    """Collect by a timer of this thread, and by nothing else."""
    was_enabled = gc.isenabled()
    gc.disable()
    timer = QTimer()
    timer.timeout.connect(_collect)
    timer.start(EVERY_MS)
    try:
        yield
    finally:
        timer.stop()
        gc.collect()
        if was_enabled:
            gc.enable()


def _collect() -> None:
    """As Python itself would: the oldest generation whose turn it is."""
    due = [count > most for count, most in zip(gc.get_count(), gc.get_threshold(), strict=True)]
    if due[0]:
        gc.collect(2 if due[1] and due[2] else 1 if due[1] else 0)
