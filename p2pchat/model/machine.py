"""The vocabulary shared by every pure machine: chat, Kademlia, gossip, peering.

A machine is `handle(input, now) -> effects`. It does no I/O, reads no clock, and draws choices only
from the seeded `Random` its constructor was given, so that the same inputs give the same effects.
`node.driver.Driver` runs it: it collects inputs into batches, calls `handle` for each in order and
`settle` once at the end, and has an adapter carry the effects.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, TypeVar

from p2pchat.errors import P2PChatError

__all__ = ["ClearTimer", "Machine", "Now", "Reply", "SetTimer", "TimerFired"]

I_contra = TypeVar("I_contra", contravariant=True)
E = TypeVar("E")


@dataclass(frozen=True, slots=True)
class Now:
    """Both clocks, read once a batch: delays use `monotonic_s`, display and expiry `wall_ms`."""

    wall_ms: int
    monotonic_s: float


@dataclass(frozen=True, slots=True)
class TimerFired:
    """Input: the timer of this name ran out (and is gone)."""

    name: str


@dataclass(frozen=True, slots=True)
class SetTimer:
    """Effect: fire `name` after `delay_s`; a timer of that name is replaced."""

    name: str
    delay_s: float


@dataclass(frozen=True, slots=True)
class ClearTimer:
    """Effect: forget the timer `name`, if there is one."""

    name: str


@dataclass(frozen=True, slots=True)
class Reply:
    """Effect: answer the command of this id, with a value or an error to raise."""

    id: int
    value: object = None
    error: P2PChatError | None = None


class Machine(Protocol[I_contra, E]):
    """A pure state machine."""

    def start(self, now: Now) -> list[E]:
        """Once, before any input: the timers and sends that a restart owes."""
        ...

    def handle(self, input: I_contra, now: Now) -> list[E]:
        """Decide on one input."""
        ...

    def settle(self, now: Now) -> list[E]:
        """After the last input of a batch: what is said once for many inputs (receipts, one
        frame for several ops). Machines with nothing to join answer `[]`."""
        ...
