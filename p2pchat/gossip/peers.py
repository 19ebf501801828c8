"""Who is there, what each subscribes to, and what each may still do before the next heartbeat."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from p2pchat.gossip.config import GossipConfig
from p2pchat.gossip.vocabulary import Offence
from p2pchat.model.ids import PeerId

__all__ = ["Allowance", "Peer", "PeerTable"]

_NOBODY: Mapping[PeerId, None] = {}


@dataclass(slots=True)
class Allowance:
    """What a peer has used of its limits since the last heartbeat."""

    rpcs: int = 0
    messages: int = 0
    message_bytes: int = 0
    subscription_changes: int = 0
    ihaves: int = 0
    asked: int = 0
    wanted: int = 0
    served_bytes: int = 0
    offences: list[Offence] = field(default_factory=list[Offence])
    """Those that count once a heartbeat."""


@dataclass(slots=True)
class Peer:
    """A connected peer."""

    id: PeerId
    outbound: bool
    topics: dict[str, None] = field(default_factory=dict[str, None])
    used: Allowance = field(default_factory=Allowance)
    is_lagging: bool = False
    """Something sent to it was dropped: at the next heartbeat it is brought up to date."""


class PeerTable:
    """The connected peers, and the subscribers of each topic. Ordered, not hashed: the same inputs
    give the same choices in every process."""

    def __init__(self, config: GossipConfig) -> None:
        self._config = config
        self._peers: dict[PeerId, Peer] = {}
        self._subscribers: dict[str, dict[PeerId, None]] = {}
        self._subscriptions = 0

    def __len__(self) -> int:
        return len(self._peers)

    def __contains__(self, peer: PeerId) -> bool:
        return peer in self._peers

    def __iter__(self) -> Iterator[Peer]:
        return iter(self._peers.values())

    @property
    def subscriptions(self) -> int:
        """Of all peers to all topics."""
        return self._subscriptions

    def get(self, peer: PeerId) -> Peer | None:
        """None for a peer that is not here."""
        return self._peers.get(peer)

    def add(self, peer: PeerId, *, outbound: bool) -> bool:
        """False when the table is full."""
        if len(self._peers) >= self._config.peers_max:
            return False
        self._peers[peer] = Peer(peer, outbound)
        return True

    def remove(self, peer: Peer) -> None:
        """Forget a peer and all it subscribes to."""
        for topic in list(peer.topics):
            self.unsubscribe(peer, topic)
        del self._peers[peer.id]

    def subscribers(self, topic: str) -> Mapping[PeerId, None]:
        """The peers that hear `topic`; a live view."""
        return self._subscribers.get(topic, _NOBODY)

    def subscribe(self, peer: Peer, topic: str, *, is_ours: bool) -> bool:
        """Note a new subscription; False when there are too many. The common bound spares our
        own topics: strangers must not be able to hide the members of a room from each other."""
        if len(peer.topics) >= self._config.topics_per_peer_max:
            return False
        if self._subscriptions >= self._config.subscriptions_max and not is_ours:
            return False
        peer.topics[topic] = None
        self._subscribers.setdefault(topic, {})[peer.id] = None
        self._subscriptions += 1
        return True

    def unsubscribe(self, peer: Peer, topic: str) -> None:
        """Forget a subscription that is there."""
        del peer.topics[topic]
        subscribers = self._subscribers[topic]
        del subscribers[peer.id]
        if not subscribers:
            del self._subscribers[topic]
        self._subscriptions -= 1
