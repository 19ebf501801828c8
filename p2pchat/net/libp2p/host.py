"""`LibP2PHost`: the `Host` port over py-libp2p, the only place that knows it.

What is taken from py-libp2p is its Noise handshake, Yamux, upgrader, key and message formats; what
decides is here and beside it: `swarm` (connections), `guard` (who may), `serving` (streams in),
`streams` (their manners), `identify`, `ways` (to peers, directly or round a NAT), `addresses`.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import asynccontextmanager

import trio
from libp2p.crypto.ed25519 import create_new_key_pair
from libp2p.crypto.keys import KeyPair
from libp2p.peer.id import ID  # pyright: ignore[reportMissingTypeStubs]  # it has none
from libp2p.transport.upgrader import TransportUpgrader

from p2pchat.config import speaks_tcp
from p2pchat.errors import StreamReset
from p2pchat.model.blocking import BlockList
from p2pchat.model.ids import PeerId
from p2pchat.net.libp2p.autonat import ask_to_dial_back
from p2pchat.net.libp2p.connection import Connection
from p2pchat.net.libp2p.eager import make_eager
from p2pchat.net.libp2p.foreign import settle, to_peer
from p2pchat.net.libp2p.identify import Identify
from p2pchat.net.libp2p.listening import Bound, bind, raise_descriptor_limit
from p2pchat.net.libp2p.options import HostOptions, HostStatistics
from p2pchat.net.libp2p.peers import PeerTable
from p2pchat.net.libp2p.ping import PING, Pings
from p2pchat.net.libp2p.stock import StockUpgrader
from p2pchat.net.libp2p.swarm import Swarm
from p2pchat.net.libp2p.upgrader import LeanUpgrader
from p2pchat.net.libp2p.ways import open_ways
from p2pchat.net.libp2p.yamux_table import Unread
from p2pchat.net.port import (
    Connectedness,
    Handler,
    Observation,
    PeerChanged,
    ProtocolId,
    Stream,
)

__all__ = ["HostOptions", "LibP2PHost", "open_host"]

logger = logging.getLogger(__name__)


def _upgrader(keys: KeyPair, options: HostOptions) -> TransportUpgrader:
    """Whose Noise and Yamux carry the connections."""
    match options.transport:
        case "stock":
            return make_eager(StockUpgrader(keys))
        case "lean":
            return make_eager(LeanUpgrader(keys, unread=Unread(options.limits.unread_bytes_max)))


class LibP2PHost:
    """See `net.port.Host`; made by `open_host`."""

    def __init__(self, options: HostOptions, bound: Bound, nursery: trio.Nursery) -> None:
        keys = create_new_key_pair(options.seed)
        self._peer_id = to_peer(ID.from_pubkey(keys.public_key))
        self._options = options
        self._bound = bound
        self._nursery = nursery
        self._peers = PeerTable(nursery)
        upgrader = _upgrader(keys, options)
        self._swarm = Swarm(self._peer_id, options, upgrader, nursery)
        self._swarm.changed = self._on_changed
        self._identify = Identify(
            self._swarm, self._peers, keys.public_key.serialize(), lambda: self.addresses
        )
        self._swarm.server.handlers[PING] = Pings().answer
        observed = self._identify.observed
        self._ways = open_ways(self._swarm, options, bound.names, self._own_addresses, observed)
        if bound.listeners:
            nursery.start_soon(self._swarm.listen, bound.listeners)
        nursery.start_soon(self._swarm.watch)

    @property
    def peer_id(self) -> PeerId:
        return self._peer_id

    @property
    def addresses(self) -> tuple[str, ...]:
        circuits = (f"{address}/p2p/{self._peer_id}" for address in self._ways.circuits.addresses)
        return (*self._own_addresses(), *circuits)

    @property
    def sockets(self) -> tuple[str, ...]:
        """Multiaddrs as they were bound, in the order of the options: with real ports, wildcards
        as they are."""
        return self._bound.sockets

    def announce(self, addresses: Iterable[str]) -> None:
        before, now = self._ways.observed.confirmed, tuple(addresses)
        self._ways.observed.confirmed = now
        if now != before:
            self._identify.push_soon()

    @property
    def observed(self) -> Sequence[Observation]:
        return self._ways.observed.all

    def _own_addresses(self) -> tuple[str, ...]:
        """Those without a relay in between."""
        own = (*self._options.announce, *self._ways.observed.confirmed, *self._bound.addresses)
        return tuple(dict.fromkeys(f"{address}/p2p/{self._peer_id}" for address in own))

    @property
    def peers(self) -> Sequence[Connectedness]:
        return self._peers.states

    def is_connected(self, peer: PeerId) -> bool:
        return peer in self._peers

    async def connect(
        self, peer: PeerId, addresses: Sequence[str], *, timeout_s: float = 5.0
    ) -> None:
        await self._ways.dialler.connect(peer, addresses, timeout_s)

    async def disconnect(self, peer: PeerId) -> None:
        await self._swarm.disconnect(peer)
        await trio.lowlevel.checkpoint()

    async def open_stream(
        self, peer: PeerId, protocols: Sequence[ProtocolId], *, timeout_s: float = 5.0
    ) -> Stream:
        try:
            with trio.fail_after(timeout_s):
                return await self._swarm.open(peer, protocols)
        except trio.TooSlowError as error:
            raise StreamReset(f"no protocol was agreed on within {timeout_s:g} s") from error

    def serve(self, protocol: ProtocolId, handler: Handler) -> None:
        self._swarm.server.handlers[protocol] = handler
        self._identify.push_soon()

    def unserve(self, protocol: ProtocolId) -> None:
        if self._swarm.server.handlers.pop(protocol, None) is not None:
            self._identify.push_soon()

    def changes(self) -> trio.MemoryReceiveChannel[PeerChanged]:
        return self._peers.subscribe()

    async def reserve(self, relay: PeerId, *, timeout_s: float = 5.0) -> float:
        before = self._ways.circuits.addresses
        holds_s = await self._ways.circuits.reserve(relay, timeout_s)
        if self._ways.circuits.addresses != before:
            self._identify.push_soon()
        return holds_s

    async def punch(self, peer: PeerId, *, timeout_s: float = 15.0) -> None:
        await self._ways.puncher.punch(peer, timeout_s)

    async def dial_back(
        self, server: PeerId, addresses: Sequence[str], *, timeout_s: float = 15.0
    ) -> str | None:
        return await ask_to_dial_back(self._swarm, self._peer_id, server, addresses, timeout_s)

    def protect(self, peers: Iterable[PeerId]) -> None:
        self._swarm.admission.protected = frozenset(peers)

    def block(self, blocks: BlockList) -> None:
        self._swarm.block(blocks)

    def statistics(self) -> HostStatistics:
        """What happened since the host opened, and what it holds now."""
        connections, hop = self._swarm.connections, self._ways.hop
        return HostStatistics(
            peers=len(self._peers.states),
            connections=len(connections),
            handshakes_pending=self._swarm.admission.handshakes_pending,
            streams_served=sum(connection.inbound.serving for connection in connections),
            reservations=hop.reservations if hop else 0,
            circuits=hop.circuits if hop else 0,
            **self._swarm.totals,
        )

    async def aclose(self) -> None:
        """Stop listening and say goodbye to everybody; `open_host` does it."""
        await self._swarm.aclose()
        await self._bound.aclose()

    def _on_changed(self, peer: PeerId, new: Connection | None) -> None:
        self._peers.connected(peer, [one.origin for one in self._swarm.of(peer)])
        if new is not None:
            self._ways.connected(peer)
            self._nursery.start_soon(self._identify.ask, new)
        elif peer not in self._peers:
            self._ways.lost(peer)


@asynccontextmanager
async def open_host(options: HostOptions) -> AsyncGenerator[LibP2PHost]:
    """Open a host, and close it at the end of the block: connections, sockets, tasks.

    Raises `AddressInUse`, `ConfigError`.
    """
    settle()
    raise_descriptor_limit()
    for address in options.announce:
        if not speaks_tcp(address):
            logger.warning("announce: %s leads nowhere: this version speaks TCP alone", address)
    bound = await bind(options.listen)
    failure: BaseException | None = None
    async with trio.open_nursery() as nursery:
        host = LibP2PHost(options, bound, nursery)
        try:
            yield host
        except BaseException as error:
            # Raised below, bare: the caller's error is not one of a group of ours.
            failure = error
        with trio.move_on_after(2 * options.limits.close_timeout_s, shield=True):
            await host.aclose()
        nursery.cancel_scope.cancel()
    if failure is not None:
        raise failure
