"""What speaks against a peer: demerits that are forgiven with time, and promises it did not keep.

This is not the specification's score, which also rewards: a peer is in order until it has shown,
several times in a short while, something that a correct implementation does not do.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from p2pchat.gossip.config import GossipConfig
from p2pchat.gossip.peers import Peer
from p2pchat.gossip.vocabulary import Offence
from p2pchat.model.ids import PeerId
from p2pchat.wire.gossip_codec import MessageId

__all__ = ["Demerits", "Promises"]

DEMERITS = {
    Offence.MALFORMED: 12,
    Offence.OVER_RATE: 10,
    Offence.SUBSCRIPTION_FLOOD: 10,
    Offence.IHAVE_FLOOD: 5,
    Offence.REJECTED: 2,
    Offence.GRAFT_IN_BACKOFF: 3,
    Offence.BROKEN_PROMISE: 1,
}
"""The light ones happen to honest peers: after a restart, under load, with another version."""


class Demerits:
    """Demerits by peer. They outlive a connection, or coming back would clear them."""

    def __init__(self, config: GossipConfig) -> None:
        self._limit = config.demerits_max
        self._count_max = 2 * config.peers_max
        self._points: dict[PeerId, int] = {}
        self._due: dict[PeerId, Offence] = {}

    def __len__(self) -> int:
        return len(self._points)

    def charge(self, peer: PeerId, offence: Offence) -> None:
        """Count one offence."""
        points = self._points.get(peer, 0) + DEMERITS[offence]
        if points >= self._limit:
            self._points.pop(peer, None)
            self._due[peer] = offence
            return
        if peer not in self._points and len(self._points) >= self._count_max:
            del self._points[next(iter(self._points))]
        self._points[peer] = points

    def charge_once(self, peer: Peer, offence: Offence) -> None:
        """Count an offence unless it was counted since the last heartbeat."""
        if offence not in peer.used.offences:
            peer.used.offences.append(offence)
            self.charge(peer.id, offence)

    def take_due(self) -> list[tuple[PeerId, Offence]]:
        """Who has reached the limit, with the last offence; they start afresh."""
        due = list(self._due.items())
        self._due.clear()
        return due

    def forgive(self) -> None:
        """One point less for everybody, at each heartbeat."""
        self._points = {peer: points - 1 for peer, points in self._points.items() if points > 1}


class Promises:
    """Messages that peers advertised and that we asked for: one at random stands for each IWANT,
    so that the memory it takes does not grow with what is advertised.

    Asking costs us as much as advertising costs the peer. So who breaks promises is asked for less,
    which a peer under load needs, too; it is no demerit more.
    """

    def __init__(self, config: GossipConfig) -> None:
        self._config = config
        self._doubts: dict[PeerId, int] = {}
        """How often the number of those asked for is halved. They outlive a connection."""
        self._forgive_s = 0.0
        self._deadlines: dict[MessageId, dict[PeerId, float]] = {}
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, peer: PeerId, id: MessageId, now_s: float) -> None:
        """Expect a message; what is expected already keeps its deadline."""
        if self._count >= self._config.promises_max:
            return
        peers = self._deadlines.setdefault(id, {})
        if peer not in peers:
            peers[peer] = now_s + self._config.promise_s
            self._count += 1

    def fulfil(self, id: MessageId) -> None:
        """The message came, from whomever: nobody needs to send it any more."""
        peers = self._deadlines.pop(id, None)
        if peers is not None:
            self._count -= len(peers)

    def take_broken(self, now_s: float) -> list[PeerId]:
        """Whose promises are overdue, one entry for each; they are forgotten. To be asked at each
        heartbeat."""
        overdue = list(self._overdue(now_s))
        for id, peer in overdue:
            peers = self._deadlines[id]
            del peers[peer]
            if not peers:
                del self._deadlines[id]
        self._count -= len(overdue)
        self._doubt(dict.fromkeys(peer for _, peer in overdue), now_s)
        return [peer for _, peer in overdue]

    def may_ask(self, peer: PeerId) -> int:
        """How many messages a peer is asked for in a heartbeat."""
        least, most = self._config.asked_min, self._config.asked_max
        return min(most, max(least, most >> self._doubts.get(peer, 0)))

    def _doubt(self, peers: Iterable[PeerId], now_s: float) -> None:
        """These broke promises; now and then everybody is forgiven one."""
        if now_s >= self._forgive_s:
            self._doubts = {peer: n - 1 for peer, n in self._doubts.items() if n > 1}
            self._forgive_s = now_s + self._config.doubt_s
        for peer in peers:
            doubts = self._doubts.pop(peer, 0)
            if len(self._doubts) >= 2 * self._config.peers_max:
                del self._doubts[next(iter(self._doubts))]
            self._doubts[peer] = min(doubts + 1, self._config.asked_max.bit_length())

    def _overdue(self, now_s: float) -> Iterator[tuple[MessageId, PeerId]]:
        for id, peers in self._deadlines.items():
            for peer, deadline_s in peers.items():
                if deadline_s <= now_s:
                    yield id, peer
