"""Pace: how much of something each of many may do.

A token bucket lets a burst through and then a steady rate. What is limited is named by remotes, so
the buckets themselves are bounded: the one that was used longest ago goes first, and whoever comes
back after that finds a full one.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

__all__ = ["Bucket", "Buckets", "Rate"]

K = TypeVar("K", bound=Hashable)

BUCKETS_MAX = 4096


@dataclass(frozen=True, slots=True)
class Rate:
    """So much a second, after a burst."""

    per_s: float
    burst: float


class Bucket:
    """Tokens that come back with time."""

    def __init__(self, rate: Rate, now_s: float) -> None:
        self._rate = rate
        self._left = rate.burst
        self._now_s = now_s

    def take(self, count: float, now_s: float) -> bool:
        """Take so many, or none when there are not enough."""
        self._fill(now_s)
        if self._left < count:
            return False
        self._left -= count
        return True

    def left(self, now_s: float) -> float:
        """How many there are."""
        self._fill(now_s)
        return self._left

    def wait_s(self, count: float, now_s: float) -> float:
        """For how many seconds to wait until so many can be taken; none is taken."""
        self._fill(now_s)
        return max((count - self._left) / self._rate.per_s, 0.0)

    def owe(self, count: float, now_s: float) -> float:
        """Take so many in any case; for how many seconds to wait until none is owed."""
        self._fill(now_s)
        self._left -= count
        return max(-self._left / self._rate.per_s, 0.0)

    def _fill(self, now_s: float) -> None:
        fresh = (now_s - self._now_s) * self._rate.per_s
        self._left = min(self._left + fresh, self._rate.burst)
        self._now_s = now_s


class Buckets(Generic[K]):
    """A bucket for each key, of the keys that were used last."""

    def __init__(self, rate: Rate, buckets_max: int = BUCKETS_MAX) -> None:
        self._rate = rate
        self._most = buckets_max
        self._buckets: OrderedDict[K, Bucket] = OrderedDict()

    def __len__(self) -> int:
        return len(self._buckets)

    def of(self, key: K, now_s: float) -> Bucket:
        """The bucket of a key."""
        bucket = self._buckets.setdefault(key, Bucket(self._rate, now_s))
        self._buckets.move_to_end(key)
        if len(self._buckets) > self._most:
            self._buckets.popitem(last=False)
        return bucket
