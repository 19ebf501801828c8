"""What one peer may cost: a pace that readers keep, and an end to patience.

Whoever sends faster than anybody honest needs is read more slowly, and waits. Whoever breaks the
rules time and again is disconnected and not listened to for a while; a new stream after each
offence would otherwise be free.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable

from p2pchat.model.ids import DeviceId
from p2pchat.protocol.pace import Buckets, Rate

FRAMES = Rate(per_s=2_000, burst=8_000)
BYTES = Rate(per_s=8 << 20, burst=32 << 20)
OFFENCES_MAX = 8
OFFENCES_S = 60.0
BAN_S = 10.0
OFFENDERS_MAX = 1024
"""Peers whose offences are remembered, those of the latest."""


class Guard:
    """Pace and offences of all peers, over all their streams."""

    def __init__(self, now_s: Callable[[], float]) -> None:
        self._now_s = now_s
        self._frames = Buckets[DeviceId](FRAMES)
        self._bytes = Buckets[DeviceId](BYTES)
        self._offences: OrderedDict[DeviceId, deque[float]] = OrderedDict()
        self._banned: OrderedDict[DeviceId, float] = OrderedDict()

    def delay_s(self, peer: DeviceId, frames: int, size_bytes: int) -> float:
        """For how long to wait before what this peer sent is taken."""
        now_s = self._now_s()
        by_count = self._frames.of(peer, now_s).owe(frames, now_s)
        return max(by_count, self._bytes.of(peer, now_s).owe(size_bytes, now_s))

    def blame(self, peer: DeviceId) -> bool:
        """Count an offence; True when it was one too many, and the peer is banned."""
        now_s = self._now_s()
        recent = self._offences.setdefault(peer, deque(maxlen=OFFENCES_MAX))
        self._offences.move_to_end(peer)
        recent.append(now_s)
        if len(recent) == OFFENCES_MAX and recent[0] > now_s - OFFENCES_S:
            del self._offences[peer]
            self._banned[peer] = now_s + BAN_S
            self._banned.move_to_end(peer)
        for known in (self._offences, self._banned):
            if len(known) > OFFENDERS_MAX:
                known.popitem(last=False)
        return self.is_banned(peer)

    def is_banned(self, peer: DeviceId) -> bool:
        """Whether this peer is not listened to."""
        until_s = self._banned.get(peer)
        if until_s is not None and until_s <= self._now_s():
            del self._banned[peer]
            return False
        return until_s is not None
