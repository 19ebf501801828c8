"""Held back: one budget in bytes for the ops that wait in all logs together.

Each log bounds what waits in it, and there may be a thousand of them, a hundred begun by one
contact. So what waits in all is bounded, too, and the device that takes most of it gives first,
wherever that is: whoever fills many rooms pushes out nobody but itself.
"""

from __future__ import annotations

from collections import Counter
from typing import Protocol
from weakref import WeakValueDictionary

from p2pchat.model.ids import DeviceId

__all__ = ["HELD_BACK_BYTES_MAX", "HeldBack", "Holder"]

HELD_BACK_BYTES_MAX = 32 << 20
"""Bytes of ops that wait, of all conversations."""
FREED_PART = 8
"""So great a part of it is made free at once, for it is looked for in all logs."""


class Holder(Protocol):
    """What waits in one log."""

    def held_bytes(self) -> Counter[DeviceId]:
        """How much of each device."""
        ...

    def give(self, device: DeviceId) -> int:
        """Let the oldest op of a device go; how many bytes that were, 0 when it has none."""
        ...


class HeldBack:
    """The budget. A log that is forgotten takes nothing of it."""

    def __init__(self) -> None:
        self._holders = WeakValueDictionary[int, Holder]()
        self._joined = 0
        self._put = 0
        """Bytes put since it was counted what there is, and that."""

    def join(self, holder: Holder) -> None:
        self._holders[self._joined] = holder
        self._joined += 1

    def put(self, size: int) -> bool:
        """So much more waits; False when something had to go for it."""
        self._put += size
        if self._put <= HELD_BACK_BYTES_MAX:
            return True
        self._put = sum(self._by_device().values())
        return self._put <= HELD_BACK_BYTES_MAX or not self._make_room()

    def _make_room(self) -> bool:
        """Of whoever has most, the oldest, in the log where it has most."""
        goal = HELD_BACK_BYTES_MAX - HELD_BACK_BYTES_MAX // FREED_PART
        taken = self._by_device()
        while self._put > goal:
            device = max(taken, key=lambda one: (taken[one], one))
            holder = max(self._holders.values(), key=lambda one: one.held_bytes()[device])
            freed = holder.give(device)
            taken[device] -= freed
            self._put -= freed
        return True

    def _by_device(self) -> Counter[DeviceId]:
        found = Counter[DeviceId]()
        for holder in self._holders.values():
            found.update(holder.held_bytes())
        return found
