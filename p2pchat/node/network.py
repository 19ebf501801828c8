"""The network part of a node, which a relay and a chatting client share: host, DHT, peering.

It turns what the host reports into inputs of the machines and tells the rest of the node.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import trio

from p2pchat.config import DhtMode
from p2pchat.kad.config import KadConfig
from p2pchat.kad.machine import KadMachine, KadStatistics
from p2pchat.kad.vocabulary import Blocked as BlockedInKad
from p2pchat.kad.vocabulary import (
    Discovered,
    KadEffect,
    KadInput,
    SetAddresses,
    SetMode,
)
from p2pchat.model.blocking import BlockList
from p2pchat.model.change import PutPeer
from p2pchat.model.ids import PeerId
from p2pchat.net.kad import KadCarrier, KadCarrierStatistics
from p2pchat.net.lan_gate import offered
from p2pchat.net.port import Host, PeerChanged
from p2pchat.node.ambient import Ambient
from p2pchat.node.dialling import Dialler, Neighbours
from p2pchat.node.driver import Driver, DriverConfig
from p2pchat.node.lan import Lan, LanParts
from p2pchat.node.publishing import Directory
from p2pchat.node.reach import Reach, announced, own_form
from p2pchat.node.sightings import Sightings
from p2pchat.protocol.peering import (
    Blocked,
    Configured,
    Connected,
    Disconnected,
    Found,
    NetworkChanged,
    Peering,
    PeeringEffect,
    PeeringInput,
    Source,
)
from p2pchat.wire.kad_codec import KadPeer
from p2pchat.wire.records import RecordValidator

__all__ = ["Neighbours", "Network", "NetworkOptions"]

ADDRESS_POLL_S = 2.0
"""How often our own addresses are compared with those last told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkOptions:
    """What differs between a client, a relay, and a simulated peer."""

    mesh: int = 30
    """Connections sought on our own account; small networks become a full mesh."""
    dht_mode: DhtMode = "auto"
    is_announced: bool = False
    """Somebody told us an address that others shall dial."""
    kad: KadConfig = field(default_factory=KadConfig)
    lan: LanParts | None = None


@dataclass(frozen=True, slots=True)
class _Dht:
    """What decides in the DHT, and what carries it."""

    machine: KadMachine
    carrier: KadCarrier


class Network:
    """Host, DHT and peering of one node."""

    def __init__(
        self,
        host: Host,
        options: NetworkOptions,
        ambient: Ambient,
        remembered: Sequence[PutPeer],
        neighbours: Neighbours,
    ) -> None:
        self.host = host
        self._neighbours = neighbours
        self.reach = Reach(host, options.dht_mode, options.is_announced)
        config = DriverConfig()
        own = host.peer_id
        validators = {"dchat": RecordValidator()}
        # Peers met before stand in for a saved table: the machine verifies them anyway.
        table = [KadPeer(row.peer, row.addresses) for row in remembered]
        kad = KadMachine(own, options.kad, ambient.rng("kad"), validators, table)
        self._dht = _Dht(kad, KadCarrier(host, self._put_kad, self._told_by_kad, options.kad))
        self.kad = Driver[KadInput, KadEffect](kad, self._dht.carrier, ambient, config)
        self.directory = Directory(self.kad, ambient, lambda: host.addresses)
        self.machine = Peering(own, remembered, options.mesh, ambient.rng("peering"))
        sightings = Sightings(lambda: ambient.now().wall_ms)
        self._dialler = Dialler(host, self.directory, neighbours, sightings, self._put_peering)
        self.peering = Driver[PeeringInput, PeeringEffect](
            self.machine, self._dialler, ambient, config, self._dialler.conclude
        )
        lan = options.lan
        if lan is not None and lan.gate is not None:
            host.serve(lan.gate.protocol, offered(lan.gate, host))
        self.lan = Lan(lan, ambient, self._told_by_lan, neighbours.hub.emit) if lan else None

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Run until cancelled."""
        async with trio.open_nursery() as nursery:
            for part in (self._dht.carrier, self.kad, self._dialler, self.peering):
                await nursery.start(part.run)
            changes = self.host.changes()
            await self._review()
            nursery.start_soon(self._watch_peers, changes)
            nursery.start_soon(self._watch_addresses)
            if self.lan is not None:
                await nursery.start(self.lan.run)
            task_status.started()

    @property
    def sightings(self) -> Sightings:
        """When peers were met, and how reaching them failed."""
        return self._dialler.sightings

    def dht_statistics(self) -> tuple[KadStatistics, KadCarrierStatistics]:
        """What the DHT holds and refused, and what its streams did."""
        return self._dht.machine.statistics(), self._dht.carrier.statistics()

    async def configured(self, peers: frozenset[PeerId]) -> None:
        """The configuration names these peers and no others."""
        await self.peering.put(Configured(peers))

    async def found(self, peer: PeerId, addresses: tuple[str, ...], source: Source) -> None:
        """Learn of a peer."""
        await self.peering.put(Found(peer, addresses, source))

    async def block(self, blocks: BlockList) -> None:
        """Know no more of these than it takes to welcome them again; the host refuses them."""
        await self.peering.put(Blocked(blocks))
        await self.kad.put(BlockedInKad(blocks))
        if self.lan is not None:
            await self.lan.block(blocks)

    async def _watch_peers(self, changes: trio.MemoryReceiveChannel[PeerChanged]) -> None:
        async for change in changes:
            state = change.state
            if state is None:
                self.sightings.gone(change.peer)
                await self.peering.put(Disconnected(change.peer))
            else:
                self.sightings.came(change.peer)
                self.reach.seen(state)
                await self.peering.put(Connected(change.peer, state.dialled, announced(state)))
            if self.lan is not None:
                await self.lan.linked(change)
            await self._neighbours.peer_changed(change)
            await self._review()

    async def _watch_addresses(self) -> None:
        while True:
            await trio.sleep(ADDRESS_POLL_S)
            await self._review()

    async def _review(self) -> None:
        """Tell the machines when what we are to others changed."""
        change = self.reach.review()
        if change.is_server is not None:
            await self.kad.put(SetMode(change.is_server))
        if change.addresses is not None:
            await self.kad.put(SetAddresses(tuple(map(own_form, change.addresses))))
            await self.peering.put(NetworkChanged())
            await self._neighbours.addresses_changed()

    async def _put_kad(self, input: KadInput) -> None:
        await self.kad.put(input)

    async def _put_peering(self, input: PeeringInput) -> None:
        await self.peering.put(input)

    async def _told_by_lan(self, peer: PeerId, addresses: tuple[str, ...]) -> None:
        await self.found(peer, addresses, Source.LAN)

    async def _told_by_kad(self, peer: Discovered) -> None:
        await self.found(peer.peer, peer.addresses, Source.DISCOVERED)
