"""Relays: which of those we know hold a place for us.

A reservation makes us reachable when nobody can dial us. Two are held, at the relays that answer
fastest, so that the death of one leaves a way open while the next best takes its place; the others
are spares. Once in a while all of them are measured anew, and a reservation that runs out is
renewed only where it is still worth holding. A relay that refuses is asked ever less often.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from p2pchat.events import (
    RelayProbed,
    RelaysDiscovered,
    RelaysDiscovering,
    RelaySelected,
)
from p2pchat.model.ids import PeerId
from p2pchat.model.machine import Now, Reply, SetTimer
from p2pchat.protocol.traversal_vocabulary import (
    Announce,
    ChooseRelays,
    Gone,
    Probe,
    Probed,
    Reservations,
    Reserve,
    Reserved,
    Seen,
    TraversalEffect,
)

__all__ = ["RELAYING_TIMER", "Relaying"]

RELAYING_TIMER = "relaying"
HELD_MAX = 2
PROBED_MAX = 8
"""Relays that are measured at the same time."""
RETRY_S_MIN, RETRY_S_MAX = 5.0, 60.0
REFRESH_SHARE = 0.5
"""Of a reservation's lifetime, after which it is refreshed."""
BETTER_SHARE, BETTER_S = 0.5, 0.02
"""A spare takes the place of a relay whose time is up when it answers in this share of its time,
and so much sooner."""


class Stage(Enum):
    """What we do with a relay."""

    SPARE = auto()
    PROBING = auto()
    RESERVING = auto()
    HELD = auto()


@dataclass(slots=True, eq=False)
class Relay:
    """One connected peer that carries circuits."""

    peer: PeerId
    address: str
    stage: Stage = Stage.SPARE
    latency_s: float | None = None
    is_fresh: bool = False
    """Measured since the last choice."""
    refresh_s: float = 0.0
    delay_s: float = 0.0
    """Of the last refusal; doubled by the next."""
    not_before_s: float = 0.0


