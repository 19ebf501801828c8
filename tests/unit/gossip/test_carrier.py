"""The carrier over simulated hosts: real routers, real bytes, virtual time."""

from __future__ import annotations

from contextlib import asynccontextmanager
from itertools import pairwise
from random import Random

import pytest
import trio

from p2pchat.errors import StreamReset
from p2pchat.gossip.config import GossipConfig
from p2pchat.gossip.router import GossipRouter
from p2pchat.gossip.vocabulary import (
    Deliver,
    Judgement,
    Offence,
    PeerDown,
    PeerJoined,
    PeerLeft,
    PeerUp,
    Publish,
    Punish,
    RpcReceived,
    SendRpc,
    Subscribe,
    Verdict,
)
from p2pchat.model.ids import PeerId
from p2pchat.model.machine import Now, Reply, SetTimer, TimerFired
from p2pchat.net.gossip import (
    PROTOCOLS,
    QUEUE_BYTES_MAX,
    SHUN_S,
    SHUNNED_MAX,
    GossipCarrier,
)
from p2pchat.testing.determinism import run_simulation
from p2pchat.testing.network import open_network
from p2pchat.wire.framing import FrameParser, frame
from p2pchat.wire.gossip_codec import (
    RPC_BYTES_MAX,
    Subscription,
    decode_rpc,
    encode_control,
    encode_graft,
    encode_publish,
    encode_subscription,
)

ROOM = "/dchat/room/1"
HELLO = frame(encode_subscription(ROOM, subscribes=True) + encode_control([encode_graft(ROOM)]))


class Node:
    """A host, a carrier and a router, driven as `node.driver` does it."""

    def __init__(self, host) -> None:
        self.host = host
        self.events: list = []
        self.replies: dict[int, object] = {}
        self.punished: list[Punish] = []
        self._send, self._receive = trio.open_memory_channel(200)
        self.carrier = GossipCarrier(host, self._send.send, self._told)
        accept = Judgement(Verdict.ACCEPT)
        self.router = GossipRouter(
            host.peer_id, GossipConfig(), Random(host.name), lambda topic, data: accept
        )

    @property
    def peer(self):
        return self.host.peer_id

    @property
    def texts(self):
        """The data of all messages delivered, in order."""
        return [event.data for event in self.events if isinstance(event, Deliver)]

    async def give(self, *inputs) -> None:
        for input in inputs:
            await self._send.send(input)

    async def run(self, task_status=trio.TASK_STATUS_IGNORED) -> None:
        async with trio.open_nursery() as nursery:
            await nursery.start(self.carrier.run)
            nursery.start_soon(self._drive, nursery)
            task_status.started()

    async def _told(self, event) -> None:
        self.events.append(event)

    async def _drive(self, nursery) -> None:
        await self._carry(self.router.start(self._now()), nursery)
        async for first in self._receive:
            batch = [first]
            while len(batch) < 200:
                try:
                    batch.append(self._receive.receive_nowait())
                except trio.WouldBlock:
                    break
            now = self._now()
            effects = [effect for input in batch for effect in self.router.handle(input, now)]
            await self._carry([*effects, *self.router.settle(now)], nursery)

    async def _carry(self, effects, nursery) -> None:
        carried = []
        for effect in effects:
            match effect:
                case SetTimer(name, delay_s):
                    nursery.start_soon(self._fire, name, delay_s)
                case Reply(id, value):
                    self.replies[id] = value
                case _:
                    carried.append(effect)
        self.punished += [effect for effect in carried if isinstance(effect, Punish)]
        await self.carrier.carry(carried)

    async def _fire(self, name, delay_s) -> None:
        await trio.sleep(delay_s)
        await self._send.send(TimerFired(name))

    def _now(self) -> Now:
        return Now(wall_ms=0, monotonic_s=trio.current_time())


class World:
    """Nodes and bare hosts on one simulated network."""

    def __init__(self, network, nursery) -> None:
        self.network = network
        self._nursery = nursery

    @asynccontextmanager
    async def node(self, name: str, *topics: str):
        async with self.network.host(name) as host:
            node = Node(host)
            await self._nursery.start(node.run)
            await node.give(*map(Subscribe, topics))
            yield node

    @asynccontextmanager
    async def stub(self, name: str, *protocols: str):
        """A host without a carrier: what the test writes is all that it says."""
        async with self.network.host(name) as host:
            stub = Stub(host)
            for protocol in protocols:
                host.serve(protocol, stub.keep)
            yield stub


