"""What speaks against a peer: demerits that are forgiven with time, and promises it did not keep.

This is not the specification's score, which also rewards: a peer is in order until it has shown,
several times in a short while, something that a correct implementation does not do.
"""

from __future__ import annotations

from collections.abc import Iterator

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
    so that the memory it takes does not grow with what is advertised."""

    def __init__(self, config: GossipConfig) -> None:
        self._ttl_s = config.promise_s
        self._count_max = config.promises_max
        self._deadlines: dict[MessageId, dict[PeerId, float]] = {}
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, peer: PeerId, id: MessageId, now_s: float) -> None:
        """Expect a message; what is expected already keeps its deadline."""
        if self._count >= self._count_max:
            return
        peers = self._deadlines.setdefault(id, {})
        if peer not in peers:
            peers[peer] = now_s + self._ttl_s
            self._count += 1

    def fulfil(self, id: MessageId) -> None:
        """The message came, from whomever: nobody needs to send it any more."""
        peers = self._deadlines.pop(id, None)
        if peers is not None:
            self._count -= len(peers)

    def take_broken(self, now_s: float) -> list[PeerId]:
        """Whose promises are overdue, one entry for each; they are forgotten."""
        overdue = list(self._overdue(now_s))
        for id, peer in overdue:
            peers = self._deadlines[id]
            del peers[peer]
            if not peers:
                del self._deadlines[id]
        self._count -= len(overdue)
        return [peer for _, peer in overdue]

    def _overdue(self, now_s: float) -> Iterator[tuple[MessageId, PeerId]]:
        for id, peers in self._deadlines.items():
            for peer, deadline_s in peers.items():
                if deadline_s <= now_s:
                    yield id, peer
