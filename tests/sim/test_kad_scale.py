"""A thousand Kademlia machines in one event queue: lookups find, values stay, crowds fail.

Only machines run here, no streams and no codec: this is about the algorithm. A node that is down
answers nothing, so that a query to it costs its whole time-out, as a black hole does. A query
reaches a node only over a connection or at an address that is really its own.

As a script it prints the hash of everything a small network said: `test_kad_scale.py SEED SIZE`.
"""

from __future__ import annotations

import heapq
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from itertools import count
from random import Random
from statistics import mean
from typing import Protocol

import pytest

from p2pchat.kad.config import KadConfig
from p2pchat.kad.machine import KadMachine
from p2pchat.kad.table import kad_id
from p2pchat.kad.vocabulary import (
    Answer,
    Answered,
    Asked,
    Failure,
    FindPeer,
    FindProviders,
    FoundPeer,
    GetValue,
    KadEffect,
    KadInput,
    PeerDown,
    PeerUp,
    Provide,
    PutValue,
    Query,
    QueryFailed,
    Refuse,
    SetAddresses,
    SetMode,
)
from p2pchat.model.ids import DeviceId, PeerId
from p2pchat.model.machine import Machine, Now, Reply, SetTimer, TimerFired
from p2pchat.wire.kad_codec import KadKind, KadMessage, KadPeer

pytestmark = pytest.mark.xdist_group("kad_scale")

EPOCH_MS = 1_767_225_600_000
CONFIG = KadConfig()


class GreatestWins:
    """A namespace of any bytes."""

    def validate(self, key: bytes, value: bytes, now_ms: int) -> None: ...

    def select(self, key: bytes, values: Sequence[bytes], now_ms: int) -> int:
        return values.index(max(values))

    def expires_ms(self, key: bytes, value: bytes) -> int | None:
        return None


class Liar:
    """Tells of nobody but its gang, keeps nothing, and says that it did."""

    def __init__(self, gang: list[KadPeer]) -> None:
        self.gang = gang

    def start(self, now: Now) -> list[KadEffect]:
        return []

    def handle(self, input: KadInput, now: Now) -> list[KadEffect]:
        if not isinstance(input, Asked):
            return []
        asked = input.message
        place = kad_id(asked.key)
        nearest = sorted(self.gang, key=lambda peer: kad_id(peer.peer) ^ place)[: CONFIG.k]
        record = asked.record if asked.kind is KadKind.PUT_VALUE else None
        return [Answer(input.request_id, KadMessage(asked.kind, asked.key, record, tuple(nearest)))]

    def settle(self, now: Now) -> list[KadEffect]:
        return []


class AnyMachine(Machine[KadInput, KadEffect], Protocol): ...


@dataclass
class Node:
    """A machine, and what the network knows of it."""

    peer: PeerId
    address: str
    machine: AnyMachine
    links: set[PeerId] = field(default_factory=set)
    timers: dict[str, int] = field(default_factory=dict)
    is_up: bool = True

    @property
    def contact(self) -> KadPeer:
        return KadPeer(self.peer, (self.address,))


