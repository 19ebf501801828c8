"""Whatever peers and users do, in whatever order: the router keeps its bounds and its promises."""

from __future__ import annotations

from hashlib import sha256
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from p2pchat.gossip.config import GossipConfig
from p2pchat.gossip.router import HEARTBEAT, GossipRouter
from p2pchat.gossip.vocabulary import (
    Deliver,
    Judgement,
    Misbehaved,
    PeerDown,
    PeerJoined,
    PeerLeft,
    PeerUp,
    Publish,
    Punish,
    RpcReceived,
    SendDropped,
    SendRpc,
    Subscribe,
    Unsubscribe,
    Verdict,
)
from p2pchat.model.ids import PeerId
from p2pchat.model.machine import Now, TimerFired
from p2pchat.wire.gossip_codec import (
    IHave,
    Message,
    Prune,
    Rpc,
    Subscription,
    decode_rpc,
    message_id,
)

PEERS = [PeerId(b"\x00\x24\x08\x01\x12\x20" + sha256(bytes([n])).digest()) for n in range(12)]
TOPICS = [f"/room/{n}" for n in range(5)]
DATA = [bytes([n]) * (1 + 20 * n) for n in range(12)]
CONFIG = GossipConfig(
    mesh_size=3,
    mesh_size_min=2,
    mesh_size_max=4,
    mesh_outbound_min=1,
    lazy_peers_min=2,
    history_count_max=6,
    history_bytes_max=700,
    seen_ttl_s=20,
    seen_count_max=1000,
    refused_count_max=5,
    backoffs_max=8,
    promises_max=3,
    peers_max=8,
    topics_per_peer_max=3,
    subscriptions_max=10,
    messages_max=30,
    rpc_bytes=300,
    burst_bytes_max=3000,
)

peers, topics = st.sampled_from(PEERS), st.sampled_from(TOPICS)
data = st.sampled_from(DATA)
ids = st.lists(data.map(message_id), max_size=6).map(tuple)


def some(strategy):
    return st.lists(strategy, max_size=4).map(tuple)


rpcs = st.builds(
    Rpc,
    subscriptions=some(st.builds(Subscription, topics, st.booleans())),
    messages=some(st.builds(lambda t, d: Message(t, d, message_id(d)), topics, data)),
    ihave=some(st.builds(IHave, topics, ids)),
    iwant=ids,
    graft=some(topics),
    prune=some(st.builds(Prune, topics, st.sampled_from([0, 1, 2**64 - 1]))),
)
inputs = st.one_of(
    st.builds(PeerUp, peers, st.booleans()),
    st.builds(RpcReceived, peers, rpcs),
    st.builds(RpcReceived, peers, rpcs),
    st.builds(PeerDown, peers),
    st.builds(SendDropped, peers),
    st.builds(Misbehaved, peers),
    st.builds(Subscribe, topics),
    st.builds(Unsubscribe, topics),
    st.builds(Publish, st.integers(0, 9), topics, data),
    st.just(TimerFired(HEARTBEAT)),
)
batches = st.lists(
    st.tuples(st.floats(0, 5), st.lists(inputs, min_size=1, max_size=8)), max_size=25
)


def judge(topic: str, data: bytes) -> Judgement:
    verdicts = (Verdict.ACCEPT, Verdict.ACCEPT, Verdict.IGNORE, Verdict.REJECT)
    return Judgement(verdicts[data[0] % 4 if topic != TOPICS[0] else 0])


class Watched:
    """A router whose every effect is checked."""

    def __init__(self) -> None:
        self.router = GossipRouter(PEERS[0], CONFIG, Random(1), judge)
        self.now_s = 0.0
        self.log: list = []
        self.present: set[PeerId] = set()
        self.members: set[tuple[PeerId, str]] = set()
        self.topics: set[str] = set()
        self.known_until: dict[bytes, float] = {}
        self.published: set[tuple[str, bytes]] = set()

    def play(self, delay_s: float, batch: list) -> None:
        self.now_s += delay_s
        now = Now(wall_ms=0, monotonic_s=self.now_s)
        for input in batch:
            self._before(input)
            for effect in self.router.handle(input, now):
                self._check(effect)
                self.log.append(effect)
        for effect in self.router.settle(now):
            assert isinstance(effect, SendRpc)
            self._check_rpc(effect)
            self.log.append(effect)
        self._check_bounds()

    def _before(self, input) -> None:
        match input:
            case PeerUp(peer) if peer != PEERS[0]:
                if len(self.present) < CONFIG.peers_max:
                    self.present.add(peer)
            case PeerDown(peer):
                self.present.discard(peer)
            case Subscribe(topic):
                if topic not in self.topics:
                    self.members = {m for m in self.members if m[1] != topic}
                self.topics.add(topic)
            case Unsubscribe(topic):
                self.topics.discard(topic)
            case Publish(topic=topic, data=data):
                self.published.add((topic, data))
            case _:
                pass

    def _check(self, effect) -> None:
        match effect:
            case Deliver(topic, peer, id, data):
                assert topic in self.topics
                assert id == message_id(data)
                assert self.known_until.get(id, -1) <= self.now_s, "delivered twice"
                assert peer in self.present
                self.known_until[id] = self.now_s + CONFIG.seen_ttl_s
            case PeerJoined(peer, topic):
                assert topic in self.topics
                assert (peer, topic) not in self.members, "joined twice"
                self.members.add((peer, topic))
            case PeerLeft(peer, topic):
                assert topic in self.topics
                self.members.remove((peer, topic))
            case Punish(peer):
                self.present.remove(peer)
                assert not any(member == peer for member, t in self.members if t in self.topics)
            case _:
                pass

    def _check_rpc(self, effect: SendRpc) -> None:
        assert effect.peer in self.present
        rpc = decode_rpc(effect.rpc)
        assert rpc != Rpc()
        for message in rpc.messages:
            is_own = (message.topic, message.data) in self.published
            assert is_own or judge(message.topic, message.data).verdict is Verdict.ACCEPT

    def _check_bounds(self) -> None:
        held = self.router.statistics()
        assert held.peers == len(self.present)
        assert held.topics == len(self.topics)
        assert held.cached <= CONFIG.history_count_max
        assert held.cached_bytes <= CONFIG.history_bytes_max
        assert held.backoffs <= CONFIG.backoffs_max
        assert held.seen <= len(DATA) + CONFIG.refused_count_max
        assert held.subscriptions <= CONFIG.peers_max * CONFIG.topics_per_peer_max
        for topic in TOPICS:
            mesh = self.router.mesh(topic)
            assert len(set(mesh)) == len(mesh) <= CONFIG.peers_max
            assert set(mesh) <= self.present
            assert not mesh or topic in self.topics
            assert all((peer, topic) in self.members for peer in mesh)


@given(batches)
def test_bounds_hold_and_nothing_is_delivered_twice(batches):
    watched = Watched()
    for delay_s, batch in batches:
        watched.play(delay_s, batch)


@given(batches)
def test_the_same_inputs_give_the_same_effects(batches):
    first, second = Watched(), Watched()
    for delay_s, batch in batches:
        first.play(delay_s, batch)
        second.play(delay_s, batch)
    assert first.log == second.log
