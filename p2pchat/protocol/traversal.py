"""NAT traversal as one machine: relays that hold a place, being reached, and direct routes.

The three hear the same things of the same peers and decide apart.
"""

from __future__ import annotations

from p2pchat.model.ids import PeerId
from p2pchat.model.machine import Now
from p2pchat.model.status import Reachability
from p2pchat.protocol.reachability import ReachabilityMachine
from p2pchat.protocol.relaying import Relaying
from p2pchat.protocol.routes import Routes
from p2pchat.protocol.traversal_vocabulary import TraversalEffect, TraversalInput

__all__ = ["Traversal"]


class Traversal:
    """See `relaying`, `reachability`, `routes`."""

    def __init__(self) -> None:
        self._relaying = Relaying()
        self._reachability = ReachabilityMachine()
        self._parts = (self._relaying, self._reachability, Routes())

    @property
    def relays(self) -> tuple[PeerId, ...]:
        """The relays whose reservations are held."""
        return self._relaying.held

    @property
    def reachability(self) -> Reachability:
        """Whether others can dial us, as far as anybody has tried."""
        return self._reachability.reachability

    @property
    def is_mapping_stable(self) -> bool:
        """No two peers see us at different ports of one host: a hole can be punched."""
        return self._reachability.is_mapping_stable

    @property
    def is_undecided(self) -> bool:
        """Whether others can dial us is being found out."""
        return self._reachability.is_undecided

    def start(self, now: Now) -> list[TraversalEffect]:
        return []

    def handle(self, input: TraversalInput, now: Now) -> list[TraversalEffect]:
        return [effect for part in self._parts for effect in part.handle(input, now)]

    def settle(self, now: Now) -> list[TraversalEffect]:
        return [effect for part in self._parts for effect in part.settle(now)]
