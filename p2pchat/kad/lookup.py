"""One iterative lookup: whom to ask next, and when it is enough.

Candidates are kept in the order of their distance from the key. Only the k nearest that have not
failed are ever asked, nearest first, and the lookup ends when all of these have answered: nobody
nearer is known to anyone near (libp2p kad-dht specification, "Peer routing"). At first alpha
queries are in flight; each answer that brings nobody nearer, and each failure, allows one more, so
that a few silent peers cost no time.

A lookup walks several disjoint paths (Baumgart & Mies, "S/Kademlia", 2007): the peers that it
begins with are dealt out, what a peer tells is heard on the path that asked it alone, and nobody is
asked twice. So a liar leads one path astray and the others find the key. A peer that another path
has asked counts as asked, which is why the paths together cost little more than one. Hearsay alone
ends no path: a few of those that it began with must have answered, however near others claim to be.

Whoever wants a key to vanish makes ids until k of them are nearer to it than anybody honest. Ids
are spread evenly, so a table knows how many peers to expect within a distance (its `radius`). A
crowd beyond twice that is asked, but does not count towards the k: the lookup goes on through it
to those who were there before. Neither do more than a few of one public network, as far as we have
spoken with them. In an honest network neither rule changes anything.

Hearsay may be false. A candidate that could not be reached gets another chance, a few times, when
somebody tells or told meanwhile of another address, and those to try are taken from all who told of
it in turn; so a liar cannot hide a peer by telling of it first, however much it tells. And who told
of several that could not be reached there, and of fewer that could, is believed no longer
(`hearsay`): inventing peers costs nothing, asking them a time-out each.
"""

from __future__ import annotations

from bisect import insort
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from itertools import cycle, islice

from p2pchat.kad.config import KadConfig
from p2pchat.kad.hearsay import Hearsay
from p2pchat.kad.table import kad_id
from p2pchat.model.ids import PeerId
from p2pchat.wire.kad_codec import KadPeer

__all__ = ["Lookup", "Plan"]

_ATTEMPTS_MAX = 3
_FIRST_HAND_MIN = 2
"""Answers that a path needs of peers that we know ourselves, if it has so many."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How much a lookup does."""

    width: int
    """How many of the nearest have to answer."""
    paths: int = 1
    """Disjoint ones, as far as there are peers to begin with."""
    radius: int = 0
    """The distance within which k peers are to be expected; 0 for a network so small that no
    expectation holds."""
    networks_of: Callable[[PeerId], tuple[str, ...]] = lambda _: ()
    """The public networks that a peer which answered is connected from."""


class _Standing(Enum):
    HEARD = auto()
    ASKED = auto()
    ANSWERED = auto()
    FAILED = auto()


@dataclass(slots=True)
class _Candidate:
    peer: PeerId
    distance: int
    hops: int
    """Peers asked one after the other until one told of it."""
    standing: _Standing = _Standing.HEARD
    path: _Path | None = None
    """The one that asks it, or has."""
    attempts: int = 0
    addresses: tuple[str, ...] = ()
    """Where it was asked last."""
    networks: tuple[str, ...] = ()
    """The public ones that it answered from."""


@dataclass(slots=True, eq=False)
class _Path:
    """What was heard on one path, the nearest first."""

    order: list[tuple[int, PeerId]] = field(default_factory=list[tuple[int, PeerId]])
    heard: set[PeerId] = field(default_factory=set[PeerId])
    seeds: list[_Candidate] = field(default_factory=list["_Candidate"])
    """Those it began with, the nearest first."""
    sent: int = 0
    in_flight: int = 0

    def hear(self, candidate: _Candidate) -> None:
        if candidate.peer not in self.heard:
            self.heard.add(candidate.peer)
            insort(self.order, (candidate.distance, candidate.peer))


