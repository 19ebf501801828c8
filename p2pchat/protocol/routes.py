"""Routes: the ladder from a relayed connection to a direct one, for each peer.

    direct  >  punched  >  relayed  >  (a mailbox, when the peer is not there)

All addresses of a peer are dialled at once, so a peer that can be dialled is. One that is connected
through a relay only gets further attempts: its own addresses once more, then a hole through both
NATs, which the side that was called begins. What does not work three times is left alone until the
network changes or a while has passed; the relayed connection carries on meanwhile.
"""

from __future__ import annotations

from dataclasses import dataclass

from p2pchat.events import PathChanged
from p2pchat.model.ids import PeerId
from p2pchat.model.machine import Now, SetTimer
from p2pchat.model.route import Path
from p2pchat.protocol.traversal_vocabulary import (
    Announce,
    Gone,
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


class Routes:
    """The route of every connected peer."""

    def __init__(self) -> None:
        self._routes: dict[PeerId, Route] = {}

    def handle(self, input: object, now: Now) -> list[TraversalEffect]:
        match input:
            case Seen():
                return self._seen(input, now)
            case Gone(peer):
                self._routes.pop(peer, None)
            case UpgradeEnded(peer):
                self._ended(peer, now)
            case OwnAddresses():
                for route in self._routes.values():
                    route.attempts, route.next_s = 0, now.monotonic_s + ATTEMPT_AFTER_S
            case _:
                pass  # not about routes; or a timer, and `settle` looks who is due
        return []

    def settle(self, now: Now) -> list[TraversalEffect]:
        """Try who is due."""
        effects: list[TraversalEffect] = []
        relayed = [
            (peer, route)
            for peer, route in self._routes.items()
            if route.path is Path.RELAYED and route.has_way
        ]
        trying = sum(route.is_trying for _, route in relayed)
        for peer, route in relayed:
            is_due = not route.is_trying and route.next_s <= now.monotonic_s
            if is_due and trying < UPGRADES_MAX:
                route.is_trying, trying = True, trying + 1
                effects.append(Upgrade(peer, route.announced, route.is_inbound and route.punches))
        waits = [route.next_s for _, route in relayed if not route.is_trying]
        if waits:
            delay_s = max(min(waits) - now.monotonic_s, ATTEMPT_AFTER_S)
            effects.append(SetTimer(ROUTES_TIMER, delay_s))
        return effects

    def _seen(self, seen: Seen, now: Now) -> list[TraversalEffect]:
        route, effects = self._routes.get(seen.peer), list[TraversalEffect]()
        if route is None:
            route = self._routes[seen.peer] = Route(seen.path)
            route.next_s = now.monotonic_s + ATTEMPT_AFTER_S
        elif route.path is not seen.path:
            effects.append(Announce(PathChanged(seen.peer, seen.path)))
            if route.path is Path.RELAYED:
                effects.append(MoveStreams(seen.peer))
            route.path, route.attempts, route.is_trying = seen.path, 0, False
            route.next_s = now.monotonic_s + ATTEMPT_AFTER_S
        route.is_inbound, route.punches = seen.is_inbound, seen.punches
        route.announced = seen.announced
        return effects

    def _ended(self, peer: PeerId, now: Now) -> None:
        route = self._routes.get(peer)
        if route is None or not route.is_trying:
            return
        route.is_trying = False
        route.attempts += 1
        is_over = route.attempts % ATTEMPTS_MAX == 0
        route.next_s = now.monotonic_s + (ROUND_S if is_over else ATTEMPT_AFTER_S)
