"""What strangers on a LAN may cost: paces, and a bounded memory of nonces.

A source address on a LAN can be forged, so a pace per source bounds honest machines that misbehave
and a pace for all bounds the rest. Everything here is of fixed size.
"""

from __future__ import annotations

from collections import OrderedDict
from ipaddress import IPv4Address

from p2pchat.model.ids import PeerId
from p2pchat.protocol.lan_dials import LanDials
from p2pchat.protocol.pace import Bucket, Buckets, Rate

__all__ = ["LanPaces", "Nonces"]

DATAGRAMS = Rate(per_s=1_000, burst=2_000)
SOURCE_DATAGRAMS = Rate(per_s=10, burst=60)
ANSWERS = Rate(per_s=50, burst=100)
SOURCE_ANSWERS = Rate(per_s=1, burst=5)
RETURNS = Rate(per_s=0.5, burst=8)
HURRIES = Rate(per_s=0.2, burst=1)
CLOCK_REPORTS = Rate(per_s=0.02, burst=1)
CLOCK_REPORTS_OF_ALL = Rate(per_s=1, burst=8)
SOURCES_MAX = 1_024
NONCES_MAX = 8_192

Whence = IPv4Address | tuple[str, ...]
"""Where a peer was heard, or is said to be."""


class LanPaces:
    """How much of what everybody may do."""

    def __init__(self, now_s: float) -> None:
        self._all = Bucket(DATAGRAMS, now_s)
        self._sources = Buckets[IPv4Address](SOURCE_DATAGRAMS, SOURCES_MAX)
        self._answers = Bucket(ANSWERS, now_s)
        self._answered = Buckets[IPv4Address](SOURCE_ANSWERS, SOURCES_MAX)
        self._returns = Buckets[tuple[PeerId, Whence]](RETURNS, SOURCES_MAX)
        self.dials = LanDials(now_s)
        """Who waits to be dialled."""
        self._hurries = Bucket(HURRIES, now_s)
        self._clocks = Buckets[PeerId](CLOCK_REPORTS, SOURCES_MAX)
        self._all_clocks = Bucket(CLOCK_REPORTS_OF_ALL, now_s)

    def may_speak(self, source: IPv4Address, now_s: float) -> bool:
        """Whether one more datagram from there is looked at."""
        return self._sources.of(source, now_s).take(1, now_s) and self._all.take(1, now_s)

    def may_be_answered(self, source: IPv4Address, now_s: float) -> bool:
        """Whether a question from there is answered."""
        return self._answered.of(source, now_s).take(1, now_s) and self._answers.take(1, now_s)

    def may_return(self, peer: PeerId, whence: Whence, now_s: float) -> bool:
        """Whether a peer is noted that was not there, or was elsewhere: it may come and go 20 times
        a minute for as long as it likes. Who speaks in its name elsewhere spends nothing of it."""
        return self._returns.of((peer, whence), now_s).take(1, now_s)

    def may_hurry(self, now_s: float) -> bool:
        """Whether one more hello that was not taken brings our heartbeat forward."""
        return self._hurries.take(1, now_s)

    def may_differ(self, peer: PeerId, now_s: float) -> bool:
        """Whether it is worth telling that a peer's clock differs."""
        own = self._clocks.of(peer, now_s)
        return own.take(1, now_s) and self._all_clocks.take(1, now_s)


class Nonces:
    """Which nonces were seen, until their packets would be too old anyway.

    When there are too many the oldest is forgotten: only those who know the secret, where there is
    one, can bring that about.
    """

    def __init__(self, kept_s: float) -> None:
        self._kept_s = kept_s
        self._until_s: OrderedDict[bytes, float] = OrderedDict()

    def __len__(self) -> int:
        return len(self._until_s)

    def __contains__(self, nonce: bytes) -> bool:
        return nonce in self._until_s

    def add(self, nonce: bytes, now_s: float) -> None:
        """Remember one that was not seen."""
        while self._until_s and next(iter(self._until_s.values())) <= now_s:
            self._until_s.popitem(last=False)
        if len(self._until_s) >= NONCES_MAX:
            self._until_s.popitem(last=False)
        self._until_s[nonce] = now_s + self._kept_s
