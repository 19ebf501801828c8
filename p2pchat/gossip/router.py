"""GossipSub v1.1 as a pure machine: who hears a topic hears each message of it, soon and once.

Whole messages travel along the meshes (`mesh`); each heartbeat advertises what was lately heard to
a few peers outside them, who ask for what they lack; own messages go to every subscriber known.
The specification is libp2p's (pubsub/gossipsub/gossipsub-v1.1.md), without peer exchange and
without its general score: peers are held to plain limits instead (`score`).

A batch of inputs is one breath: a message is forwarded in `settle`, and not to those who sent it
to us meanwhile; all that is then said to one peer is joined (`outbox`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, assert_never

from p2pchat.errors import MessageTooLarge
from p2pchat.gossip.config import GossipConfig
from p2pchat.gossip.mesh import Fanout, Graft, Mesh
from p2pchat.gossip.messages import Messages
from p2pchat.gossip.outbox import Outbox
from p2pchat.gossip.peers import Allowance, Peer, PeerTable
from p2pchat.gossip.score import Demerits
from p2pchat.gossip.statistics import Counts, GossipStatistics
from p2pchat.gossip.vocabulary import (
    GossipEffect,
    GossipInput,
    Judge,
    Misbehaved,
    Offence,
    PeerDown,
    PeerJoined,
    PeerLeft,
    PeerUp,
    Publish,
    Punish,
    RpcReceived,
    SendDropped,
    Subscribe,
    Unsubscribe,
)
from p2pchat.model.ids import PeerId
from p2pchat.model.machine import Now, Reply, SetTimer, TimerFired
from p2pchat.wire import gossip_codec as codec

if TYPE_CHECKING:
    from random import Random

__all__ = ["GossipRouter"]

HEARTBEAT = "heartbeat"
_IDS_PER_IHAVE = 500


class GossipRouter:
    """The machine `model.machine.Machine[GossipInput, GossipEffect]`."""

    def __init__(self, own: PeerId, config: GossipConfig, random: Random, judge: Judge) -> None:
        self._own = own
        self._config = config
        self._random = random
        self._peers = PeerTable(config)
        self._mesh = Mesh(config, random, self._peers)
        self._fanout = Fanout(config, random, self._peers)
        self._demerits = Demerits(config)
        self._counts = Counts()
        self._messages = Messages(config, judge, self._mesh, self._demerits, self._counts)
        self._outbox = Outbox(config)

    def statistics(self) -> GossipStatistics:
        """What was counted, and how much is held now."""
        cache = self._messages.cache
        return GossipStatistics(
            counts=replace(self._counts),
            peers=len(self._peers),
            topics=len(self._mesh),
            subscriptions=self._peers.subscriptions,
            backoffs=len(self._mesh.backoffs),
            seen=self._messages.seen,
            cached=len(cache),
            cached_bytes=cache.size_bytes,
        )

    def mesh(self, topic: str) -> tuple[PeerId, ...]:
        """The present mesh of a topic, to be looked at."""
        return tuple(self._mesh.members(topic))

    def start(self, now: Now) -> list[GossipEffect]:
        """The first heartbeat comes at a random time, so that peers do not beat in step."""
        return [SetTimer(HEARTBEAT, self._random.uniform(0.1, 1.0) * self._config.heartbeat_s)]

    def handle(self, input: GossipInput, now: Now) -> list[GossipEffect]:
        """Decide on one input; RPCs leave in `settle`."""
        effects = self._decide(input, now.monotonic_s)
        for peer, offence in self._demerits.take_due():
            effects += self._punish(peer, offence)
        return effects

    def settle(self, now: Now) -> list[GossipEffect]:
        """The RPCs of the batch."""
        self._messages.forward(self._outbox)
        sends, cut_off = self._outbox.flush(self._peers)
        for id in cut_off:
            self._counts.cut_off += 1
            self._note_lag(id)
        return [*sends]

    def _decide(self, input: GossipInput, now_s: float) -> list[GossipEffect]:
        match input:
            case RpcReceived(id, rpc):
                peer = self._peers.get(id)
                return self._read(peer, rpc, now_s) if peer is not None else []
            case Publish():
                return [self._publish(input, now_s)]
            case Subscribe(topic):
                return self._subscribe(topic, now_s)
            case Unsubscribe(topic):
                self._unsubscribe(topic, now_s)
                return []
            case PeerUp(id, outbound):
                self._welcome(id, outbound=outbound)
                return []
            case PeerDown(id):
                return self._forget(id)
            case SendDropped(id):
                self._note_lag(id)
                return []
            case Misbehaved(id):
                if id in self._peers:
                    self._demerits.charge(id, Offence.MALFORMED)
                return []
            case TimerFired():
                return [self._beat(now_s)]
            case _:
                assert_never(input)

    # Peers

    def _welcome(self, id: PeerId, *, outbound: bool) -> None:
        """A new peer, or a new stream to one: tell it all it needs to know of us. What was on its
        way on an old stream may be lost, and is advertised."""
        if id == self._own:
            return
        self._note_lag(id)
        if id in self._peers or self._peers.add(id, outbound=outbound):
            self._greet(id)

    def _greet(self, id: PeerId) -> None:
        for topic in self._mesh:
            self._outbox.add_subscription(id, codec.encode_subscription(topic, subscribes=True))
            if id in self._mesh.members(topic):
                self._mesh.choking.forget(topic, id)  # as the peer will when it reads the GRAFT
                self._outbox.add_control(id, codec.encode_graft(topic))

    def _forget(self, id: PeerId) -> list[GossipEffect]:
        peer = self._peers.get(id)
        if peer is None:
            return []
        effects = [effect for topic in list(peer.topics) for effect in self._unlearn(peer, topic)]
        self._peers.remove(peer)
        self._outbox.forget(id)
        return effects

    def _punish(self, id: PeerId, offence: Offence) -> list[GossipEffect]:
        self._counts.punished += 1
        return [*self._forget(id), Punish(id, offence)]

    def _note_lag(self, id: PeerId) -> None:
        peer = self._peers.get(id)
        if peer is not None:
            peer.is_lagging = True

    # What we hear, and what we say

    def _subscribe(self, topic: str, now_s: float) -> list[GossipEffect]:
        assert codec.is_topic(topic), "a topic has 1 to 128 bytes"
        if topic in self._mesh:
            return []
        self._announce(topic, subscribes=True)
        for id in self._mesh.join(topic, self._fanout.end(topic), now_s):
            self._outbox.add_control(id, codec.encode_graft(topic))
        return [PeerJoined(id, topic) for id in self._peers.subscribers(topic)]

    def _unsubscribe(self, topic: str, now_s: float) -> None:
        if topic not in self._mesh:
            return
        self._announce(topic, subscribes=False)
        for id in self._mesh.leave(topic, now_s):
            self._prune(id, topic, self._config.unsubscribe_backoff_s)

    def _announce(self, topic: str, *, subscribes: bool) -> None:
        subscription = codec.encode_subscription(topic, subscribes=subscribes)
        for peer in self._peers:
            self._outbox.add_subscription(peer.id, subscription)

    def _publish(self, command: Publish, now_s: float) -> Reply:
        topic, data = command.topic, command.data
        assert codec.is_topic(topic), "a topic has 1 to 128 bytes"
        if len(data) > codec.DATA_BYTES_MAX:
            limit = codec.DATA_BYTES_MAX
            error = MessageTooLarge(f"{len(data)} bytes do not fit a gossip message of {limit}")
            return Reply(command.id, error=error)
        peers = self._audience(topic, now_s)
        is_new = self._messages.publish(topic, data, peers, now_s)
        return Reply(command.id, len(peers) if is_new else 0)

    def _audience(self, topic: str, now_s: float) -> Collection[PeerId]:
        if self._config.flood_publish:
            return tuple(self._peers.subscribers(topic))
        if topic in self._mesh:
            return tuple(self._mesh.members(topic))
        return tuple(self._fanout.use(topic, now_s))

    # What others say

    def _read(self, peer: Peer, rpc: codec.Rpc, now_s: float) -> list[GossipEffect]:
        effects: list[GossipEffect] = []
        if not self._is_within_pace(peer):
            return effects
        if rpc.unfit or rpc.skipped:
            self._note_unfit(peer, rpc)
        for topics, chokes in ((rpc.choke, True), (rpc.unchoke, False)):
            for (
                topic
            ) in topics:  # before a GRAFT, which undoes it: that is the order of a heartbeat
                if peer.id in self._mesh.members(topic):
                    self._mesh.choking.choked_by(topic, peer.id, chokes=chokes)
        if rpc.subscriptions:
            effects += self._on_subscriptions(peer, rpc.subscriptions, now_s)
        if rpc.messages:
            effects += self._messages.hear(peer, rpc.messages, now_s)
        if rpc.ihave:
            self._on_ihave(peer, rpc.ihave, now_s)
        if rpc.iwant:
            self._on_iwant(peer, rpc.iwant)
        if rpc.graft:
            effects += self._on_graft(peer, rpc.graft, now_s)
        if rpc.prune:
            self._on_prune(peer, rpc.prune, now_s)
        return effects

    def _note_unfit(self, peer: Peer, rpc: codec.Rpc) -> None:
        """What was left out of an RPC. Messages should have been stopped by who forwards them;
        topics and ids of other networks are nobody's fault."""
        self._counts.unfit += rpc.unfit + rpc.skipped
        if rpc.unfit:
            self._demerits.charge(peer.id, Offence.REJECTED)

    def _is_within_pace(self, peer: Peer) -> bool:
        peer.used.rpcs += 1
        if peer.used.rpcs <= self._config.rpcs_max:
            return True
        self._demerits.charge_once(peer, Offence.OVER_RATE)
        self._counts.over_limit += 1
        return False

    def _on_subscriptions(
        self, peer: Peer, subscriptions: Sequence[codec.Subscription], now_s: float
    ) -> list[GossipEffect]:
        room = self._config.subscription_changes_max - peer.used.subscription_changes
        peer.used.subscription_changes += len(subscriptions)
        if len(subscriptions) > room:
            self._demerits.charge_once(peer, Offence.SUBSCRIPTION_FLOOD)
            self._counts.over_limit += 1
        effects: list[GossipEffect] = []
        for subscription in subscriptions[: max(0, room)]:
            if subscription.subscribes:
                effects += self._learn(peer, subscription.topic, now_s)
            else:
                effects += self._unlearn(peer, subscription.topic)
        return effects

    def _learn(self, peer: Peer, topic: str, now_s: float) -> list[GossipEffect]:
        """The peer hears a topic."""
        is_ours = topic in self._mesh
        if topic in peer.topics or not self._peers.subscribe(peer, topic, is_ours=is_ours):
            return []
        if not is_ours:
            return []
        if self._mesh.offer(topic, peer.id, now_s):
            self._outbox.add_control(peer.id, codec.encode_graft(topic))
        return [PeerJoined(peer.id, topic)]

    def _unlearn(self, peer: Peer, topic: str) -> list[GossipEffect]:
        """The peer hears a topic no longer."""
        if topic not in peer.topics:
            return []
        self._peers.unsubscribe(peer, topic)
        self._mesh.drop(topic, peer.id)
        self._fanout.drop(topic, peer.id)
        return [PeerLeft(peer.id, topic)] if topic in self._mesh else []

    def _on_ihave(self, peer: Peer, advertised: Sequence[codec.IHave], now_s: float) -> None:
        wanted = self._messages.choose_wanted(peer, advertised)
        if wanted:
            self._messages.expect(peer.id, self._random.choice(wanted), now_s)
            self._outbox.add_control(peer.id, codec.encode_iwant(wanted))
            self._release(peer.id, advertised, wanted)

    def _release(
        self, id: PeerId, advertised: Sequence[codec.IHave], wanted: Collection[codec.MessageId]
    ) -> None:
        """What a member advertises is ahead of what others push: it is to push again. Said though
        it may never have been choked: a CHOKE and a GRAFT may have crossed."""
        news = set(wanted)
        ahead = {ihave.topic: None for ihave in advertised if not news.isdisjoint(ihave.ids)}
        for topic in ahead:
            if id in self._mesh.members(topic):
                self._mesh.choking.release(topic, id)
                self._outbox.add_control(id, codec.encode_choke(topic, chokes=False))

    def _on_iwant(self, peer: Peer, ids: Sequence[codec.MessageId]) -> None:
        for publish in self._messages.serve(peer, ids):
            self._outbox.add_message(publish, (peer.id,))

    def _on_graft(self, peer: Peer, topics: Iterable[str], now_s: float) -> list[GossipEffect]:
        """Who asks into a mesh hears the topic: its subscription may have been lost."""
        effects: list[GossipEffect] = []
        for topic in dict.fromkeys(topics):
            if topic not in self._mesh:
                continue
            effects += self._learn(peer, topic, now_s)
            if topic not in peer.topics:
                continue
            answer = self._mesh.admit(topic, peer.id, now_s)
            if answer is not Graft.ACCEPTED:
                self._prune(peer.id, topic, self._config.prune_backoff_s)
            if answer is Graft.TOO_SOON:
                self._demerits.charge_once(peer, Offence.GRAFT_IN_BACKOFF)
        return effects

    def _on_prune(self, peer: Peer, prunes: Iterable[codec.Prune], now_s: float) -> None:
        for prune in prunes:
            if prune.topic in self._mesh:
                self._mesh.expelled(prune.topic, peer.id, prune.backoff_s, now_s)

    def _prune(self, id: PeerId, topic: str, backoff_s: int) -> None:
        self._outbox.add_control(id, codec.encode_prune(topic, backoff_s))

    # Heartbeat

    def _beat(self, now_s: float) -> SetTimer:
        for id in self._messages.take_broken_promises(now_s):
            if id in self._peers:
                self._demerits.charge(id, Offence.BROKEN_PROMISE)
        self._demerits.forgive()
        self._maintain_meshes(now_s)
        self._fanout.maintain(now_s)
        fresh = self._messages.cache.fresh()
        for topic, ids in self._messages.cache.recent().items():
            self._advertise(topic, ids, fresh.get(topic, ()))
        for peer in self._peers:
            peer.used = Allowance()
            if peer.is_lagging:
                peer.is_lagging = False
                self._greet(peer.id)
        self._messages.age(now_s)
        return SetTimer(HEARTBEAT, self._config.heartbeat_s)

    def _maintain_meshes(self, now_s: float) -> None:
        self._mesh.backoffs.expire(now_s - self._config.backoff_slack_s)
        for topic in self._mesh:
            changes = self._mesh.maintain(topic, now_s)
            for id in changes.grafted:
                self._outbox.add_control(id, codec.encode_graft(topic))
            for id in changes.pruned:
                self._prune(id, topic, self._config.prune_backoff_s)
            choked, released = self._mesh.choking.review(topic, self._mesh.members(topic))
            for id in choked:
                self._outbox.add_control(id, codec.encode_choke(topic, chokes=True))
            for id in released:
                self._outbox.add_control(id, codec.encode_choke(topic, chokes=False))

    def _advertise(
        self, topic: str, ids: Sequence[codec.MessageId], fresh: Sequence[codec.MessageId]
    ) -> None:
        """To some subscribers outside the mesh, and to whoever lacks what was dropped; to members
        that asked for it only what is `fresh`, since they are told at each heartbeat."""
        members = self._mesh.members(topic) or self._fanout.members(topic)
        chokers = self._mesh.choking.chokers(topic)
        lazy: list[PeerId] = []
        lagging: list[PeerId] = []
        waiting: list[PeerId] = []
        for id in self._peers.subscribers(topic):
            if self._is_lagging(id):
                lagging.append(id)
            elif id in chokers:
                waiting.append(id)
            elif id not in members:
                lazy.append(id)
        share = max(self._config.lazy_peers_min, int(self._config.lazy_share * len(lazy)))
        some = self._random.sample(lazy, min(share, len(lazy)))
        self._tell((*some, *lagging), topic, ids)
        self._tell(waiting, topic, fresh)

    def _tell(self, peers: Collection[PeerId], topic: str, ids: Sequence[codec.MessageId]) -> None:
        """Advertise; of very many a random part, another for each peer."""
        asked_max = self._config.asked_max
        is_all = len(ids) <= asked_max
        entries = _ihave_entries(topic, ids) if is_all else []
        for id in peers:
            if not is_all:
                entries = _ihave_entries(topic, self._random.sample(ids, asked_max))
            for entry in entries:
                self._outbox.add_control(id, entry)

    def _is_lagging(self, id: PeerId) -> bool:
        peer = self._peers.get(id)
        return peer is not None and peer.is_lagging


def _ihave_entries(topic: str, ids: Sequence[codec.MessageId]) -> list[bytes]:
    return [
        codec.encode_ihave(topic, ids[start : start + _IDS_PER_IHAVE])
        for start in range(0, len(ids), _IDS_PER_IHAVE)
    ]
