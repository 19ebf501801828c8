"""Reachability: whether others can dial us, and where.

Nobody can tell by looking at oneself. The peers we call say where they see us; some of them try to
dial back, and what most of them say counts. Where they see us matters even when nobody gets
through: if all see one address, the router in between keeps its mappings and a hole can be punched;
if each sees another port, it does not.

Some of them lie. What we give away is dialled by all our peers, so a liar would have it be the
address of a victim. Three things stand against that. Keys are free, so peers at one public address
have one voice, whatever name we dialled; peers at other addresses have none, since a neighbour in
our own network cannot tell how we look from outside. Only whom we called ourselves is asked. And an
address that a router is said to lend us is given away only when more than half of those asked
reached us there, and when that is one alone, only while more see us there than anywhere else. Two
who say different things prove nothing.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass

from p2pchat.events import ReachabilityChanged
from p2pchat.model.ids import PeerId
from p2pchat.model.machine import Now, SetTimer, TimerFired
from p2pchat.model.route import Path
from p2pchat.model.scope import Scope, scope_of, source_of
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
class Votes:
    """What those who are asked have said so far."""

    reached: Counter[str]
    """How many reached us there, where that is believed."""
    failed: int
    """How many reached us nowhere."""
    open: int
    """How many have not answered yet."""
    all: int

    def is_most(self, count: int) -> bool:
        """Whether so many are more than half."""
        return 2 * count > self.all


class ReachabilityMachine:
    """What is known about reaching us from outside."""

    def __init__(self) -> None:
        self.reachability = Reachability.UNKNOWN
        self._own: tuple[str, ...] = ()
        """Known without anybody's word."""
        self._observed: tuple[tuple[PeerId, str], ...] = ()
        self._voices: dict[PeerId, str] = {}
        """Who speaks through connected peers: all at one public address are one."""
        self._servers: dict[PeerId, float] = {}
        """Who dials back, and when to ask it (again)."""
        self._asked: dict[PeerId, tuple[str, ...]] = {}
        """Who is dialling, and where."""
        self._verdicts: dict[PeerId, str | None] = {}
        self._checked: tuple[str, ...] = ()
        """The candidates that the verdicts are about."""
        self._given: tuple[str, ...] = ()

    @property
    def is_mapping_stable(self) -> bool:
        """No two voices see us at other ports of a host than most do. One alone may lie."""
        hosts = defaultdict[str, list[tuple[str, str]]](list)
        for voice, address in self._told():
            host, _, port = address.partition("/tcp/")
            hosts[host].append((voice, port))
        return all(_dissent(told) < 2 for told in hosts.values())

    @property
    def is_undecided(self) -> bool:
        """Nobody has found out yet, and somebody is asked or will be."""
        if self.reachability is not Reachability.UNKNOWN:
            return False
        is_asked = bool(self._candidates() and self._servers)
        return is_asked and (not self._verdicts or bool(self._votes().open))

    def handle(self, input: object, now: Now) -> list[TraversalEffect]:
        match input:
            case Seen():
                self._meet(input, now)
            case Gone(peer):
                self._voices.pop(peer, None)
                self._dismiss(peer)
            case ObservedAt(observations):
                self._observed = observations
            case OwnAddresses(addresses):
                # What we gave away comes back with them, and rests on what others said.
                self._own = tuple(one for one in addresses if one not in self._given)
            case Checked(server, address):
                self._answered(server, address, now)
            case CheckFailed(server):
                self._asked.pop(server, None)
                self._verdicts.pop(server, None)
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
        return [*self._ask(now), *self._conclude()]

    # Who is there

    def _meet(self, seen: Seen, now: Now) -> None:
        source = None if seen.path is Path.RELAYED else source_of(seen.address)
        if source is None:
            self._voices.pop(seen.peer, None)
        else:
            self._voices[seen.peer] = source
        if source is None or not seen.dials_back:
            self._dismiss(seen.peer)
        elif not seen.is_inbound:
            self._servers.setdefault(seen.peer, now.monotonic_s + SETTLE_S)

    def _dismiss(self, server: PeerId) -> None:
        self._servers.pop(server, None)
        self._verdicts.pop(server, None)

    def _answered(self, server: PeerId, address: str | None, now: Now) -> None:
        about = self._asked.pop(server, None)
        if server not in self._servers:
            return
        if about == self._checked:
            self._verdicts[server] = address
            self._servers[server] = now.monotonic_s + AGAIN_S
        else:
            self._servers[server] = now.monotonic_s + SETTLE_S

    # What they say

    def _told(self) -> list[tuple[str, str]]:
        """Which voice sees us at which public address."""
        heard = (one for one in self._observed if one[0] in self._voices)
        told = {(self._voices[peer], address) for peer, address in heard}
        return sorted(one for one in told if scope_of(one[1]) is Scope.PUBLIC)

    def _seen(self) -> Counter[str]:
        """Public addresses at which we are seen, and how many voices say so."""
        return Counter(address for _, address in self._told())

    def _candidates(self) -> tuple[str, ...]:
        """Our own public addresses, and where no fewer see us than anywhere else."""
        own = [address for address in self._own if scope_of(address) is Scope.PUBLIC]
        return tuple(dict.fromkeys([*own, *_leading(self._seen())]))[:CANDIDATES_MAX]

    def _is_credible(self, address: str, count: int) -> bool:
        """Whether the word of so many makes it true that we are reached there."""
        if address in self._own or count > 1:
            return True
        rivals = [one for one in _leading(self._seen()) if _kind(one) == _kind(address)]
        return rivals == [address]

    # Asking

    def _ask(self, now: Now) -> list[TraversalEffect]:
        if not self._checked:
            return []
        effects: list[TraversalEffect] = []
        waiting: list[float] = []
        for server, at_s in self._servers.items():
            if server in self._asked or not self._is_of_use(server):
                continue
            if at_s > now.monotonic_s:
                waiting.append(at_s)
            elif len(self._asked) < SERVERS_MAX:
                self._asked[server] = self._checked
                effects.append(Check(server, self._checked))
        if waiting:
            effects.append(SetTimer(REACHABILITY_TIMER, min(waiting) - now.monotonic_s))
        return effects

    def _voters(self) -> set[PeerId]:
        """Whose word is taken: who has answered, and who is dialling."""
        return {peer for peer in (*self._verdicts, *self._asked) if peer in self._servers}

    def _is_of_use(self, server: PeerId) -> bool:
        """Whether its word would be taken: it has a place, or would take a free one."""
        voters = self._voters()
        if server in voters:
            return True
        is_new = self._voices[server] not in {self._voices[peer] for peer in voters}
        return is_new and len(voters) < SERVERS_MAX

    # Concluding

    def _votes(self) -> Votes:
        voters, said = self._voters(), list(self._verdicts.values())
        named = Counter(one for one in said if one in self._checked)
        return Votes(
            reached=Counter({one: n for one, n in named.items() if self._is_credible(one, n)}),
            failed=said.count(None),
            open=len(voters) - len(said),
            all=len(voters),
        )

    def _conclude(self) -> list[TraversalEffect]:
        """What most say; in doubt, what was known before."""
        votes, before = self._votes(), self.reachability
        if votes.is_most(votes.reached.total()):
            self.reachability = Reachability.PUBLIC
        elif votes.is_most(votes.failed):
            self.reachability = Reachability.NAT
        elif not self._checked and not self._given:
            self.reachability = Reachability.UNKNOWN
        effects: list[TraversalEffect] = []
        given = self._to_give(votes)
        if given != self._given:
            self._given = given
            effects.append(GiveAway(given))
        if self.reachability is not before:
            effects.append(Announce(ReachabilityChanged(self.reachability)))
        return effects

    def _to_give(self, votes: Votes) -> tuple[str, ...]:
        """What most have reached; and what was given before, until it is known to be wrong."""
        if self.reachability is not Reachability.PUBLIC:
            return ()
        if not self._checked:
            return self._given  # nobody says where we are now
        lent = [address for address in self._checked if address not in self._own]
        return tuple(
            address
            for address in lent
            if votes.is_most(votes.reached[address])
            or (address in self._given and self._may_hold(address, votes))
        )

    def _may_hold(self, address: str, votes: Votes) -> bool:
        """Whether those who have not answered could still confirm an address."""
        return not votes.all or votes.is_most(votes.reached[address] + votes.open)


def _kind(address: str) -> str:
    """IPv4 or IPv6: who sees us at one says nothing about the other."""
    return address.split("/", 2)[1]


def _leading(seen: Counter[str]) -> list[str]:
    """The addresses of each kind that no fewer see than any other."""
    most = Counter[str]()
    for address, count in seen.items():
        most[_kind(address)] = max(most[_kind(address)], count)
    return [address for address, count in seen.items() if count == most[_kind(address)]]


def _dissent(told: list[tuple[str, str]]) -> int:
    """How many voices do not name what most of them name."""
    ports = Counter(port for _, port in told)
    return len({voice for voice, _ in told}) - max(ports.values())
