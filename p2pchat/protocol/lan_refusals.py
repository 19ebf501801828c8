"""What LAN discovery did not take: counted since the start, and for a while one by one.

The counters serve whoever watches for years. Who asks why nobody is found now needs what happened
now: a neighbour that left, or a setting that was taken back, accuses nobody any more.
"""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Iterable

from p2pchat.model.lan import LanRefusal

__all__ = ["BY_OURSELVES", "LanRefusals"]

RECENT_S_MIN = 60.0
RECENT_MAX = 64
"""Of one reason; more are as telling."""

BY_OURSELVES = (LanRefusal.PEER, LanRefusal.SUBNET, LanRefusal.OUTSIDE)
"""Reasons that our own settings made."""


class LanRefusals:
    """Refusals by reason."""

    def __init__(self, heartbeat_s: float) -> None:
        self._recent_s = max(RECENT_S_MIN, 2 * heartbeat_s)
        self._recent: defaultdict[LanRefusal, deque[float]] = defaultdict(
            lambda: deque(maxlen=RECENT_MAX)
        )
        self.total: Counter[LanRefusal] = Counter()

    def count(self, reason: LanRefusal, now_s: float) -> None:
        self.total[reason] += 1
        self._recent[reason].append(now_s)

    def lately(self, now_s: float) -> dict[LanRefusal, int]:
        """Those of the last minute, or of the last two heartbeats where these are rarer."""
        since_s = now_s - self._recent_s
        counts = {
            reason: sum(at_s > since_s for at_s in times) for reason, times in self._recent.items()
        }
        return {reason: count for reason, count in counts.items() if count}

    def forget(self, reasons: Iterable[LanRefusal]) -> None:
        """These say nothing about now any more; the totals stay."""
        for reason in reasons:
            self._recent.pop(reason, None)
