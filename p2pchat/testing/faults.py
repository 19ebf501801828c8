"""What can go wrong between peers, as values.

A fault is data, so that a scenario can draw it from a seed, print it, and give it back to
`SimulatedNetwork.apply`. Standing faults hold until `lift` or `heal`; passing ones strike once.
None of them loses a byte in the middle of a stream: a stream is late, stuck or over, as TCP is.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, auto
from typing import TypeAlias

from p2pchat.model.ids import PeerId

__all__ = [
    "DEFAULT_LINK",
    "Fault",
    "HalfOpen",
    "Link",
    "Nat",
    "Partition",
    "PassingFault",
    "Refusal",
    "ResetNext",
    "SlowLink",
    "StandingFault",
]


@dataclass(frozen=True, slots=True)
class Link:
    """How bytes travel in one direction; `jitter_s` is added evenly from 0 up to it."""

    latency_s: float = 0.02
    jitter_s: float = 0.005
    bandwidth_bytes_s: float = 12_500_000.0

    def __post_init__(self) -> None:
        if self.latency_s < 0 or self.jitter_s < 0 or self.bandwidth_bytes_s <= 0:
            raise ValueError(f"no bytes can travel like this: {self}")


DEFAULT_LINK = Link()


class Nat(Enum):
    """Whether a host can be dialled from outside."""

    OPEN = auto()
    CONE = auto()
    """Behind a router that lets nobody in, but keeps its mappings: a hole can be punched."""
    CLOSED = auto()
    """Behind a router that lets nobody in and has a mapping for each destination: it only dials
    out."""


@dataclass(frozen=True, slots=True)
class Partition:
    """Nothing passes from `left` to `right`, nor back unless `one_way`.

    Dials across it get no answer; connections across it hold their bytes, go on when it heals, and
    end at both sides when it outlasts the keep-alive.
    """

    left: frozenset[PeerId]
    right: frozenset[PeerId]
    one_way: bool = False

    def cuts(self, source: PeerId, target: PeerId) -> bool:
        """Whether bytes from `source` to `target` are held."""
        if source in self.left and target in self.right:
            return True
        return not self.one_way and source in self.right and target in self.left


@dataclass(frozen=True, slots=True)
class Refusal:
    """`peer` refuses new connections; present ones stay."""

    peer: PeerId


@dataclass(frozen=True, slots=True)
class SlowLink:
    """Bytes between `left` and `right` travel like `link`, both ways."""

    left: PeerId
    right: PeerId
    link: Link = field(default_factory=Link)


@dataclass(frozen=True, slots=True)
class ResetNext:
    """The next bytes from `source` to `target` are the last of their connection.

    With `inside` only a part of what one `send_all` gave arrives before both sides see the reset,
    otherwise all of it does.
    """

    source: PeerId
    target: PeerId
    inside: bool = True


@dataclass(frozen=True, slots=True)
class HalfOpen:
    """The connections of two peers carry nothing any more, and neither side is told.

    New dials succeed, as after a router forgot a mapping; the stuck connections end with the
    keep-alive.
    """

    left: PeerId
    right: PeerId


StandingFault: TypeAlias = Partition | Refusal | SlowLink
PassingFault: TypeAlias = ResetNext | HalfOpen
Fault: TypeAlias = StandingFault | PassingFault
