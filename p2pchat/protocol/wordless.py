"""Wordless: ops of a conversation's talk that came when their content had been taken away.

They are in their chain like any other, but whoever signs to hold the chain must not be taken to
have had what they said. So they are known by number, of each device the newest few; of what lies
below these nothing is claimed any more.
"""

from __future__ import annotations

from bisect import bisect_left, insort

from p2pchat.model.ids import DeviceId
from p2pchat.model.op import WORDLESS_MAX

__all__ = ["Wordless"]


class Wordless:
    """By device, the numbers of such ops."""

    def __init__(self) -> None:
        self._seqs: dict[DeviceId, list[int]] = {}
        self._from: dict[DeviceId, int] = {}
        """From where on they are all known, where there were too many."""

    def add(self, device: DeviceId, seq: int) -> None:
        """An op came without its content."""
        seqs = self._seqs.setdefault(device, [])
        if seq < self.known_from(device) or self.has(device, seq):
            return
        insort(seqs, seq)
        if len(seqs) > WORDLESS_MAX:
            self._from[device] = seqs.pop(0) + 1

    def has(self, device: DeviceId, seq: int) -> bool:
        """Whether an op may have come without its content."""
        seqs = self._seqs.get(device, [])
        place = bisect_left(seqs, seq)
        return seq < self.known_from(device) or seqs[place : place + 1] == [seq]

    def mend(self, device: DeviceId, seq: int) -> None:
        """The content came after all."""
        seqs = self._seqs.get(device, [])
        if seq in seqs:
            seqs.remove(seq)

    def known_from(self, device: DeviceId) -> int:
        return self._from.get(device, 0)

    def of(self, device: DeviceId, begin: int) -> tuple[int, ...]:
        """The numbers that are known, from `begin` on."""
        return tuple(seq for seq in self._seqs.get(device, ()) if seq >= begin)
