"""Order and time: causal where it can be known, sensible where it cannot, trusting no clock.

The hybrid logical clock (Kulkarni et al., 2014) is for display only; validity and permissions
never look at it. A clock more than five minutes ahead of ours moves neither our clock nor a
message's place beyond those five minutes.
"""

from __future__ import annotations

from collections.abc import Iterable

from p2pchat.model.machine import Now
from p2pchat.model.op import HLC_COUNTER_BITS

__all__ = ["HybridClock", "sort_key"]

AHEAD_MS_MAX = 5 * 60 * 1000


def hlc_at(wall_ms: int) -> int:
    """The first hybrid time of a wall-clock millisecond."""
    return max(wall_ms, 0) << HLC_COUNTER_BITS


class HybridClock:
    """Our own clock: never runs backwards, follows what it has seen."""

    def __init__(self, last: int = 0) -> None:
        self._last = last

    def tick(self, now: Now) -> int:
        """The time of a new op of ours, above everything observed."""
        self._last = max(self._last + 1, hlc_at(now.wall_ms))
        return self._last

    def observe(self, hlc: int, now: Now) -> None:
        """Follow a remote time, unless it is too far ahead."""
        if hlc <= hlc_at(now.wall_ms + AHEAD_MS_MAX):
            self._last = max(self._last, hlc)


def sort_key(hlc: int, received_ms: int, predecessors: Iterable[int]) -> int:
    """Where an op is shown: by its own time, but after its predecessors' keys; fixed when it is
    applied. Replicas may differ only round ops whose clock is over five minutes ahead."""
    place = min(hlc, hlc_at(received_ms + AHEAD_MS_MAX))
    for key in predecessors:
        place = max(place, key + 1)
    return place
