"""What many share when nobody knows whom to trust: a source gets a small part of what is left.

A fixed part for each would waste what few use, and first come, first served leaves nothing to who
comes later. So a source may hold as much of a pool as an eighth of what is left of it. In an empty
pool that is much; the fuller it is the sooner the heaviest sources are refused, while those that
hold little still get something: four that want all leave more than a half to others, sixteen a
seventh. Nothing that somebody holds is ever taken away: to make others lose what they have by
asking for more oneself would be a weapon.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable
from typing import Generic, TypeVar

__all__ = ["Shares"]

S = TypeVar("S", bound=Hashable)

PARTS = 8
"""Of as many parts of what is left, a source may hold one."""


class Shares(Generic[S]):
    """A pool of so much, and who holds how much of it."""

    def __init__(self, most: int) -> None:
        self._left = most
        self._held: Counter[S] = Counter()

    def held_by(self, source: S) -> int:
        return self._held[source]

    def fits(self, source: S, amount: int) -> bool:
        """Whether this source may take so much more."""
        return PARTS * (self._held[source] + amount) <= self._left - amount

    def take(self, source: S, amount: int) -> None:
        """So much more (or, below zero, less) is held by this source, whether it fits or not."""
        self._left -= amount
        self._held[source] += amount
        if not self._held[source]:
            del self._held[source]
