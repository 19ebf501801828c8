"""What one peer may cost: a pace that readers keep, and an end to patience.

Whoever sends faster than anybody honest needs is read more slowly, and waits. Whoever does so for
seconds on end, or breaks the rules time and again, is disconnected and not listened to for a while;
a new stream after each offence would otherwise be free.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable

from p2pchat.model.ids import DeviceId
from p2pchat.protocol.pace import Buckets, Rate

__all__ = ["Guard"]

FRAMES = Rate(per_s=800, burst=4_000)
BYTES = Rate(per_s=8 << 20, burst=32 << 20)
PATIENCE_S = Rate(per_s=0.25, burst=2.0)
"""Seconds that a peer may be held back for the number of its frames. Nobody honest sends so many
for long: senders join what waits, and stop when nothing is receipted."""
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
        self._patience = Buckets[DeviceId](PATIENCE_S)
        self._offences: OrderedDict[DeviceId, deque[float]] = OrderedDict()
        self._banned: OrderedDict[DeviceId, float] = OrderedDict()

    def frames_delay_s(self, peer: DeviceId, frames: int) -> float:
        """For how long to wait before so many frames of this peer are taken.

        A peer that is held back for very long is banned: see `is_banned`.
        """
        now_s = self._now_s()
        bucket = self._frames.of(peer, now_s)
        before_s, delay_s = bucket.owe(0, now_s), bucket.owe(frames, now_s)
        if delay_s and not self._patience.of(peer, now_s).take(delay_s - before_s, now_s):
            self._ban(peer, now_s)
        return delay_s

    def bytes_delay_s(self, peer: DeviceId, size_bytes: int) -> float:
        """For how long to wait before so many bytes of this peer are taken. Catching up is as fast
        as the disk, so nobody is blamed for bytes."""
        now_s = self._now_s()
        return self._bytes.of(peer, now_s).owe(size_bytes, now_s)

    def blame(self, peer: DeviceId) -> bool:
        """Count an offence; True when it was one too many, and the peer is banned."""
        now_s = self._now_s()
        recent = self._offences.setdefault(peer, deque(maxlen=OFFENCES_MAX))
        self._offences.move_to_end(peer)
        recent.append(now_s)
        if len(recent) == OFFENCES_MAX and recent[0] > now_s - OFFENCES_S:
            self._ban(peer, now_s)
        if len(self._offences) > OFFENDERS_MAX:
            self._offences.popitem(last=False)
        return self.is_banned(peer)

    def _ban(self, peer: DeviceId, now_s: float) -> None:
        self._offences.pop(peer, None)
        self._banned[peer] = now_s + BAN_S
        self._banned.move_to_end(peer)
        if len(self._banned) > OFFENDERS_MAX:
            self._banned.popitem(last=False)

    def is_banned(self, peer: DeviceId) -> bool:
        """Whether this peer is not listened to."""
        until_s = self._banned.get(peer)
        if until_s is not None and until_s <= self._now_s():
            del self._banned[peer]
            return False
        return until_s is not None
