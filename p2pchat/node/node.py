"""A chatting peer: every machine, every adapter, and the only nursery.

Whatever this node is made of is passed in (host, store, clock, randomness), so the simulator runs
exactly this file.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import trio

from p2pchat.config import Limits
from p2pchat.crypto.room_keys import SharedKeyCipher
from p2pchat.gossip.config import GossipConfig
from p2pchat.gossip.router import GossipRouter
from p2pchat.gossip.vocabulary import GossipInput
from p2pchat.kad.config import KAD_PROTOCOL
from p2pchat.model.change import DropPeer, PutPeer
from p2pchat.model.ids import DeviceId, PeerId
from p2pchat.model.snapshot import Snapshot
from p2pchat.net.bootstrap_list import BootstrapSources
from p2pchat.net.gossip import GossipCarrier
from p2pchat.net.port import Host, PeerChanged
from p2pchat.node.ambient import Ambient
from p2pchat.node.carrier import ChatCarrier
from p2pchat.node.driver import Driver, DriverConfig
from p2pchat.node.fanout import Lanes
from p2pchat.node.handlers import LaneHandlers
from p2pchat.node.hub import Hub
from p2pchat.node.network import Neighbours, Network, NetworkOptions, own_form
from p2pchat.node.relays import Relays
from p2pchat.node.startup import Startup, StartupParts
from p2pchat.node.topics import GossipDriver, Topics
from p2pchat.protocol.chat import Chat
from p2pchat.protocol.machine import (
    Dial,
    DialFailed,
    Effect,
    Flush,
    Input,
    PeerDown,
    PeerUp,
    SendFailed,
)
from p2pchat.protocol.peering import Wanted
from p2pchat.protocol.state import Me
from p2pchat.store.port import AsyncStore
from p2pchat.wire.envelope import Signer
from p2pchat.wire.frames import Hello, encode_frame

logger = logging.getLogger(__name__)

ROOM_PEERS_KEPT = 12
"""Peers of one room whose connections make room for nobody."""
REPUBLISH_S = 30.0
"""Until a record that nobody took is put again."""


@dataclass(frozen=True, slots=True)
class NodeParts:
    """What a node is made of."""

    host: Host
    store: AsyncStore
    snapshot: Snapshot
    me: Me
    ambient: Ambient
    limits: Limits
    options: NetworkOptions
    gossip: GossipConfig
    sources: BootstrapSources | None
    account_signer: Signer
    fingerprint: str


class Node:
    """One running peer; made by `open_node`."""

    def __init__(self, parts: NodeParts) -> None:
        self.parts = parts
        limits, ambient = parts.limits, parts.ambient
        self.hub = Hub(limits.subscriber_events_max)
        self.network = Network(parts.host, parts.options, ambient, self.hub)
        self.network.build(
            parts.snapshot.peers,
            Neighbours(
                self._peer_changed, self._unreachable, self._remember, self._addresses_changed
            ),
        )
        self.chat = Chat(parts.me, parts.snapshot, limits, ambient.rng("chat"))
        self._topics = Topics(SharedKeyCipher(ambient.token_bytes), self._put)
        self._carrier = ChatCarrier(parts.store, self.hub, self._topics)
        config = DriverConfig(limits.inbox_inputs_max, limits.batch_inputs_max)
        self.driver = Driver[Input, Effect](
            self.chat, self._carrier, ambient, config, self._carrier.conclude
        )
        self._gossip_carrier = GossipCarrier(parts.host, self._put_gossip, self._topics.told)
        router = GossipRouter(
            parts.host.peer_id, parts.gossip, ambient.rng("gossip"), self._topics.judge
        )
        self._gossip: GossipDriver = Driver(router, self._gossip_carrier, ambient, config)
        hello = encode_frame(Hello(parts.me.devices))
        self.lanes = Lanes(parts.host, hello, limits.peer_queue_bytes_max, self._send_failed)
        self.handlers = LaneHandlers(parts.host, limits.frame_bytes_max, self._put)
        self._carrier.connect(self.lanes, self.handlers, self._want, self._put)
        self.relays = Relays(parts.host, self.hub, self._reserved)
        startup = StartupParts(
            self.network, self.hub, parts.sources, len(parts.snapshot.peers), parts.fingerprint
        )
        self.startup = Startup(startup, self.relays)
        self._up: set[DeviceId] = set()
        self._moved = trio.Event()
        self._keys_published = trio.Event()

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Run until cancelled; started when the node takes commands."""
        try:
            async with trio.open_nursery() as nursery:
                for part in (self.lanes, self._carrier, self._gossip_carrier, self._gossip):
                    await nursery.start(part.run)
                nursery.start_soon(self._topics.run, self._gossip)
                self.handlers.serve()
                await nursery.start(self.driver.run)
                await nursery.start(self.network.run)
                nursery.start_soon(self.relays.run)
                nursery.start_soon(self._publish)
                nursery.start_soon(self.startup.run, self._keys_published)
                task_status.started()
        finally:
            self.hub.close()

    async def flushed_store(self) -> AsyncStore:
        """The store, once it knows all that the chat knows."""
        if not self.chat.outbox.is_flushed:
            await self.driver.call(Flush)
        return self.parts.store

    # What the machines hear

    async def _put(self, input: Input) -> None:
        await self.driver.put(input)

    async def _peer_changed(self, change: PeerChanged) -> None:
        """The chat hears of devices coming and going, the start of the first server."""
        self.relays.changed()
        self._protect()
        state, device = change.state, change.peer.device
        if state is not None and KAD_PROTOCOL in state.protocols:
            self.startup.peer_served()
        if device is None:
            return
        if state is None:
            self._up.discard(device)
            self.lanes.drop(device)
            await self._put(PeerDown(device, "the connection ended"))
        elif device not in self._up:
            self._up.add(device)
            await self._put(PeerUp(device))

    async def _unreachable(self, peer: PeerId, reason: str) -> None:
        if peer.device is not None:
            await self._put(DialFailed(peer.device, reason))

    async def _send_failed(self, failed: SendFailed) -> None:
        await self._put(failed)

    def _protect(self) -> None:
        """Whose connections shall last: relays we hold, those we owe something, room neighbours,
        contacts; in this order half of all, so that there is always room for a newcomer."""
        state, chat = self.chat.state, self.chat
        devices = dict.fromkeys(chat.outbox.owed_devices())
        for peers in chat.sync.room_peers.values():
            devices.update(dict.fromkeys(list(peers)[:ROOM_PEERS_KEPT]))
        for account in state.contacts:
            known = state.directory.sets.get(account)
            devices.update(dict.fromkeys(sorted(known.devices) if known else ()))
        lasting = [*self.relays.held, *(device.peer_id for device in devices)]
        self.parts.host.protect(lasting[: self.parts.limits.connections_max // 2])

    async def _want(self, dial: Dial) -> None:
        self._protect()
        await self.network.peering.put(Wanted(dial.peer.peer_id, dial.hints))

    async def _put_gossip(self, input: GossipInput) -> None:
        await self._gossip.put(input)

    # What is kept and told

    async def _remember(self, change: PutPeer | DropPeer) -> None:
        await self.parts.store.commit([change])

    async def _addresses_changed(self) -> None:
        self._moved.set()

    def _reserved(self) -> None:
        self._moved.set()

    async def _publish(self) -> None:
        """Put our records when there is a network, and again when we move."""
        me, directory = self.parts.me, self.network.directory
        await self.startup.joined()
        await directory.publish_account(me.devices, self.parts.account_signer)
        while True:
            self._moved = trio.Event()
            addresses = tuple(own_form(address) for address in self.parts.host.addresses)
            stored = await directory.publish_bundle(me.device, addresses, me.signer)
            self._keys_published.set()
            with trio.move_on_after(float("inf") if stored else REPUBLISH_S):
                await self._moved.wait()


@asynccontextmanager
async def open_node(parts: NodeParts) -> AsyncGenerator[Node]:
    """Run a node while the block lasts."""
    node = Node(parts)
    async with trio.open_nursery() as nursery:
        await nursery.start(node.run)
        yield node
        nursery.cancel_scope.cancel()
