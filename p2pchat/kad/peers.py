"""Whom we know: connections, the routing table, and those under suspicion, kept in step.

The rules: only a peer that announced server mode enters the table; one that fails leaves it and is
tried again later; what a peer tells of others is believed as far as its connection reaches.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from p2pchat.kad.config import KadConfig
from p2pchat.kad.suspects import Suspects
from p2pchat.kad.table import Entry, RoutingTable, kad_id
from p2pchat.kad.vocabulary import PeerUp
from p2pchat.model.blocking import NOBODY, BlockList
from p2pchat.model.ids import PeerId
from p2pchat.model.machine import Now
from p2pchat.model.scope import Scope, believable_of, network_of, scope_of_all
from p2pchat.wire.kad_codec import KadPeer
from p2pchat.wire.multiaddr import is_multiaddr, without_peer

__all__ = ["Peers", "clean_addresses"]

_SEEDS_PER_K = 3


def clean_addresses(addresses: Iterable[str], peer: PeerId, most: int) -> tuple[str, ...]:
    """The first `most` addresses that can be written on the wire, without `/p2p/<peer>`."""
    bare = (without_peer(address, peer) for address in addresses)
    return tuple(dict.fromkeys(a for a in bare if a is not None and is_multiaddr(a)))[:most]


def _at(peer: KadPeer, addresses: tuple[str, ...]) -> KadPeer:
    """A peer with these addresses: itself if it has no others."""
    return peer if peer.addresses == addresses else KadPeer(peer.peer, addresses)


@dataclass(frozen=True, slots=True)
class _Link:
    """A connected peer."""

    scope: Scope
    addresses: tuple[str, ...]
    """Where it can be dialled again."""
    networks: tuple[str, ...]
    is_server: bool | None
    """None until somebody told."""


class Peers:
    """All first-hand knowledge of others."""

    def __init__(self, own: PeerId, config: KadConfig) -> None:
        self._own = own
        self._config = config
        self._links: dict[PeerId, _Link] = {}
        self._rumours: dict[PeerId, tuple[str, ...]] = {}
        self._blocks = NOBODY
        self.table = RoutingTable(own, config)
        self.suspects = Suspects(config)

    def up(self, peer_up: PeerUp) -> bool:
        """A peer is connected; answers whether it is a server that was none before."""
        peer = peer_up.peer
        before = self._links.get(peer)
        was_server = None if before is None else before.is_server
        scope = scope_of_all(peer_up.addresses)
        told = believable_of(peer_up.dialable, scope)
        networks = dict.fromkeys(map(network_of, peer_up.addresses))
        self._links[peer] = _Link(
            scope,
            clean_addresses(told, peer, self._config.addresses_max),
            tuple(network for network in networks if network is not None),
            was_server if peer_up.is_server is None else peer_up.is_server,
        )
        if peer_up.is_server is False:
            self.table.remove(peer)
            self.suspects.clear(peer)
        return bool(self._links[peer].is_server) and not was_server

    def block(self, blocks: BlockList) -> None:
        """Let go of these, and believe nobody about them."""
        self._blocks = blocks
        contacts = [(one.peer, one.addresses) for one in (*self.suspects.contacts, *self.table)]
        for peer, addresses in contacts:
            if blocks.blocks_peer(peer) or (addresses and not self._unblocked(peer, addresses)):
                self.table.remove(peer)
                self.suspects.clear(peer)

    def down(self, peer: PeerId) -> None:
        self._links.pop(peer, None)

    def alive(self, peer: PeerId, now: Now) -> KadPeer | None:
        """A connected server spoke: it belongs into the table.

        Answers the entry to be asked whether it is still there, if its bucket is full and that
        entry has been silent for long.
        """
        link = self._links.get(peer)
        if link is None or not link.is_server:
            return None
        self.suspects.clear(peer)
        oldest = self.table.offer(Entry(peer, link.addresses, link.networks, now))
        return None if oldest is None else self._to_check(oldest, now)

    def serves(self, peer: PeerId) -> None:
        """A peer answered a query: that it serves the protocol is beyond doubt."""
        self.suspects.clear(peer)
        link = self._links.get(peer)
        if link is not None and not link.is_server:
            self._links[peer] = _Link(link.scope, link.addresses, link.networks, is_server=True)

    def failed(self, contact: KadPeer, now: Now) -> None:
        """A peer did not answer: it leaves the table, and is tried again if it was in there."""
        entry = self.table.remove(contact.peer)
        if entry is not None:
            self.suspects.failed(KadPeer(entry.peer, entry.addresses), now.monotonic_s)
        elif contact.peer in self.suspects:
            self.suspects.failed(contact, now.monotonic_s)

    def is_connected(self, peer: PeerId) -> bool:
        return peer in self._links

    def addresses(self, peer: PeerId) -> tuple[str, ...]:
        """Where a connected peer can be dialled; none for one that is not connected."""
        link = self._links.get(peer)
        return () if link is None else link.addresses

    def networks(self, peer: PeerId) -> tuple[str, ...]:
        """The public networks that a peer is connected from."""
        link = self._links.get(peer)
        return () if link is None else link.networks

    def scope(self, peer: PeerId) -> Scope:
        """How far the connection to a peer reaches; public, the widest, if there is none."""
        link = self._links.get(peer)
        return Scope.PUBLIC if link is None else link.scope

    def seeds(self, key: bytes) -> list[KadPeer]:
        """Whom a lookup of `key` may begin with: more than it needs, for when the nearest are
        gone. When the table is empty, whoever might answer: suspects, and connections so new that
        nobody has told what they serve."""
        entries = self.table.closest(kad_id(key), _SEEDS_PER_K * self._config.k)
        if entries:
            return [entry.contact for entry in entries]
        unknown = [
            KadPeer(p, link.addresses) for p, link in self._links.items() if link.is_server is None
        ]
        return [*self.suspects.contacts, *unknown][: _SEEDS_PER_K * self._config.k]

    def believed(self, told: Sequence[KadPeer], scope: Scope) -> tuple[KadPeer, ...]:
        """Peers told over a connection of `scope`, with the addresses that may be believed; what
        we know first-hand comes first. Who is blocked is not among them."""
        merged = [self._merged(peer, scope) for peer in told if peer.peer != self._own]
        if not self._blocks:
            return tuple(merged)
        return tuple(
            KadPeer(peer.peer, self._unblocked(peer.peer, peer.addresses))
            for peer in merged
            if not self._blocks.blocks_peer(peer.peer)
        )

    def _unblocked(self, peer: PeerId, addresses: tuple[str, ...]) -> tuple[str, ...]:
        """Those addresses at which a peer may be asked."""
        return tuple(one for one in addresses if self._blocks.refusal(peer, one) is None)

    def reachable(self, peers: Iterable[KadPeer]) -> tuple[KadPeer, ...]:
        """Those that can be asked."""
        return tuple(peer for peer in peers if peer.addresses or peer.peer in self._links)

    def news(self, told: Iterable[KadPeer]) -> list[KadPeer]:
        """Those that somebody may want to dial, each once until `forget_news`."""
        fresh = [
            peer
            for peer in told
            if peer.addresses
            and peer.peer not in self._links
            and self._rumours.get(peer.peer) != peer.addresses
        ]
        for peer in fresh:
            self._rumours.pop(peer.peer, None)
            self._rumours[peer.peer] = peer.addresses
        while len(self._rumours) > self._config.discovered_max:
            del self._rumours[next(iter(self._rumours))]
        return fresh

    def forget_news(self) -> None:
        """What was told may be told again: dialling may succeed another time."""
        self._rumours.clear()

    def tell(self, peers: Iterable[KadPeer], scope: Scope) -> tuple[KadPeer, ...]:
        """Peers as they are told to somebody: only addresses that he may believe."""
        return tuple([_at(peer, believable_of(peer.addresses, scope)) for peer in peers])

    def _merged(self, told: KadPeer, scope: Scope) -> KadPeer:
        hearsay = believable_of(told.addresses, scope)
        entry = self.table.get(told.peer)
        if entry is None or entry.addresses == hearsay:
            return _at(told, hearsay[: self._config.addresses_max])
        both = dict.fromkeys((*entry.addresses, *hearsay))
        return _at(told, tuple(both)[: self._config.addresses_max])

    def _to_check(self, peer: PeerId, now: Now) -> KadPeer | None:
        entry = self.table.get(peer)
        assert entry is not None, "an offer names an entry of the table"
        is_silent = now.monotonic_s - entry.seen.monotonic_s >= self._config.check_after_s
        if not is_silent or entry.is_checked or peer in self._links:
            return None
        entry.is_checked = True
        return KadPeer(peer, entry.addresses)