class Stub:
    """Takes gossip streams and does with them what the test says."""

    def __init__(self, host) -> None:
        self.host = host
        self.inbound: list = []
        self._parser = FrameParser(RPC_BYTES_MAX)

    async def keep(self, stream) -> None:
        self.inbound.append(stream)
        await trio.sleep_forever()

    async def meet(self, node):
        """Connect, and open a gossip stream that says hello."""
        await self.host.connect(node.peer, node.host.addresses)
        stream = await self.host.open_stream(node.peer, PROTOCOLS)
        await stream.send_all(HELLO)
        await trio.sleep(1)
        return stream

    async def read(self):
        """The next RPCs on the newest stream to us."""
        return [
            decode_rpc(raw)
            for raw in self._parser.feed(await self.inbound[-1].receive_some(1 << 20))
        ]


def simulate(scenario) -> None:
    async def run() -> None:
        with trio.fail_after(1000):
            async with open_network(Random(1)) as network, trio.open_nursery() as nursery:
                await scenario(World(network, nursery))
                nursery.cancel_scope.cancel()

    run_simulation(run, 1)


def scenario(test):
    """Run an async test in virtual time."""

    def in_virtual_time() -> None:
        simulate(test)

    in_virtual_time.__name__ = test.__name__
    return in_virtual_time


async def connect(*nodes) -> None:
    """Each to the one before it."""
    for near, far in pairwise(nodes):
        await far.host.connect(near.peer, near.host.addresses)
    await trio.sleep(2)


async def is_reset(stream) -> bool:
    """Read what is left; True when the other side reset the stream."""
    try:
        while await stream.receive_some(1 << 20):
            pass
    except trio.BrokenResourceError:
        return True
    return False


async def all_of(receive) -> list:
    """What is put within some time."""
    inputs = []
    with trio.move_on_after(5):
        while True:
            inputs.append(await receive.receive())
    return inputs


async def to_nobody(_) -> None:
    """Stands for a driver or a user that the test does not need."""


async def burst(node, count: int) -> list[bytes]:
    data = [b"%d" % number + bytes(200) for number in range(count)]
    for number, item in enumerate(data):
        await node.give(Publish(number, ROOM, item))
    return data


@scenario
async def test_two_nodes_meet_and_hear_each_other(world):
    async with world.node("alice", ROOM) as alice, world.node("bob", ROOM) as bob:
        await connect(alice, bob)
        assert alice.events == [PeerJoined(bob.peer, ROOM)]
        assert alice.router.mesh(ROOM) == (bob.peer,)
        await alice.give(Publish(1, ROOM, b"hello"))
        await bob.give(Publish(2, ROOM, b"hi"))
        await trio.sleep(1)
        assert (bob.texts, alice.texts) == ([b"hello"], [b"hi"])
        assert alice.replies == {1: 1}


@scenario
async def test_messages_travel_along_a_line_in_order(world):
    async with (
        world.node("alice", ROOM) as alice,
        world.node("bob", ROOM) as bob,
        world.node("carol", ROOM) as carol,
        world.node("dave", ROOM) as dave,
    ):
        await connect(alice, bob, carol, dave)
        data = await burst(alice, 100)
        await trio.sleep(2)
        assert bob.texts == carol.texts == dave.texts == data
        assert alice.texts == []


@scenario
async def test_a_burst_of_a_thousand_reaches_every_one_of_ten(world):
    names = [f"node{number}" for number in range(10)]
    async with trio.open_nursery() as nursery:
        nodes = []
        done = trio.Event()

        async def keep(name, task_status):
            async with world.node(name, ROOM) as node:
                nodes.append(node)
                task_status.started()
                await done.wait()

        for name in names:
            await nursery.start(keep, name)
        for number, node in enumerate(nodes):
            for other in nodes[:number]:
                await node.host.connect(other.peer, other.host.addresses)
        await trio.sleep(3)
        data = await burst(nodes[0], 1000)
        await trio.sleep(10)
        for node in nodes[1:]:
            assert sorted(node.texts) == sorted(data)
            assert node.carrier.statistics().dropped == 0
        done.set()


