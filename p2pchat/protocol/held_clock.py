"""Time for who throws things away when they are old, on a machine whose clock may be set wrong.

A clock that jumps a month ahead would have a relay delete all mail that it confirmed; one that
jumps back would have it store mail that is too old as soon as the clock is right again. So there
are two times. One goes on at the pace of the monotonic clock, from the newest time that the disk
knows, and follows the wall clock only when that has not jumped, or has been where it is for a day,
in which somebody may set it right. What is deleted is old by both clocks, and what is stored is as
young as either says.
"""

from __future__ import annotations

from p2pchat.model.machine import Now

__all__ = ["HeldClock"]

JUMP_MS = 10 * 60 * 1000
"""How far the wall clock moves without having jumped: it was corrected."""
AWAY_MS = 24 * 3600 * 1000
"""The same while we were not running: we may have been away."""
HELD_S = 24 * 3600.0
"""How long a wall clock that jumped is not followed."""


class HeldClock:
    """The wall clock, and one that does not jump."""

    def __init__(self, known_ms: int | None) -> None:
        """`known_ms` is the newest time that is written down."""
        self._known_ms = known_ms
        self._steady_ms = 0.0
        self._read_s: float | None = None
        self._jumped_s: float | None = None

    def oldest_ms(self, now: Now) -> int:
        """The time by which it is judged what is old."""
        return min(self._read(now), now.wall_ms)

    def newest_ms(self, now: Now) -> int:
        """The time that is written on what is new."""
        return max(self._read(now), now.wall_ms)

    def _read(self, now: Now) -> int:
        if self._read_s is None:
            known = now.wall_ms if self._known_ms is None else self._known_ms
            is_near = 0 <= now.wall_ms - known <= AWAY_MS
            self._steady_ms = now.wall_ms if is_near else known
        else:
            self._steady_ms += 1000 * (now.monotonic_s - self._read_s)
        self._read_s = now.monotonic_s
        if abs(now.wall_ms - self._steady_ms) <= JUMP_MS:
            self._jumped_s = None
            self._steady_ms = now.wall_ms
        elif self._jumped_s is None:
            self._jumped_s = now.monotonic_s
        elif now.monotonic_s - self._jumped_s >= HELD_S:
            self._jumped_s = None
            self._steady_ms = now.wall_ms
        return int(self._steady_ms)
