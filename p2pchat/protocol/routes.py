"""Routes: the ladder from a relayed connection to a direct one, for each peer.

    direct  >  punched  >  relayed  >  (a mailbox, when the peer is not there)

All addresses of a peer are dialled at once, so a peer that can be dialled is. One that is connected
through a relay only gets further attempts: its own addresses once more, then a hole through both
NATs, which the side that was called begins. What does not work three times is left alone until the
network changes or a while has passed; the relayed connection carries on meanwhile.

Where a peer says that it can be dialled is its word alone, keys are free, and any stranger may call
through our relay, or be in an open room: without bounds they would have us dial a victim for ever.
So contacts come first; all strangers together are tried at a pace, and so are all neighbours in
rooms, in places that leave others free; and who is no contact and comes back, or was reached
directly for a moment, goes on where its round was.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum, auto

from p2pchat.events import PathChanged
from p2pchat.model.ids import PeerId
from p2pchat.model.machine import Now, SetTimer
from p2pchat.model.route import Path
from p2pchat.protocol.pace import Bucket, Rate
from p2pchat.protocol.traversal_vocabulary import (
    Announce,
    Gone,
    Known,
    MoveStreams,
    OwnAddresses,
    Seen,
    TraversalEffect,
    Upgrade,
    UpgradeEnded,
)

__all__ = ["ROUTES_TIMER", "Routes"]

ROUTES_TIMER = "routes"
ATTEMPTS_MAX = 3
"""Of one round; the specification of DCUtR asks for as many."""
ATTEMPT_AFTER_S = 0.5
"""Identify comes first, and the peer's observed addresses with it."""
ROUND_S = 600.0
UPGRADES_MAX = 8
"""At the same time, all peers together."""
NEIGHBOURS_MAX, STRANGERS_MAX = 4, 2
"""Of them, for neighbours in rooms and for strangers."""
NEIGHBOURS = Rate(per_s=0.5, burst=32)
STRANGERS = Rate(per_s=0.1, burst=8)
"""Attempts for all of them together."""
ROUNDS_MAX = 1024
"""Peers that have gone whose rounds are remembered; no contacts."""


class Standing(IntEnum):
    """What a peer is to us; who matters more comes first."""

    CONTACT = auto()
    NEIGHBOUR = auto()
    STRANGER = auto()


class Share:
    """The attempts that those of one standing may use."""

    def __init__(self, places: int, rate: Rate) -> None:
        self.places = places
        self.next_s = 0.0
        """When there may be another one."""
        self._rate = rate
        self._bucket = Bucket(rate, self.next_s)

    def take(self, now_s: float) -> bool:
        """Use one, if there is one."""
        if now_s < self.next_s:
            return False
        if self._bucket.take(1, now_s):
            return True
        self.next_s = now_s + 1 / self._rate.per_s
        return False


@dataclass(slots=True, eq=False)
class Route:
    """How one connected peer is reached."""

    path: Path
    is_inbound: bool = False
    punches: bool = False
    announced: tuple[str, ...] = ()
    attempts: int = 0
    next_s: float = 0.0
    is_trying: bool = False

    @property
    def has_way(self) -> bool:
        """There is something to try."""
        return bool(self.announced) or (self.is_inbound and self.punches)

    def end(self, now: Now) -> None:
        """Take note of an attempt that is over, when there is one."""
        if self.is_trying:
            self.is_trying = False
            self.attempts += 1
            is_over = self.attempts % ATTEMPTS_MAX == 0
            self.next_s = now.monotonic_s + (ROUND_S if is_over else ATTEMPT_AFTER_S)


