"""A chatting peer: every machine, every adapter, and the only nursery.

Whatever this node is made of is passed in (host, store, clock, randomness), so the simulator runs
exactly this file.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import trio

from p2pchat.config import ClientConfig, Limits, parse_peer_address
from p2pchat.crypto.megolm import MegolmSessions
from p2pchat.crypto.port import RoomSessions
from p2pchat.crypto.room_keys import SharedKeyCipher
from p2pchat.events import DeviceAdded, DeviceRevoked
from p2pchat.gossip.config import GossipConfig
from p2pchat.kad.config import KAD_PROTOCOL
from p2pchat.model.blocking import BlockList
from p2pchat.model.contact import ContactState
from p2pchat.model.ids import AccountId, ConversationId, PeerId
from p2pchat.model.mailbox import MailBundle
from p2pchat.model.snapshot import Snapshot
from p2pchat.net.bootstrap_list import BootstrapSources
from p2pchat.net.clock import CLOCK_PROTOCOL, tell_clock
from p2pchat.net.port import Host, PeerChanged
from p2pchat.node.ambient import Ambient
from p2pchat.node.carrier import ChatCarrier, Surroundings
from p2pchat.node.connections import Connections
from p2pchat.node.deliveries import Deliveries
from p2pchat.node.driver import Driver, DriverConfig
from p2pchat.node.enforcing import Enforcer
from p2pchat.node.fanout import Lanes
from p2pchat.node.handlers import LaneHandlers
from p2pchat.node.health import HealthWatch
from p2pchat.node.hub import Hub
from p2pchat.node.lan_consent import consent_to_proved
from p2pchat.node.lifetime import running
from p2pchat.node.mail import Exits, MailParts, OpeningChat, PostOffice
from p2pchat.node.mail_relays import SETTING as MAIL_RELAYS
from p2pchat.node.mail_relays import MailRelays, RelayParts
from p2pchat.node.mailbox_service import KeptMailboxes, MailboxService
from p2pchat.node.memory import PeerMemory
from p2pchat.node.network import Neighbours, Network, NetworkOptions
from p2pchat.node.presence import Presence
from p2pchat.node.publishing import OwnRecords, Publisher
from p2pchat.node.reach import own_form
from p2pchat.node.rendezvous import Rendezvous
from p2pchat.node.room_seals import RoomSeals
from p2pchat.node.rooms import RoomGossip, RoomParts
from p2pchat.node.startup import Startup, StartupParts
from p2pchat.node.traversal import NatTraversal, TraversalListeners
from p2pchat.protocol.chat import Chat
from p2pchat.protocol.machine import (
    AcceptContact,
    ConfigureBlocks,
    DevicesTold,
    Dial,
    DialFailed,
    Effect,
    EpochDrawn,
    Flush,
    Input,
)
from p2pchat.protocol.mail_vocabulary import BundlePublished
from p2pchat.protocol.peering import Wanted
from p2pchat.protocol.sealing import SECRET_BYTES
from p2pchat.protocol.state import Me
from p2pchat.store.port import AsyncStore
from p2pchat.wire.contents import PAIR_HALF_BYTES
from p2pchat.wire.devices import DeviceSet
from p2pchat.wire.envelope import Signer
from p2pchat.wire.frames import Hello, encode_frame
from p2pchat.wire.mailbox_codec import MAILBOX_PROTOCOL

__all__ = ["Node", "NodeParts", "open_node"]

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class NodeParts:
    """What a node is made of."""

    host: Host
    blocks: BlockList
    """What the configuration blocks."""
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
    mailboxes: KeptMailboxes | None = None
    """What we keep of contacts who are away; None keeps nothing."""
    mail: MailParts | None = None
    """None mails nothing, and takes no mail."""
    sessions: RoomSessions | None = None
    """What seals rooms by invitation: ratchets, unless something stands in for them."""
    home: Path | None = None
    """Where it is kept, for who looks at the disk."""

    def seals(self) -> RoomSeals:
        """What the blobs of rooms are sealed with."""
        token_bytes = self.ambient.token_bytes
        sessions = self.sessions or MegolmSessions(token_bytes)
        return RoomSeals(SharedKeyCipher(token_bytes), sessions, self.me.signer)


class Node:
    """One running peer; made by `open_node`."""

    def __init__(self, parts: NodeParts) -> None:
        self.parts = parts
        host, limits, ambient = parts.host, parts.limits, parts.ambient
        self.hub = Hub(limits.subscriber_events_max)
        self.deliveries = Deliveries()
        self.chat = Chat(parts.me, parts.snapshot, limits, ambient.rng("chat"))
        self.chat.blocking.preset(parts.blocks)
        memory = PeerMemory(parts.store.commit)
        remembered = parts.snapshot.peers
        lan = parts.options.lan
        if lan is not None and lan.gate is not None:
            lan.gate.is_contact = self._is_contact
        self.network = Network(host, parts.options, ambient, remembered, self._neighbours(memory))
        self.around = self._surroundings()
        host.serve(CLOCK_PROTOCOL, tell_clock(ambient.now))
        carrier = ChatCarrier(self.around)
        config = DriverConfig(limits.inbox_inputs_max, limits.batch_inputs_max)
        machine = OpeningChat(self.chat, self.around.office) if self.around.office else self.chat
        self.driver = Driver[Input, Effect](machine, carrier, ambient, config, self._conclude)
        self._carrier = carrier
        publisher = Publisher(self.network.directory, self._own_addresses)
        presence = Presence(host, self.chat, self._put)
        listeners = TraversalListeners(publisher.moved, self._move, self.network.reach.judged)
        traversal = NatTraversal(host, self.hub, ambient, listeners)
        self.connections = Connections(host, HealthWatch(self.hub), presence, traversal, memory)
        startup = StartupParts(
            self.network, self.hub, parts.sources, len(remembered), parts.fingerprint
        )
        self.startup = Startup(startup, traversal, publisher)

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Run until cancelled; started when the node takes commands."""
        around = self.around
        try:
            async with trio.open_nursery() as nursery:
                for part in (around.lanes, self._carrier, around.rooms):
                    await nursery.start(part.run)
                around.handlers.serve()
                await nursery.start(self.connections.run, self.parts.limits.connections_max)
                if around.office is not None:
                    await nursery.start(around.office.run)
                await nursery.start(self.driver.run)
                await nursery.start(self.network.run)
                if (kept := self.parts.mailboxes) is not None:
                    await nursery.start(self._mailboxes(kept).run)
                nursery.start_soon(around.enforcer.run)
                nursery.start_soon(self._consent)
                nursery.start_soon(self.startup.run)
                nursery.start_soon(self.startup.follow)
                nursery.start_soon(self.startup.publish, self._own_records())
                nursery.start_soon(self._republish)
                task_status.started()
        finally:
            self.hub.close()
            self.deliveries.close()

    def _own_records(self) -> OwnRecords:
        parts = self.parts

        async def learn(devices: DeviceSet) -> None:
            await self._put(DevicesTold(devices))

        async def published() -> None:
            await self._put(BundlePublished())

        return OwnRecords(
            devices=lambda: self.chat.state.own_devices,
            learn=learn,
            account=parts.account_signer,
            device=parts.me.signer,
            mail=lambda: self.around.office.bundle if self.around.office else MailBundle(),
            published=published,
        )

    async def _republish(self) -> None:
        """Have the account record say at once what is new of our devices."""
        with self.hub.subscribe(DeviceAdded, DeviceRevoked) as events:
            async for event in events:
                match event:
                    case DeviceAdded(account) | DeviceRevoked(account):
                        is_ours = account == self.parts.me.account
                    case _:
                        is_ours = True  # some were dropped
                if is_ours:
                    self.startup.devices_changed()

    async def _consent(self) -> None:
        """Accept who proved the secret of the LAN, where the user wants that."""
        lan = self.parts.options.lan
        if lan is not None and lan.gate is not None and lan.config.accept_requests:
            await consent_to_proved(self.hub, self.chat.state, lan.gate, self.accept)

    async def accept(self, account: AccountId) -> None:
        """Say yes to a request. Raises `UnknownContact`."""
        half = self.parts.ambient.token_bytes(PAIR_HALF_BYTES)
        await self.driver.call(lambda id: AcceptContact(id, account, half))

    def _conclude(self, effects: Sequence[Effect]) -> None:
        self._carrier.conclude(effects)
        self.deliveries.conclude(effects)

    async def flushed_store(self) -> AsyncStore:
        """The store, once it knows all that the chat knows."""
        # A batch under way may hold what the outbox gave to be written, which is not on disk yet.
        if self.driver.is_busy or not self.chat.outbox.is_flushed:
            await self.driver.call(Flush)
        return self.parts.store

    async def reconfigure(self, config: ClientConfig) -> None:
        """Take over what applies while the node runs."""
        await self.driver.call(lambda id: ConfigureBlocks(id, config.blocks))
        if self.network.lan is not None:
            expected = frozenset(parse_peer_address(a).peer for a in config.bootstrap_peers)
            confinement = await self.network.lan.confine(
                config.lan.allowed_subnets, lambda peer: peer in expected or self._is_contact(peer)
            )
            self.around.enforcer.confine(confinement)
            self.network.lan.expect(expected)
        self.startup.renew(config)

    # Who is connected to what

    def _neighbours(self, memory: PeerMemory) -> Neighbours:
        return Neighbours(
            hub=self.hub,
            peer_changed=self._peer_changed,
            unreachable=self._unreachable,
            remember=memory.note,
            addresses_changed=self._moved,
        )

    def _surroundings(self) -> Surroundings:
        parts, limits = self.parts, self.parts.limits

        def hello() -> bytes:
            return encode_frame(Hello(self.chat.state.own_devices))

        rng = parts.ambient.rng("rendezvous")
        rendezvous = Rendezvous(parts.host, self.network.directory, rng)
        rooms = RoomParts(parts.host, parts.gossip, parts.ambient, rendezvous, parts.seals())
        return Surroundings(
            store=parts.store,
            hub=self.hub,
            rooms=RoomGossip(rooms, self._put),
            lanes=Lanes(parts.host, hello, limits.peer_queue_bytes_max, self._put),
            handlers=LaneHandlers(parts.host, limits.frame_bytes_max, self._put),
            want=self._want,
            enforcer=Enforcer(parts.host, self.network.block),
            loaded=self._put,
            office=self._office(parts.mail) if parts.mail is not None else None,
            drawn=self._draw,
        )

    def _office(self, mail: MailParts) -> PostOffice:
        parts = self.parts
        remembered = parts.snapshot.settings.get(MAIL_RELAYS, b"")
        relays = MailRelays(
            parts.host,
            RelayParts(
                configured=mail.relays,
                remembered=remembered,
                listed=lambda: self.startup.known,
                is_lan=parts.options.lan is not None,
                now=parts.ambient.now,
                commit=parts.store.commit,
            ),
        )
        find = self.network.directory
        exits = Exits(self._put, find.devices, find.bundle, lambda: self.startup.moved(), relays)
        return PostOffice(mail, exits, parts.host, self.chat, parts.ambient)

    async def _draw(self, conversation: ConversationId) -> None:
        secret = self.parts.ambient.token_bytes(SECRET_BYTES)
        await self._put(EpochDrawn(conversation, secret))

    async def _put(self, input: Input) -> None:
        await self.driver.put(input)

    async def _peer_changed(self, change: PeerChanged) -> None:
        """The start hears of the first server, the lanes of who is gone, the rest of everybody."""
        if change.state is not None and KAD_PROTOCOL in change.state.protocols:
            self.startup.peer_served()
        office = self.around.office
        if office is not None and change.state and MAILBOX_PROTOCOL in change.state.protocols:
            office.look()
        if change.state is None and change.peer.device is not None:
            self.around.lanes.drop(change.peer.device)
        await self.connections.changed(change)

    async def _unreachable(self, peer: PeerId, reason: str) -> None:
        if peer.device is not None:
            await self._put(DialFailed(peer.device, reason))

    async def _want(self, dial: Dial) -> None:
        self.connections.presence.due()
        await self.around.enforcer.wait_told()
        await self.network.peering.put(Wanted(dial.peer.peer_id, dial.hints))

    async def _moved(self) -> None:
        self.startup.moved()
        self.around.rooms.rendezvous.moved()
        await self.connections.traversal.moved()

    def _move(self, peer: PeerId) -> None:
        if peer.device is not None:
            self.around.lanes.move(peer.device)

    def _mailboxes(self, kept: KeptMailboxes) -> MailboxService:
        """The mailboxes of contacts that are named, and of nobody else."""
        parts, state = self.parts, self.chat.state

        def is_served(peer: PeerId) -> bool:
            device, directory = peer.device, state.directory
            return device is not None and any(
                state.contact_state(account) is ContactState.ACCEPTED
                and device in directory.devices(account)
                and not directory.is_revoked(account, device)
                for account in kept.served
            )

        return MailboxService(parts.host, kept.store, kept.limits, parts.ambient, is_served)

    def _is_contact(self, peer: PeerId) -> bool:
        return peer.device is not None and self.chat.state.is_contacts(peer.device)

    def _own_addresses(self) -> tuple[str, ...]:
        return tuple(map(own_form, self.parts.host.addresses))


@asynccontextmanager
async def open_node(parts: NodeParts) -> AsyncGenerator[Node]:
    """Run a node while the block lasts; a node that cannot go on ends it with what stopped it."""
    node = Node(parts)
    async with running(node.run):
        yield node
