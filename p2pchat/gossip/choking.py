"""Choking: of the members of a mesh only those push whole messages to us who have news for us.

A mesh is redundant on purpose, so most of what it carries comes again. A member that told us
nothing new for a while is asked to stop (CHOKE) and to advertise instead; the one whose
advertisement is ahead of what is pushed is asked to go on (UNCHOKE). What remains pushed is close
to a tree along the fastest links, as in Plumtree (Leitão, Pereira, Rodrigues, "Epidemic Broadcast
Trees", SRDS 2007) and in libp2p's proposal for episub, whose terms these are. Own messages are not
concerned: they go to every subscriber. Peers that know neither entry skip both and go on pushing.

So who is connected to all that write hears each of them first-hand, and forwarded copies are all in
vain: then no member need push. That is judged anew at each heartbeat, by whose copy came first, not
by who is connected: an author whose own copies come late or not at all is heard from others again.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from p2pchat.gossip.config import GossipConfig
from p2pchat.model.ids import PeerId

__all__ = ["Choking"]

_NOBODY: Mapping[PeerId, None] = {}


REPEATS_PER_NEWS = 8
"""Who says less than one new message among so many known ones is not needed; fewer say nothing."""
FIRST_HAND_PER_FORWARDED = 4
"""An author is heard first-hand who is ahead of all others with at least so many messages for each
with which he is not."""


@dataclass(slots=True)
class _Tally:
    """What one member pushed since the last heartbeat."""

    news: int = 0
    repeats: int = 0

    def is_needless(self, *, is_first_hand: bool) -> bool:
        """News that its author tells as well, a moment later, are none."""
        news = 0 if is_first_hand else self.news
        return self.repeats > REPEATS_PER_NEWS * (news + 1)


@dataclass(slots=True)
class _Topic:
    choked: dict[PeerId, None] = field(default_factory=dict[PeerId, None])
    """Members that were asked not to push to us."""
    chokers: dict[PeerId, None] = field(default_factory=dict[PeerId, None])
    """Members that asked us not to push to them."""
    tallies: dict[PeerId, _Tally] = field(default_factory=dict[PeerId, _Tally])
    """Of members that pushed anything since the last heartbeat: who is silent, perhaps on purpose,
    does not count as one that pushes."""
    authors: dict[PeerId | None, int] = field(default_factory=dict[PeerId | None, int])
    """Who wrote what was new since: above zero who was heard first-hand, below who was not. None is
    nobody known."""

    def tally(self, member: PeerId) -> _Tally:
        """What is counted of a member, from now on if nothing was."""
        tally = self.tallies.get(member)
        if tally is None:
            tally = self.tallies[member] = _Tally()
        return tally


class Choking:
    """Who pushes, in the meshes of all topics we hear. Members of a mesh alone are named to it."""

    def __init__(self, config: GossipConfig) -> None:
        self._config = config
        self._topics: dict[str, _Topic] = {}

    def chokers(self, topic: str) -> Mapping[PeerId, None]:
        """Members that want advertisements; a live view."""
        known = self._topics.get(topic)
        return known.chokers if known is not None else _NOBODY

    def heard_news(
        self, topic: str, peer: PeerId, author: PeerId | None, *, is_member: bool
    ) -> None:
        """A new message came from a peer, in the mesh or not; who wrote it, where that is known."""
        known = self._of(topic)
        authors = known.authors
        told = author if author in authors or len(authors) < self._config.authors_max else None
        is_first_hand = peer == told
        authors[told] = authors.get(told, 0) + (1 if is_first_hand else -FIRST_HAND_PER_FORWARDED)
        if is_member:
            known.tally(peer).news += 1

    def heard_again(self, topic: str, member: PeerId) -> None:
        """A member of the mesh told what is known."""
        self._of(topic).tally(member).repeats += 1

    def choked_by(self, topic: str, member: PeerId, *, chokes: bool) -> None:
        """A member told us not to push, or to push again."""
        chokers = self._of(topic).chokers
        if chokes:
            chokers[member] = None
        else:
            chokers.pop(member, None)

    def release(self, topic: str, peer: PeerId) -> None:
        """Its advertisement was ahead of what is pushed: it may push again."""
        known = self._topics.get(topic)
        if known is not None:
            known.choked.pop(peer, None)

    def forget(self, topic: str, peer: PeerId) -> None:
        """A peer entered the mesh or left it: it begins anew, pushing and pushed to."""
        known = self._topics.get(topic)
        if known is not None:
            for place in (known.choked, known.chokers, known.tallies):
                place.pop(peer, None)

    def end(self, topic: str) -> None:
        """The topic is heard no longer."""
        self._topics.pop(topic, None)

    def review(self, topic: str, members: Collection[PeerId]) -> tuple[list[PeerId], list[PeerId]]:
        """At each heartbeat: whom to CHOKE, and whom to UNCHOKE since too few push."""
        known = self._topics.get(topic)
        if known is None:
            return [], []
        tallies, authors = known.tallies, known.authors
        known.tallies, known.authors = {}, {}
        pushing = [one for one in members if one in tallies and one not in known.choked]
        is_first_hand = bool(authors) and min(authors.values()) >= 0
        spare = len(pushing) - (0 if is_first_hand else self._config.pushing_min)
        if spare < 0:
            released = list(known.choked)[:-spare] if authors else []
            for member in released:
                del known.choked[member]
            return [], released
        needless = [
            member for member in pushing if tallies[member].is_needless(is_first_hand=is_first_hand)
        ]
        needless.sort(key=lambda member: (tallies[member].news, -tallies[member].repeats))
        chosen = needless[:spare]
        known.choked.update(dict.fromkeys(chosen))
        return chosen, []

    def _of(self, topic: str) -> _Topic:
        known = self._topics.get(topic)
        if known is None:
            known = self._topics[topic] = _Topic()
        return known
