"""Everybody who follows the connections hears of a change."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

import trio
import trio.testing

from p2pchat.config import Limits
from p2pchat.events import NetworkStatusChanged
from p2pchat.model.change import Change, PutPeer
from p2pchat.model.snapshot import Snapshot
from p2pchat.model.status import Health
from p2pchat.net.port import HOP_PROTOCOL, PeerChanged, Stream
from p2pchat.node.ambient import SimulatedAmbient
from p2pchat.node.connections import Connections
from p2pchat.node.health import HealthWatch
from p2pchat.node.hub import Hub
from p2pchat.node.memory import PeerMemory
from p2pchat.node.presence import Presence
from p2pchat.node.traversal import NatTraversal, TraversalListeners
from p2pchat.protocol.chat import Chat
from p2pchat.protocol.machine import Input, PeerDown, PeerUp
from p2pchat.testing.network import SimulatedHost, open_network
from tests.unit.protocol.people import ALICE

ROW = PutPeer(ALICE.device.peer_id, ("/ip4/8.8.8.8/tcp/4001",), 1)


class Node:
    """What a node's connections speak to."""

    def __init__(self, host: SimulatedHost) -> None:
        self.heard: list[Input] = []
        self.written: list[Change] = []
        self.reserved = trio.Event()
        self.hub = Hub(100)
        chat = Chat(ALICE.me, Snapshot(), Limits(), Random(1))
        listeners = TraversalListeners(self.reserved.set, lambda _: None, lambda _: None)
        self.traversal = NatTraversal(host, self.hub, SimulatedAmbient(1, "me"), listeners)
        self.connections = Connections(
            host,
            HealthWatch(self.hub),
            Presence(host, chat, self._put),
            self.traversal,
            PeerMemory(self._commit),
        )

    async def follow(self, changes: trio.MemoryReceiveChannel[PeerChanged]) -> None:
        async for change in changes:
            await self.connections.changed(change)

    async def _put(self, input: Input) -> None:
        self.heard.append(input)

    async def _commit(self, changes: Sequence[Change]) -> None:
        self.written += changes


def test_whoever_follows_the_connections_hears_of_a_peer_that_comes_and_goes():
    async def main() -> None:
        async with (
            open_network(Random(1)) as network,
            network.host("relay", relay=True) as relay,
            network.host("me") as host,
        ):
            relay.serve(HOP_PROTOCOL, Stream.aclose)
            node = Node(host)
            with node.hub.subscribe(NetworkStatusChanged) as events, trio.fail_after(60):
                async with trio.open_nursery() as nursery:
                    await nursery.start(node.connections.run, 8)
                    nursery.start_soon(node.follow, host.changes())
                    await node.traversal.choose_relays()
                    await host.connect(relay.peer_id, relay.addresses)
                    assert await anext(events) == NetworkStatusChanged(Health.POOR, 1)
                    await node.reserved.wait()
                    assert [type(input) for input in node.heard] == [PeerUp]
                    await node.connections.memory.note(ROW)

                    await host.disconnect(relay.peer_id)
                    assert await anext(events) == NetworkStatusChanged(Health.OFFLINE, 0)
                    await trio.sleep(3)
                    assert [type(input) for input in node.heard] == [PeerUp, PeerDown]
                    assert node.traversal.relays == ()
                    assert node.written == []
                    nursery.cancel_scope.cancel()
            assert node.written == [ROW]

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))
