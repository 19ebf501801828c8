"""The network as a person sees it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from p2pchat.model.ids import AccountId, PeerId
from p2pchat.model.route import Path

__all__ = [
    "ContactStatus",
    "Health",
    "LanPeerStatus",
    "LanStatus",
    "NetworkStatus",
    "PeerStatus",
    "Reachability",
]


class Health(StrEnum):
    """In one word."""

    GOOD = "good"
    """Connected to the private network."""
    POOR = "poor"
    """Connected to peers, but to none that knows others."""
    OFFLINE = "offline"


class Reachability(StrEnum):
    """Whether others can dial us."""

    PUBLIC = "public"
    NAT = "NAT"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class PeerStatus:
    """One connected peer."""

    peer_id: PeerId
    account: AccountId | None
    addresses: tuple[str, ...]
    path: Path


@dataclass(frozen=True, slots=True)
class ContactStatus:
    """How a contact is reached now; `path` is None while none of its devices is connected."""

    account: AccountId
    path: Path | None


@dataclass(frozen=True, slots=True)
class LanPeerStatus:
    """A peer that says it is on our network; `last_heard` is in milliseconds since the epoch."""

    peer_id: PeerId
    name: str
    address: str
    last_heard: int


@dataclass(frozen=True, slots=True)
class LanStatus:
    """LAN mode. `is_open` means that there is no secret: everybody on the network is served."""

    is_open: bool
    listen_port: int
    subnets: tuple[str, ...]
    """The networks it is confined to."""
    peers: tuple[LanPeerStatus, ...]


@dataclass(frozen=True, slots=True)
class NetworkStatus:
    """A moment of the network. `connected_peers` includes relays; `relays` are those that hold a
    reservation for us; `last_sync` is in milliseconds since the epoch, 0 for never; `outbox`
    counts messages to contacts that are not acknowledged, and those in rooms that nobody has taken
    yet."""

    health: Health
    reachability: Reachability
    connected_peers: int
    known_peers: int
    relays: int
    last_sync: int
    outbox: int
    peers: tuple[PeerStatus, ...]
    lan: LanStatus | None = None
    """None while LAN mode is off."""
    addresses: tuple[str, ...] = ()
    """Our own, to give to others."""
    contacts: tuple[ContactStatus, ...] = ()
    mailboxes: tuple[PeerId, ...] = ()
    """Relays that keep what is written to us while we are away, as others can read it in our
    record. With none it waits with its writers until we are here together."""
