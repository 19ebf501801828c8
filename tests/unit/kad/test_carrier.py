"""The carrier over simulated hosts: real machines, real bytes, virtual time."""

from __future__ import annotations

import functools
from contextlib import asynccontextmanager
from random import Random

import pytest
import trio
import trio.testing

from p2pchat.errors import StreamReset
from p2pchat.kad.config import KAD_PROTOCOL, KadConfig
from p2pchat.kad.machine import KadMachine
from p2pchat.kad.vocabulary import (
    Answer,
    Asked,
    Discovered,
    Failure,
    FindPeer,
    FindProviders,
    GetValue,
    PeerDown,
    PeerUp,
    Provide,
    PutValue,
    Query,
    Serve,
    SetAddresses,
    SetMode,
)
from p2pchat.model.route import Path
from p2pchat.net.kad import KadCarrier, peer_up
from p2pchat.net.kad_queries import KadQueries
from p2pchat.net.port import Connectedness
from p2pchat.node.ambient import SimulatedAmbient
from p2pchat.node.driver import Driver, DriverConfig
from p2pchat.testing.determinism import run_simulation
from p2pchat.testing.network import open_network
from p2pchat.wire.framing import FrameParser, frame, join_frames
from p2pchat.wire.kad_codec import (
    MESSAGE_BYTES_MAX,
    KadKind,
    KadMessage,
    KadPeer,
    KadRecord,
    decode_kad,
    encode_kad,
)

CONFIG = KadConfig()
PING = KadMessage(KadKind.PING)


class AnyValue:
    """A namespace that accepts everything; the greatest value is the best."""

    def validate(self, key, value, now_ms):
        pass

    def select(self, key, values, now_ms):
        return values.index(max(values))

    def expires_ms(self, key, value):
        return None


class Node:
    """A host with machine, driver and carrier, as `node.network` joins them."""

    def __init__(self, host, config) -> None:
        self.host = host
        self.discovered: list[Discovered] = []
        self.carrier = KadCarrier(host, self._put, self._told, config)
        self.machine = KadMachine(host.peer_id, config, Random(host.name), {"test": AnyValue()})
        ambient = SimulatedAmbient(1, host.name)
        self.driver = Driver(self.machine, self.carrier, ambient, DriverConfig())

    @property
    def peer(self):
        return self.host.peer_id

    async def run(self, is_server, task_status=trio.TASK_STATUS_IGNORED) -> None:
        async with trio.open_nursery() as nursery:
            await nursery.start(self.carrier.run)
            await nursery.start(self.driver.run)
            await self._put(SetAddresses(self.host.addresses))
            await self._put(SetMode(is_server))
            task_status.started()

    async def do(self, make):
        return await self.driver.call(make)

    async def meet(self, other) -> None:
        await self.host.connect(other.host.peer_id, other.host.addresses)

    async def _put(self, input) -> None:
        await self.driver.put(input)

    async def _told(self, effect) -> None:
        self.discovered.append(effect)


class Stub:
    """A host without a machine: what the test writes is all that it says."""

    def __init__(self, host) -> None:
        self.host = host
        self.streams = 0
        self.frames: list[KadMessage] = []

    def answering(self, answer) -> None:
        """Serve the protocol by a function of the request; None closes, bytes are sent as is."""

        async def handle(stream) -> None:
            self.streams += 1
            parser = FrameParser(MESSAGE_BYTES_MAX)
            while data := await stream.receive_some(65536):
                for request in map(decode_kad, parser.feed(data)):
                    self.frames.append(request)
                    reply = answer(request)
                    if reply is None:
                        await stream.aclose()
                        return
                    await stream.send_all(
                        reply if isinstance(reply, bytes) else frame(encode_kad(reply))
                    )

        self.host.serve(KAD_PROTOCOL, handle)

    async def open(self, node):
        if not self.host.is_connected(node.peer):
            await self.host.connect(node.peer, node.host.addresses)
        return await self.host.open_stream(node.peer, [KAD_PROTOCOL])

    def query(self, message=PING, timeout_s=1.5):
        return Query(1, self.host.peer_id, self.host.addresses, message, timeout_s)


class World:
    def __init__(self, network, nursery) -> None:
        self.network = network
        self.nursery = nursery

    @asynccontextmanager
    async def node(self, name, *, is_server=True, config=CONFIG):
        async with self.network.host(name) as host:
            node = Node(host, config)
            await self.nursery.start(node.run, is_server)
            yield node

    @asynccontextmanager
    async def stub(self, name):
        async with self.network.host(name) as host:
            yield Stub(host)


