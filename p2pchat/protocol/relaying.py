"""Relays: which of those we know hold a place for us.

A reservation makes us reachable when nobody can dial us. Two are held, at the relays that answer
fastest, so that the death of one leaves a way open while the next best takes its place; the others
are spares. The two stand in different networks where there is a choice: one owner of many machines
nearby does not see every call. When half of a reservation's time is over its relay and the spares
are measured anew, and it is renewed unless one of those is clearly better by now: a relay that was
chosen at the start is not held for ever for having been fast once. A relay that refuses is asked
ever less often, also when it leaves and comes back.

Anybody may claim to be a relay, answer or not, and leave. Nobody can hold up the others by it: who
was measured waits for those being measured only briefly, who does not answer for a place has none,
and relays that we dialled come before those that called us.
"""

from __future__ import annotations

from collections import OrderedDict
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
from p2pchat.model.scope import network_of
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
PATIENCE_S = 1.0
"""How long a relay that was measured waits for others that are; and how long one that we asked for
a place counts as good for it."""
CHOICE_TIMEOUT_S = 5.0
REMEMBERED_MAX = 256
"""Relays gone that did not do what we asked."""
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
    REVIEWED = auto()
    """Held, and being measured anew before it is renewed."""
    WEIGHED = auto()
    """Held, and measured: the spares are waited for."""


class Turn(Enum):
    """What happens to a relay that we know."""

    PROBE = auto()
    ANSWER = auto()
    """To the probe; also that none came."""
    ASK = auto()
    GRANT = auto()
    LEAVE = auto()
    """There is no place, or none is wanted."""


TRANSITIONS: dict[tuple[Stage, Turn], Stage] = {
    (Stage.SPARE, Turn.PROBE): Stage.PROBING,
    (Stage.SPARE, Turn.ASK): Stage.RESERVING,
    (Stage.PROBING, Turn.ANSWER): Stage.SPARE,
    (Stage.RESERVING, Turn.GRANT): Stage.HELD,
    (Stage.RESERVING, Turn.LEAVE): Stage.SPARE,
    (Stage.HELD, Turn.PROBE): Stage.REVIEWED,
    (Stage.REVIEWED, Turn.ANSWER): Stage.WEIGHED,
    (Stage.WEIGHED, Turn.ASK): Stage.RESERVING,
    (Stage.WEIGHED, Turn.LEAVE): Stage.SPARE,
}
"""What is missing here is news that nobody waits for any more."""

HOLDING = (Stage.HELD, Stage.REVIEWED, Stage.WEIGHED)


@dataclass(slots=True, eq=False)
class Relay:
    """One connected peer that carries circuits."""

    peer: PeerId
    address: str
    is_inbound: bool
    """It called us."""
    stage: Stage = Stage.SPARE
    latency_s: float | None = None
    measured_s: float | None = None
    """When, if that still counts."""
    asked_s: float = 0.0
    refresh_s: float = 0.0
    delay_s: float = 0.0
    """Of the last refusal; doubled by the next."""
    not_before_s: float = 0.0

    def takes(self, turn: Turn) -> bool:
        return (self.stage, turn) in TRANSITIONS

    def turn(self, turn: Turn) -> None:
        self.stage = TRANSITIONS[self.stage, turn]

    def refused(self, now: Now) -> None:
        """It did not do what we asked: ask later, and later still the next time."""
        self.put_off(min(self.delay_s * 2, RETRY_S_MAX), now)

    def put_off(self, delay_s: float, now: Now) -> None:
        self.delay_s = max(delay_s, RETRY_S_MIN)
        self.not_before_s = now.monotonic_s + self.delay_s


