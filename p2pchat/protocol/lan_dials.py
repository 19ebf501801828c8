"""Who of a LAN is to be dialled, and when: nobody is forgotten, and no source is served alone.

After a power cut everybody comes at once, more than may be dialled at once. Who has a place in the
table waits for its turn, first come, first served, at a pace for each source and one for all. A
hello of somebody connected costs nothing. What is said of peers without a place in the table,
by multicast DNS or in the name of others, comes after all whose turn it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address

from p2pchat.model.ids import PeerId
from p2pchat.protocol.pace import Bucket, Buckets, Rate

__all__ = ["LanDials"]

DIALS = Rate(per_s=10, burst=64)
SOURCE_DIALS = Rate(per_s=0.5, burst=16)
DIALLED_SOURCES_MAX = 1_024


class LanDials:
    """The queue, as long as the table of peers at most, and its paces."""

    def __init__(self, now_s: float) -> None:
        self._all = Bucket(DIALS, now_s)
        self._sources = Buckets[IPv4Address](SOURCE_DIALS, DIALLED_SOURCES_MAX)
        self._waiting: dict[PeerId, tuple[IPv4Address, str]] = {}
        self.linked: set[PeerId] = set()
        """Who is connected without a relay in between."""

    def __contains__(self, peer: PeerId) -> bool:
        """Whether a peer waits."""
        return peer in self._waiting

    def want(self, peer: PeerId, source: IPv4Address, address: str) -> None:
        """A peer of the table is to be dialled; who waits already keeps its turn."""
        self._waiting[peer] = source, address

    def forget(self, peer: PeerId) -> None:
        """It is gone."""
        self._waiting.pop(peer, None)

    def next(self, now_s: float) -> Iterator[tuple[PeerId, str]]:
        """Those whose turn it is. Who is connected meanwhile is told of all the same, for the
        address may be news, and takes nobody's turn."""
        for peer, (source, address) in list(self._waiting.items()):
            if peer in self.linked or self._take(source, now_s):
                del self._waiting[peer]
                yield peer, address

    def may_dial_beside(self, source: IPv4Address | None, now_s: float) -> bool:
        """Whether one more without a place in the table is dialled; asked after `next`."""
        return self._all.take(1, now_s) if source is None else self._take(source, now_s)

    def _take(self, source: IPv4Address, now_s: float) -> bool:
        if self._all.left(now_s) < 1:
            return False
        return self._sources.of(source, now_s).take(1, now_s) and self._all.take(1, now_s)
