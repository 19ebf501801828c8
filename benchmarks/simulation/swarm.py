"""Kademlia machines in one event queue: a network in virtual time.

A node that is down answers nothing, so that a query to it costs its whole time-out, as a black hole
does. A query reaches a node only over a connection or at an address that is really its own. Nodes
keep a limited number of connections, the latest used; the others have to be dialled again.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from itertools import count
from random import Random
from typing import Any, Protocol

from p2pchat.kad.config import KadConfig
from p2pchat.kad.machine import KadMachine
from p2pchat.kad.vocabulary import (
    Answer,
    Answered,
    Asked,
    Failure,
    KadEffect,
    KadInput,
    PeerDown,
    PeerUp,
    Query,
    QueryFailed,
    Refuse,
    SetAddresses,
    SetMode,
)
from p2pchat.model.ids import DeviceId, PeerId
from p2pchat.model.machine import Machine, Now, Reply, SetTimer, TimerFired
from p2pchat.wire.kad_codec import KadKind, KadMessage, KadPeer

EPOCH_MS = 1_767_225_600_000
DAY_MS = 24 * 3600 * 1000
LATENCY_S = (0.005, 0.05)
"""One way; evenly distributed."""
LINKS_MAX = 100
"""Connections that a node keeps."""
KNOWN = 3
"""Peers that a newcomer knows, as from a bootstrap list."""
NOTICE_S = 12.0
"""After so long a connection to a node that vanished is given up."""
PATIENCE_S = 120.0
"""A command is answered within this."""


class GreatestWins:
    """A namespace of any bytes, each good for a day from the beginning."""

    def validate(self, key: bytes, value: bytes, now_ms: int) -> None: ...

    def select(self, key: bytes, values: Sequence[bytes], now_ms: int) -> int:
        return values.index(max(values))

    def expires_ms(self, key: bytes, value: bytes) -> int | None:
        return EPOCH_MS + DAY_MS


class AnyMachine(Machine[KadInput, KadEffect], Protocol): ...


@dataclass
class Node:
    """A machine, and what the network knows of it."""

    peer: PeerId
    address: str
    machine: AnyMachine
    links: dict[PeerId, None] = field(default_factory=dict[PeerId, None])
    """The latest used last."""
    timers: dict[str, int] = field(default_factory=dict[str, int])
    is_up: bool = True
    queries: int = 0

    @property
    def contact(self) -> KadPeer:
        return KadPeer(self.peer, (self.address,))

    @property
    def is_honest(self) -> bool:
        return isinstance(self.machine, KadMachine)


@dataclass(frozen=True)
class Outcome:
    """What a command came to."""

    value: Any
    seconds: float
    queries: int
    """Those of the node that was commanded."""


def address_in(network: int, host: int = 1) -> str:
    """A public address in the /24 of that number."""
    return f"/ip4/{20 + (network >> 16)}.{network >> 8 & 255}.{network & 255}.{host}/tcp/4001"


class Swarm:
    """Nodes, and the events between them in the order of their time."""

    def __init__(self, seed: int, config: KadConfig | None = None) -> None:
        self.seed = seed
        self.config = config or KadConfig()
        self.random = Random(f"{seed}/network")
        self.now_s = 0.0
        self.nodes: dict[PeerId, Node] = {}
        self.trace = sha256()
        self._replies: dict[int, Outcome] = {}
        self._order = count()
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._requests: dict[int, tuple[Node, int, float]] = {}

    @property
    def now(self) -> Now:
        return Now(EPOCH_MS + round(self.now_s * 1000), self.now_s)

    @property
    def queries(self) -> int:
        return sum(node.queries for node in self.nodes.values())

    # Nodes

    def add(self, restored: Iterable[KadPeer] = ()) -> Node:
        """An honest node in a network of its own that knows nobody, or whom it met in an earlier
        life."""
        index = len(self.nodes)
        peer = DeviceId(sha256(f"{self.seed}/{index}".encode()).digest()).peer_id
        random = Random(f"{self.seed}/{index}/kad")
        validators = {"test": GreatestWins()}
        machine = KadMachine(peer, self.config, random, validators, tuple(restored))
        node = self.admit(peer, machine)
        self._carry(node, machine.start(self.now))
        self.feed(node, SetAddresses((node.address,)))
        self.feed(node, SetMode(True))
        return node

    def join(self) -> Node:
        """An honest node that knows some of those that are there: one alone may vanish before it
        was asked for others."""
        others = self.living
        node = self.add()
        for other in self.random.sample(others, min(KNOWN, len(others))):
            self.connect(node, other)
        return node

    def admit(self, peer: PeerId, machine: AnyMachine, address: str | None = None) -> Node:
        address = address or address_in(len(self.nodes))
        node = self.nodes[peer] = Node(peer, address, machine)
        return node

    def connect(self, one: Node, other: Node) -> None:
        """Connect two, or note that their connection is used."""
        if other.peer in one.links:
            for node, remote in ((one, other), (other, one)):
                node.links[remote.peer] = node.links.pop(remote.peer)
            return
        for node, remote in ((one, other), (other, one)):
            node.links[remote.peer] = None
            self.feed(node, PeerUp(remote.peer, (remote.address,), True, (remote.address,)))
        for node in (one, other):
            if len(node.links) > LINKS_MAX:
                self.disconnect(node, self.nodes[next(iter(node.links))])

    def disconnect(self, one: Node, other: Node) -> None:
        for node, remote in ((one, other), (other, one)):
            node.links.pop(remote.peer, None)
            self.feed(node, PeerDown(remote.peer))

    def vanish(self, node: Node) -> None:
        """It is gone without a word."""
        node.is_up = False
        for peer in list(node.links):
            self.after(NOTICE_S, partial(self.disconnect, self.nodes[peer], node))

    def forget_the_dead(self) -> None:
        """Free what vanished long ago."""
        for peer in [peer for peer, node in self.nodes.items() if not node.is_up]:
            self.nodes[peer].machine = _GONE
            self.nodes[peer].links.clear()

    @property
    def living(self) -> list[Node]:
        """The honest ones that are up."""
        return [node for node in self.nodes.values() if node.is_up and node.is_honest]

    # Time

    def after(self, delay_s: float, action: Callable[[], None]) -> None:
        heapq.heappush(self._events, (self.now_s + delay_s, next(self._order), action))

    def sleep(self, seconds: float) -> None:
        until_s = self.now_s + seconds
        while self._events and self._events[0][0] <= until_s:
            self._step()
        self.now_s = until_s

    def call(self, node: Node, make: Callable[[int], KadInput]) -> Outcome:
        """Give a node a command and wait for what it replies."""
        (outcome,) = self.call_all([(node, make)])
        return outcome

    def call_all(self, calls: Sequence[tuple[Node, Callable[[int], KadInput]]]) -> list[Outcome]:
        """Give several nodes a command each, at once."""
        began_s = self.now_s
        asked = [node.queries for node, _ in calls]
        ids = [next(self._order) for _ in calls]
        for id, (node, make) in zip(ids, calls, strict=True):
            self.feed(node, make(id))
        while any(id not in self._replies for id in ids):
            assert self.now_s < began_s + PATIENCE_S, "a command is answered in time"
            self._step()
        answers = [self._replies.pop(id) for id in ids]
        return [
            Outcome(answer.value, answer.seconds - began_s, answer.queries - before)
            for answer, before in zip(answers, asked, strict=True)
        ]

    def _step(self) -> None:
        self.now_s, _, action = heapq.heappop(self._events)
        action()

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
                    assert error is None, error
                    self._note(f"{node.peer.short} {value}")
                    self._replies[id] = Outcome(value, self.now_s, node.queries)
                case SetTimer(name, delay_s):
                    number = node.timers[name] = next(self._order)
                    self.after(delay_s, partial(self._fire, node, name, number))
                case _:
                    pass  # nobody here dials what was discovered

    def _query(self, node: Node, query: Query) -> None:
        node.queries += 1
        kind, key = query.message.kind, query.message.key
        self._note(f"{node.peer.short} {query.peer.short} {kind.name} {key.hex()}")
        target = self.nodes.get(query.peer)
        if (
            target is not None
            and target.is_up
            and (query.peer in node.links or target.address in query.addresses)
        ):
            latency_s = self.random.uniform(*LATENCY_S)
            self.after(latency_s, partial(self._arrive, node, target, query, latency_s))
        else:
            failed = QueryFailed(query.query_id, Failure.TIMED_OUT)
            self.after(query.timeout_s, partial(self.feed, node, failed))

    def _arrive(self, node: Node, target: Node, query: Query, latency_s: float) -> None:
        if not (node.is_up and target.is_up):
            failed = QueryFailed(query.query_id, Failure.TIMED_OUT)
            self.after(query.timeout_s, partial(self.feed, node, failed))
            return
        self.connect(node, target)
        request_id = next(self._order)
        self._requests[request_id] = (node, query.query_id, latency_s)
        self.feed(target, Asked(request_id, node.peer, query.message))
        if request_id in self._requests:  # it keeps silent
            del self._requests[request_id]
            failed = QueryFailed(query.query_id, Failure.TIMED_OUT)
            self.after(query.timeout_s - latency_s, partial(self.feed, node, failed))

    def _outcome(self, request_id: int, make: Callable[[int], KadInput]) -> None:
        asker, query_id, latency_s = self._requests.pop(request_id)
        self.after(latency_s, partial(self.feed, asker, make(query_id)))

    def _fire(self, node: Node, name: str, number: int) -> None:
        if node.timers.get(name) == number:
            self.feed(node, TimerFired(name))

    def _note(self, line: str) -> None:
        self.trace.update(f"{self.now_s:.6f} {line}\n".encode())


class _Gone:
    """Stands for the machine of a node that is down for good."""

    def start(self, now: Now) -> list[KadEffect]:
        return []

    def handle(self, input: KadInput, now: Now) -> list[KadEffect]:
        return []

    def settle(self, now: Now) -> list[KadEffect]:
        return []


_GONE = _Gone()


def grown(
    seed: int, size: int, config: KadConfig | None = None, *, interval_s: float = 0.2
) -> Swarm:
    """A network that grew node by node, each knowing one earlier node when it came."""
    swarm = Swarm(seed, config)
    nodes: list[Node] = []
    for _ in range(size):
        node = swarm.add()
        if nodes:
            swarm.connect(node, swarm.random.choice(nodes))
        nodes.append(node)
        swarm.sleep(interval_s)
    swarm.sleep(5)
    return swarm


def churn(swarm: Swarm, share: float, seconds: float, step_s: float = 10.0) -> int:
    """Let so many of the nodes vanish within 10 minutes, and as many new ones come, evenly; how
    many queries all made meanwhile."""
    steps, before = round(seconds / step_s), swarm.queries
    owed = 0.0
    for _ in range(steps):
        owed += share * len(swarm.living) * step_s / 600
        while owed >= 1:
            owed -= 1
            swarm.vanish(swarm.random.choice(swarm.living))
            swarm.join()
        swarm.sleep(step_s)
    made = swarm.queries - before
    swarm.forget_the_dead()
    return made
