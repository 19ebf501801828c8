"""The network part of a node, which a relay and a chatting client share: host, DHT, peering.

It turns what the host reports into inputs of the machines, and carries what peering decides.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

import trio

from p2pchat.config import DhtMode
from p2pchat.errors import PeerUnreachable
from p2pchat.kad.config import KadConfig
from p2pchat.kad.machine import KadMachine
from p2pchat.kad.vocabulary import (
    Discovered,
    KadEffect,
    KadInput,
    SetAddresses,
    SetMode,
    TableChanged,
)
from p2pchat.model.change import DropPeer, PutPeer
from p2pchat.model.ids import PeerId
from p2pchat.model.scope import Scope, believable, scope_of, scope_of_all
from p2pchat.net.kad import KadCarrier
from p2pchat.net.port import Connectedness, Host, PeerChanged
from p2pchat.node.ambient import Ambient
from p2pchat.node.driver import Driver, DriverConfig
from p2pchat.node.hub import Hub
from p2pchat.node.publishing import Directory
from p2pchat.protocol.peering import (
    Announce,
    Connect,
    Connected,
    DialFailed,
    Disconnected,
    Found,
    NetworkChanged,
    Peering,
    PeeringEffect,
    PeeringInput,
    Remember,
    Resolve,
    Resolved,
    Source,
    Unreachable,
)
from p2pchat.wire.records import RecordValidator

logger = logging.getLogger(__name__)

ADDRESS_POLL_S = 2.0
"""How often our own addresses are compared with those last told."""
RESOLVE_TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkOptions:
    """What differs between a client, a relay, and a simulated peer."""

    mesh: int = 30
    """Connections sought on our own account; small networks become a full mesh."""
    dht_mode: DhtMode = "auto"
    is_announced: bool = False
    """Somebody told us an address that others shall dial."""
    kad: KadConfig = field(default_factory=KadConfig)


@dataclass(frozen=True, slots=True)
class Neighbours:
    """Who else wants to know."""

    peer_changed: Callable[[PeerChanged], Awaitable[None]]
    unreachable: Callable[[PeerId, str], Awaitable[None]]
    remember: Callable[[PutPeer | DropPeer], Awaitable[None]]
    addresses_changed: Callable[[], Awaitable[None]]


class Network:
    """Host, DHT and peering of one node."""

    def __init__(self, host: Host, options: NetworkOptions, ambient: Ambient, hub: Hub) -> None:
        self.host = host
        self._options = options
        self._ambient = ambient
        self._hub = hub
        self._is_server = False
        self.was_dialled = False
        self._told_addresses: tuple[str, ...] = ()

    def build(self, remembered: Sequence[PutPeer], neighbours: Neighbours) -> None:
        """Make the machines; before `run`."""
        self._neighbours = neighbours
        own = self.host.peer_id
        kad = KadMachine(
            own, self._options.kad, self._ambient.rng("kad"), {"dchat": RecordValidator()}
        )
        self._kad_carrier = KadCarrier(self.host, self._put_kad, self._told_by_kad)
        config = DriverConfig()
        self.kad = Driver[KadInput, KadEffect](kad, self._kad_carrier, self._ambient, config)
        self.machine = Peering(own, remembered, self._options.mesh, self._ambient.rng("peering"))
        self.peering = Driver[PeeringInput, PeeringEffect](
            self.machine, self, self._ambient, config, self._conclude
        )
        self.directory = Directory(self.kad, self._ambient)

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Run until cancelled."""
        async with trio.open_nursery() as self._nursery:
            await self._nursery.start(self._kad_carrier.run)
            await self._nursery.start(self.kad.run)
            await self._nursery.start(self.peering.run)
            changes = self.host.changes()
            await self._review()
            self._nursery.start_soon(self._watch_peers, changes)
            self._nursery.start_soon(self._watch_addresses)
            task_status.started()

    async def found(self, peer: PeerId, addresses: tuple[str, ...], source: Source) -> None:
        """Learn of a peer."""
        await self.peering.put(Found(peer, addresses, source))

    # What the host reports

    async def _watch_peers(self, changes: trio.MemoryReceiveChannel[PeerChanged]) -> None:
        async for change in changes:
            state = change.state
            if state is None:
                await self.peering.put(Disconnected(change.peer))
            else:
                await self.peering.put(Connected(change.peer, dialable(state)))
                self.was_dialled |= state.inbound and scope_of_all(state.addresses) is Scope.PUBLIC
            await self._neighbours.peer_changed(change)
            await self._review()

    async def _watch_addresses(self) -> None:
        while True:
            await trio.sleep(ADDRESS_POLL_S)
            await self._review()

    async def _review(self) -> None:
        """Tell the machines when our addresses, or what they mean, changed."""
        addresses = self.host.addresses
        is_server = self._serves(addresses)
        if is_server != self._is_server:
            self._is_server = is_server
            await self.kad.put(SetMode(is_server))
        if addresses != self._told_addresses:
            self._told_addresses = addresses
            bare = tuple(own_form(address) for address in addresses)
            await self.kad.put(SetAddresses(bare))
            await self.peering.put(NetworkChanged())
            await self._neighbours.addresses_changed()

    def _serves(self, addresses: tuple[str, ...]) -> bool:
        """Whether others can reach us: told so, seen so, or nobody is farther than our own net."""
        mode = self._options.dht_mode
        if mode != "auto":
            return mode == "server"
        direct = [address for address in addresses if "/p2p-circuit" not in address]
        if not direct:
            return False
        if self._options.is_announced or self.was_dialled:
            return True
        nearest = max(map(scope_of, direct))
        return all(scope_of_all(peer.addresses) <= nearest for peer in self.host.peers)

    # What peering decides

    async def carry(self, effects: Sequence[PeeringEffect]) -> None:
        for effect in effects:
            match effect:
                case Connect(peer, addresses):
                    self._nursery.start_soon(self._connect, peer, addresses)
                case Resolve(peer):
                    self._nursery.start_soon(self._resolve, peer)
                case Unreachable(peer, reason):
                    self._nursery.start_soon(self._neighbours.unreachable, peer, reason)
                case Remember(change):
                    await self._neighbours.remember(change)
                case _:
                    pass  # told below, or the driver's

    def _conclude(self, effects: Sequence[PeeringEffect]) -> None:
        for effect in effects:
            if isinstance(effect, Announce):
                self._hub.emit(effect.event)

    async def _connect(self, peer: PeerId, addresses: tuple[str, ...]) -> None:
        try:
            await self.host.connect(peer, addresses)
        except PeerUnreachable as error:
            await self.peering.put(DialFailed(peer, str(error)))
            return
        if not self.host.is_connected(peer):
            await self.peering.put(DialFailed(peer, "the connection was lost at once"))

    async def _resolve(self, peer: PeerId) -> None:
        addresses: tuple[str, ...] = ()
        with trio.move_on_after(RESOLVE_TIMEOUT_S):
            addresses = (await self.directory.find(peer)).addresses
        await self.peering.put(Resolved(peer, addresses))

    # What the DHT decides

    async def _put_kad(self, input: KadInput) -> None:
        await self.kad.put(input)

    async def _told_by_kad(self, effect: Discovered | TableChanged) -> None:
        if isinstance(effect, Discovered):
            await self.found(effect.peer, effect.addresses, Source.DISCOVERED)


def dialable(state: Connectedness) -> tuple[str, ...]:
    """Where a connected peer may be dialled again: what it announced, as far as it may be believed,
    and what we dialled it at."""
    told_over = scope_of_all(state.addresses)
    announced = [address for address in state.announced if believable(address, told_over)]
    dialled = () if state.inbound else state.addresses
    return tuple(dict.fromkeys([*dialled, *announced]))


def own_form(address: str) -> str:
    """An address of ours without `/p2p/<own peer id>` at its end."""
    return address.rpartition("/p2p/")[0]
