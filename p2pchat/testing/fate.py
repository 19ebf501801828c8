"""When a simulated life ends, to the step.

A node touches the world through its ports alone, so between two passings of a port it changes
nothing that anybody could see: a crash anywhere equals a crash at one of these moments. Whoever
records a port tells the fate of the life that it passes; once cut, nothing gets past `go_on`.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum, auto

import trio

__all__ = ["Fate", "Moment"]


class Moment(Enum):
    """Where a life may be cut."""

    BEFORE_COMMIT = auto()
    AFTER_COMMIT = auto()
    """Torn between the disk and the network."""
    BEFORE_WRITE = auto()
    AFTER_WRITE = auto()
    AFTER_READ = auto()


class Fate:
    """Whether a life goes on, and what is to end it."""

    def __init__(self) -> None:
        self.scope = trio.CancelScope()
        """Holds all tasks of the life."""
        self.is_over = False
        """Cut or closed: what its tasks still do until they are cancelled counts for nothing."""
        self._doom: tuple[Moment, int, Callable[[], None]] | None = None

    def end(self) -> None:
        """Cut the life here."""
        self.is_over = True
        self._doom = None
        self.scope.cancel()

    def doom(self, moment: Moment, count: int, die: Callable[[], None]) -> None:
        """Call `die` at the `count`-th passing of `moment` from now on."""
        self._doom = (moment, count, die)

    def spare(self) -> None:
        """Lift the doom."""
        self._doom = None

    def passes(self, moment: Moment) -> None:
        """A recorder says where the life stands."""
        if self._doom is None or self._doom[0] is not moment:
            return
        _, count, die = self._doom
        if count > 1:
            self._doom = (moment, count - 1, die)
        else:
            die()

    async def go_on(self) -> None:
        """Return at once while the life goes on, and never after."""
        if self.is_over:
            await trio.sleep_forever()  # until the cancelled scope is felt, which is at once
