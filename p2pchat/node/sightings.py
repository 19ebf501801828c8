"""Sightings: when peers were last connected, and how reaching them failed since.

Peering forgets why a dial failed as soon as it tries something else. Who asks why a message waits
wants to know exactly that, hours later, and without another dial. The peers heard of last are kept,
each with its last dial.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from p2pchat.errors import PeerUnreachable
from p2pchat.model.facts import Attempt
from p2pchat.model.ids import PeerId
from p2pchat.net.outcomes import outcome_of

__all__ = ["Sighting", "Sightings"]

SIGHTINGS_MAX = 1024
"""Peers; whoever was heard of longest ago goes first."""
ATTEMPTS_MAX = 16
"""Addresses of one dial: as many as are known of a peer."""
REASON_CHARACTERS_MAX = 200


@dataclass(frozen=True, slots=True)
class Sighting:
    """What is remembered of one peer; times are those of the wall clock, 0 is never."""

    seen_ms: int = 0
    """When it was last connected, if it is not now."""
    tried_ms: int = 0
    attempts: tuple[Attempt, ...] = ()
    is_unfound: bool = False
    """The last look-up found no address of it."""


class Sightings:
    """Of all peers, as far as they are remembered."""

    def __init__(self, wall_ms: Callable[[], int]) -> None:
        self._wall_ms = wall_ms
        self._known: dict[PeerId, Sighting] = {}

    def of(self, peer: PeerId) -> Sighting:
        return self._known.get(peer, Sighting())

    def came(self, peer: PeerId) -> None:
        """It is connected: what failed before says nothing any more."""
        self._keep(peer, Sighting(seen_ms=self._wall_ms()))

    def gone(self, peer: PeerId) -> None:
        """It is connected no more."""
        self._keep(peer, Sighting(seen_ms=self._wall_ms()))

    def failed(self, peer: PeerId, error: PeerUnreachable) -> None:
        """It was dialled in vain."""
        attempts = tuple(
            Attempt(str(peer), "recipient", address, outcome_of(why), why[:REASON_CHARACTERS_MAX])
            for address, why in error.attempts[:ATTEMPTS_MAX]
        )
        if not attempts:
            outcome = outcome_of(str(error))
            reason = str(error)[:REASON_CHARACTERS_MAX]
            attempts = (Attempt(str(peer), "recipient", "", outcome, reason),)
        known = self.of(peer)
        self._keep(peer, replace(known, tried_ms=self._wall_ms(), attempts=attempts))

    def looked_up(self, peer: PeerId, *, is_found: bool) -> None:
        """A look-up ended."""
        tried_ms = self.of(peer).tried_ms if is_found else self._wall_ms()
        self._keep(peer, replace(self.of(peer), tried_ms=tried_ms, is_unfound=not is_found))

    def _keep(self, peer: PeerId, sighting: Sighting) -> None:
        self._known.pop(peer, None)
        if len(self._known) >= SIGHTINGS_MAX:
            del self._known[next(iter(self._known))]
        self._known[peer] = sighting
