"""A world of real clients on a simulated network, in virtual time.

Everything above the ports is the product as it is: node, driver, machines, Kademlia, gossip router,
client. Only the host, the store (in memory, called inline) and the two ambient things are swapped,
so a second of virtual time costs what its work costs, and one seed gives one history.

    async def scenario(world: World) -> None:
        alice, bob = await world.start("alice"), await world.start("bob", knows=("alice",))
        ...

    run_world(scenario, seed=7)
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from random import Random
from typing import TypeVar

import trio

from p2pchat.client.client import Client
from p2pchat.client.identity import make_identity
from p2pchat.client.opening import Stored, client_parts, prepare_store
from p2pchat.config import ClientConfig
from p2pchat.model.identity import Identity
from p2pchat.net.bootstrap_list import BootstrapSources
from p2pchat.node.ambient import SimulatedAmbient, seeded
from p2pchat.node.node import open_node
from p2pchat.store.memory import MemoryStore
from p2pchat.store.worker import InlineStore
from p2pchat.testing.determinism import run_simulation
from p2pchat.testing.hosts import Nat, SimulatedHost
from p2pchat.testing.network import SimulatedNetwork, open_network, seed_of
from p2pchat.testing.trace import Trace

__all__ = ["Peer", "World", "open_world", "run_world"]

T = TypeVar("T")

CONFIG = ClientConfig(fetch=False, listen=())


@dataclass(slots=True, eq=False)
class Peer:
    """One simulated peer, through all its lives."""

    name: str
    identity: Identity
    store: MemoryStore
    knows: tuple[str, ...] = ()
    listening: bool = True
    nat: Nat = Nat.OPEN
    lives: int = 0
    skew_ms: int = 0
    scope: trio.CancelScope | None = None
    client: Client | None = None
    host: SimulatedHost | None = None
    ended: trio.Event = field(default_factory=trio.Event)

    @property
    def is_up(self) -> bool:
        return self.client is not None


class World:
    """Peers by name, and what befalls them."""

    def __init__(self, network: SimulatedNetwork, seed: int | str, nursery: trio.Nursery) -> None:
        self.network = network
        self.seed = seed
        self.peers: dict[str, Peer] = {}
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
        """Open a peer, or open it again where its store left off."""
        peer = self.peers.get(name) or self._make(name)
        assert not peer.is_up, f"{name} runs already"
        peer.knows = tuple(knows) or peer.knows
        peer.listening, peer.nat = listening, nat
        client: Client = await self._nursery.start(self._live, peer, config)
        return client

    async def stop(self, name: str) -> None:
        """Close a peer in order."""
        peer = self.peers[name]
        assert peer.scope is not None, f"{name} does not run"
        peer.scope.cancel()
        await peer.ended.wait()

    async def crash(self, name: str) -> None:
        """Kill a peer at once; what it had committed is what it is opened on again."""
        peer = self.peers[name]
        assert peer.scope is not None and peer.host is not None, f"{name} does not run"
        survived = peer.store.fork()
        self.network.crash(peer.host.peer_id, noticed_after_s=0.0)
        peer.scope.cancel()
        await peer.ended.wait()
        peer.store = survived

    def up(self) -> list[Peer]:
        """The peers that run, in the order they were made."""
        return [peer for peer in self.peers.values() if peer.is_up]

    def _make(self, name: str) -> Peer:
        ambient = SimulatedAmbient(self.seed, f"{name}/0")
        identity = make_identity(name, ambient, seed_of(name))
        store = MemoryStore()
        prepare_store(store, identity, ambient)
        peer = self.peers[name] = Peer(name, identity, store)
        return peer

    async def _live(
        self,
        peer: Peer,
        config: ClientConfig,
        *,
        task_status: trio.TaskStatus[Client] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        peer.lives += 1
        peer.ended = trio.Event()
        ambient = SimulatedAmbient(self.seed, f"{peer.name}/{peer.lives}", peer.skew_ms)
        stored = Stored(InlineStore(peer.store), peer.store.snapshot(), peer.identity)
        try:
            with trio.CancelScope() as peer.scope:
                async with self.network.host(
                    seed_of(peer.name), listening=peer.listening, nat=peer.nat
                ) as peer.host:
                    sources = self._sources(peer)
                    parts = client_parts(peer.host, stored, config, ambient, sources)
                    async with open_node(parts) as node:
                        peer.client = Client(node, ambient)
                        task_status.started(peer.client)
                        await trio.sleep_forever()
        finally:
            peer.client = peer.host = None
            peer.ended.set()

    def _sources(self, peer: Peer) -> BootstrapSources:
        assert peer.host is not None, "its host is open"
        addresses = [
            address
            for name in peer.knows
            if (host := self.peers[name].host) is not None
            for address in host.addresses
        ]
        return BootstrapSources(
            own_peer=peer.host.peer_id, peers=tuple(addresses), fetch=False, cache=None
        )


@asynccontextmanager
async def open_world(seed: int | str, trace: Trace | None = None) -> AsyncGenerator[World]:
    """A world for the time of the block; run inside `run_simulation`."""
    async with open_network(seeded(seed, "network", "medium"), trace=trace) as network:
        async with trio.open_nursery() as nursery:
            yield World(network, seed, nursery)
            nursery.cancel_scope.cancel()


def run_world(scenario: Callable[[World], Awaitable[T]], seed: int | str) -> T:
    """Run a scenario in virtual time; the same seed gives the same history."""

    async def main() -> T:
        async with open_world(seed) as world:
            return await scenario(world)

    return run_simulation(main, seed)
