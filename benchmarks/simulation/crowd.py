"""Gossip routers and real RPC bytes, links of an event queue, no I/O: a room in virtual time.

What one node is sent within a tick is one batch, as its driver would take it. Some nodes may take
part in everything and forward nothing; a share of all RPCs with messages may be lost on their way,
which is worse than what streams do.
"""

from __future__ import annotations

import hashlib
import heapq
from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from random import Random

from p2pchat.gossip.config import GossipConfig
from p2pchat.gossip.router import GossipRouter
from p2pchat.gossip.vocabulary import (
    Deliver,
    GossipEffect,
    GossipInput,
    Judgement,
    PeerDown,
    PeerUp,
    Publish,
    Punish,
    RpcReceived,
    SendRpc,
    Subscribe,
    Verdict,
)
from p2pchat.model.ids import PeerId
from p2pchat.model.machine import Now, SetTimer, TimerFired
from p2pchat.wire.gossip_codec import decode_rpc

ROOM = "/dchat/room/" + "a" * 64
TICK_S = 0.005
"""Inputs of one node within a tick are one batch, as its driver would take them."""
NOTICE_S = 3.0
"""After how long peers notice that one has vanished."""


def peer_id(number: int) -> PeerId:
    return PeerId(b"\x00\x24\x08\x01\x12\x20" + hashlib.sha256(b"%d" % number).digest())


@dataclass(slots=True)
class Member:
    router: GossipRouter
    links: dict[PeerId, None] = field(default_factory=dict[PeerId, None])
    inbox: list[GossipInput] = field(default_factory=list[GossipInput])
    heard: Counter[bytes] = field(default_factory=Counter[bytes])
    hops: dict[bytes, int] = field(default_factory=dict[bytes, int])
    """From the author to here, by message."""
    received: int = 0
    """Messages that came, repeats included."""
    is_late: bool = False
    """It came while others talked."""
    is_censor: bool = False
    """Takes part in everything and forwards nothing."""


