"""Who shall have what we say in a room by invitation, and what follows from that.

A member has all of our talk chain up to some op, and need not have what lies below another. So
plain counts say how much of the chain is delivered, and how much was read.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

__all__ = ["LOST_MAX", "Expected", "without"]

K = TypeVar("K", bound=Hashable)
Range = tuple[int, int]
"""Ops from one place to below another."""

LOST_MAX = 64
"""Ranges that are told apart; of more the two lowest become one, with what lies between them."""


@dataclass(slots=True)
class Expected(Generic[K]):
    """Of one room. `K` names accounts; all counts are of our talk ops there, so 0 means none."""

    since: dict[K, int] = field(default_factory=dict[K, int])
    """By member: from which op on."""
    settled: int = 0
    """So many were delivered, whoever came or went since."""
    settled_read: int = 0
    """So many were read, whoever came or went since."""
    lost: list[Range] = field(default_factory=list[Range])
    """What is expected of nobody any more, and none of whom it was expected had: they went before.
    It is never delivered, though what comes after it may be."""

    def awaited(self, seq: int) -> set[K]:
        """Of whom an op is expected."""
        return {account for account, first in self.since.items() if first <= seq}

    def delivered(self, acked: Mapping[K, int]) -> int:
        """How many everybody has of whom they are expected, where each has so many; no more than
        anybody ever had."""
        upto = (max(first, acked.get(one, 0)) for one, first in self.since.items())
        had = max(acked.values(), default=0)
        return max(self.settled, min(min(upto, default=0), had))

    def read(self, acked: Mapping[K, int], read: Mapping[K, int]) -> int:
        """How many were read by everybody of whom they are expected; of what is expected of nobody
        any more, by everybody who has it. It never goes back."""
        return max(self.settled_read, self._read(acked, read))

    def _read(self, acked: Mapping[K, int], read: Mapping[K, int]) -> int:
        unread = [read.get(one, 0) for one, has in acked.items() if read.get(one, 0) < has]
        upto = min([*unread, self.delivered(acked)])
        if upto < min(self.since.values(), default=upto + 1):
            return upto
        return min(max(first, read.get(one, 0)) for one, first in self.since.items())

    def lose(self, start: int, stop: int, had: Iterable[Range]) -> bool:
        """So many are delivered, from `stop` on each is expected of somebody who is there, and
        members had others; whether that changes what is lost. What waited for somebody and found
        nobody is found again when it is given to who comes."""
        before, found = self.lost, max(start, stop)
        kept = [(first, min(end, found)) for first, end in before if first < found]
        self.lost = sorted([*kept, *without((start, stop), [*had, *kept])])
        while len(self.lost) > LOST_MAX:
            self.lost[:2] = [(self.lost[0][0], self.lost[1][1])]
        return self.lost != before

    def is_lost(self, seq: int) -> bool:
        """Whether nobody will ever say to have an op."""
        return any(first <= seq < end for first, end in self.lost)


def without(whole: Range, parts: Iterable[Range]) -> list[Range]:
    """What of a range is in none of some others."""
    left, (start, stop) = list[Range](), whole
    for first, end in sorted((first, end) for first, end in parts if first < end):
        if start < min(first, stop):
            left.append((start, min(first, stop)))
        start = max(start, end)
    return [*left, (start, stop)] if start < stop else left
