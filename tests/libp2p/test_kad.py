"""The DHT over real sockets: what simulated hosts cannot show, on the smallest networks."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from random import Random

import trio

from p2pchat.kad.config import KadConfig
from p2pchat.kad.machine import KadMachine
from p2pchat.kad.vocabulary import (
    FindPeer,
    FindProviders,
    GetValue,
    Provide,
    PutValue,
    SetAddresses,
    SetMode,
)
from p2pchat.net.kad import KadCarrier
from p2pchat.net.libp2p.host import LibP2PHost
from p2pchat.node.ambient import SystemAmbient
from p2pchat.node.driver import Driver, DriverConfig
from tests.libp2p.hosts import eventually, host, play

CONFIG = KadConfig()


class AnyValue:
    """A namespace that accepts everything; the greatest value is the best."""

    def validate(self, key, value, now_ms): ...

    def select(self, key, values, now_ms):
        return values.index(max(values))

    def expires_ms(self, key, value):
        return None


class Node:
    """A host with machine, driver and carrier."""

    def __init__(self, host: LibP2PHost) -> None:
        self.host = host
        self.machine = KadMachine(host.peer_id, CONFIG, Random(1), {"test": AnyValue()})
        self.carrier = KadCarrier(host, self._put, self._ignore)
        self.driver = Driver(self.machine, self.carrier, SystemAmbient(), DriverConfig())

    async def run(self, is_server, task_status=trio.TASK_STATUS_IGNORED) -> None:
        async with trio.open_nursery() as nursery:
            await nursery.start(self.carrier.run)
            await nursery.start(self.driver.run)
            await self._put(SetAddresses(self.host.addresses))
            await self._put(SetMode(is_server))
            task_status.started()

    async def _put(self, input) -> None:
        await self.driver.put(input)

    async def _ignore(self, effect) -> None: ...


@asynccontextmanager
async def node(name: str, *known: Node, is_server: bool = True) -> AsyncGenerator[Node]:
    """A node that has dialled those it knows."""
    async with host(name) as own, trio.open_nursery() as nursery:
        node = Node(own)
        await nursery.start(node.run, is_server)
        for other in known:
            await own.connect(other.host.peer_id, other.host.addresses)
        yield node
        nursery.cancel_scope.cancel()


async def knows(node: Node, servers: int) -> None:
    """Wait until so many servers are in its table."""
    await eventually(lambda: node.machine.statistics().table == servers)


def is_up(one: Node, other: Node) -> bool:
    return one.host.is_connected(other.host.peer_id)


def test_a_chain_of_three_finds_itself_and_the_ends_find_each_other():
    async def story() -> None:
        async with node("alice") as alice, node("bob", alice) as bob, node("carol", bob) as carol:
            for end in (alice, carol):
                await knows(end, 2)
            assert is_up(alice, carol)

    play(story)


def test_a_client_asks_servers_and_is_found_through_them():
    async def story() -> None:
        async with (
            node("alice") as alice,
            node("bob", alice, is_server=False) as bob,
            node("carol", alice) as carol,
        ):
            await knows(carol, 1)
            found = await carol.driver.call(lambda id: FindPeer(id, bob.host.peer_id))
            assert found.is_connected
            assert is_up(carol, bob)
            assert carol.machine.statistics().table == 1

    play(story)


def test_values_and_providers_cross_the_network():
    async def story() -> None:
        async with node("alice") as alice, node("bob", alice) as bob, node("carol", bob) as carol:
            for one in (alice, bob, carol):
                await knows(one, 2)
            put = await alice.driver.call(lambda id: PutValue(id, b"/test/key", b"value"))
            assert put == 2
            read = await carol.driver.call(lambda id: GetValue(id, b"/test/key", 2))
            assert read.value == b"value"
            taken = await bob.driver.call(lambda id: Provide(id, b"room"))
            assert taken == 2
            found = await alice.driver.call(lambda id: FindProviders(id, b"room"))
            assert [provider.peer for provider in found.providers] == [bob.host.peer_id]
            assert found.providers[0].addresses

    play(story)