def scenario(test):
    """Run an async test in virtual time."""

    @functools.wraps(test)
    def in_virtual_time() -> None:
        async def run() -> None:
            with trio.fail_after(1000):
                async with open_network(Random(1)) as network, trio.open_nursery() as nursery:
                    await test(World(network, nursery))
                    nursery.cancel_scope.cancel()

        run_simulation(run, 1)

    del in_virtual_time.__wrapped__  # pytest would read its signature
    return in_virtual_time


async def exchange(stream, *messages):
    """Send requests and read one answer."""
    await stream.send_all(join_frames(map(encode_kad, messages)))
    return decode_kad(next(FrameParser(MESSAGE_BYTES_MAX).feed(await stream.receive_some(65536))))


@scenario
async def test_a_chain_of_three_finds_itself_within_three_seconds(world):
    async with world.node("alice") as alice, world.node("bob") as bob, world.node("carol") as carol:
        await bob.meet(alice)
        await carol.meet(bob)
        await trio.sleep(3)
        assert carol.host.is_connected(alice.peer)
        assert alice.peer in {effect.peer for effect in carol.discovered}


@scenario
async def test_a_value_and_a_provider_go_there_and_back(world):
    async with world.node("alice") as alice, world.node("bob") as bob:
        await bob.meet(alice)
        await trio.sleep(1)
        assert await alice.do(lambda id: PutValue(id, b"/test/key", b"value")) == 1
        assert (await bob.do(lambda id: GetValue(id, b"/test/key", 1))).value == b"value"
        assert await alice.do(lambda id: Provide(id, b"room")) == 1
        found = await bob.do(lambda id: FindProviders(id, b"room"))
        assert [provider.peer for provider in found.providers] == [alice.peer]
        assert found.providers[0].addresses == (alice.host.addresses[0].partition("/p2p/")[0],)


@scenario
async def test_a_request_that_overtakes_the_news_of_its_connection_is_judged_by_it(world):
    async with (
        world.network.host("alice") as host,
        world.stub("bob") as bob,
        world.stub("carol") as carol,
    ):
        heard, gate = [], trio.Event()

        async def put(input) -> None:
            heard.append(input)
            if isinstance(input, PeerUp) and input.peer == bob.host.peer_id:
                await gate.wait()

        carrier = KadCarrier(host, put, None)
        await world.nursery.start(carrier.run)
        await carrier.carry([Serve(True)])
        await bob.host.connect(host.peer_id, host.addresses)
        await trio.sleep(1)
        await carol.host.connect(host.peer_id, host.addresses)
        stream = await carol.host.open_stream(host.peer_id, [KAD_PROTOCOL])
        await stream.send_all(frame(encode_kad(PING)) * 2)
        await trio.sleep(1)
        *_, up, asked = heard
        assert (type(up), up.peer) == (PeerUp, carol.host.peer_id)
        assert asked == Asked(1, carol.host.peer_id, PING)
        await carrier.carry([Answer(1, PING)])
        await trio.sleep(1)
        assert heard[-1] == Asked(2, carol.host.peer_id, PING)
        gate.set()
        await trio.sleep(1)
        await stream.reset()
        await carrier.carry([Answer(2, PING), Answer(3, PING)])  # too late; never asked
        await carol.host.disconnect(host.peer_id)
        await trio.sleep(1)
        assert heard[-1] == PeerDown(carol.host.peer_id)


@scenario
async def test_queries_to_a_peer_share_one_stream_one_after_the_other(world):
    async with world.stub("alice") as alice, world.stub("bob") as bob:
        bob.answering(lambda request: request)
        queries = KadQueries(alice.host, CONFIG)
        for _ in range(5):
            assert (await queries.ask(bob.query())).message == PING
        assert (bob.streams, queries.idle) == (1, 1)


