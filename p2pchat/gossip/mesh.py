"""The meshes: for each topic we hear, the few peers with whom whole messages are exchanged.

A mesh holds `mesh_size_min` to `mesh_size_max` peers; a heartbeat brings it back to `mesh_size`. A
pruned peer stays out until its back-off is over, on both sides, so that meshes come to rest. Some
members are peers that we dialled ourselves: whoever dials us cannot take all the places.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from p2pchat.gossip.choking import Choking
from p2pchat.gossip.config import GossipConfig
from p2pchat.gossip.peers import PeerTable
from p2pchat.model.ids import PeerId

if TYPE_CHECKING:
    from random import Random

__all__ = ["Fanout", "Graft", "Mesh"]

_NOBODY: Mapping[PeerId, None] = {}


class Graft(Enum):
    """How a peer's wish to enter a mesh was answered."""

    ACCEPTED = "accepted"
    FULL = "full"
    TOO_SOON = "too soon"


class Backoffs:
    """Until when a peer stays out of the mesh of a topic. They outlive a connection."""

    def __init__(self, count_max: int) -> None:
        self._count_max = count_max
        self._expiries: dict[tuple[str, PeerId], float] = {}

    def __len__(self) -> int:
        return len(self._expiries)

    def extend(self, topic: str, peer: PeerId, until_s: float) -> None:
        """Set, never shorten."""
        key = (topic, peer)
        expiries = self._expiries
        if key not in expiries and len(expiries) >= self._count_max:
            del expiries[next(iter(expiries))]
        expiries[key] = max(until_s, expiries.get(key, until_s))

    def holds(self, topic: str, peer: PeerId, now_s: float) -> bool:
        """True while the back-off lasts."""
        return self._expiries.get((topic, peer), now_s) > now_s

    def expire(self, before_s: float) -> None:
        """Forget those over by then."""
        if self._expiries:
            self._expiries = {
                key: until_s for key, until_s in self._expiries.items() if until_s > before_s
            }


@dataclass(frozen=True, slots=True)
class Changes:
    """Whom maintenance took into a mesh and whom it put out: each is to be told."""

    grafted: tuple[PeerId, ...]
    pruned: tuple[PeerId, ...]