class Crowd:
    """`count` nodes in one room, each dialling about `degree / 2` earlier ones."""

    def __init__(self, count: int, degree: int, seed: int = 1, loss: float = 0.0) -> None:
        self.random = Random(seed)
        self.loss = loss
        self.now_s = 0.0
        self.nodes: dict[PeerId, Member] = {}
        self.sent_rpcs = self.sent_bytes = 0
        self.published: dict[bytes, float] = {}
        self.latencies_s: list[float] = []
        self.punished: list[Punish] = []
        self.trace = hashlib.sha256()
        self._queue: list[tuple[float, int, PeerId, GossipInput | None]] = []
        self._count = 0
        for number in range(count):
            self.add(number, degree // 2)

    def add(self, number: int, dials: int) -> PeerId:
        """A new node that subscribes and dials some of those that are here."""
        id = peer_id(number)
        accept = Judgement(Verdict.ACCEPT)
        router = GossipRouter(id, GossipConfig(), Random(number), lambda topic, data: accept)
        others = list(self.nodes)
        node = self.nodes[id] = Member(router)
        self._carry(id, router.start(self._now()))
        self._put(id, Subscribe(ROOM))
        for other in self.random.sample(others, min(dials, len(others))):
            node.links[other] = self.nodes[other].links[id] = None
            self._put(id, PeerUp(other, outbound=True))
            self._put(other, PeerUp(id))
        return id

    def vanish(self, id: PeerId) -> None:
        """Everything that is sent to it is lost until its peers notice."""
        for other in self.nodes.pop(id).links:
            if other in self.nodes:
                del self.nodes[other].links[id]
                self._at(NOTICE_S, other, PeerDown(id))

    def publish(self, id: PeerId, text: str) -> bytes:
        data = text.encode() + bytes(200)
        self.published[data] = self.now_s
        self._put(id, Publish(0, ROOM, data))
        return data

    def run(self, seconds: float) -> None:
        until_s = self.now_s + seconds
        while self._queue and self._queue[0][0] <= until_s:
            self.now_s, _, id, input = heapq.heappop(self._queue)
            if id not in self.nodes:
                continue
            if input is not None:
                self._put(id, input)
                continue
            self._step(id)
        self.now_s = until_s

    def missing(self, data: list[bytes]) -> int:
        """Deliveries that lack among those present."""
        return sum(item not in node.heard for node in self.nodes.values() for item in data)

    def counts(self, name: str) -> int:
        """One count of all routers, summed."""
        routers = (node.router for node in self.nodes.values())
        return sum(getattr(router.statistics().counts, name) for router in routers)

    def is_connected(self) -> bool:
        first = next(iter(self.nodes))
        seen, waiting = {first}, deque([first])
        while waiting:
            new = self.nodes[waiting.popleft()].links.keys() - seen
            seen |= new
            waiting.extend(new)
        return len(seen) == len(self.nodes)

    def meshes(self) -> list[int]:
        return sorted(len(node.router.mesh(ROOM)) for node in self.nodes.values())

    def _now(self) -> Now:
        return Now(wall_ms=0, monotonic_s=self.now_s)

    def _at(self, delay_s: float, id: PeerId, input: GossipInput | None) -> None:
        self._count += 1
        heapq.heappush(self._queue, (self.now_s + delay_s, self._count, id, input))

    def _put(self, id: PeerId, input: GossipInput) -> None:
        """An input arrives; the node looks into its inbox at the next tick."""
        node = self.nodes[id]
        if not node.inbox:
            ticks = int(self.now_s / TICK_S) + 1
            self._at(ticks * TICK_S - self.now_s, id, None)
        node.inbox.append(input)

    def _step(self, id: PeerId) -> None:
        node = self.nodes[id]
        batch, node.inbox = node.inbox, []
        for input in batch:
            if isinstance(input, Publish):
                node.heard[input.data] += 1
                node.hops[input.data] = 0
            self._carry(id, node.router.handle(input, self._now()))
        self._carry(id, node.router.settle(self._now()))

    def _carry(self, id: PeerId, effects: Iterable[GossipEffect]) -> None:
        for effect in effects:
            match effect:
                case SendRpc(peer, rpc):
                    self._send(id, peer, rpc)
                case SetTimer(name, delay_s):
                    self._at(delay_s, id, TimerFired(name))
                case Deliver(data=data, peer=teller):
                    self.nodes[id].heard[data] += 1
                    told = self.nodes.get(teller)
                    self.nodes[id].hops[data] = 1 + (told.hops.get(data, 0) if told else 0)
                    self.latencies_s.append(self.now_s - self.published[data])
                case Punish():
                    self.punished.append(effect)
                case _:
                    pass

    def _send(self, id: PeerId, peer: PeerId, rpc: bytes) -> None:
        self.sent_rpcs += 1
        self.sent_bytes += len(rpc)
        self.trace.update(b"%.6f %b %b " % (self.now_s, id[-4:], peer[-4:]) + rpc)
        node = self.nodes[id]
        if peer not in node.links:
            return
        read = decode_rpc(rpc)
        if read.messages and (node.is_censor or self.random.random() < self.loss):
            return
        if peer in self.nodes:
            self.nodes[peer].received += len(read.messages)
        self._at(self.random.uniform(0.005, 0.03), peer, RpcReceived(id, read))


def settled(count: int, degree: int, seed: int = 1, loss: float = 0.0) -> Crowd:
    crowd = Crowd(count, degree, seed, loss)
    crowd.run(5)
    return crowd


def chat(crowd: Crowd, messages: int, interval_s: float = 0.05) -> list[bytes]:
    """Messages by random nodes."""
    data: list[bytes] = []
    for number in range(messages):
        author = crowd.random.choice(list(crowd.nodes))
        data.append(crowd.publish(author, f"message {len(crowd.published)} {number}"))
        crowd.run(interval_s)
    return data
