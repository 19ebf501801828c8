"""Choking: of the members of a mesh only those push whole messages to us who have news for us.

A mesh is redundant on purpose, so most of what it carries comes again. A member that told us
nothing new for a while is asked to stop (CHOKE) and to advertise instead; the one whose
advertisement is ahead of what is pushed is asked to go on (UNCHOKE). What remains pushed is close
to a tree along the fastest links, as in Plumtree (Leitão, Pereira, Rodrigues, "Epidemic Broadcast
Trees", SRDS 2007) and in libp2p's proposal for episub, whose terms these are. Own messages are not
concerned: they go to every subscriber. Peers that know neither entry skip both and go on pushing.

Whoever writes is thus heard without a mesh by all who are connected to him. Where everybody who
wrote for some heartbeats is, no member needs to push: what is lost on the way comes with the next
advertisements, and the first author from afar, or a subscriber who goes, brings the tree back.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from p2pchat.gossip.config import GossipConfig
from p2pchat.model.ids import PeerId
from p2pchat.wire.gossip_codec import MessageId

__all__ = ["Choking"]

_NOBODY: Mapping[PeerId, None] = {}


REPEATS_PER_NEWS = 8
"""Who says less than one new message among so many known ones is not needed; fewer say nothing."""


@dataclass(slots=True)
class _Tally:
    """What one member pushed since the last heartbeat."""

    news: int = 0
    repeats: int = 0

    @property
    def is_needless(self) -> bool:
        return self.repeats > REPEATS_PER_NEWS * (self.news + 1)


@dataclass(slots=True)
class _Topic:
    choked: dict[PeerId, None] = field(default_factory=dict[PeerId, None])
    """Members that were asked not to push to us."""
    chokers: dict[PeerId, None] = field(default_factory=dict[PeerId, None])
    """Members that asked us not to push to them."""
    tallies: dict[PeerId, _Tally] = field(default_factory=dict[PeerId, _Tally])
    """Of members that pushed anything since the last heartbeat: who is silent, perhaps on purpose,
    does not count as one that pushes."""
    ahead: dict[MessageId, tuple[PeerId, PeerId]] = field(
        default_factory=dict[MessageId, tuple[PeerId, PeerId]]
    )
    """Messages since the last heartbeat that a member told before their connected author."""
    was_forwarded: bool = False
    """Something new was heard since, from whomever, whose author is not connected to us."""
    was_direct: bool = False
    """Something new was heard since whose author is."""
    direct_beats: int = 0
    """Heartbeats with news since the last one that brought any from afar."""

    def tally(self, member: PeerId) -> _Tally:
        """What is counted of a member, from now on if nothing was."""
        tally = self.tallies.get(member)
        if tally is None:
            tally = self.tallies[member] = _Tally()
        return tally

    def longing(self, tallies: Mapping[PeerId, _Tally]) -> list[PeerId]:
        """Those choked, who had news all the same first, then by how long."""
        return sorted(self.choked, key=lambda one: -tallies[one].news if one in tallies else 0)

    def take_news(self) -> bool:
        """At a heartbeat: whether anything new was heard since the last one."""
        has_news = self.was_forwarded or self.was_direct
        self.direct_beats = 0 if self.was_forwarded else self.direct_beats + self.was_direct
        self.was_forwarded = self.was_direct = False
        return has_news


class Choking:
    """Who pushes, in the meshes of all topics we hear. Members of a mesh alone are named to it."""

    def __init__(self, config: GossipConfig) -> None:
        self._config = config
        self._topics: dict[str, _Topic] = {}

    def chokers(self, topic: str) -> Mapping[PeerId, None]:
        """Members that want advertisements; a live view."""
        known = self._topics.get(topic)
        return known.chokers if known is not None else _NOBODY

    def heard(self, topic: str, member: PeerId | None) -> None:
        """A new message from afar came, from a member of the mesh or (None) from somebody else."""
        known = self._of(topic)
        known.was_forwarded = True
        if member is not None:
            known.tally(member).news += 1

    def heard_directly(
        self, topic: str, member: PeerId | None, author: PeerId, id: MessageId
    ) -> None:
        """A new message of an author who is connected to us. A member who told it before the author
        was a little faster, or is the only one who could: the author's copy will tell."""
        known = self._of(topic)
        known.was_direct = True
        if member is not None and member != author:
            known.ahead[id] = member, author

    def heard_again(self, topic: str, peer: PeerId, id: MessageId, *, is_member: bool) -> None:
        """A known message came, from a member of the mesh or from somebody else."""
        known = self._of(topic)
        first, author = known.ahead.get(id, (None, None))
        if first is not None and peer == author:
            del known.ahead[id]
            known.tally(first).repeats += 1
        elif is_member:
            known.tally(peer).repeats += 1

    def missed(self, topic: str) -> None:
        """A subscriber is gone; what it writes from now on comes from afar, if it comes."""
        known = self._topics.get(topic)
        if known is not None:
            known.direct_beats = 0

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

    def is_direct(self, topic: str) -> bool:
        """Whether nobody need push: an advertisement may be ahead of its author for a moment."""
        known = self._topics.get(topic)
        return known is not None and self._pushing_min(known) == 0

    def forget(self, topic: str, peer: PeerId) -> None:
        """A peer entered the mesh or left it: it begins anew, pushing and pushed to."""
        known = self._topics.get(topic)
        if known is not None:
            for place in (known.choked, known.chokers, known.tallies):
                place.pop(peer, None)
            known.ahead = {id: pair for id, pair in known.ahead.items() if peer != pair[0]}

    def end(self, topic: str) -> None:
        """The topic is heard no longer."""
        self._topics.pop(topic, None)

    def review(self, topic: str, members: Collection[PeerId]) -> tuple[list[PeerId], list[PeerId]]:
        """At each heartbeat: whom to CHOKE, and whom to UNCHOKE since too few push."""
        known = self._topics.get(topic)
        if known is None:
            return [], []
        tallies, has_news = known.tallies, known.take_news()
        known.tallies, known.ahead = {}, {}
        pushing = [one for one in members if one in tallies and one not in known.choked]
        spare = len(pushing) - self._pushing_min(known)
        if spare < 0:
            released = known.longing(tallies)[:-spare] if has_news else []
            for member in released:
                del known.choked[member]
            return [], released
        needless = [member for member in pushing if tallies[member].is_needless]
        needless.sort(key=lambda member: (tallies[member].news, -tallies[member].repeats))
        chosen = needless[:spare]
        known.choked.update(dict.fromkeys(chosen))
        return chosen, []

    def _pushing_min(self, known: _Topic) -> int:
        is_direct = known.direct_beats >= self._config.direct_beats_min
        return 0 if is_direct else self._config.pushing_min

    def _of(self, topic: str) -> _Topic:
        known = self._topics.get(topic)
        if known is None:
            known = self._topics[topic] = _Topic()
        return known
