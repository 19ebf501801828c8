"""What happens to one message: heard or published, judged once, kept for a while, passed on.

This is the path that every message takes on every node, several times for each because meshes are
redundant: a duplicate costs one look-up. Refused messages are remembered by topic and id, accepted
ones by id: else a member of two rooms could publish the data of one in the other, where it does not
open, and so have it taken for known where it belongs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import assert_never

from p2pchat.gossip.cache import MessageCache, SeenCache
from p2pchat.gossip.config import GossipConfig
from p2pchat.gossip.mesh import Mesh
from p2pchat.gossip.outbox import Outbox
from p2pchat.gossip.peers import Peer
from p2pchat.gossip.score import Demerits, Promises
from p2pchat.gossip.statistics import Counts
from p2pchat.gossip.vocabulary import Deliver, Judge, Offence, Verdict
from p2pchat.model.ids import PeerId
from p2pchat.wire.gossip_codec import IHave, Message, MessageId, encode_publish, message_id

__all__ = ["Messages"]


@dataclass(frozen=True, slots=True)
class _Pending:
    """A message that leaves when the batch ends, to `peers` other than its `holders`."""

    publish: bytes
    peers: Iterable[PeerId]
    holders: set[PeerId] = field(default_factory=set[PeerId])


class Messages:
    """The messages of all topics. `demerits` and `counts` are shared with the router."""

    def __init__(
        self,
        config: GossipConfig,
        judge: Judge,
        mesh: Mesh,
        demerits: Demerits,
        counts: Counts,
    ) -> None:
        self._config = config
        self._judge = judge
        self._mesh = mesh
        self._demerits = demerits
        self._counts = counts
        self._promises = Promises(config)
        self._seen = SeenCache[MessageId](config.seen_ttl_s, config.seen_count_max)
        self._refused = SeenCache[tuple[str, MessageId]](
            config.seen_ttl_s, config.refused_count_max
        )
        self._cache = MessageCache(config)
        self._pending: dict[MessageId, _Pending] = {}

    @property
    def seen(self) -> int:
        """Message ids known again."""
        return len(self._seen) + len(self._refused)

    @property
    def cache(self) -> MessageCache:
        """The messages that can be asked for, and are advertised; to be looked at."""
        return self._cache

    def publish(self, topic: str, data: bytes, peers: Iterable[PeerId], now_s: float) -> bool:
        """An own message, to `peers` when the batch ends; False when it is known already."""
        id = message_id(data)
        if id in self._seen:
            return False
        self._keep(id, topic, data, peers, now_s)
        self._counts.published += 1
        return True

    def hear(self, peer: Peer, messages: Sequence[Message], now_s: float) -> list[Deliver]:
        """Messages of one RPC; answers those to deliver."""
        seen, pending, counts = self._seen, self._pending, self._counts
        delivered: list[Deliver] = []
        for message in self._within_rate(peer, messages):
            if message.id not in seen:
                self._promises.fulfil(message.id)
                delivered += self._hear_new(peer.id, message, now_s)
                continue
            counts.duplicates += 1
            if message.id in pending:
                pending[message.id].holders.add(peer.id)
            if peer.id in self._mesh.members(message.topic):
                self._mesh.choking.heard_again(message.topic, peer.id)
        return delivered

    def choose_wanted(self, peer: Peer, advertised: Sequence[IHave]) -> list[MessageId]:
        """Which of the advertised messages to ask this peer for."""
        used = peer.used
        used.ihaves += 1
        if used.ihaves > self._config.ihaves_max:
            self._demerits.charge_once(peer, Offence.IHAVE_FLOOD)
            self._counts.over_limit += 1
            return []
        wanted: dict[MessageId, None] = {}
        for ihave in advertised:
            if ihave.topic in self._mesh:
                wanted.update((id, None) for id in ihave.ids if self._is_new(ihave.topic, id))
        chosen = list(wanted)[: max(0, self._promises.may_ask(peer.id) - used.asked)]
        used.asked += len(chosen)
        return chosen

    def expect(self, peer: PeerId, id: MessageId, now_s: float) -> None:
        """The peer was asked for a message that it advertised."""
        self._promises.add(peer, id, now_s)

    def serve(self, peer: Peer, ids: Sequence[MessageId]) -> Iterator[bytes]:
        """The encoded messages that a peer asked for and gets."""
        config, used = self._config, peer.used
        allowed = ids[: config.wanted_max - used.wanted]
        used.wanted += len(allowed)
        for id in allowed:
            if used.served_bytes >= config.served_bytes_max:
                self._counts.over_limit += 1
                return
            publish = self._cache.serve(id, peer.id)
            if publish is not None:
                used.served_bytes += len(publish)
                yield publish

    def forward(self, outbox: Outbox) -> None:
        """The batch is over: what it brought goes to those who have not sent it themselves."""
        for pending in self._pending.values():
            outbox.add_message(pending.publish, pending.peers, pending.holders)
        self._pending.clear()

    def take_broken_promises(self, now_s: float) -> list[PeerId]:
        """Who advertised messages that did not come, one entry for each."""
        return self._promises.take_broken(now_s)

    def age(self, now_s: float) -> None:
        """Forget what is too old, at each heartbeat."""
        self._seen.expire(now_s)
        self._refused.expire(now_s)
        self._cache.shift()

    def _within_rate(self, peer: Peer, messages: Sequence[Message]) -> Sequence[Message]:
        config, used = self._config, peer.used
        room = config.messages_max - used.messages
        used.messages += len(messages)
        used.message_bytes += sum(len(message.data) for message in messages)
        if len(messages) <= room and used.message_bytes <= config.message_bytes_max:
            return messages
        self._demerits.charge_once(peer, Offence.OVER_RATE)
        self._counts.over_limit += 1
        return messages[: max(0, room)] if used.message_bytes <= config.message_bytes_max else ()

    def _hear_new(self, peer: PeerId, message: Message, now_s: float) -> Iterator[Deliver]:
        topic, data, id = message.topic, message.data, message.id
        if topic not in self._mesh:
            self._counts.foreign += 1
            return
        if (topic, id) in self._refused:
            self._counts.duplicates += 1
            return
        judgement = self._judge(topic, data)
        match judgement.verdict:
            case Verdict.ACCEPT:
                members = self._mesh.members(topic)
                pending = self._keep(id, topic, data, members, now_s)
                pending.holders.add(peer)
                pending.holders.update(self._mesh.choking.chokers(topic))
                author, is_member = judgement.author, peer in members
                self._mesh.choking.heard_news(topic, peer, author, is_member=is_member)
                self._counts.delivered += 1
                yield Deliver(topic, peer, id, data, judgement.opened)
            case Verdict.IGNORE:
                self._refused.add((topic, id), now_s)
                self._counts.ignored += 1
            case Verdict.REJECT:
                self._refused.add((topic, id), now_s)
                self._counts.rejected += 1
                self._demerits.charge(peer, Offence.REJECTED)
            case _:
                assert_never(judgement.verdict)

    def _keep(
        self, id: MessageId, topic: str, data: bytes, peers: Iterable[PeerId], now_s: float
    ) -> _Pending:
        publish = encode_publish(topic, data)
        self._seen.add(id, now_s)
        self._cache.put(id, topic, publish)
        pending = self._pending[id] = _Pending(publish, peers)
        return pending

    def _is_new(self, topic: str, id: MessageId) -> bool:
        return id not in self._seen and (topic, id) not in self._refused
