"""What goes into the Kademlia machine and what comes out of it: two closed unions.

Every `Query` is answered by exactly one `Answered` or `QueryFailed`, every `Asked` by one `Answer`
or `Refuse`, every command by one `Reply` whose value is named at the command.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from p2pchat.model.blocking import BlockList
from p2pchat.model.ids import PeerId
from p2pchat.model.machine import ClearTimer, Reply, SetTimer, TimerFired
from p2pchat.wire.kad_codec import KadMessage, KadPeer

__all__ = [
    "Answer",
    "Answered",
    "Asked",
    "Blocked",
    "Discovered",
    "Failure",
    "FindPeer",
    "FindProviders",
    "FoundPeer",
    "FoundProviders",
    "FoundValue",
    "GetValue",
    "KadEffect",
    "KadInput",
    "PeerDown",
    "PeerUp",
    "Provide",
    "PutValue",
    "Query",
    "QueryFailed",
    "Refresh",
    "Refuse",
    "Serve",
    "SetAddresses",
    "SetMode",
    "Withdraw",
]


class Failure(Enum):
    """Why a query has no answer."""

    UNREACHABLE = "unreachable"
    """No connection, and none could be made."""
    TIMED_OUT = "timed out"
    REFUSED = "refused"
    """The peer is there, and reset the stream or does not serve the protocol."""
    MALFORMED = "malformed"
    """The answer broke the rules."""


@dataclass(frozen=True, slots=True)
class PeerUp:
    """A peer is connected, or what is known of a connected one changed."""

    peer: PeerId
    addresses: tuple[str, ...]
    """Remote addresses of its live connections: they say over what it tells us things."""
    is_server: bool | None
    """Whether it announces the protocol; None until identify has told."""
    dialable: tuple[str, ...]
    """What it announced, and what we dialled it at, without `/p2p/<peer>`."""


@dataclass(frozen=True, slots=True)
class PeerDown:
    """The last connection to a peer ended."""

    peer: PeerId


@dataclass(frozen=True, slots=True)
class Asked:
    """A peer asks us."""

    request_id: int
    peer: PeerId
    message: KadMessage


@dataclass(frozen=True, slots=True)
class Answered:
    """A peer answered our query. `ADD_PROVIDER` has no answer on the wire: for it this says that
    the peer took it without objecting."""

    query_id: int
    message: KadMessage


@dataclass(frozen=True, slots=True)
class QueryFailed:
    """Our query will not be answered."""

    query_id: int
    reason: Failure


@dataclass(frozen=True, slots=True)
class SetMode:
    """Answer others (server), or only ask (client, the mode at the start)."""

    is_server: bool


@dataclass(frozen=True, slots=True)
class SetAddresses:
    """Our own multiaddrs, as told to those who ask for us or for what we provide."""

    addresses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Blocked:
    """Know and ask these no more, in place of those said before."""

    blocks: BlockList


@dataclass(frozen=True, slots=True)
class FindPeer:
    """Find out where a peer is. Replies `FoundPeer`."""

    id: int
    peer: PeerId


@dataclass(frozen=True, slots=True)
class GetValue:
    """Ask the network for the best value under a key. Replies `FoundValue`.

    Ends early when `quorum` peers, no two of one public network, gave valid values (0 and 1: the
    first one); with None when all near the key have answered. Values may be old ones that are
    valid still: where that matters, ask to the end.
    """

    id: int
    key: bytes
    quorum: int | None


@dataclass(frozen=True, slots=True)
class PutValue:
    """Store a value at the k closest peers, and keep it published until `Withdraw`.

    Replies how many peers confirmed that they stored it. An error if our own validator refuses it.
    """

    id: int
    key: bytes
    value: bytes


@dataclass(frozen=True, slots=True)
class Provide:
    """Announce ourselves at the k peers closest to a key, and keep doing so until `Withdraw`.

    Replies how many peers took it. Implementations elsewhere want the key to be a multihash.
    """

    id: int
    key: bytes


@dataclass(frozen=True, slots=True)
class FindProviders:
    """Ask the network who announced a key. Replies `FoundProviders`."""

    id: int
    key: bytes


@dataclass(frozen=True, slots=True)
class Refresh:
    """Look up ourselves and every stale bucket. Replies how many peers the table has then."""

    id: int


@dataclass(frozen=True, slots=True)
class Withdraw:
    """Publish no longer under this key; what others hold expires."""

    key: bytes


KadInput = (
    PeerUp
    | PeerDown
    | Asked
    | Answered
    | QueryFailed
    | SetMode
    | SetAddresses
    | Blocked
    | FindPeer
    | GetValue
    | PutValue
    | Provide
    | FindProviders
    | Refresh
    | Withdraw
    | TimerFired
)


@dataclass(frozen=True, slots=True)
class FoundPeer:
    """What is known of a peer after `FindPeer`; no addresses and not connected: not found."""

    peer: PeerId
    addresses: tuple[str, ...]
    is_connected: bool
    """True when the peer itself was reached; otherwise the addresses are hearsay."""
    hops: int
    """Peers asked one after the other until one told of it; 0: we knew it ourselves."""
    asked: int
    """Peers that answered."""


@dataclass(frozen=True, slots=True)
class FoundValue:
    """The best valid value that the network and we ourselves hold, or None."""

    key: bytes
    value: bytes | None
    holders: int
    """Peers that answered with a valid value, stale ones included."""
    hops: int
    """Peers asked one after the other until one had it."""
    asked: int
    """Peers that answered; 0 with no value says that nobody could be asked."""


@dataclass(frozen=True, slots=True)
class FoundProviders:
    """Who announced a key, ourselves excluded."""

    key: bytes
    providers: tuple[KadPeer, ...]
    hops: int
    asked: int


@dataclass(frozen=True, slots=True)
class Query:
    """Effect: dial if need be, send, and feed the outcome within `timeout_s`."""

    query_id: int
    peer: PeerId
    addresses: tuple[str, ...]
    message: KadMessage
    timeout_s: float


@dataclass(frozen=True, slots=True)
class Answer:
    """Effect: answer a request; None for a request that has no answer on the wire."""

    request_id: int
    message: KadMessage | None


@dataclass(frozen=True, slots=True)
class Refuse:
    """Effect: reset the stream of a request that broke the rules or asks too much of us."""

    request_id: int
    reason: str


@dataclass(frozen=True, slots=True)
class Serve:
    """Effect: serve the protocol from now on, or do so no longer."""

    is_server: bool


@dataclass(frozen=True, slots=True)
class Discovered:
    """Effect: a lookup saw a peer that is not connected; hearsay, but believable."""

    peer: PeerId
    addresses: tuple[str, ...]


KadEffect = Query | Answer | Refuse | Serve | Discovered | Reply | SetTimer | ClearTimer