@scenario
async def test_a_connection_that_ends_and_comes_back_is_told_as_such(world):
    async with world.node("alice", ROOM) as alice, world.node("bob", ROOM) as bob:
        await connect(alice, bob)
        await bob.host.disconnect(alice.peer)
        await trio.sleep(2)
        await connect(alice, bob)
        joined, left = PeerJoined(bob.peer, ROOM), PeerLeft(bob.peer, ROOM)
        assert alice.events == [joined, left, joined]
        await alice.give(Publish(1, ROOM, b"again"))
        await trio.sleep(1)
        assert bob.texts == [b"again"]


@scenario
async def test_the_first_rpc_is_a_greeting_on_one_stream(world):
    async with world.node("alice", ROOM) as alice, world.stub("bob", *PROTOCOLS) as bob:
        await bob.meet(alice)
        (stream,) = bob.inbound
        assert stream.protocol == "/meshsub/1.1.0"
        first, *_ = await bob.read()
        assert [entry.topic for entry in first.subscriptions] == [ROOM]


@scenario
async def test_a_peer_of_version_1_0_is_spoken_with(world):
    async with world.node("alice", ROOM) as alice, world.stub("bob", PROTOCOLS[1]) as bob:
        await bob.host.connect(alice.peer, alice.host.addresses)
        stream = await bob.host.open_stream(alice.peer, [PROTOCOLS[1]])
        await stream.send_all(HELLO + frame(encode_publish(ROOM, b"old")))
        await trio.sleep(1)
        assert alice.texts == [b"old"]
        assert bob.inbound[0].protocol == PROTOCOLS[1]


@scenario
async def test_a_peer_that_serves_no_gossip_is_left_alone(world):
    async with world.node("alice", ROOM) as alice, world.stub("bob", "/other/1.0.0") as bob:
        await bob.host.connect(alice.peer, alice.host.addresses)
        await trio.sleep(100)
        assert alice.carrier.statistics().links == 0
        assert alice.router.statistics().peers == 0


@scenario
async def test_a_peer_that_speaks_and_does_not_listen_is_heard(world):
    async with world.node("alice", ROOM) as alice, world.stub("bob") as bob:
        stream = await bob.meet(alice)
        await stream.send_all(frame(encode_publish(ROOM, b"hello")))
        await trio.sleep(1)
        assert alice.texts == [b"hello"]


@scenario
async def test_frames_may_come_in_any_pieces_and_empty_ones_are_nothing(world):
    async with world.node("alice", ROOM) as alice, world.stub("bob", *PROTOCOLS) as bob:
        stream = await bob.meet(alice)
        bytes_ = b"\0" + b"".join(frame(encode_publish(ROOM, bytes([n]))) for n in range(5))
        for offset in range(len(bytes_)):
            await stream.send_all(bytes_[offset : offset + 1])
        await trio.sleep(1)
        assert alice.texts == [bytes([n]) for n in range(5)]


@pytest.mark.parametrize("rubbish", [frame(b"\xff\xff"), b"\xff" * 20, b"\xff\xff\xff\x7f"])
def test_rubbish_ends_its_stream_and_nothing_else(rubbish):
    @simulate
    async def _(world):
        async with (
            world.node("alice", ROOM) as alice,
            world.node("carol", ROOM) as carol,
            world.stub("bob", *PROTOCOLS) as bob,
        ):
            await connect(alice, carol)
            stream = await bob.meet(alice)
            await stream.send_all(rubbish)
            assert await is_reset(stream)
            assert alice.carrier.statistics().malformed == 1
            await carol.give(Publish(1, ROOM, b"hello"))
            stream = await bob.meet(alice)
            await stream.send_all(frame(encode_publish(ROOM, b"sorry")))
            await trio.sleep(1)
            assert sorted(alice.texts) == [b"hello", b"sorry"]
            assert alice.punished == []


@scenario
async def test_rubbish_again_and_again_is_punished_and_forgiven_after_a_minute(world):
    async with world.node("alice", ROOM) as alice, world.stub("bob", *PROTOCOLS) as bob:
        for _ in range(3):
            stream = await bob.meet(alice)
            await stream.send_all(b"\xff" * 20)
        await trio.sleep(1)
        assert [punish.peer for punish in alice.punished] == [bob.host.peer_id]
        assert bob.host.is_connected(alice.peer), "the connection is not gossip's to end"
        assert await is_reset(bob.inbound[-1])
        stream = await bob.host.open_stream(alice.peer, PROTOCOLS)
        assert await is_reset(stream)
        assert alice.carrier.statistics().shunned == 1
        await trio.sleep(SHUN_S)
        stream = await bob.meet(alice)
        await stream.send_all(frame(encode_publish(ROOM, b"sorry")))
        await trio.sleep(2)
        assert alice.texts == [b"sorry"]
        assert len(bob.inbound) == 2


