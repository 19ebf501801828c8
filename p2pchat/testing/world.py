"""A world of real clients on a simulated network, in virtual time.

Everything above the ports is the product as it is: node, driver, machines, Kademlia, gossip router,
client. Only the host, the store (in memory, as slow as a disk) and the two ambient things are
swapped, so a second of virtual time costs what its work costs, and one seed gives one history.

    async def scenario(world: World) -> None:
        alice, bob = await world.start("alice"), await world.start("bob", knows=("alice",))
        ...

    run_world(scenario, seed=7)

Checkers look on all the while; `run_world` raises `InvariantBroken` at their first complaint.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from random import Random
from typing import TypeVar

import trio

from p2pchat.client.client import Client
from p2pchat.client.identity import make_identity, with_keys
from p2pchat.client.opening import Stored, client_parts, prepare_store
from p2pchat.config import ClientConfig, SettingsInForce
from p2pchat.crypto.mail import mailbox_key
from p2pchat.errors import NodeClosed
from p2pchat.model.ids import Party, PeerId
from p2pchat.model.mailbox import MailboxRelay
from p2pchat.net.bootstrap_list import BootstrapSources
from p2pchat.net.port import AUTONAT_PROTOCOL, DCUTR_PROTOCOL, HOP_PROTOCOL, Host, Stream
from p2pchat.node.ambient import SimulatedAmbient, seeded
from p2pchat.node.hub import Hub
from p2pchat.node.mail import MailParts
from p2pchat.node.network import Neighbours, Network, NetworkOptions
from p2pchat.node.node import NodeParts, open_node
from p2pchat.store.memory import MemoryStore
from p2pchat.testing.determinism import run_simulation
from p2pchat.testing.fate import Moment
from p2pchat.testing.faults import Nat
from p2pchat.testing.hosts import SimulatedHost
from p2pchat.testing.litter import seldom_collected
from p2pchat.testing.lives import CONFIG, Life, Peer, PeerOptions
from p2pchat.testing.mailboxes import MailClient, MailRelays
from p2pchat.testing.network import SimulatedNetwork, open_network, seed_of
from p2pchat.testing.plain_mail import (
    PlainMailCipher,
    Used,
    plain_account,
    plain_identity_key,
)
from p2pchat.testing.plain_sessions import PlainSessions
from p2pchat.testing.recording import RecordingHost, RecordingStore
from p2pchat.testing.trace import Trace
from p2pchat.testing.watch import Complaint, LifeWitness, Watch
from p2pchat.wire.devices import DeviceKeys
from p2pchat.wire.mailbox_codec import MAILBOX_PROTOCOL

__all__ = ["InvariantBroken", "Peer", "World", "open_world", "run_world"]

T = TypeVar("T")

RELAY = NetworkOptions(dht_mode="server")
"""As `p2pchat.relay` has it for a relay that was told its address."""


class InvariantBroken(AssertionError):
    """A checker complained; `complaints` are all of that step."""

    def __init__(self, complaints: Iterable[Complaint], trace: Trace) -> None:
        self.complaints = tuple(complaints)
        self.trace = trace
        super().__init__("\n".join(map(str, self.complaints)))


class World:
    """Peers by name, and what befalls them."""

    def __init__(self, network: SimulatedNetwork, seed: int | str, nursery: trio.Nursery) -> None:
        self.network = network
        self.seed = seed
        self.peers: dict[str, Peer] = {}
        self.relays: dict[str, SimulatedHost] = {}
        self.watch = Watch(network.trace)
        self.mail: MailRelays | None = None
        """What relays keep for who is away; peers made before there is any mail nothing."""
        self._used = Used()
        self._nursery = nursery

    def rng(self, purpose: str) -> Random:
        """Choices of a scenario, apart from those of its peers."""
        return seeded(self.seed, "world", purpose)

    async def start(
        self,
        name: str,
        *,
        knows: Iterable[str] = (),
        listening: bool = True,
        nat: Nat = Nat.OPEN,
        config: ClientConfig = CONFIG,
    ) -> Client:
        """Make a peer, and open it."""
        options = PeerOptions(tuple(knows), listening, nat, config)
        if name in self.peers:
            self.peers[name].options = options
        else:
            self.make(name, options)
        return await self.open(name)

    def make(self, name: str, options: PeerOptions) -> Peer:
        """A peer that does not run yet."""
        ambient = SimulatedAmbient(self.seed, f"{name}/0")
        identity = make_identity(name, ambient, seed_of(name))
        store = MemoryStore()
        if self.mail is not None:
            store.commit([plain_account()])
            key = plain_identity_key(identity.device)
            keys = DeviceKeys(key, mailbox_key(identity.device_seed).public_key)
            identity = with_keys(identity, keys, ambient.now().wall_ms)
        prepare_store(store, identity, ambient)
        self.watch.ledger.enroll(name, identity)
        peer = self.peers[name] = Peer(name, identity, store, options)
        return peer

    async def open(self, name: str) -> Client:
        """Open a peer, or open it again where its disk left off.

        Raises `NodeClosed` when it crashes before its client can be used.
        """
        peer = self.peers[name]
        assert peer.running is None, f"{name} runs already"
        if peer.life is not None:
            await peer.life.ended.wait()
        peer.lives += 1
        ambient = SimulatedAmbient(self.seed, f"{name}/{peer.lives}", peer.skew_ms)
        life = peer.life = Life(peer, ambient)
        self._nursery.start_soon(self._live, life)
        await life.opened.wait()
        if life.client is None:
            raise NodeClosed(f"{name} crashed while it was opened")
        return life.client

    async def open_relay(self, name: str) -> None:
        """Open a relay: it carries for those who cannot be dialled, and serves the DHT.

        The simulated host does the carrying; the network part is the product's.
        """
        await self._nursery.start(self._relay, name)

    async def stop(self, name: str) -> None:
        """Close a peer in order."""
        life = self._running(name)
        life.client = None
        life.fate.scope.cancel()
        await life.ended.wait()

    def crash(self, name: str, *, noticed_after_s: float | None = 0.0) -> None:
        """Kill a peer at once: what its disk held is what it is opened on again.

        Its peers notice as `SimulatedNetwork.crash` says: at once, as when a process is killed, or
        (with None) when the keep-alive gives the connections up, as when a machine loses power.
        """
        life = self._running(name)
        life.peer.store = life.peer.store.fork()
        if life.host is not None:
            self.network.crash(life.host.peer_id, noticed_after_s=noticed_after_s)
        life.fate.end()

    def doom(self, name: str, moment: Moment, count: int = 1) -> None:
        """Let a peer crash when it passes `moment` for the `count`-th time from now on."""
        self._running(name).fate.doom(moment, count, lambda: self.crash(name))

    def skew(self, name: str, skew_ms: int) -> None:
        """Let a peer's wall clock jump to this far from true time."""
        peer = self.peers[name]
        peer.skew_ms = skew_ms
        if peer.life is not None:
            peer.life.ambient.skew_ms = skew_ms

    def up(self) -> list[Peer]:
        """The peers whose clients can be used, in the order they were made."""
        return [peer for peer in self.peers.values() if peer.is_up]

    async def _relay(
        self, name: str, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        async with self.network.host(name, relay=True) as host:
            kept = (MAILBOX_PROTOCOL,) if self.mail is not None else ()
            for protocol in (HOP_PROTOCOL, AUTONAT_PROTOCOL, *kept):
                host.serve(protocol, Stream.aclose)
            ambient = SimulatedAmbient(self.seed, f"{name}/0")
            nobody = Neighbours(hub=Hub(events_max=1))
            network = Network(host, RELAY, ambient, (), nobody)
            self.relays[name] = host
            await network.run(task_status=task_status)

    def _running(self, name: str) -> Life:
        life = self.peers[name].running
        assert life is not None, f"{name} does not run"
        return life

    async def _live(self, life: Life) -> None:
        peer, options = life.peer, life.peer.options
        place = self.network.host(peer.name, listening=options.listening, nat=options.nat)
        try:
            with life.fate.scope:
                async with place as simulated:
                    await self._run(life, simulated)
        finally:
            life.fate.end()
            life.opened.set()
            life.ended.set()

    async def _run(self, life: Life, simulated: SimulatedHost) -> None:
        """Run a life's node until its scope is cancelled."""
        witness = LifeWitness(self.watch, life)
        life.host = RecordingHost(simulated, life.fate, witness)
        simulated.serve(DCUTR_PROTOCOL, Stream.aclose)  # the simulated host does the punching
        try:
            async with open_node(self._parts(life, life.host, witness)) as life.node:
                life.client = Client(
                    life.node, life.ambient, SettingsInForce(life.peer.options.config)
                )
                self.watch.ask(lambda checker: checker.opened(life))
                life.opened.set()
                await _listen(life.client, witness)
        finally:
            if not life.fate.is_over:
                self.watch.ask(lambda checker: checker.closed(life))

    def _parts(self, life: Life, host: RecordingHost, witness: LifeWitness) -> NodeParts:
        peer, ambient = life.peer, life.ambient
        store = RecordingStore(peer.store, life.fate, witness, ambient.rng("disk"))
        mail = self._mail(peer) if self.mail is not None else None
        stored = Stored(store, peer.store.snapshot(), peer.identity, mail=mail)
        config = peer.options.config
        parts = client_parts(host, stored, config, ambient, self._sources(peer, host))
        return replace(parts, sessions=PlainSessions(ambient.token_bytes))

    def _mail(self, peer: Peer) -> MailParts:
        relays, kept = self.mail, peer.store.snapshot().mail
        assert relays is not None, "somebody keeps mail"
        own = mailbox_key(peer.identity.device_seed)

        def connect(host: Host, noticed: Callable[[PeerId], None]) -> MailClient:
            async def reach(relay: MailboxRelay) -> None:
                await host.connect(relay.peer, relay.addresses)

            return MailClient(relays, own, reach, leaves=self._used.leave)

        cipher = PlainMailCipher(
            Party(peer.identity.account, peer.identity.device), kept, self._used
        )
        return MailParts(cipher, connect, kept)

    def _sources(self, peer: Peer, host: RecordingHost) -> BootstrapSources:
        """The addresses that those it knows have now."""
        known = [
            self.relays[name] if name in self.relays else self.peers[name].host
            for name in peer.options.knows
        ]
        addresses = [address for one in known if one is not None for address in one.addresses]
        return BootstrapSources(
            own_peer=host.peer_id, peers=tuple(addresses), fetch=False, cache=None
        )


@asynccontextmanager
async def open_world(seed: int | str) -> AsyncGenerator[World]:
    """A world for the time of the block; run inside `run_simulation`.

    A broken invariant cancels the block and comes out of it as `InvariantBroken`; peers that still
    run at the end of the block are closed in order.
    """
    network_rng = seeded(seed, "network", "medium")
    async with open_network(network_rng) as network, trio.open_nursery() as nursery:
        world = World(network, seed, nursery)
        with trio.CancelScope() as scope:
            nursery.start_soon(_stop_at_complaint, world.watch, scope)
            yield world
            for peer in world.up():
                await world.stop(peer.name)
        nursery.cancel_scope.cancel()
    if world.watch.complaints:
        raise InvariantBroken(world.watch.complaints, network.trace)


async def _listen(client: Client, witness: LifeWitness) -> None:
    """Hear everything that a subscriber can hear."""
    async with client.subscribe() as events:
        async for event in events:
            witness.told(event)


async def _stop_at_complaint(watch: Watch, scope: trio.CancelScope) -> None:
    await watch.complained.wait()
    scope.cancel()


def run_world(scenario: Callable[[World], Awaitable[T]], seed: int | str) -> T:
    """Run a scenario in virtual time; the same seed gives the same history."""

    async def main() -> T:
        tasks_before = trio.lowlevel.current_statistics().tasks_living
        async with open_world(seed) as world:
            result = await scenario(world)
        tasks_left = trio.lowlevel.current_statistics().tasks_living - tasks_before
        if tasks_left:
            left = Complaint("Leftovers", trio.current_time(), f"{tasks_left} tasks run on")
            raise InvariantBroken([left], world.network.trace)
        return result

    with seldom_collected():
        return run_simulation(main, seed)
