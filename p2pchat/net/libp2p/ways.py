"""The ways to a peer: dialling it, calling it through a relay, punching a hole; and helping others
on theirs, where the host is a relay.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from p2pchat.model.ids import PeerId
from p2pchat.net.libp2p.autonat import DialBack
from p2pchat.net.libp2p.circuit import Circuits
from p2pchat.net.libp2p.dialling import Dialler
from p2pchat.net.libp2p.hop import Hop
from p2pchat.net.libp2p.observed import ObservedAddresses
from p2pchat.net.libp2p.options import HostOptions
from p2pchat.net.libp2p.punching import Puncher
from p2pchat.net.libp2p.swarm import Swarm
from p2pchat.net.libp2p.tcp import TcpDialler

__all__ = ["Ways", "open_ways"]


@dataclass(frozen=True, slots=True)
class Ways:
    """What makes connections for one host, and what it does for those of others."""

    dialler: Dialler
    circuits: Circuits
    puncher: Puncher
    hop: Hop | None
    observed: ObservedAddresses

    def connected(self, peer: PeerId) -> None:
        """A connection with a peer came up."""
        self.puncher.connected(peer)

    def lost(self, peer: PeerId) -> None:
        """A peer is not connected any more."""
        self.circuits.lost(peer)
        self.observed.lost(peer)
        if self.hop is not None:
            self.hop.lost(peer)


def open_ways(
    swarm: Swarm,
    options: HostOptions,
    listening: Sequence[tuple[str, int]],
    addresses: Callable[[], Iterable[str]],
    observed: ObservedAddresses,
) -> Ways:
    """Make them, and serve their protocols."""
    tcp = TcpDialler(swarm, listening)
    circuits = Circuits(swarm, tcp, options.wall_clock_s)
    hop = Hop(swarm, options, addresses) if options.is_relay else None
    if options.is_relay:
        DialBack(swarm, tcp)
    puncher = Puncher(swarm, tcp, addresses, lambda: observed.all)
    return Ways(Dialler(swarm, tcp, circuits), circuits, puncher, hop, observed)