@scenario
async def test_a_newer_stream_of_a_peer_takes_the_place_of_the_older(world):
    async with world.node("alice", ROOM) as alice, world.stub("bob", *PROTOCOLS) as bob:
        old = await bob.meet(alice)
        new = await bob.meet(alice)
        assert await is_reset(old)
        await new.send_all(frame(encode_publish(ROOM, b"hello")))
        await trio.sleep(1)
        assert alice.texts == [b"hello"]
        assert len([event for event in alice.events if isinstance(event, PeerJoined)]) == 1


@scenario
async def test_a_stream_that_the_peer_resets_is_opened_again_with_a_greeting(world):
    async with world.node("alice", ROOM) as alice, world.stub("bob", *PROTOCOLS) as bob:
        await bob.meet(alice)
        await bob.inbound[0].reset()
        await trio.sleep(5)
        assert len(bob.inbound) == 2
        greeting, *_ = await bob.read()
        assert greeting.subscriptions
        assert greeting.graft == (ROOM,)


@scenario
async def test_a_stream_on_which_the_peer_answers_is_reset(world):
    async with world.node("alice", ROOM) as alice, world.stub("bob", *PROTOCOLS) as bob:
        await bob.meet(alice)
        await bob.inbound[0].send_all(b"what is this?")
        await trio.sleep(5)
        assert len(bob.inbound) == 2


@scenario
async def test_a_stream_whose_other_direction_the_peer_closes_stays_in_use(world):
    async with world.node("alice", ROOM) as alice, world.stub("bob", *PROTOCOLS) as bob:
        await bob.meet(alice)
        await bob.read()
        await bob.inbound[0].send_eof()
        await trio.sleep(5)
        await alice.give(Publish(1, ROOM, b"hello"))
        (rpc,) = await bob.read()
        assert rpc.messages[0].data == b"hello"
        assert len(bob.inbound) == 1


@scenario
async def test_a_peer_that_does_not_read_fills_a_bounded_queue_and_nobody_else_waits(world):
    async with (
        world.node("alice", ROOM) as alice,
        world.node("carol", ROOM) as carol,
        world.stub("bob", *PROTOCOLS) as bob,
    ):
        await connect(alice, carol)
        await bob.meet(alice)
        for number in range(60):
            await alice.give(Publish(number, ROOM, bytes([number]) * 60_000))
            await trio.sleep(0.05)
        await trio.sleep(2)
        assert len(carol.texts) == 60
        held = alice.carrier.statistics()
        assert held.dropped > 0
        assert QUEUE_BYTES_MAX * 0.9 < held.queued_bytes <= QUEUE_BYTES_MAX
        advertised = 0
        with trio.move_on_after(10):
            while True:
                advertised += sum(len(rpc.ihave) for rpc in await bob.read())
        assert alice.carrier.statistics().queued_bytes == 0
        assert advertised > 0, "what was dropped is advertised once the peer reads again"


@scenario
async def test_a_peer_that_never_reads_is_given_a_new_stream(world):
    async with world.node("alice", ROOM) as alice, world.stub("bob", *PROTOCOLS) as bob:
        await bob.meet(alice)
        for number in range(10):
            await alice.give(Publish(number, ROOM, bytes([number]) * 60_000))
        await trio.sleep(60)
        assert len(bob.inbound) == 2


@scenario
async def test_carrying_waits_for_no_network_and_forwards_before_it_tells(world):
    async with world.node("alice") as alice, world.stub("bob", *PROTOCOLS) as bob:
        await bob.meet(alice)
        link_bytes = []

        async def told(event):
            link_bytes.append(carrier.statistics().queued_bytes)

        async with world.network.host("carol") as host, trio.open_nursery() as nursery:
            carrier = GossipCarrier(host, to_nobody, told)
            await nursery.start(carrier.run)
            await host.connect(bob.host.peer_id, bob.host.addresses)
            await trio.sleep(1)
            peer = bob.host.peer_id
            rpc = encode_publish(ROOM, bytes(1000))
            started_s = trio.current_time()
            await carrier.carry(
                [PeerJoined(peer, ROOM), *[SendRpc(peer, rpc)] * 500, SendRpc(host.peer_id, rpc)]
            )
            assert trio.current_time() == started_s
            assert link_bytes == [len(frame(rpc)) * 500]
            nursery.cancel_scope.cancel()


