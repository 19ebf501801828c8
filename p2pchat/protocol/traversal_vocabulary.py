"""What the machines of NAT traversal hear and decide: `relaying`, `reachability`, `routes`."""

from __future__ import annotations

from dataclasses import dataclass

from p2pchat.events import Event
from p2pchat.model.ids import PeerId
from p2pchat.model.machine import Reply, SetTimer, TimerFired
from p2pchat.model.route import Path

__all__ = [
    "Announce",
    "Check",
    "CheckFailed",
    "Checked",
    "ChooseRelays",
    "GiveAway",
    "Gone",
    "Known",
    "MoveStreams",
    "ObservedAt",
    "OwnAddresses",
    "Probe",
    "Probed",
    "Reservations",
    "Reserve",
    "Reserved",
    "Seen",
    "TraversalEffect",
    "TraversalInput",
    "Upgrade",
    "UpgradeEnded",
]

# Inputs


@dataclass(frozen=True, slots=True)
class Seen:
    """A peer is connected, or what is known of a connected one changed."""

    peer: PeerId
    path: Path
    address: str
    """Where it is connected, without `/p2p/<peer>`: its IP address, whatever name we dialled."""
    is_inbound: bool
    """It called us."""
    announced: tuple[str, ...] = ()
    """Where it says it can be reached, as far as that may be believed; circuits left out."""
    is_relay: bool = False
    dials_back: bool = False
    """It serves AutoNAT."""
    punches: bool = False
    """It serves DCUtR."""


@dataclass(frozen=True, slots=True)
class Gone:
    """A peer is not connected any more."""

    peer: PeerId


@dataclass(frozen=True, slots=True)
class ObservedAt:
    """Where the connected peers see us, all observations there are: who, and the multiaddr."""

    observations: tuple[tuple[PeerId, str], ...]


@dataclass(frozen=True, slots=True)
class OwnAddresses:
    """The multiaddrs we listen on changed (without peer id; circuits left out): what was known
    about reaching us may hold no longer."""

    addresses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Known:
    """Whom we know, connected or not; replaces those told before. All others are strangers."""

    contacts: frozenset[PeerId]
    neighbours: frozenset[PeerId] = frozenset()
    """Others that share a room with us."""


@dataclass(frozen=True, slots=True)
class ChooseRelays:
    """The start: reserve for the first time, telling the steps; answered when it is done."""

    id: int


@dataclass(frozen=True, slots=True)
class Probed:
    """A relay answered after so many seconds, or did not."""

    peer: PeerId
    latency_s: float | None


@dataclass(frozen=True, slots=True)
class Reserved:
    """A relay holds a place for so many seconds, or refused."""

    peer: PeerId
    lifetime_s: float | None


@dataclass(frozen=True, slots=True)
class Checked:
    """A peer tried to dial us: the address it reached, or None for none of them."""

    server: PeerId
    address: str | None


@dataclass(frozen=True, slots=True)
class CheckFailed:
    """A peer would not try to dial us."""

    server: PeerId


@dataclass(frozen=True, slots=True)
class UpgradeEnded:
    """An attempt is over. A direct connection that came of it and lasts is `Seen` as well."""

    peer: PeerId


TraversalInput = (
    Seen
    | Gone
    | ObservedAt
    | OwnAddresses
    | Known
    | ChooseRelays
    | Probed
    | Reserved
    | Checked
    | CheckFailed
    | UpgradeEnded
    | TimerFired
)

# Effects


@dataclass(frozen=True, slots=True)
class Probe:
    """Measure how fast a relay answers; `Probed` tells."""

    peer: PeerId


@dataclass(frozen=True, slots=True)
class Reserve:
    """Ask a relay for a place, or to keep it; `Reserved` tells."""

    peer: PeerId


@dataclass(frozen=True, slots=True)
class Reservations:
    """The places that are held changed, and our addresses with them."""


@dataclass(frozen=True, slots=True)
class Check:
    """Let a peer dial us at these multiaddrs; `Checked` or `CheckFailed` tells."""

    server: PeerId
    addresses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class GiveAway:
    """Others were seen to reach us at these multiaddrs; replaces what was given away before."""

    addresses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Upgrade:
    """Look for a direct way to a peer: dial it, then punch a hole if we may begin."""

    peer: PeerId
    addresses: tuple[str, ...]
    may_punch: bool


@dataclass(frozen=True, slots=True)
class MoveStreams:
    """A peer that was reached through a relay has a direct connection now."""

    peer: PeerId


@dataclass(frozen=True, slots=True)
class Announce:
    """Tell subscribers."""

    event: Event


TraversalEffect = (
    Probe
    | Reserve
    | Reservations
    | Check
    | GiveAway
    | Upgrade
    | MoveStreams
    | Announce
    | Reply
    | SetTimer
)