@scenario
async def test_queries_at_the_same_time_use_at_most_half_the_streams_a_peer_serves(world):
    async with world.stub("alice") as alice, world.stub("bob") as bob:
        bob.answering(lambda request: request)
        queries = KadQueries(alice.host, CONFIG)
        outcomes = []

        async def ask():
            outcomes.append(await queries.ask(bob.query()))

        async with trio.open_nursery() as nursery:
            for _ in range(40):
                nursery.start_soon(ask)
            await trio.testing.wait_all_tasks_blocked()
            assert queries.under_way == 40
        assert [outcome.message for outcome in outcomes] == [PING] * 40
        assert (bob.streams, queries.under_way) == (CONFIG.streams_per_peer_max // 2, 0)


@scenario
async def test_queries_above_the_limit_wait_without_their_time_running(world):
    async with (
        world.stub("alice") as alice,
        world.stub("bob") as bob,
        world.stub("carol") as carol,
    ):
        queries = KadQueries(alice.host, KadConfig(queries_max=1))
        began_s = trio.current_time()
        async with trio.open_nursery() as nursery:
            for silent in (bob, carol):
                silent.answering(lambda request: b"")
                nursery.start_soon(queries.ask, silent.query(timeout_s=1.5))
        assert trio.current_time() - began_s >= 3
        assert (bob.streams, carol.streams) == (1, 1)


@scenario
async def test_a_query_survives_that_its_idle_stream_was_closed_at_the_other_side(world):
    async with world.stub("alice") as alice, world.stub("bob") as bob:
        answers = iter([PING, None, PING])
        bob.answering(lambda request: next(answers))
        queries = KadQueries(alice.host, CONFIG)
        assert (await queries.ask(bob.query())).message == PING
        assert (await queries.ask(bob.query())).message == PING
        assert bob.streams == 2


@scenario
async def test_an_old_idle_stream_is_closed_and_not_used(world):
    async with world.stub("alice") as alice, world.stub("bob") as bob:
        bob.answering(lambda request: request)
        queries = KadQueries(alice.host, CONFIG)
        await queries.ask(bob.query())
        await trio.sleep(0.9 * CONFIG.stream_idle_s)
        await queries.ask(bob.query())
        assert (bob.streams, queries.idle) == (2, 1)


@scenario
async def test_the_pool_closes_the_longest_idle_stream(world):
    async with (
        world.stub("alice") as alice,
        world.stub("bob") as bob,
        world.stub("carol") as carol,
    ):
        queries = KadQueries(alice.host, KadConfig(pool_max=1))
        for stub in (bob, carol):
            stub.answering(lambda request: request)
        for stub in (bob, carol, bob):
            await queries.ask(stub.query())
        assert (bob.streams, carol.streams, queries.idle) == (2, 1, 1)


@scenario
async def test_streams_of_a_peer_that_went_down_are_forgotten(world):
    async with world.stub("alice") as alice, world.stub("bob") as bob:
        bob.answering(lambda request: request)
        queries = KadQueries(alice.host, CONFIG)
        await queries.ask(bob.query())
        await queries.forget(alice.host.peer_id)
        assert queries.idle == 1
        await queries.forget(bob.host.peer_id)
        assert queries.idle == 0


FAILURES = {
    "closed": (lambda request: None, Failure.REFUSED),
    "garbage": (lambda request: b"\x02\xff\xff", Failure.MALFORMED),
    "bad length": (lambda request: b"\xff" * 10, Failure.MALFORMED),
    "two answers": (lambda request: join_frames([encode_kad(PING)] * 2), Failure.MALFORMED),
    "half an answer": (lambda request: frame(encode_kad(PING))[:-1], Failure.TIMED_OUT),
    "silence": (lambda request: b"", Failure.TIMED_OUT),
}


@pytest.mark.parametrize("kind", FAILURES)
def test_a_query_that_fails_says_why_in_time_and_leaves_no_stream(kind):
    answer, reason = FAILURES[kind]

    @scenario
    async def run(world):
        async with world.stub("alice") as alice, world.stub("bob") as bob:
            bob.answering(answer)
            queries = KadQueries(alice.host, CONFIG)
            outcome = await queries.ask(bob.query())
            assert (outcome.reason, queries.idle) == (reason, 0)
            assert trio.current_time() < 2

    run()


@scenario
async def test_an_answer_cut_inside_a_frame_is_a_refusal(world):
    async with world.stub("alice") as alice, world.stub("bob") as bob:

        async def handle(stream) -> None:
            await stream.receive_some(100)
            await stream.send_all(b"\x20half")
            await stream.aclose()

        bob.host.serve(KAD_PROTOCOL, handle)
        outcome = await KadQueries(alice.host, CONFIG).ask(bob.query())
        assert outcome.reason is Failure.REFUSED


@scenario
async def test_a_peer_without_the_protocol_refuses_and_one_without_address_is_unreachable(world):
    async with world.stub("alice") as alice, world.stub("bob") as bob:
        queries = KadQueries(alice.host, CONFIG)
        nowhere = Query(1, bob.host.peer_id, (), PING, 1.5)
        assert (await queries.ask(nowhere)).reason is Failure.UNREACHABLE
        assert (await queries.ask(bob.query())).reason is Failure.REFUSED


@scenario
async def test_an_announcement_is_followed_by_a_question_that_confirms_it(world):
    async with world.stub("alice") as alice, world.stub("bob") as bob:
        answer = KadMessage(KadKind.FIND_NODE)
        bob.answering(lambda request: b"" if request.kind is KadKind.ADD_PROVIDER else answer)
        queries = KadQueries(alice.host, CONFIG)
        outcome = await queries.ask(bob.query(KadMessage(KadKind.ADD_PROVIDER, b"room")))
        assert outcome.message == answer
        assert [request.kind for request in bob.frames] == [
            KadKind.ADD_PROVIDER,
            KadKind.FIND_NODE,
        ]


@scenario
async def test_many_requests_on_a_stream_are_answered_in_order(world):
    async with world.node("alice") as alice, world.stub("bob") as bob:
        stream = await bob.open(alice)
        add = KadMessage(KadKind.ADD_PROVIDER, b"k", providers=(peer_of(bob),))
        get = KadMessage(KadKind.GET_PROVIDERS, b"other")
        assert (await exchange(stream, add, get)).kind is KadKind.GET_PROVIDERS
        assert await exchange(stream, PING) == PING


def peer_of(stub):
    return KadPeer(stub.host.peer_id)


@scenario
async def test_a_peer_gets_eight_streams_and_the_ninth_is_reset(world):
    async with world.node("alice") as alice, world.stub("bob") as bob:
        streams = [await bob.open(alice) for _ in range(9)]
        for stream in streams[:8]:
            assert await exchange(stream, PING) == PING
        with pytest.raises(trio.BrokenResourceError):
            await streams[8].receive_some(1)
        statistics = alice.carrier.statistics()
        assert (statistics.served_streams, statistics.refused_streams) == (8, 1)
        await streams[0].aclose()
        await trio.sleep(0.1)
        assert await exchange(await bob.open(alice), PING) == PING


@scenario
async def test_a_flood_of_requests_is_served_at_the_rate_of_one_peer(world):
    async with world.node("alice") as alice, world.stub("bob") as bob:
        stream = await bob.open(alice)
        begin_s = trio.current_time()
        await stream.send_all(join_frames([encode_kad(PING)] * 250))
        parser, answers = FrameParser(MESSAGE_BYTES_MAX), 0
        while answers < 250:
            answers += len(list(parser.feed(await stream.receive_some(65536))))
        assert 1.4 < trio.current_time() - begin_s < 1.6


@scenario
async def test_the_rate_outlives_the_stream_but_not_the_second(world):
    config = KadConfig(requests_per_peer_s=10)
    async with world.node("alice", config=config) as alice, world.stub("bob") as bob:
        for _ in range(2):
            stream = await bob.open(alice)
            for _ in range(10):
                await exchange(stream, PING)
            await stream.aclose()
        assert trio.current_time() > 1
        async with world.stub("carol") as carol:
            await trio.sleep(2)
            await exchange(await carol.open(alice), PING)


@scenario
async def test_a_silent_stream_and_a_dribbled_frame_are_closed_after_ten_seconds(world):
    async with world.node("alice") as alice, world.stub("bob") as bob:
        silent, dribbling = await bob.open(alice), await bob.open(alice)
        await exchange(silent, PING)
        await dribbling.send_all(b"\x7fslow")
        await trio.sleep(CONFIG.stream_idle_s - 1)
        assert alice.carrier.statistics().served_streams == 2
        await dribbling.send_all(b"ly")
        await trio.sleep(2)
        assert alice.carrier.statistics().served_streams == 0
        assert await silent.receive_some(1) == b""


@scenario
async def test_what_is_no_request_resets_its_stream_and_is_counted(world):
    async with world.node("alice") as alice, world.stub("bob") as bob:
        stream = await bob.open(alice)
        await stream.send_all(b"\x02\xff\xff")
        with pytest.raises(trio.BrokenResourceError):
            await stream.receive_some(1)
        assert alice.carrier.statistics().malformed == 1
        assert await exchange(await bob.open(alice), PING) == PING


@scenario
async def test_a_request_that_the_machine_refuses_resets_its_stream(world):
    async with world.node("alice") as alice, world.stub("bob") as bob:
        stream = await bob.open(alice)
        unknown = KadRecord(b"/elsewhere/key", b"value")
        await stream.send_all(
            frame(encode_kad(KadMessage(KadKind.PUT_VALUE, unknown.key, unknown)))
        )
        with pytest.raises(trio.BrokenResourceError):
            await stream.receive_some(1)
        assert alice.machine.statistics().refused == 1


@scenario
async def test_a_peer_that_does_not_read_its_answers_is_cut_off(world):
    async with world.node("alice") as alice, world.stub("bob") as bob:
        value = KadRecord(b"/test/key", b"v" * 4000)
        stream = await bob.open(alice)
        await exchange(stream, KadMessage(KadKind.PUT_VALUE, value.key, value))
        get = frame(encode_kad(KadMessage(KadKind.GET_VALUE, value.key)))

        async def flood() -> None:
            await stream.send_all(get * 1000)
            await trio.sleep(60)
            while await stream.receive_some(65536):
                pass

        with pytest.raises(trio.BrokenResourceError):
            await flood()


@scenario
async def test_a_client_serves_nobody_and_a_server_that_becomes_one_stops(world):
    async with (
        world.node("alice", is_server=False) as alice,
        world.node("bob") as bob,
        world.stub("carol") as carol,
    ):
        with pytest.raises(StreamReset):
            await carol.open(alice)
        stream = await carol.open(bob)
        await bob.driver.put(SetMode(False))
        await trio.sleep(1)
        with pytest.raises(StreamReset):
            await carol.open(bob)
        await stream.send_all(frame(encode_kad(PING)))
        with pytest.raises(trio.BrokenResourceError):
            await stream.receive_some(1)


@scenario
async def test_a_client_is_found_by_who_asks_its_neighbour(world):
    async with (
        world.node("alice", is_server=False) as alice,
        world.node("bob") as bob,
        world.node("carol") as carol,
    ):
        await alice.meet(bob)
        await carol.meet(bob)
        await trio.sleep(1)
        await carol.host.disconnect(alice.peer)
        await trio.sleep(1)
        found = await carol.do(lambda id: FindPeer(id, alice.peer))
        assert (found.is_connected, found.hops) == (True, 1)
        assert alice.machine.statistics().table == 2
        assert carol.machine.statistics().table == 1


@scenario
async def test_when_the_carrier_ends_its_streams_end_and_nobody_is_served(world):
    async with (
        world.node("bob") as bob,
        world.stub("carol") as carol,
        world.network.host("alice") as host,
    ):
        alice = Node(host, CONFIG)
        async with trio.open_nursery() as nursery:
            await nursery.start(alice.run, True)
            await alice.meet(bob)
            stream = await carol.open(alice)
            await exchange(stream, PING)
            await trio.sleep(1)
            assert alice.carrier.statistics().idle_streams == 1
            nursery.cancel_scope.cancel()
        with pytest.raises(trio.BrokenResourceError):
            await stream.receive_some(1)
        with pytest.raises(StreamReset):
            await carol.open(alice)
        assert alice.carrier.statistics().idle_streams == 0
        await alice.carrier.carry([carol.query()])  # it has nobody to carry it any more


@scenario
async def test_the_carrier_ends_with_its_host(world):
    async with world.network.host("alice") as host:
        carrier = KadCarrier(host, None, None)
        async with trio.open_nursery() as nursery:
            await nursery.start(carrier.run)
            host.close()


def test_the_machine_is_told_of_a_connection_what_may_be_dialled():
    peer = Random(1).randbytes(32)
    address, announced = "/ip4/10.0.0.1/tcp/50123", "/ip4/10.0.0.1/tcp/4001"
    dialled_us = Connectedness(peer, (address,), Path.DIRECT, True, frozenset(), (announced,))
    assert peer_up(dialled_us).dialable == (announced,)
    assert peer_up(dialled_us).is_server is None
    name = "/dns4/peer.example/tcp/4001"
    we_dialled = Connectedness(
        peer, (address,), Path.DIRECT, False, frozenset({KAD_PROTOCOL}), (announced,), (name,)
    )
    assert peer_up(we_dialled).dialable == (name, announced)
    assert peer_up(we_dialled).addresses == (address,), "networks are counted by IP addresses"
    assert peer_up(we_dialled).is_server is True
    client = Connectedness(peer, (address,), Path.DIRECT, False, frozenset({"/other"}))
    assert peer_up(client).is_server is False
