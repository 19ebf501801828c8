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

from bisect import bisect
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


@dataclass(slots=True, eq=False)
class _Candidate:
    peer: PeerId
    distance: int
    hops: int
    """Peers asked one after the other until one told of it."""
    standing: _Standing = _Standing.HEARD
    attempts: int = 0
    addresses: tuple[str, ...] = ()
    """Where it was asked last."""
    networks: tuple[str, ...] = ()
    """The public ones that it answered from."""


_Order = list[tuple[int, _Candidate]]
"""By distance, which no two share."""


@dataclass(slots=True)
class _Count:
    """How many of the first of an order are plausible."""

    length: int = 0
    plausible: int = 0
    networks: dict[str, int] = field(default_factory=dict[str, int])

    def copy(self) -> _Count:
        return _Count(self.length, self.plausible, self.networks.copy())


@dataclass(slots=True, eq=False)
class _Path:
    """What was heard on one path, the nearest first."""

    order: _Order = field(default_factory=_Order)
    heard: set[PeerId] = field(default_factory=set[PeerId])
    seeds: dict[PeerId, _Candidate] = field(default_factory=dict[PeerId, _Candidate])
    """Those it began with, the nearest first."""
    first_hand: int = 0
    """How many of these have answered."""
    settled: _Count = field(default_factory=_Count)
    """The first of the order, as far as all have answered or failed: nobody counts them twice."""
    sent: int = 0
    asking: set[PeerId] = field(default_factory=set[PeerId])
    """Who is in flight."""

    def hear(self, candidate: _Candidate) -> None:
        if candidate.peer in self.heard:
            return
        self.heard.add(candidate.peer)
        place = (candidate.distance, candidate)
        index = bisect(self.order, place)
        self.order.insert(index, place)
        if index < self.settled.length:
            self.settled = _Count()


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
        self._walked: list[_Path] = []
        """Those that began with somebody."""
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
            path.seeds[peer.peer] = candidate
            path.hear(candidate)
        self._walked = [path for path in self._paths if path.order]

    def next(self) -> list[KadPeer]:
        """Whom to ask now; each is in flight until `answered` or `failed`."""
        asked: list[KadPeer] = []
        in_flight = sum(len(path.asking) for path in self._walked)
        waiting = [(path, self._unasked(path)) for path in self._walked]
        share = -(-self._alpha // max(1, len(waiting)))
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
        for seeded in self._walked:
            seeded.first_hand += peer in seeded.seeds
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
        return all(map(self._is_at_its_end, self._walked))

    @property
    def closest(self) -> list[KadPeer]:
        """The nearest that answered, nearest first: k of them and whatever crowd there is."""
        return [
            KadPeer(candidate.peer, candidate.addresses)
            for candidate, _ in self._nearest_of_all()
            if candidate.standing is _Standing.ANSWERED
        ]

    @property
    def plausible(self) -> list[PeerId]:
        """Those of the nearest that answered and are no crowd, nearest first: k at most."""
        return [
            candidate.peer
            for candidate, is_plausible in self._nearest_of_all()
            if is_plausible and candidate.standing is _Standing.ANSWERED
        ]

    def networks_of(self, peer: PeerId) -> tuple[str, ...]:
        """The public networks that a peer answered from."""
        return self._candidates[peer].networks

    @property
    def asked(self) -> int:
        """How many peers have answered."""
        return sum(c.standing is _Standing.ANSWERED for c in self._candidates.values())

    @property
    def hops(self) -> int:
        """The longest chain of answers among the nearest that answered."""
        answered = (c for c, _ in self._nearest_of_all() if c.standing is _Standing.ANSWERED)
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
        return len(path.asking) < share and path.sent < self._queries_of_a_path

    @property
    def _queries_of_a_path(self) -> int:
        return self._config.lookup_queries_max // max(1, len(self._walked))

    def _unasked(self, path: _Path) -> Iterator[_Candidate]:
        return (c for c in self._needed(path) if c.standing is _Standing.HEARD)

    def _ask(self, candidate: _Candidate, path: _Path) -> KadPeer:
        candidate.standing = _Standing.ASKED
        candidate.attempts += 1
        candidate.addresses = self._hearsay.untried(candidate.peer)
        self._hearsay.trying(candidate.peer, candidate.addresses)
        path.sent += 1
        path.asking.add(candidate.peer)
        return KadPeer(candidate.peer, candidate.addresses)

    def _settled(self, candidate: _Candidate, standing: _Standing) -> _Path:
        """A query has an outcome; answers the path that asked."""
        candidate.standing = standing
        path = next(path for path in self._walked if candidate.peer in path.asking)
        path.asking.remove(candidate.peer)
        return path

    def _widen(self) -> None:
        self._alpha = min(self._alpha + 1, self._config.alpha_max)

    # Whom it knows

    def _is_at_its_end(self, path: _Path) -> bool:
        may_ask = path.sent < self._queries_of_a_path
        return not any(may_ask or c.standing is _Standing.ASKED for c in self._needed(path))

    def _needed(self, path: _Path) -> Iterator[_Candidate]:
        """Those that a path waits for: heard of or asked, without an outcome."""
        yield from self._nearest_open(path)
        if path.first_hand < _FIRST_HAND_MIN:
            standing = (
                seed for seed in path.seeds.values() if seed.standing is not _Standing.FAILED
            )
            for seed in islice(standing, _FIRST_HAND_MIN):
                if seed.standing is not _Standing.ANSWERED:
                    yield seed

    def _nearest_open(self, path: _Path) -> Iterator[_Candidate]:
        count = path.settled
        are_settled = True
        for distance, candidate in islice(path.order, count.length, None):
            if count.plausible >= self._plan.width:
                return
            is_failed = candidate.standing is _Standing.FAILED
            is_open = not is_failed and candidate.standing is not _Standing.ANSWERED
            if is_open and are_settled:
                are_settled = False
                count = count.copy()
            count.length += 1
            if is_failed or self._is_doubted(candidate):
                continue
            if is_open:
                yield candidate
            self._weigh(count, distance, candidate)

    def _nearest_of_all(self) -> Iterator[tuple[_Candidate, bool]]:
        """Those that have not failed, nearest first, and whether each is plausible, until enough of
        them are."""
        count = _Count()
        for candidate in sorted(self._candidates.values(), key=lambda c: c.distance):
            if candidate.standing is _Standing.FAILED or self._is_doubted(candidate):
                continue
            yield candidate, self._weigh(count, candidate.distance, candidate)
            if count.plausible >= self._plan.width:
                return

    def _weigh(self, count: _Count, distance: int, candidate: _Candidate) -> bool:
        """Add a candidate if it is plausible: no denser than twice what chance puts there, and
        two, and not one too many of a public network."""
        if (count.plausible - 2) * self._plan.radius > 2 * self._config.k * distance:
            return False
        if candidate.networks:
            most = self._config.network_lookup_max
            if any(count.networks.get(network, 0) >= most for network in candidate.networks):
                return False
            for network in candidate.networks:
                count.networks[network] = count.networks.get(network, 0) + 1
        count.plausible += 1
        return True

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
            for path in self._walked:
                path.settled = _Count()
