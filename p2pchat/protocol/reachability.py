"""Reachability: whether others can dial us, and where.

Nobody can tell by looking at oneself. The peers we call say where they see us; some of them try to
dial back, and what several of them say counts. Where they see us matters even when nobody gets
through: if all see one address, the router in between keeps its mappings and a hole can be punched;
if each sees another port, it does not.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from p2pchat.events import ReachabilityChanged
from p2pchat.model.ids import PeerId
from p2pchat.model.machine import Now, SetTimer, TimerFired
from p2pchat.model.scope import Scope, scope_of
from p2pchat.model.status import Reachability
from p2pchat.protocol.traversal_vocabulary import (
    Announce,
    Check,
    Checked,
    CheckFailed,
    GiveAway,
    Gone,
    ObservedAt,
    OwnAddresses,
    Seen,
    TraversalEffect,
)

__all__ = ["REACHABILITY_TIMER", "ReachabilityMachine"]

REACHABILITY_TIMER = "reachability"
CANDIDATES_MAX = 4
SERVERS_MAX = 3
"""Peers whose word is taken at the same time."""
SETTLE_S = 1.0
"""Peers tell where they see us one after the other; they are waited for."""
AGAIN_S = 900.0
RETRY_S = 60.0
"""When a peer would not try, or there was nobody to ask."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one peer found."""

    address: str | None
    at_s: float


class ReachabilityMachine:
    """What is known about reaching us from outside."""

    def __init__(self) -> None:
        self.reachability = Reachability.UNKNOWN
        self._own: tuple[str, ...] = ()
        self._observed: tuple[tuple[PeerId, str], ...] = ()
        self._servers: dict[PeerId, float] = {}
        """Who dials back, and when to ask it (again)."""
        self._asked: set[PeerId] = set()
        self._verdicts: dict[PeerId, Verdict] = {}
        self._checked: tuple[str, ...] = ()
        """The candidates that the verdicts are about."""
        self._given: tuple[str, ...] = ()

    @property
    def is_mapping_stable(self) -> bool:
        """No two peers see us at different ports of one host."""
        hosts = Counter(address.rsplit("/tcp/", 1)[0] for address in self._seen())
        return all(count == 1 for count in hosts.values())

    @property
    def is_undecided(self) -> bool:
        """Nobody has found out yet, and somebody is asked or will be."""
        is_asked = bool(self._candidates() and self._servers)
        return is_asked and not self._verdicts

    def handle(self, input: object, now: Now) -> list[TraversalEffect]:
        match input:
            case Seen(peer, dials_back=True):
                self._servers.setdefault(peer, now.monotonic_s + SETTLE_S)
            case Seen(peer) | Gone(peer):
                self._servers.pop(peer, None)
                self._verdicts.pop(peer, None)
            case ObservedAt(observations):
                self._observed = observations
            case OwnAddresses(addresses):
                self._own = addresses
            case Checked(server, address):
                self._asked.discard(server)
                if server in self._servers:
                    self._verdicts[server] = Verdict(address, now.monotonic_s)
                    self._servers[server] = now.monotonic_s + AGAIN_S
            case CheckFailed(server):
                self._asked.discard(server)
                if server in self._servers:
                    self._servers[server] = now.monotonic_s + RETRY_S
            case TimerFired():
                pass  # `settle` asks who is due
            case _:
                return []
        return []

    def settle(self, now: Now) -> list[TraversalEffect]:
        candidates = self._candidates()
        if set(candidates) != set(self._checked):
            self._checked = candidates
            self._verdicts.clear()
            for server in self._servers:
                soon_s = now.monotonic_s + SETTLE_S
                self._servers[server] = min(self._servers[server], soon_s)
        return [*self._ask(candidates, now), *self._conclude()]

    def _seen(self) -> Counter[str]:
        """Public addresses at which we are seen, and how many see us there."""
        return Counter(a for _, a in self._observed if scope_of(a) is Scope.PUBLIC)

    def _candidates(self) -> tuple[str, ...]:
        """Our own public addresses, and where no fewer see us than anywhere else."""
        own = [address for address in self._own if scope_of(address) is Scope.PUBLIC]
        seen = self._seen()
        most = max(seen.values(), default=0)
        observed = [address for address, count in seen.items() if count == most]
        return tuple(dict.fromkeys([*own, *observed]))[:CANDIDATES_MAX]

    def _ask(self, candidates: tuple[str, ...], now: Now) -> list[TraversalEffect]:
        if not candidates or not self._servers:
            return []
        effects: list[TraversalEffect] = []
        for server, at_s in self._servers.items():
            is_of_use = server in self._verdicts or len(self._verdicts) < SERVERS_MAX
            if len(self._asked) >= SERVERS_MAX or not is_of_use:
                continue
            if at_s <= now.monotonic_s and server not in self._asked:
                self._asked.add(server)
                effects.append(Check(server, candidates))
        waiting = [at_s for server, at_s in self._servers.items() if server not in self._asked]
        if waiting:
            delay_s = max(min(waiting) - now.monotonic_s, SETTLE_S)
            effects.append(SetTimer(REACHABILITY_TIMER, delay_s))
        return effects

    def _conclude(self) -> list[TraversalEffect]:
        """What the verdicts say; in doubt, what was known before."""
        reached = [v.address for v in self._verdicts.values() if v.address is not None]
        failed = len(self._verdicts) - len(reached)
        before = self.reachability
        if len(reached) > failed:
            self.reachability = Reachability.PUBLIC
        elif failed > len(reached):
            self.reachability = Reachability.NAT
        elif not self._checked:
            self.reachability = Reachability.UNKNOWN
        effects: list[TraversalEffect] = []
        is_public = self.reachability is Reachability.PUBLIC
        given = _most_named(reached) if is_public and reached else self._given
        if not is_public:
            given = ()
        if given != self._given:
            self._given = given
            effects.append(GiveAway(given))
        if self.reachability is not before:
            effects.append(Announce(ReachabilityChanged(self.reachability)))
        return effects


def _most_named(reached: list[str]) -> tuple[str, ...]:
    """The addresses that no fewer servers reached than any other; that of one against two is not
    given away."""
    counts = Counter(reached)
    most = max(counts.values())
    return tuple(address for address, count in counts.items() if count == most)
