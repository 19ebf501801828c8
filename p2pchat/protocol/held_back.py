"""Held back: one budget in bytes for the ops that wait in all logs together.

Each log bounds what waits in it, and there may be a thousand of them, a hundred begun by one
contact. So what waits in all is bounded, too, and the device that takes most of it gives first,
wherever that is: whoever fills many rooms pushes out nobody but itself.
"""

from __future__ import annotations

from collections import defaultdict
from heapq import heapify, heappop, heapreplace
from typing import Protocol
from weakref import ref

from p2pchat.model.ids import DeviceId

__all__ = ["HELD_BACK_BYTES_MAX", "HeldBack", "Holder", "Share"]

HELD_BACK_BYTES_MAX = 32 << 20
"""Bytes of ops that wait, of all conversations."""
FREED_PART = 8
"""So great a part of it is made free at once, for all who take of it are put in order then."""


class Holder(Protocol):
    """What waits in one log."""

    def give(self, device: DeviceId) -> int:
        """Let the oldest op of a device go; how many bytes that were, 0 when it has none."""
        ...


class Share:
    """What one log takes of the budget; it says of each op that comes or goes."""

    def __init__(self, budget: HeldBack, holder: Holder) -> None:
        self._budget = budget
        self._holder = ref(holder, lambda _: budget.forget(self))
        self.taken: defaultdict[DeviceId, int] = defaultdict(int)
        """Bytes of each device."""

    def add(self, device: DeviceId, size: int) -> None:
        """So much more waits of a device, or less."""
        self.taken[device] += size
        if not self.taken[device]:
            del self.taken[device]
        self._budget.add(self, device, size)

    def give(self, device: DeviceId) -> None:
        """Let the oldest op of a device go."""
        holder = self._holder()
        if holder is not None:
            holder.give(device)

    def fits(self) -> bool:
        """Whether all that waits has room; when it had not, something went for it."""
        return self._budget.fits()


class HeldBack:
    """The budget. A log that is forgotten takes nothing of it."""

    def __init__(self) -> None:
        self._total = 0
        self._taken: defaultdict[DeviceId, int] = defaultdict(int)
        """Bytes of each device, in all logs."""
        self._shares: defaultdict[DeviceId, dict[Share, None]] = defaultdict(dict)
        """In which logs that is."""

    def join(self, holder: Holder) -> Share:
        """A log, which says by this what it takes."""
        return Share(self, holder)

    def add(self, share: Share, device: DeviceId, size: int) -> None:
        """So much more waits of a device in a log, or less."""
        self._total += size
        self._taken[device] += size
        if share.taken.get(device):
            self._shares[device][share] = None
            return
        self._shares[device].pop(share, None)
        if not self._shares[device]:
            del self._shares[device], self._taken[device]

    def forget(self, share: Share) -> None:
        """A log is no more."""
        for device in list(share.taken):
            share.add(device, -share.taken[device])

    def fits(self) -> bool:
        """Whether all that waits has room; when it had not, something went for it."""
        if self._total <= HELD_BACK_BYTES_MAX:
            return True
        self._make_room()
        return False

    def _make_room(self) -> None:
        """Of whoever has most, the oldest, in the log where it has most."""
        goal = HELD_BACK_BYTES_MAX - HELD_BACK_BYTES_MAX // FREED_PART
        order = [(-taken, device) for device, taken in self._taken.items()]
        heapify(order)
        logs: dict[DeviceId, list[tuple[int, int, Share]]] = {}
        while self._total > goal and order:
            _, device = order[0]
            if device not in self._taken:  # a log was forgotten meanwhile
                heappop(order)
                continue
            if device not in logs:
                shares = enumerate(self._shares[device])
                logs[device] = [(-share.taken[device], at, share) for at, share in shares]
                heapify(logs[device])
            _, at, share = logs[device][0]
            share.give(device)
            if share.taken.get(device):
                heapreplace(logs[device], (-share.taken[device], at, share))
            else:
                heappop(logs[device])
            if device in self._taken:
                heapreplace(order, (-self._taken[device], device))
            else:
                heappop(order)
