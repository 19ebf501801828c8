"""What goes into the gossip router and what comes out.

Inputs come from the carrier (`net.gossip`) and from whoever uses topics; effects go back to them.
Nothing here knows how an RPC travels.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, StrEnum

from p2pchat.model.ids import PeerId
from p2pchat.model.machine import Reply, SetTimer, TimerFired
from p2pchat.wire.gossip_codec import MessageId, Rpc

__all__ = [
    "Deliver",
    "GossipEffect",
    "GossipEvent",
    "GossipInput",
    "Judge",
    "Judgement",
    "Misbehaved",
    "Offence",
    "PeerDown",
    "PeerJoined",
    "PeerLeft",
    "PeerUp",
    "Publish",
    "Punish",
    "RpcReceived",
    "SendDropped",
    "SendRpc",
    "Subscribe",
    "Unsubscribe",
    "Verdict",
]


class Verdict(Enum):
    """What becomes of a message heard for the first time."""

    ACCEPT = "accept"
    """Deliver it, and forward it at once."""
    IGNORE = "ignore"
    """Drop it in silence: nothing is wrong with who sent it (no key for it, its author's rate)."""
    REJECT = "reject"
    """Drop it and hold it against the sender: no correct peer would have forwarded it."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict, and what judging found inside, so that nobody opens the data twice."""

    verdict: Verdict
    opened: object = None
    author: PeerId | None = None
    """Who wrote it, where that can be read: who forwards may be unable to."""


Judge = Callable[[str, bytes], Judgement]
"""Topic and data to a judgement: quick, without side effects, never raising."""


class Offence(StrEnum):
    """Why a peer is held to misbehave."""

    MALFORMED = "sent bytes that are no gossip RPC"
    REJECTED = "forwarded messages that no correct peer forwards"
    OVER_RATE = "sent more messages than a peer may"
    SUBSCRIPTION_FLOOD = "changed its subscriptions more often than a peer may"
    IHAVE_FLOOD = "advertised more messages than a peer may"
    GRAFT_IN_BACKOFF = "asked into a mesh before its back-off was over"
    BROKEN_PROMISE = "advertised messages that it did not send"


# Inputs


@dataclass(frozen=True, slots=True)
class PeerUp:
    """A gossip stream to `peer` can be opened, or was opened anew; before its first RPC."""

    peer: PeerId
    outbound: bool = False
    """True when we dialled it: a stranger cannot choose to be one of these."""


@dataclass(frozen=True, slots=True)
class PeerDown:
    """No gossip is exchanged with `peer` any more."""

    peer: PeerId


@dataclass(frozen=True, slots=True)
class RpcReceived:
    """`peer` sent an RPC."""

    peer: PeerId
    rpc: Rpc


@dataclass(frozen=True, slots=True)
class SendDropped:
    """An RPC to `peer` was dropped because its queue was full; it is not full any more."""

    peer: PeerId


@dataclass(frozen=True, slots=True)
class Misbehaved:
    """`peer` sent bytes that are no RPC."""

    peer: PeerId


@dataclass(frozen=True, slots=True)
class Subscribe:
    """Command: hear a topic; nothing happens when it is heard already."""

    topic: str


@dataclass(frozen=True, slots=True)
class Unsubscribe:
    """Command: hear a topic no longer."""

    topic: str


@dataclass(frozen=True, slots=True)
class Publish:
    """Command: send `data` to all who hear `topic`; answered by `Reply` with the number of peers
    it goes to directly, 0 for data that is known already. It is not delivered to ourselves."""

    id: int
    topic: str
    data: bytes


GossipInput = (
    PeerUp
    | PeerDown
    | RpcReceived
    | SendDropped
    | Misbehaved
    | Subscribe
    | Unsubscribe
    | Publish
    | TimerFired
)


# Effects


@dataclass(frozen=True, slots=True)
class SendRpc:
    """Send `rpc`, an encoded RPC without its length, to `peer`."""

    peer: PeerId
    rpc: bytes


@dataclass(frozen=True, slots=True)
class Deliver:
    """A message of a topic we subscribe to, heard from `peer`, accepted; once each."""

    topic: str
    peer: PeerId
    message_id: MessageId
    data: bytes
    opened: object


@dataclass(frozen=True, slots=True)
class PeerJoined:
    """`peer` hears a topic that we subscribe to (told again for all when we subscribe)."""

    peer: PeerId
    topic: str


@dataclass(frozen=True, slots=True)
class PeerLeft:
    """`peer` hears this topic of ours no longer."""

    peer: PeerId
    topic: str


@dataclass(frozen=True, slots=True)
class Punish:
    """Reset the streams of `peer` and keep away from it; the router has forgotten it."""

    peer: PeerId
    offence: Offence


GossipEvent = Deliver | PeerJoined | PeerLeft
"""What the user of topics is told."""
GossipEffect = SendRpc | GossipEvent | Punish | SetTimer | Reply
