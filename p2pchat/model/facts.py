"""What is known at the moment somebody asks what is wrong: the ground of every diagnosis.

Plain values that anybody can make up, so that each rule is tried without a network. Nothing here
says what was written, to whom, or with which keys; peers are named by their peer ids, which are
shortened before a report is handed out unless they were asked for (`protocol.veiling`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from p2pchat.model.lan import LanRefusal
from p2pchat.model.status import Health, Reachability

__all__ = [
    "Attempt",
    "ClockReading",
    "Facts",
    "LanFacts",
    "ListFacts",
    "MachineFacts",
    "NameFacts",
    "NetworkFacts",
    "Outcome",
    "PeerFacts",
    "RelayFacts",
    "StartFailure",
]


class Outcome(StrEnum):
    """How dialling one address ended."""

    REACHED = "reached"
    REFUSED = "refused"
    """The machine is there, nothing listens."""
    SILENT = "no answer"
    NO_ROUTE = "no route"
    NO_NAME = "name not found"
    STRANGER = "another answers"
    """Somebody proved to be somebody else."""
    BLOCKED = "blocked by you"
    TURNED_AWAY = "turned away"
    """Something answers there, and takes no connection from us."""
    OTHER_SECRET = "another LAN secret"  # noqa: S105 -- an outcome
    RELAY_FULL = "the relay is at its limit"
    ABSENT = "not at the relay"
    """The relay is there, and the peer holds no place at it."""
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class StartFailure:
    """The client cannot start: the error's name, and its words."""

    error: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineFacts:
    """The machine below."""

    version: str
    """Of this program."""
    python: str
    system: str
    addresses: tuple[str, ...]
    """Its IP addresses that others may reach; none means that no network is there."""
    has_route: bool
    """Whether the system knows a way to the internet."""
    free_bytes: int | None = None
    """Room on the disk that holds the home; None without a home."""


@dataclass(frozen=True, slots=True)
class NameFacts:
    """A host name that the configuration needs; `error` is empty when it was found."""

    name: str
    error: str = ""
    is_answered: bool = True
    """Whether a name server answered at all."""


@dataclass(frozen=True, slots=True)
class ListFacts:
    """A bootstrap list to be fetched."""

    source: str
    usable: int = 0
    """Entries that can be dialled."""
    complaints: tuple[str, ...] = ()
    """What is wrong in it."""
    error: str = ""
    """Why it was not fetched."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One address of a peer that was dialled. `source` says how the peer is known: `configured`,
    `listed`, `lan`, or `parted` for who was connected until you blocked it."""

    peer: str
    source: str
    address: str
    outcome: Outcome
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ClockReading:
    """Somebody's clock: so much ahead of ours (behind, when negative). `origin` is `https`, `peer`
    or `lan`."""

    origin: str
    who: str
    difference_s: float


@dataclass(frozen=True, slots=True)
class PeerFacts:
    """A connected peer and the protocols of ours that it speaks."""

    peer: str
    path: str
    protocols: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RelayFacts:
    """A connected relay: whether it holds a place for us, or why it would not."""

    peer: str
    is_held: bool
    refusal: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkFacts:
    """The running node."""

    health: Health
    reachability: Reachability
    is_mapping_stable: bool = True
    known_peers: int = 0
    outbox: int = 0
    listening: tuple[str, ...] = ()
    peers: tuple[PeerFacts, ...] = ()
    relays: tuple[RelayFacts, ...] = ()
    blocked_peers: int = 0
    blocked_subnets: tuple[str, ...] = ()
    refused: Mapping[str, int] = field(default_factory=dict[str, int])
    """What remotes were refused, by reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LanFacts:
    """LAN mode."""

    is_open: bool
    subnets: tuple[str, ...] = ()
    peers: int = 0
    refused: Mapping[LanRefusal, int] = field(default_factory=dict[LanRefusal, int])
    """Datagrams that were not taken lately, by reason."""
    listened_s: float = 0.0
    """For how long it has been on."""
    discovery_port: int = 0
    """The UDP port."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Everything together; `network` is None when the client does not run."""

    machine: MachineFacts
    start: StartFailure | None = None
    network: NetworkFacts | None = None
    lan: LanFacts | None = None
    names: tuple[NameFacts, ...] = ()
    lists: tuple[ListFacts, ...] = ()
    attempts: tuple[Attempt, ...] = ()
    clocks: tuple[ClockReading, ...] = ()
    ignored: tuple[str, ...] = ()
    """Keys of the configuration that nobody knows, in sentences."""
    unfinished: tuple[str, ...] = ()
    """What could not be found out in time."""