class Relaying:
    """The relays we know and the places we hold."""

    def __init__(self) -> None:
        self._relays: dict[PeerId, Relay] = {}
        self._caller: int | None = None
        """Who waits for the first choice; its steps are told to subscribers."""
        self._has_begun = False

    @property
    def held(self) -> tuple[PeerId, ...]:
        """The relays whose reservations are held."""
        return tuple(relay.peer for relay in self._in(Stage.HELD))

    def handle(self, input: object, now: Now) -> list[TraversalEffect]:
        match input:
            case ChooseRelays(id):
                self._caller, self._has_begun = id, True
                count = len(self._relays)
                return [Announce(RelaysDiscovering()), Announce(RelaysDiscovered(count))]
            case Seen(peer, is_relay=True, address=address):
                self._relays.setdefault(peer, Relay(peer, address))
                return []
            case Seen(peer) | Gone(peer):
                return self._lost(peer)
            case Probed(peer, latency_s):
                return self._probed(peer, latency_s, now)
            case Reserved(peer, lifetime_s):
                return self._reserved(peer, lifetime_s, now)
            case _:
                return []

    def settle(self, now: Now) -> list[TraversalEffect]:
        """What is due: measuring first, then choosing among those that were measured."""
        if not self._has_begun:
            return []
        effects = [*self._refresh(now), *self._choose(now)]
        times = [relay.refresh_s for relay in self._in(Stage.HELD)]
        if len(times) < HELD_MAX:
            waiting = (relay.not_before_s for relay in self._in(Stage.SPARE))
            times += [time_s for time_s in waiting if time_s > now.monotonic_s]
        if times:
            effects.append(SetTimer(RELAYING_TIMER, max(min(times) - now.monotonic_s, 0.01)))
        return effects

    def _in(self, *stages: Stage) -> list[Relay]:
        return [relay for relay in self._relays.values() if relay.stage in stages]

    def _spares(self, now: Now) -> list[Relay]:
        """Those that may be asked now."""
        return [one for one in self._in(Stage.SPARE) if one.not_before_s <= now.monotonic_s]

    def _lost(self, peer: PeerId) -> list[TraversalEffect]:
        relay = self._relays.pop(peer, None)
        return [Reservations()] if relay is not None and relay.stage is Stage.HELD else []

    # Measuring

    def _probed(self, peer: PeerId, latency_s: float | None, now: Now) -> list[TraversalEffect]:
        relay = self._relays.get(peer)
        if relay is None or relay.stage is not Stage.PROBING:
            return []
        relay.stage, relay.latency_s, relay.is_fresh = Stage.SPARE, latency_s, latency_s is not None
        if latency_s is None:
            self._put_off(relay, now)
        return []

    def _put_off(self, relay: Relay, now: Now) -> None:
        relay.delay_s = min(max(relay.delay_s * 2, RETRY_S_MIN), RETRY_S_MAX)
        relay.not_before_s = now.monotonic_s + relay.delay_s

    def _measure(self, relays: list[Relay]) -> list[TraversalEffect]:
        free = max(PROBED_MAX - len(self._in(Stage.PROBING)), 0)
        for relay in relays[:free]:
            relay.stage = Stage.PROBING
        return [Probe(relay.peer) for relay in relays[:free]]

    # Choosing

    def _choose(self, now: Now) -> list[TraversalEffect]:
        """Reserve at the fastest, once all that can be measured are."""
        spares = self._spares(now)
        taken = len(self._in(Stage.HELD, Stage.RESERVING))
        is_full = taken >= HELD_MAX
        if self._in(Stage.PROBING):
            return []
        unknown = [one for one in spares if one.latency_s is None or not (is_full or one.is_fresh)]
        if unknown:
            return self._measure(unknown)
        if is_full or not spares:
            return [] if self._in(Stage.RESERVING) else self._told_caller()
        effects: list[TraversalEffect] = []
        for relay in sorted(spares, key=lambda one: (one.latency_s or 0.0, one.peer)):
            is_chosen = taken < HELD_MAX
            effects += self._told_probe(relay, is_chosen)
            if is_chosen:
                relay.stage, taken = Stage.RESERVING, taken + 1
                effects.append(Reserve(relay.peer))
        return effects

    def _reserved(self, peer: PeerId, lifetime_s: float | None, now: Now) -> list[TraversalEffect]:
        relay = self._relays.get(peer)
        if relay is None or relay.stage is not Stage.RESERVING:
            return []
        relay.is_fresh = False
        if lifetime_s is None:
            relay.stage = Stage.SPARE
            self._put_off(relay, now)
            return [Reservations()]
        first = not self.held
        relay.stage, relay.delay_s = Stage.HELD, 0.0
        relay.refresh_s = now.monotonic_s + lifetime_s * REFRESH_SHARE
        effects: list[TraversalEffect] = [Reservations()]
        if first and self._caller is not None:
            effects.append(Announce(RelaySelected(relay.address)))
        return effects

    def _refresh(self, now: Now) -> list[TraversalEffect]:
        """Renew what is due, unless a spare is clearly better; such a place lapses by itself."""
        effects: list[TraversalEffect] = []
        for relay in self._in(Stage.HELD):
            if relay.refresh_s > now.monotonic_s:
                continue
            if any(_is_better(spare, relay) for spare in self._spares(now)):
                relay.stage, relay.is_fresh = Stage.SPARE, True
            else:
                relay.stage = Stage.RESERVING
                effects.append(Reserve(relay.peer))
        return effects

    # Telling who waits for the first choice

    def _told_probe(self, relay: Relay, is_chosen: bool) -> list[TraversalEffect]:
        if self._caller is None:
            return []
        latency_ms = (relay.latency_s or 0.0) * 1000
        return [Announce(RelayProbed(relay.address, latency_ms, is_chosen))]

    def _told_caller(self) -> list[TraversalEffect]:
        if self._caller is None:
            return []
        id, self._caller = self._caller, None
        return [Reply(id)]


def _is_better(spare: Relay, held: Relay) -> bool:
    if spare.latency_s is None or held.latency_s is None:
        return False
    return (
        spare.latency_s < held.latency_s * BETTER_SHARE
        and spare.latency_s < held.latency_s - BETTER_S
    )