class Relaying:
    """The relays we know and the places we hold."""

    def __init__(self) -> None:
        self._relays: dict[PeerId, Relay] = {}
        self._gone: OrderedDict[PeerId, Relay] = OrderedDict()
        """Those that were put off."""
        self._caller: int | None = None
        """Who waits for the first choice; its steps are told to subscribers."""
        self._began_s: float | None = None

    @property
    def held(self) -> tuple[PeerId, ...]:
        """The relays whose reservations are held."""
        return tuple(relay.peer for relay in self._in(*HOLDING))

    def handle(self, input: object, now: Now) -> list[TraversalEffect]:
        match input:
            case ChooseRelays(id):
                self._caller, self._began_s = id, now.monotonic_s
                count = len(self._relays)
                return [Announce(RelaysDiscovering()), Announce(RelaysDiscovered(count))]
            case Seen(is_relay=True):
                self._seen(input)
                return []
            case Seen(peer) | Gone(peer):
                return self._lost(peer, now)
            case Probed(peer, latency_s):
                return self._probed(peer, latency_s, now)
            case Reserved(peer, lifetime_s):
                return self._reserved(peer, lifetime_s, now)
            case _:
                return []

    def settle(self, now: Now) -> list[TraversalEffect]:
        """What is due: renewing, measuring, and choosing among those that were measured."""
        if self._began_s is None:
            return []
        effects = [*self._review(now), *self._measure(now), *self._renew(now)]
        effects += [*self._choose(now), *self._told_caller(self._began_s, now)]
        times = [time_s for time_s in self._times(self._began_s) if time_s > now.monotonic_s]
        if times:
            effects.append(SetTimer(RELAYING_TIMER, max(min(times) - now.monotonic_s, 0.01)))
        return effects

    def _times(self, began_s: float) -> list[float]:
        """When something may be due."""
        times = [relay.refresh_s for relay in self._in(Stage.HELD)]
        weighed = self._in(Stage.WEIGHED)
        times += [one.measured_s + PATIENCE_S for one in weighed if one.measured_s is not None]
        if len(self.held) < HELD_MAX:
            times += [relay.asked_s + PATIENCE_S for relay in self._in(Stage.RESERVING)]
            spares = self._in(Stage.SPARE)
            times += [relay.not_before_s for relay in spares]
            times += [one.measured_s + PATIENCE_S for one in spares if one.measured_s is not None]
        return times if self._caller is None else [*times, began_s + CHOICE_TIMEOUT_S]

    def _in(self, *stages: Stage) -> list[Relay]:
        return [relay for relay in self._relays.values() if relay.stage in stages]

    def _spares(self, now: Now) -> list[Relay]:
        """Those that may be asked now, in the order they came; who called us comes last."""
        able = (one for one in self._in(Stage.SPARE) if one.not_before_s <= now.monotonic_s)
        return sorted(able, key=lambda one: one.is_inbound)

    def _measured(self, now: Now) -> list[Relay]:
        return [one for one in self._spares(now) if one.measured_s is not None]

    def _taken(self, now: Now) -> list[Relay]:
        """Those that hold a place for us or may be about to."""
        patient_s = now.monotonic_s - PATIENCE_S
        asked = (one for one in self._in(Stage.RESERVING) if one.asked_s > patient_s)
        return [*self._in(*HOLDING), *asked]

    # Coming and going

    def _seen(self, seen: Seen) -> None:
        relay = self._relays.get(seen.peer) or self._gone.pop(seen.peer, None)
        if relay is None:
            relay = Relay(seen.peer, seen.address, seen.is_inbound)
        relay.address, relay.is_inbound = seen.address, seen.is_inbound
        self._relays[seen.peer] = relay

    def _lost(self, peer: PeerId, now: Now) -> list[TraversalEffect]:
        relay = self._relays.pop(peer, None)
        if relay is None:
            return []
        if relay.stage in (Stage.PROBING, Stage.RESERVING):
            relay.put_off(relay.delay_s, now)
        was_held = relay.stage in HOLDING
        if relay.delay_s:
            self._remember(relay)
        return [Reservations()] if was_held else []

    def _remember(self, relay: Relay) -> None:
        put_off = Relay(relay.peer, relay.address, relay.is_inbound)
        put_off.delay_s, put_off.not_before_s = relay.delay_s, relay.not_before_s
        self._gone[relay.peer] = put_off
        if len(self._gone) > REMEMBERED_MAX:
            self._gone.popitem(last=False)

    # Measuring

    def _probed(self, peer: PeerId, latency_s: float | None, now: Now) -> list[TraversalEffect]:
        relay = self._relays.get(peer)
        if relay is not None and relay.takes(Turn.ANSWER):
            relay.turn(Turn.ANSWER)
            relay.latency_s, relay.measured_s = latency_s, now.monotonic_s
            if latency_s is None and relay.stage is Stage.SPARE:
                self._put_off(relay, now)
        return []

    def _put_off(self, relay: Relay, now: Now) -> None:
        relay.measured_s = None
        relay.refused(now)

    def _review(self, now: Now) -> list[TraversalEffect]:
        """Measure anew what is due to be renewed; what is known of the spares is as old."""
        due = [relay for relay in self._in(Stage.HELD) if relay.refresh_s <= now.monotonic_s]
        for relay in due:
            relay.turn(Turn.PROBE)
        for spare in self._in(Stage.SPARE) if due else ():
            spare.measured_s = None
        return [Probe(relay.peer) for relay in due]

    def _measure(self, now: Now) -> list[TraversalEffect]:
        """Newcomers always; while a place is free or reviewed also those whose time is an old
        one."""
        reviewed = self._in(Stage.REVIEWED, Stage.WEIGHED)
        is_full = len(self._taken(now)) - len(reviewed) >= HELD_MAX
        old = [one for one in self._spares(now) if one.measured_s is None]
        asked = [one for one in old if one.latency_s is None or not is_full]
        free = max(PROBED_MAX - len(self._in(Stage.PROBING)), 0)
        for relay in asked[:free]:
            relay.turn(Turn.PROBE)
        return [Probe(relay.peer) for relay in asked[:free]]

    # Choosing

    def _choose(self, now: Now) -> list[TraversalEffect]:
        """Reserve at the fastest that were measured."""
        taken = self._taken(now)
        spares = self._measured(now)
        spares.sort(key=lambda one: (one.is_inbound, one.latency_s or 0.0, one.peer))
        if len(taken) >= HELD_MAX or not spares or self._is_waiting(spares, now):
            return []
        chosen = _picked(spares, taken)
        effects: list[TraversalEffect] = []
        for relay in spares:
            is_chosen = relay in chosen
            effects += self._told_probe(relay, is_chosen)
            if is_chosen:
                effects.append(self._ask(relay, now))
        return effects

    def _is_waiting(self, measured: list[Relay], now: Now) -> bool:
        """Whether those that are being measured may still be better."""
        first_s = min(relay.measured_s or 0.0 for relay in measured)
        return bool(self._in(Stage.PROBING)) and now.monotonic_s < first_s + PATIENCE_S

    def _ask(self, relay: Relay, now: Now) -> Reserve:
        relay.turn(Turn.ASK)
        relay.asked_s = now.monotonic_s
        return Reserve(relay.peer)

    def _reserved(self, peer: PeerId, lifetime_s: float | None, now: Now) -> list[TraversalEffect]:
        relay = self._relays.get(peer)
        if relay is None or not relay.takes(Turn.GRANT):
            return []
        if lifetime_s is None:
            relay.turn(Turn.LEAVE)
            self._put_off(relay, now)
            return [Reservations()]
        relay.delay_s = 0.0
        if len(self.held) >= HELD_MAX:  # others were quicker; this place lapses by itself
            relay.turn(Turn.LEAVE)
            relay.measured_s = now.monotonic_s
            return [Reservations()]
        first = not self.held
        relay.turn(Turn.GRANT)
        relay.refresh_s = now.monotonic_s + lifetime_s * REFRESH_SHARE
        effects: list[TraversalEffect] = [Reservations()]
        if first and self._caller is not None:
            effects.append(Announce(RelaySelected(relay.address)))
        return effects

    def _renew(self, now: Now) -> list[TraversalEffect]:
        """Renew what was reviewed, unless a spare is clearly better; such a place lapses by
        itself."""
        effects: list[TraversalEffect] = []
        for relay in self._in(Stage.WEIGHED):
            if self._is_waiting([relay], now):
                continue
            if not any(_is_better(spare, relay) for spare in self._measured(now)):
                effects.append(self._ask(relay, now))
                continue
            relay.turn(Turn.LEAVE)
            if relay.latency_s is None:
                self._put_off(relay, now)
        return effects

    # Telling who waits for the first choice

    def _told_probe(self, relay: Relay, is_chosen: bool) -> list[TraversalEffect]:
        if self._caller is None:
            return []
        latency_ms = (relay.latency_s or 0.0) * 1000
        return [Announce(RelayProbed(relay.address, latency_ms, is_chosen))]

    def _told_caller(self, began_s: float, now: Now) -> list[TraversalEffect]:
        """Answer when the choice is made, or takes too long."""
        is_settled = len(self.held) >= HELD_MAX or not self._in(Stage.PROBING, Stage.RESERVING)
        is_late = now.monotonic_s >= began_s + CHOICE_TIMEOUT_S
        if self._caller is None or not (is_settled or is_late):
            return []
        id, self._caller = self._caller, None
        return [Reply(id)]


def _picked(spares: list[Relay], taken: list[Relay]) -> list[Relay]:
    """Whom to ask: the best first, but another network before one that is had already."""
    networks = {network_of(relay.address) for relay in taken} - {None}
    chosen: list[Relay] = []
    while len(taken) + len(chosen) < HELD_MAX and len(chosen) < len(spares):
        rest = [relay for relay in spares if relay not in chosen]
        others = [relay for relay in rest if network_of(relay.address) not in networks]
        chosen.append((others or rest)[0])
        networks.add(network_of(chosen[-1].address))
        networks.discard(None)
    return chosen


def _is_better(spare: Relay, held: Relay) -> bool:
    if spare.latency_s is None or held.latency_s is None:
        return spare.latency_s is not None
    return (
        spare.latency_s < held.latency_s * BETTER_SHARE
        and spare.latency_s < held.latency_s - BETTER_S
    )