class Mesh:
    """The meshes of all topics we hear."""

    def __init__(self, config: GossipConfig, random: Random, peers: PeerTable) -> None:
        self._config = config
        self._random = random
        self._peers = peers
        self._members: dict[str, dict[PeerId, None]] = {}
        self.backoffs = Backoffs(config.backoffs_max)
        self.choking = Choking(config)

    def __contains__(self, topic: str) -> bool:
        return topic in self._members

    def __iter__(self) -> Iterator[str]:
        return iter(self._members)

    def __len__(self) -> int:
        return len(self._members)

    def members(self, topic: str) -> Mapping[PeerId, None]:
        """The mesh of `topic`, empty for one we do not hear; a live view."""
        return self._members.get(topic, _NOBODY)

    def join(self, topic: str, preferred: Iterable[PeerId], now_s: float) -> list[PeerId]:
        """Begin a mesh; answers whom to GRAFT."""
        members = dict.fromkeys(
            peer for peer in preferred if not self._is_backing_off(topic, peer, now_s)
        )
        self._members[topic] = members
        self._fill(topic, self._config.mesh_size, now_s)
        return list(members)

    def leave(self, topic: str, now_s: float) -> list[PeerId]:
        """End a mesh; answers whom to PRUNE, for `unsubscribe_backoff_s`."""
        members = list(self._members[topic])
        self._members.pop(topic).clear()
        self.choking.end(topic)
        for peer in members:
            self.backoffs.extend(topic, peer, now_s + self._config.unsubscribe_backoff_s)
        return members

    def admit(self, topic: str, peer: PeerId, now_s: float) -> Graft:
        """A peer asks into a mesh of ours. Refused, it is to be sent PRUNE."""
        members = self._members[topic]
        if peer in members:
            self.choking.forget(topic, peer)  # it begins anew, and so do we
            return Graft.ACCEPTED
        if self.backoffs.holds(topic, peer, now_s):
            self._put_off(topic, peer, now_s)
            return Graft.TOO_SOON
        if len(members) >= self._config.mesh_size_max and not self._is_outbound(peer):
            self._put_off(topic, peer, now_s)
            return Graft.FULL
        members[peer] = None
        return Graft.ACCEPTED

    def offer(self, topic: str, peer: PeerId, now_s: float) -> bool:
        """A new subscriber of a topic of ours: True when a thin mesh took it, and it is to be sent
        GRAFT. Waiting for the heartbeat would cost a newcomer its first second."""
        members = self._members[topic]
        if peer in members or len(members) >= self._config.mesh_size_min:
            return False
        if self._is_backing_off(topic, peer, now_s):
            return False
        members[peer] = None
        return True

    def expelled(self, topic: str, peer: PeerId, backoff_s: int, now_s: float) -> None:
        """The peer put us out of its mesh of a topic of ours, for `backoff_s` if not 0."""
        self.drop(topic, peer)
        seconds = min(backoff_s, self._config.backoff_s_max) or self._config.prune_backoff_s
        self.backoffs.extend(topic, peer, now_s + seconds)

    def drop(self, topic: str, peer: PeerId) -> None:
        """The peer is gone from the topic, if it was there; nobody need be told."""
        members = self._members.get(topic)
        if members is not None:
            members.pop(peer, None)
            self.choking.forget(topic, peer)

    def maintain(self, topic: str, now_s: float) -> Changes:
        """At each heartbeat: fill, cut back, and see to members that we dialled."""
        config = self._config
        grafted: list[PeerId] = []
        pruned: list[PeerId] = []
        size = len(self._members[topic])
        if size < config.mesh_size_min:
            grafted = self._fill(topic, config.mesh_size, now_s)
        elif size > config.mesh_size_max:
            pruned = self._cut_back(topic, now_s)
        if len(self._members[topic]) >= config.mesh_size_min:
            grafted += self._fill_outbound(topic, now_s)
        return Changes(tuple(grafted), tuple(pruned))

    def _fill(self, topic: str, size: int, now_s: float) -> list[PeerId]:
        wanted = size - len(self._members[topic])
        return self._graft_some(topic, wanted, now_s, lambda _: True)

    def _fill_outbound(self, topic: str, now_s: float) -> list[PeerId]:
        present = sum(map(self._is_outbound, self._members[topic]))
        wanted = self._config.mesh_outbound_min - present
        return self._graft_some(topic, wanted, now_s, self._is_outbound)

    def _graft_some(
        self, topic: str, count: int, now_s: float, fits: Callable[[PeerId], bool]
    ) -> list[PeerId]:
        """Take up to `count` subscribers at random into the mesh."""
        if count <= 0:
            return []
        members = self._members[topic]
        candidates = [
            peer
            for peer in self._peers.subscribers(topic)
            if peer not in members and fits(peer) and not self._is_backing_off(topic, peer, now_s)
        ]
        chosen = self._random.sample(candidates, min(count, len(candidates)))
        members.update(dict.fromkeys(chosen))
        return chosen

    def _cut_back(self, topic: str, now_s: float) -> list[PeerId]:
        """Keep `mesh_size` members at random, `mesh_outbound_min` dialled by us among them."""
        config = self._config
        members = self._members[topic]
        order = self._random.sample(list(members), len(members))
        dialled = list(filter(self._is_outbound, order))[: config.mesh_outbound_min]
        kept = list(dict.fromkeys([*dialled, *order]))[: config.mesh_size]
        pruned = [peer for peer in order if peer not in kept]
        for peer in pruned:
            self.drop(topic, peer)
            self._put_off(topic, peer, now_s)
        return pruned

    def _put_off(self, topic: str, peer: PeerId, now_s: float) -> None:
        self.backoffs.extend(topic, peer, now_s + self._config.prune_backoff_s)

    def _is_backing_off(self, topic: str, peer: PeerId, now_s: float) -> bool:
        return self.backoffs.holds(topic, peer, now_s - self._config.backoff_slack_s)

    def _is_outbound(self, peer: PeerId) -> bool:
        known = self._peers.get(peer)
        return known is not None and known.outbound


@dataclass(slots=True)
class _Fanout:
    peers: dict[PeerId, None]
    published_s: float


class Fanout:
    """Peers for topics that we publish to and do not hear, when own messages are not flooded."""

    def __init__(self, config: GossipConfig, random: Random, peers: PeerTable) -> None:
        self._config = config
        self._random = random
        self._peers = peers
        self._topics: dict[str, _Fanout] = {}

    def __iter__(self) -> Iterator[str]:
        return iter(self._topics)

    def members(self, topic: str) -> Mapping[PeerId, None]:
        """The peers kept for `topic`."""
        fanout = self._topics.get(topic)
        return fanout.peers if fanout is not None else _NOBODY

    def use(self, topic: str, now_s: float) -> Mapping[PeerId, None]:
        """The peers to publish to now, chosen at first use."""
        fanout = self._topics.setdefault(topic, _Fanout({}, now_s))
        fanout.published_s = now_s
        self._fill(topic, fanout)
        return fanout.peers

    def end(self, topic: str) -> list[PeerId]:
        """The topic is heard from now on: its peers are the first choice for the mesh."""
        fanout = self._topics.pop(topic, None)
        return list(fanout.peers) if fanout is not None else []

    def drop(self, topic: str, peer: PeerId) -> None:
        """The peer hears the topic no longer."""
        fanout = self._topics.get(topic)
        if fanout is not None:
            fanout.peers.pop(peer, None)

    def maintain(self, now_s: float) -> None:
        """At each heartbeat: forget unused topics, fill the others."""
        oldest_s = now_s - self._config.fanout_ttl_s
        self._topics = {
            topic: fanout for topic, fanout in self._topics.items() if fanout.published_s > oldest_s
        }
        for topic, fanout in self._topics.items():
            self._fill(topic, fanout)

    def _fill(self, topic: str, fanout: _Fanout) -> None:
        wanted = self._config.mesh_size - len(fanout.peers)
        others = [p for p in self._peers.subscribers(topic) if p not in fanout.peers]
        chosen = self._random.sample(others, min(max(wanted, 0), len(others)))
        fanout.peers.update(dict.fromkeys(chosen))