@scenario
async def test_a_stream_that_comes_before_the_news_of_its_connection_is_served(world):
    """As when the driver is busy: news wait their turn, streams are served as they come."""
    send, receive = trio.open_memory_channel(0)
    async with (
        world.stub("bob", *PROTOCOLS) as bob,
        world.stub("carol", *PROTOCOLS) as carol,
        world.network.host("alice") as host,
        trio.open_nursery() as nursery,
    ):
        await nursery.start(GossipCarrier(host, send.send, to_nobody).run)
        await bob.host.connect(host.peer_id, host.addresses)
        await trio.sleep(1)
        await bob.host.disconnect(host.peer_id)
        await trio.sleep(1)
        await carol.host.connect(host.peer_id, host.addresses)
        stream = await carol.host.open_stream(host.peer_id, PROTOCOLS)
        await stream.send_all(HELLO)
        await trio.sleep(1)
        kinds = [(type(input), input.peer) for input in await all_of(receive)]
        peer, gone = carol.host.peer_id, bob.host.peer_id
        assert kinds == [(PeerDown, gone), (PeerUp, peer), (RpcReceived, peer)]
        nursery.cancel_scope.cancel()


@scenario
async def test_a_peer_is_announced_before_its_first_rpc_though_its_stream_was_replaced(world):
    send, receive = trio.open_memory_channel(0)
    async with (
        world.stub("bob") as bob,
        world.network.host("alice") as host,
        trio.open_nursery() as nursery,
    ):
        await nursery.start(GossipCarrier(host, send.send, to_nobody).run)
        await bob.host.connect(host.peer_id, host.addresses)
        for _ in range(2):
            stream = await bob.host.open_stream(host.peer_id, PROTOCOLS)
            await stream.send_all(HELLO)
            await trio.sleep(1)
        inputs = await all_of(receive)
        assert list(map(type, inputs)) == [PeerUp, RpcReceived]
        nursery.cancel_scope.cancel()


@scenario
async def test_a_peer_that_begins_a_new_stream_is_told_our_subscriptions_again(world):
    async with world.stub("bob", *PROTOCOLS) as bob, world.node("alice", ROOM) as alice:
        await bob.meet(alice)
        subscribed = (Subscription(ROOM, True),)
        assert subscribed in [rpc.subscriptions for rpc in await bob.read()]
        async with await bob.host.open_stream(alice.peer, PROTOCOLS) as stream:
            await stream.send_all(HELLO)
            await trio.sleep(1)
            assert subscribed in [rpc.subscriptions for rpc in await bob.read()]
            assert len(bob.inbound) == 1


@scenario
async def test_shunned_peers_are_bounded_and_forgotten_in_time(world):
    async with world.network.host("alice") as host, trio.open_nursery() as nursery:
        carrier = GossipCarrier(host, to_nobody, to_nobody)
        await nursery.start(carrier.run)
        for number in range(SHUNNED_MAX + 10):
            peer = PeerId(b"\x00\x24\x08\x01\x12\x20" + number.to_bytes(32, "big"))
            await carrier.carry([Punish(peer, Offence.OVER_RATE)])
        assert carrier.statistics().shunned == SHUNNED_MAX
        await trio.sleep(SHUN_S)
        await carrier.carry([Punish(host.peer_id, Offence.OVER_RATE)])
        assert carrier.statistics().shunned == 1
        nursery.cancel_scope.cancel()


@scenario
async def test_a_carrier_that_ends_drops_its_streams_and_takes_no_more(world):
    async with world.stub("bob", *PROTOCOLS) as bob, world.network.host("alice") as host:
        alice = Node(host)
        async with trio.open_nursery() as nursery:
            await nursery.start(alice.run)
            await alice.give(Subscribe(ROOM))
            stream = await bob.meet(alice)
            nursery.cancel_scope.cancel()
        assert await is_reset(stream)
        assert await is_reset(bob.inbound[0])
        with pytest.raises(StreamReset):
            await bob.host.open_stream(host.peer_id, PROTOCOLS)
        assert list(host.handler_errors) == []


@scenario
async def test_a_carrier_ends_with_its_host(world):
    async with trio.open_nursery() as nursery, world.network.host("alice") as host:
        await nursery.start(GossipCarrier(host, to_nobody, to_nobody).run)
