"""Who may connect, and who may take a slot before having said who it is.

An inbound connection costs a descriptor and, until it has authenticated, belongs to nobody. The
table of unfinished handshakes is bounded, and when it is full the oldest goes: an honest handshake
takes milliseconds, so whoever has waited longest is the least likely to be one. Connections from
one public address are few; private and loopback addresses are shared by households and tests, so
those are limited by peer alone, once it is known. How fast all of them may come is `pace`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator
from contextlib import contextmanager

import trio

from p2pchat.model.blocking import Refusal
from p2pchat.model.ids import PeerId
from p2pchat.model.route import Path
from p2pchat.net.libp2p.options import HostOptions, Total
from p2pchat.net.libp2p.pace import Pace
from p2pchat.net.libp2p.pipes import Pipe
from p2pchat.net.libp2p.sources import public_group
from p2pchat.net.libp2p.streams import Origin

__all__ = ["Admission", "Refused"]


class Refused(Exception):
    """No room for this connection; `total` says which counter it goes to."""

    def __init__(self, total: Total, reason: str) -> None:
        super().__init__(reason)
        self.total: Total = total
        self.reason = reason
        """A `Refusal` when a block is the reason."""


class Admission:
    """Who is welcome, and the slots that strangers share."""

    def __init__(self, me: PeerId, options: HostOptions, totals: Counter[Total]) -> None:
        self.blocks = options.blocks
        """Who gets no connection."""
        self.protected: frozenset[PeerId] = frozenset()
        """Peers whose connections make room for nobody."""
        self.is_guest: Callable[[PeerId, float], bool] = lambda peer, now_s: False
        """Whether it holds a place here, where the host is a relay."""
        self.gate = options.gate
        """What a new connection has to pass."""
        self.pace = Pace(options.limits)
        self._me = me
        self._limits = options.limits
        self._totals = totals
        self._handshakes: dict[Pipe, None] = {}
        self._sources: Counter[str] = Counter()

    @property
    def handshakes_pending(self) -> int:
        return len(self._handshakes)

    def is_me(self, peer: PeerId) -> bool:
        """Whether this is the host itself: who relays hears of addresses that lead through it."""
        return peer == self._me

    def require_allowed(self, address: str) -> None:
        """Raise `Refused` for an address in a blocked subnet."""
        if self.blocks.blocks_address(address):
            raise Refused("refused_subnet_total", Refusal.SUBNET)

    def require_welcome(self, peer: PeerId) -> None:
        """Raise `Refused` for a blocked peer, and for ourselves."""
        if self.blocks.blocks_peer(peer):
            raise Refused("refused_peer_total", Refusal.PEER)
        if self.is_me(peer):
            raise Refused("refused_peer_total", "that is this host itself")
        if self.pace.is_shunned(peer, trio.current_time()):
            raise Refused("refused_shunned_total", "the peer flooded us a moment ago")

    def require_pace(self, peer: PeerId) -> None:
        """Raise `Refused` for a peer that comes too often."""
        if not self.pace.admits_entry(peer, trio.current_time()):
            raise Refused("refused_pace_total", "the peer connects too often")

    def require_unblocked(self, origin: Origin, pipe: Pipe) -> None:
        """Raise `Refused` for a connection that is blocked by its peer, by the address it was
        dialled at, or by the one that a name was looked up to; and for one out of the LAN's
        bounds."""
        self.require_welcome(origin.peer)
        self.require_allowed(origin.address)
        remote = pipe.get_remote_address()
        if remote is None:
            return
        self.require_allowed(remote[0])
        if origin.path is not Path.RELAYED and self.blocks.confines(origin.peer, remote[0]):
            raise Refused("refused_subnet_total", Refusal.OUTSIDE)

    def is_spare(self, peer: PeerId) -> bool:
        """True when a connection with `peer` may make room for another."""
        return peer not in self.protected and not self.is_carried(peer)

    def is_carried(self, peer: PeerId) -> bool:
        """True for a relay that holds a place for us, and for a peer that holds one here."""
        now_s = trio.current_time()
        return self.pace.is_our_relay(peer, now_s) or self.is_guest(peer, now_s)

    @contextmanager
    def source(self, host: str, now_s: float) -> Generator[None]:
        """Count a connection from `host` while inside; raise `Refused` when it has too many."""
        group = public_group(host)
        if group is None:
            yield
            return
        if self._sources[group] >= self._limits.connections_per_address_max:
            raise Refused("refused_address_total", f"too many connections from {group}")
        if not self.pace.admits_knock(group, now_s):
            raise Refused("refused_pace_total", f"{group} connects too often")
        self._sources[group] += 1
        try:
            yield
        finally:
            self._sources[group] -= 1
            if not self._sources[group]:
                del self._sources[group]

    @contextmanager
    def handshake(self, pipe: Pipe) -> Generator[None]:
        """Hold a slot while `pipe` authenticates; when all are taken the oldest is aborted."""
        if len(self._handshakes) >= self._limits.handshakes_max:
            oldest = next(iter(self._handshakes))
            del self._handshakes[oldest]
            self._totals["handshakes_evicted_total"] += 1
            oldest.abort()
        self._handshakes[pipe] = None
        try:
            yield
        finally:
            self._handshakes.pop(pipe, None)