class Swarm:
    """Nodes, and the events between them in the order of their time."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.random = Random(f"{seed}/network")
        self.now_s = 0.0
        self.nodes: dict[PeerId, Node] = {}
        self.replies: dict[int, object] = {}
        self.queries = 0
        self.trace = sha256()
        self._order = count()
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._requests: dict[int, tuple[Node, int, float]] = {}

    @property
    def now(self) -> Now:
        return Now(EPOCH_MS + round(self.now_s * 1000), self.now_s)

    # Nodes

    def add(self) -> Node:
        index = len(self.nodes)
        peer = DeviceId(sha256(f"{self.seed}/{index}".encode()).digest()).peer_id
        random = Random(f"{self.seed}/{index}/kad")
        machine = KadMachine(peer, CONFIG, random, {"test": GreatestWins()})
        node = self.admit(peer, machine)
        self._carry(node, machine.start(self.now))
        self.feed(node, SetAddresses((node.address,)))
        self.feed(node, SetMode(True))
        return node

    def admit(self, peer: PeerId, machine: AnyMachine) -> Node:
        index = len(self.nodes)
        address = f"/ip4/10.{index >> 16}.{index >> 8 & 255}.{index & 255}/tcp/4001"
        node = self.nodes[peer] = Node(peer, address, machine)
        return node

    def connect(self, one: Node, other: Node) -> None:
        if other.peer in one.links:
            return
        for node, remote in ((one, other), (other, one)):
            node.links.add(remote.peer)
            self.feed(node, PeerUp(remote.peer, (remote.address,), True, (remote.address,)))

    def disconnect(self, one: Node, other: Node) -> None:
        for node, remote in ((one, other), (other, one)):
            node.links.discard(remote.peer)
            self.feed(node, PeerDown(remote.peer))

    @property
    def living(self) -> list[Node]:
        return [
            node
            for node in self.nodes.values()
            if node.is_up and isinstance(node.machine, KadMachine)
        ]

    # Time

    def after(self, delay_s: float, action: Callable[[], None]) -> None:
        heapq.heappush(self._events, (self.now_s + delay_s, next(self._order), action))

    def sleep(self, seconds: float) -> None:
        until_s = self.now_s + seconds
        while self._events and self._events[0][0] <= until_s:
            self.now_s, _, action = heapq.heappop(self._events)
            action()
        self.now_s = until_s

    def call(self, node: Node, make: Callable[[int], KadInput]):
        """What a command replies; it must do so within a virtual minute."""
        id = next(self._order)
        self.feed(node, make(id))
        for _ in range(600):
            if id in self.replies:
                return self.replies.pop(id)
            self.sleep(0.1)
        raise AssertionError("no reply within a minute")

    # Between nodes

    def feed(self, node: Node, input: KadInput) -> None:
        if node.is_up:
            self._carry(node, node.machine.handle(input, self.now))

    def _carry(self, node: Node, effects: list[KadEffect]) -> None:
        for effect in effects:
            match effect:
                case Query():
                    self._query(node, effect)
                case Answer(request_id, message):
                    told = message or KadMessage(KadKind.FIND_NODE)  # what confirms a provider
                    self._outcome(request_id, lambda id, told=told: Answered(id, told))
                case Refuse(request_id):
                    self._outcome(request_id, lambda id: QueryFailed(id, Failure.REFUSED))
                case Reply(id, value, error):
                    assert error is None
                    self._note(f"{node.peer.short} {value}")
                    self.replies[id] = value
                case SetTimer(name, delay_s):
                    number = node.timers[name] = next(self._order)
                    self.after(delay_s, partial(self._fire, node, name, number))
                case _:
                    pass  # nobody here dials what was discovered

    def _query(self, node: Node, query: Query) -> None:
        self.queries += 1
        kind, key = query.message.kind, query.message.key
        self._note(f"{node.peer.short} {query.peer.short} {kind.name} {key.hex()}")
        target = self.nodes[query.peer]
        if target.is_up and (query.peer in node.links or target.address in query.addresses):
            latency_s = self.random.uniform(0.005, 0.05)
            self.after(latency_s, partial(self._arrive, node, target, query, latency_s))
        else:
            failed = QueryFailed(query.query_id, Failure.TIMED_OUT)
            self.after(query.timeout_s, partial(self.feed, node, failed))

    def _arrive(self, node: Node, target: Node, query: Query, latency_s: float) -> None:
        self.connect(node, target)
        request_id = next(self._order)
        self._requests[request_id] = (node, query.query_id, latency_s)
        self.feed(target, Asked(request_id, node.peer, query.message))

    def _outcome(self, request_id: int, make: Callable[[int], KadInput]) -> None:
        asker, query_id, latency_s = self._requests.pop(request_id)
        self.after(latency_s, partial(self.feed, asker, make(query_id)))

    def _fire(self, node: Node, name: str, number: int) -> None:
        if node.timers.get(name) == number:
            self.feed(node, TimerFired(name))

    def _note(self, line: str) -> None:
        self.trace.update(f"{self.now_s:.6f} {line}\n".encode())


def grown(seed: int, size: int) -> Swarm:
    """A network that grew node by node, each knowing one earlier node when it came."""
    swarm = Swarm(seed)
    for _ in range(size):
        node = swarm.add()
        if len(swarm.nodes) > 1:
            swarm.connect(node, swarm.random.choice(list(swarm.nodes.values())[:-1]))
        swarm.sleep(0.2)
    swarm.sleep(5)
    return swarm


def found_peers(swarm: Swarm, lookups: int) -> list[FoundPeer]:
    """Random living nodes look for random living nodes that they are not connected with."""
    found = []
    for _ in range(lookups):
        seeker, target = swarm.random.sample(swarm.living, 2)
        swarm.disconnect(seeker, target)
        found.append(swarm.call(seeker, lambda id, peer=target.peer: FindPeer(id, peer)))
    return found


def values_read_back(swarm: Swarm, keys: int, readers: int = 4) -> float:
    """Which share of reads gives what was put before."""
    right = 0
    for n in range(keys):
        key, value = f"/test/{n}/{swarm.now_s}".encode(), f"value {n}".encode()
        writer = swarm.random.choice(swarm.living)
        assert swarm.call(writer, lambda id, k=key, v=value: PutValue(id, k, v)) >= CONFIG.k / 2
        for reader in swarm.random.sample(swarm.living, readers):
            read = swarm.call(reader, lambda id, k=key: GetValue(id, k, 1))
            right += read.value == value
    return right / (keys * readers)


@pytest.fixture(scope="module")
def thousand() -> Swarm:
    """A thousand nodes; the tests below use it in their order, from calm to worse."""
    return grown(1, 1000)


def test_a_thousand_nodes_know_their_part_of_the_network(thousand):
    tables = [node.machine.statistics().table for node in thousand.living]
    assert min(tables) >= CONFIG.k
    assert thousand.queries / len(tables) < 100
    for node in thousand.random.sample(thousand.living, 30):
        known = {entry.peer for entry in node.machine._peers.table}
        place = kad_id(node.peer)
        neighbours = sorted(thousand.nodes, key=lambda peer, p=place: kad_id(peer) ^ p)
        assert len(known.intersection(neighbours[1 : CONFIG.k + 1])) >= CONFIG.k - 2


def test_every_peer_of_a_thousand_is_found_in_a_few_hops(thousand):
    found = found_peers(thousand, 200)
    assert all(peer.is_connected for peer in found)
    assert mean(peer.hops for peer in found) < 3
    assert max(peer.hops for peer in found) >= 2
    assert mean(peer.asked for peer in found) < 12


def test_values_and_providers_are_found_by_everybody(thousand):
    assert values_read_back(thousand, 20) == 1
    providers = thousand.random.sample(thousand.living, 3)
    for provider in providers:
        assert thousand.call(provider, lambda id: Provide(id, b"room")) == CONFIG.k
    for seeker in thousand.random.sample(thousand.living, 20):
        found = thousand.call(seeker, lambda id: FindProviders(id, b"room"))
        told = {provider.peer: provider for provider in found.providers}
        assert all(told[p.peer] == p.contact for p in providers if p is not seeker)


def test_a_fifth_of_a_thousand_may_vanish_at_once(thousand):
    put = {}
    for n in range(10):
        key = f"/test/before/{n}".encode()
        put[key] = thousand.random.choice(thousand.living)
        thousand.call(put[key], lambda id, k=key: PutValue(id, k, b"1"))
    for node in thousand.random.sample(thousand.living, 200):
        node.is_up = False
    found = found_peers(thousand, 100)
    assert all(peer.is_connected for peer in found)
    for key in put:
        reader = thousand.random.choice(thousand.living)
        assert thousand.call(reader, lambda id, k=key: GetValue(id, k, 1)).value == b"1"
    assert values_read_back(thousand, 5) == 1


@pytest.mark.parametrize("share", [0.1, 0.3])
def test_liars_among_the_nodes_hide_little(share):
    swarm = grown(2, 200)
    gang: list[KadPeer] = []
    for node in swarm.random.sample(swarm.living, round(share * 200)):
        node.machine = Liar(gang)
        gang.append(node.contact)
    assert values_read_back(swarm, 40) >= 0.95


@pytest.mark.parametrize("is_put_before", [True, False], ids=["before", "during"])
def test_a_hundred_ids_made_to_surround_a_key_do_not_hide_it(is_put_before):
    swarm = grown(3, 150)
    right = 0
    for n in range(5):
        key, value = f"/test/{n}".encode(), b"1"
        writer, *readers = swarm.random.sample(swarm.living, 5)
        if is_put_before:
            swarm.call(writer, lambda id, k=key: PutValue(id, k, b"1"))
        crowd = surround(swarm, key, 100)
        if not is_put_before:
            swarm.call(writer, lambda id, k=key: PutValue(id, k, b"1"))
        for reader in readers:
            right += swarm.call(reader, lambda id, k=key: GetValue(id, k, 1)).value == value
        for node in crowd:
            node.is_up = False
    assert right / 20 >= 0.95


def surround(swarm: Swarm, key: bytes, number: int) -> list[Node]:
    """Make ids nearer to the key than anybody's, and connect them with everybody near it and many
    others."""
    place = kad_id(key)
    near = sorted(swarm.living, key=lambda node: kad_id(node.peer) ^ place)
    gang: list[KadPeer] = []
    crowd: list[Node] = []
    for n in count():
        peer = DeviceId(sha256(key + b"%d" % n).digest()).peer_id
        if kad_id(peer) ^ place < kad_id(near[0].peer) ^ place:
            crowd.append(swarm.admit(peer, Liar(gang)))
            gang.append(crowd[-1].contact)
        if len(crowd) == number:
            break
    for node in crowd:
        for victim in near[:40] + swarm.random.sample(near[40:], 60):
            swarm.connect(node, victim)
    swarm.sleep(2)
    return crowd


def test_the_same_seed_says_the_same_whatever_the_hash_seed():
    traces = set()
    for hash_seed in ("1", "2"):
        run = subprocess.run(
            [sys.executable, __file__, "7", "40"],
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            check=True,
            capture_output=True,
            text=True,
        )
        traces.add(run.stdout)
    assert len(traces) == 1
    assert traces != {print_trace(8, 40)}


def print_trace(seed: int, size: int) -> str:
    swarm = grown(seed, size)
    found_peers(swarm, 10)
    values_read_back(swarm, 3)
    return f"{swarm.trace.hexdigest()}\n"


if __name__ == "__main__":
    sys.stdout.write(print_trace(int(sys.argv[1]), int(sys.argv[2])))
