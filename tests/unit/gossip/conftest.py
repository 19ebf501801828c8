"""A stage for the gossip router: inputs in, effects out, RPCs as they would be read."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256
from random import Random

import pytest

from p2pchat.gossip.config import GossipConfig
from p2pchat.gossip.router import HEARTBEAT, GossipRouter
from p2pchat.gossip.vocabulary import Judgement, PeerUp, RpcReceived, SendRpc, Subscribe, Verdict
from p2pchat.model.ids import PeerId
from p2pchat.model.machine import Now, SetTimer, TimerFired
from p2pchat.wire.gossip_codec import Message, Rpc, Subscription, decode_rpc, message_id
from tests.unit.gossip.values import ROOM


def peer_id(name: str) -> PeerId:
    return PeerId(b"\x00\x24\x08\x01\x12\x20" + sha256(name.encode()).digest())


def verdict_in_data(topic: str, data: bytes) -> Judgement:
    """What a test wants is written at the front of the data; accepted when nothing is. Data that
    says who wrote it names its author."""
    word = data.split(b":")[0]
    verdict = {b"ignore": Verdict.IGNORE, b"reject": Verdict.REJECT}.get(word, Verdict.ACCEPT)
    author = peer_id(data.split(b" wrote ")[0].decode()) if b" wrote " in data else None
    return Judgement(verdict, (topic, len(data)), author)


class Stage:
    """One router with a clock that moves when told."""

    def __init__(self, seed: int = 1, judge=verdict_in_data, **config) -> None:
        self.config = GossipConfig(**config)
        self.own = peer_id("alice")
        self.router = GossipRouter(self.own, self.config, Random(seed), judge)
        self.now_s = 100.0
        self.sent: list[tuple[PeerId, Rpc]] = []
        """RPCs of the last batch."""
        self.router.start(self.now)

    @property
    def now(self) -> Now:
        return Now(wall_ms=0, monotonic_s=self.now_s)

    @property
    def counts(self):
        return self.router.statistics().counts

    def give(self, *inputs) -> list:
        """One batch; answers its effects other than RPCs."""
        effects = [effect for input in inputs for effect in self.router.handle(input, self.now)]
        self.sent = [(send.peer, decode_rpc(send.rpc)) for send in self.router.settle(self.now)]
        assert not any(isinstance(effect, SendRpc) for effect in effects)
        return effects

    def hear(self, peer: PeerId, **parts) -> list:
        return self.give(RpcReceived(peer, Rpc(**parts)))

    def beat(self, times: int = 1) -> list:
        effects = []
        for _ in range(times):
            self.now_s += self.config.heartbeat_s
            effects = self.give(TimerFired(HEARTBEAT))
            assert effects[0] == SetTimer(HEARTBEAT, self.config.heartbeat_s)
        return effects[1:]

    def to(self, peer: PeerId) -> Rpc:
        """All that the last batch said to a peer, as one RPC."""
        parts = [rpc for receiver, rpc in self.sent if receiver == peer]
        return Rpc(
            *(
                tuple(entry for rpc in parts for entry in getattr(rpc, name))
                for name in Rpc.__dataclass_fields__
                if name not in ("unfit", "skipped")  # counts of what was read
            )
        )

    def receivers(self, part: str) -> list[PeerId]:
        """Who was sent something of this kind in the last batch."""
        return [peer for peer, rpc in self.sent if getattr(rpc, part)]

    def meet(self, *names: str, topic: str = ROOM, outbound: bool = False) -> list[PeerId]:
        """Peers that come up and subscribe to a topic."""
        peers = [peer_id(name) for name in names]
        for peer in peers:
            self.give(PeerUp(peer, outbound))
            self.hear(peer, subscriptions=(Subscription(topic, subscribes=True),))
        return peers

    def mesh_with(self, names: Iterable[str], topic: str = ROOM, outbound: bool = False):
        """Subscribe, and have all these peers in the mesh."""
        self.give(Subscribe(topic))
        peers = self.meet(*names, topic=topic, outbound=outbound)
        for peer in peers:
            self.hear(peer, graft=(topic,))
        assert set(peers) <= set(self.router.mesh(topic))
        return peers


def message_of(data: bytes, topic: str = ROOM) -> Message:
    return Message(topic, data, message_id(data))


@pytest.fixture
def stage() -> type[Stage]:
    return Stage


@pytest.fixture
def named():
    return peer_id


@pytest.fixture
def message():
    return message_of