class Lookup:
    """The state of one lookup. At most `lookup_queries_max` peers tell it of 32 others each."""

    def __init__(self, own: PeerId, key: bytes, config: KadConfig, plan: Plan) -> None:
        self._own = own
        self._place = kad_id(key)
        self._config = config
        self._plan = plan
        self._alpha = config.alpha
        self._paths = [_Path() for _ in range(plan.paths)]
        self._deal = cycle(self._paths)
        self._candidates: dict[PeerId, _Candidate] = {}
        self._hearsay = Hearsay(config.addresses_max)

    def seed(self, peers: Sequence[KadPeer]) -> None:
        """Begin with peers that we know ourselves, dealt out among the paths."""
        for peer in sorted(peers, key=lambda peer: kad_id(peer.peer) ^ self._place):
            if peer.peer == self._own:
                continue
            self._hearsay.vouch(peer.peer, peer.addresses)
            candidate = self._hear(peer.peer, hops=0)
            path = next(self._deal)
            path.seeds.append(candidate)
            path.hear(candidate)

    def next(self) -> list[KadPeer]:
        """Whom to ask now; each is in flight until `answered` or `failed`."""
        asked: list[KadPeer] = []
        waiting = [(path, self._unasked(path)) for path in self._paths if path.order]
        share = -(-self._alpha // max(1, len(waiting)))
        in_flight = sum(path.in_flight for path in self._paths)
        while waiting and in_flight + len(asked) < self._alpha:
            path, unasked = waiting.pop(0)
            candidate = next(unasked, None) if self._may_ask(path, share) else None
            if candidate is not None:
                asked.append(self._ask(candidate, path))
                waiting.append((path, unasked))
        return asked

    def answered(self, peer: PeerId, closer: Sequence[KadPeer]) -> None:
        """A peer answered and told of these."""
        candidate = self._candidates[peer]
        path = self._settled(candidate, _Standing.ANSWERED)
        candidate.networks = self._plan.networks_of(peer)
        self._hearsay.proved(peer)
        nearest = path.order[0]
        for told in closer:
            if told.peer == self._own:
                continue
            self._hearsay.told(peer, told.peer, told.addresses)
            path.hear(self._hear(told.peer, candidate.hops + 1))
        if path.order[0] == nearest:
            self._widen()

    def failed(self, peer: PeerId) -> None:
        """A peer did not answer; it is asked again if somebody told of another address."""
        candidate = self._candidates[peer]
        self._settled(candidate, _Standing.FAILED)
        self._hearsay.refuted(peer)
        self._give_a_chance(candidate)
        self._widen()

    @property
    def is_done(self) -> bool:
        """Whether on each path the nearest that have not failed have all answered, or no more may
        be asked."""
        return all(map(self._is_at_its_end, self._paths))

    @property
    def closest(self) -> list[KadPeer]:
        """The nearest that answered, nearest first: k of them and whatever crowd there is."""
        return [
            KadPeer(candidate.peer, candidate.addresses)
            for candidate in self._nearest_of_all()
            if candidate.standing is _Standing.ANSWERED
        ]

    @property
    def asked(self) -> int:
        """How many peers have answered."""
        return sum(c.standing is _Standing.ANSWERED for c in self._candidates.values())

    @property
    def hops(self) -> int:
        """The longest chain of answers among the nearest that answered."""
        answered = (c for c in self._nearest_of_all() if c.standing is _Standing.ANSWERED)
        return max((candidate.hops + 1 for candidate in answered), default=0)

    def hops_to(self, peer: PeerId) -> int:
        """Peers asked one after the other until one told of `peer`."""
        return self._candidates[peer].hops

    def told_addresses(self, peer: PeerId) -> tuple[str, ...]:
        """Everything that was told of where `peer` is, whether or not it could be reached there."""
        candidate = self._candidates.get(peer)
        if candidate is None:
            return ()
        hearsay = self._hearsay
        return tuple(
            dict.fromkeys((*candidate.addresses, *hearsay.untried(peer), *hearsay.tried(peer)))
        )

    # Asking

    def _may_ask(self, path: _Path, share: int) -> bool:
        return path.in_flight < share and path.sent < self._queries_of_a_path

    @property
    def _queries_of_a_path(self) -> int:
        walked = sum(bool(path.order) for path in self._paths)
        return self._config.lookup_queries_max // max(1, walked)

    def _unasked(self, path: _Path) -> Iterator[_Candidate]:
        return (c for c in self._needed(path) if c.standing is _Standing.HEARD)

    def _ask(self, candidate: _Candidate, path: _Path) -> KadPeer:
        candidate.standing = _Standing.ASKED
        candidate.path = path
        candidate.attempts += 1
        candidate.addresses = self._hearsay.untried(candidate.peer)
        self._hearsay.trying(candidate.peer, candidate.addresses)
        path.sent += 1
        path.in_flight += 1
        return KadPeer(candidate.peer, candidate.addresses)

    def _settled(self, candidate: _Candidate, standing: _Standing) -> _Path:
        """A query has an outcome; answers the path that asked."""
        assert candidate.path is not None, "only who was asked has an outcome"
        candidate.standing = standing
        candidate.path.in_flight -= 1
        return candidate.path

    def _widen(self) -> None:
        self._alpha = min(self._alpha + 1, self._config.alpha_max)

    # Whom it knows

    def _is_at_its_end(self, path: _Path) -> bool:
        may_ask = path.sent < self._queries_of_a_path
        return not any(
            candidate.standing is _Standing.ASKED
            or (candidate.standing is _Standing.HEARD and may_ask)
            for candidate in self._needed(path)
        )

    def _needed(self, path: _Path) -> Iterator[_Candidate]:
        """Those whose answers end a path."""
        yield from self._nearest(path.order)
        if sum(seed.standing is _Standing.ANSWERED for seed in path.seeds) < _FIRST_HAND_MIN:
            standing = (seed for seed in path.seeds if seed.standing is not _Standing.FAILED)
            yield from islice(standing, _FIRST_HAND_MIN)

    def _nearest_of_all(self) -> Iterator[_Candidate]:
        order = ((c.distance, c.peer) for c in self._candidates.values())
        return self._nearest(sorted(order))

    def _nearest(self, order: Sequence[tuple[int, PeerId]]) -> Iterator[_Candidate]:
        """Those that have not failed, nearest first, until enough of them are plausible."""
        plausible = 0
        networks = Counter[str]()
        for distance, peer in order:
            candidate = self._candidates[peer]
            if candidate.standing is _Standing.FAILED or self._is_doubted(candidate):
                continue
            yield candidate
            if self._is_expected(distance, plausible) and self._is_diverse(candidate, networks):
                plausible += 1
                if candidate.networks:
                    networks.update(candidate.networks)
            if plausible >= self._plan.width:
                return

    def _is_expected(self, distance: int, nearer: int) -> bool:
        """Whether so many nearer peers are no more than twice what chance puts there, and two."""
        return (nearer - 2) * self._plan.radius <= 2 * self._config.k * distance

    def _is_diverse(self, candidate: _Candidate, nearer: Counter[str]) -> bool:
        most = self._config.network_lookup_max
        return all(nearer[network] < most for network in candidate.networks)

    def _is_doubted(self, candidate: _Candidate) -> bool:
        is_heard = candidate.standing is _Standing.HEARD
        return is_heard and self._hearsay.is_doubted(candidate.peer)

    def _hear(self, peer: PeerId, hops: int) -> _Candidate:
        """Note that somebody told of a peer."""
        known = self._candidates.get(peer)
        if known is None:
            distance = kad_id(peer) ^ self._place
            known = self._candidates[peer] = _Candidate(peer, distance, hops)
        elif known.standing is _Standing.FAILED:
            self._give_a_chance(known)
        return known

    def _give_a_chance(self, failed: _Candidate) -> None:
        if failed.attempts < _ATTEMPTS_MAX and self._hearsay.untried(failed.peer):
            failed.standing = _Standing.HEARD
