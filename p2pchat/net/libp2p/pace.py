"""How fast others may come: to the door by address, and inside by peer.

A stranger is known by its public address alone; who has authenticated by its key, wherever it comes
from. Each may do so much at once and then so much a second. What goes beyond is refused, which
costs little, and who goes on all the same is shunned: cut off, and not let in for some seconds.
Penalties are short, because an address is shared by many and a key is free.

A relay that holds a place for us brings calls of strangers, and how many is not its doing. Calls
that are refused cost it nothing, and it may be refused more than others before it is taken for one
that floods: else who calls us without end would have us cut off our own relay.

Nothing here knows a socket or a clock; the time comes in with each question.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from enum import Enum, auto

from p2pchat.model.ids import PeerId
from p2pchat.net.libp2p.options import HostLimits
from p2pchat.net.port import STOP_PROTOCOL, ProtocolId
from p2pchat.protocol.pace import Buckets

__all__ = ["Pace", "Verdict"]

SHUNNED_MAX = 1024
"""Peers shunned at once; the one shunned first is let in again when there are more."""


class Verdict(Enum):
    """What becomes of a stream."""

    SERVE = auto()
    REFUSE = auto()
    CUT = auto()
    """It is one of a flood: the peer is shunned from now on."""


class Pace:
    """What the door and the streams of one host allow."""

    def __init__(self, limits: HostLimits) -> None:
        self._shun_s = limits.shun_s
        self._knocks = Buckets[str](limits.handshakes_per_address)
        self._entries = Buckets[PeerId](limits.connects_per_peer)
        self._streams = Buckets[PeerId](limits.streams_per_peer)
        self._protocols = Buckets[tuple[PeerId, ProtocolId]](limits.streams_per_protocol)
        self._patience = Buckets[PeerId](limits.refusals_per_peer)
        self._patience_with_relays = Buckets[PeerId](limits.refusals_per_relay)
        self.is_our_relay: Callable[[PeerId, float], bool] = lambda peer, now_s: False
        """Whether it holds a place for us at that time."""
        self._shunned: OrderedDict[PeerId, float] = OrderedDict()

    def admits_knock(self, source: str, now_s: float) -> bool:
        """Whether another connection of this public address may begin."""
        return self._knocks.of(source, now_s).take(1, now_s)

    def admits_entry(self, peer: PeerId, now_s: float) -> bool:
        """Whether this peer, which has authenticated, may come in again already."""
        return self._entries.of(peer, now_s).take(1, now_s)

    def judge_stream(self, peer: PeerId, now_s: float) -> Verdict:
        """Whether another inbound stream of this peer is looked at."""
        if not self.is_shunned(peer, now_s) and self._streams.of(peer, now_s).take(1, now_s):
            return Verdict.SERVE
        return self.lose_patience(peer, now_s)

    def judge_protocol(self, peer: PeerId, protocol: ProtocolId, now_s: float) -> Verdict:
        """Whether another stream of this protocol is handled."""
        if self._protocols.of((peer, protocol), now_s).take(1, now_s):
            return Verdict.SERVE
        if protocol == STOP_PROTOCOL and self.is_our_relay(peer, now_s):
            return Verdict.REFUSE
        return self.lose_patience(peer, now_s)

    def lose_patience(self, peer: PeerId, now_s: float) -> Verdict:
        """What becomes of a stream that cannot be served: refused, or one too many."""
        ours = self.is_our_relay(peer, now_s)
        patience = self._patience_with_relays if ours else self._patience
        if self.is_shunned(peer, now_s) or patience.of(peer, now_s).take(1, now_s):
            return Verdict.REFUSE
        self.shun(peer, now_s)
        return Verdict.CUT

    def shun(self, peer: PeerId, now_s: float) -> None:
        """Have nothing to do with this peer for a while."""
        self._shunned[peer] = now_s + self._shun_s
        self._shunned.move_to_end(peer)
        if len(self._shunned) > SHUNNED_MAX:
            self._shunned.popitem(last=False)

    def is_shunned(self, peer: PeerId, now_s: float) -> bool:
        """Whether there is nothing to be had here for this peer now."""
        until_s = self._shunned.get(peer)
        if until_s is not None and until_s <= now_s:
            del self._shunned[peer]
            return False
        return until_s is not None