class Routes:
    """The route of every connected peer."""

    def __init__(self) -> None:
        self._routes: dict[PeerId, Route] = {}
        self._known = Known(frozenset())
        self._own: tuple[str, ...] = ()
        self._shares = {
            Standing.NEIGHBOUR: Share(NEIGHBOURS_MAX, NEIGHBOURS),
            Standing.STRANGER: Share(STRANGERS_MAX, STRANGERS),
        }
        """Of all but contacts."""
        self._left: OrderedDict[PeerId, tuple[int, float]] = OrderedDict()
        """The attempts made for those that have gone, and when the next one was due."""

    def handle(self, input: object, now: Now) -> list[TraversalEffect]:
        match input:
            case Seen():
                return self._seen(input, now)
            case Gone(peer):
                self._gone(peer, now)
            case UpgradeEnded(peer) if peer in self._routes:
                self._routes[peer].end(now)
            case Known(contacts):
                met = (contacts - self._known.contacts) & self._routes.keys()
                self._known = input
                self._begin_anew([self._routes[peer] for peer in met], now)
            case OwnAddresses(addresses) if addresses != self._own:
                self._own = addresses
                self._left.clear()
                self._begin_anew([*self._routes.values()], now)
            case _:
                pass  # not about routes; or a timer, and `settle` looks who is due
        return []

    def settle(self, now: Now) -> list[TraversalEffect]:
        """Try who is due, those first who matter more."""
        effects: list[TraversalEffect] = []
        trying = [peer for peer, route in self._routes.items() if route.is_trying]
        waiting = [
            (peer, route)
            for peer, route in self._routes.items()
            if route.path is Path.RELAYED and route.has_way and not route.is_trying
        ]
        for peer, route in sorted(waiting, key=lambda one: self._standing(one[0])):
            if route.next_s <= now.monotonic_s and self._has_place(peer, trying, now):
                route.is_trying = True
                trying.append(peer)
                effects.append(Upgrade(peer, route.announced, route.is_inbound and route.punches))
        # Who is due and has no place gets one when an attempt has ended, or its peer has gone.
        dues = [self._due_s(peer, route) for peer, route in waiting if not route.is_trying]
        waits = [due_s - now.monotonic_s for due_s in dues if due_s > now.monotonic_s]
        if waits:
            effects.append(SetTimer(ROUTES_TIMER, max(min(waits), ATTEMPT_AFTER_S)))
        return effects

    def _standing(self, peer: PeerId) -> Standing:
        if peer in self._known.contacts:
            return Standing.CONTACT
        return Standing.NEIGHBOUR if peer in self._known.neighbours else Standing.STRANGER

    def _has_place(self, peer: PeerId, trying: Sequence[PeerId], now: Now) -> bool:
        """Whether there may be another attempt, for this peer."""
        if len(trying) >= UPGRADES_MAX:
            return False
        standing = self._standing(peer)
        share = self._shares.get(standing)
        if share is None:
            return True
        taken = sum(self._standing(one) is standing for one in trying)
        return taken < share.places and share.take(now.monotonic_s)

    def _due_s(self, peer: PeerId, route: Route) -> float:
        share = self._shares.get(self._standing(peer))
        return max(route.next_s, share.next_s) if share else route.next_s

    def _begin_anew(self, routes: Sequence[Route], now: Now) -> None:
        for route in routes:
            route.attempts, route.next_s = 0, now.monotonic_s + ATTEMPT_AFTER_S

    def _seen(self, seen: Seen, now: Now) -> list[TraversalEffect]:
        route, effects = self._routes.get(seen.peer), list[TraversalEffect]()
        soon_s = now.monotonic_s + ATTEMPT_AFTER_S
        if route is None:
            route = self._routes[seen.peer] = Route(seen.path)
            route.attempts, next_s = self._left.pop(seen.peer, (0, soon_s))
            route.next_s = max(next_s, soon_s)
        elif route.path is not seen.path:
            effects.append(Announce(PathChanged(seen.peer, seen.path)))
            if route.path is Path.RELAYED:
                effects.append(MoveStreams(seen.peer))
            route.path = seen.path
            route.end(now)
            route.next_s = max(route.next_s, soon_s)
            if self._standing(seen.peer) is Standing.CONTACT:
                self._begin_anew([route], now)
        route.is_inbound, route.punches = seen.is_inbound, seen.punches
        route.announced = seen.announced
        return effects

    def _gone(self, peer: PeerId, now: Now) -> None:
        route = self._routes.pop(peer, None)
        if route is None or self._standing(peer) is Standing.CONTACT:
            return
        route.end(now)
        if route.attempts:
            self._left[peer] = route.attempts, route.next_s
        if len(self._left) > ROUNDS_MAX:
            self._left.popitem(last=False)
