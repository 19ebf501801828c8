"""One iterative lookup: whom to ask next, and when it is enough.

Candidates are kept in the order of their distance from the key. Only the k nearest that have not
failed are ever asked, nearest first, and the lookup ends when all of these have answered: nobody
nearer is known to anyone near (libp2p kad-dht specification, "Peer routing"). At first alpha
queries are in flight; each answer that brings nobody nearer, and each failure, allows one more, so
that a few silent peers cost no time.

Whoever wants a key to vanish makes ids until k of them are nearer to it than anybody honest. Ids
are spread evenly, so a table knows how many peers to expect within a distance (its `radius`). A
crowd beyond twice that is asked, but does not count towards the k: the lookup goes on through it
to those who were there before. In an honest network the rule changes nothing.

Hearsay may be false. A candidate that could not be reached gets another chance when somebody else
tells a different address, a few times; so one liar cannot hide a peer by telling of it first.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from itertools import islice

from p2pchat.kad.config import KadConfig
from p2pchat.kad.table import kad_id
from p2pchat.model.ids import PeerId
from p2pchat.wire.kad_codec import KadPeer

__all__ = ["Lookup"]

_ATTEMPTS_MAX = 3


class _Standing(Enum):
    HEARD = auto()
    ASKED = auto()
    ANSWERED = auto()
    FAILED = auto()


@dataclass(slots=True)
class _Candidate:
    peer: PeerId
    addresses: tuple[str, ...]
    """Those to try; after a failure only what is new."""
    hops: int
    """Peers asked one after the other until one told of it."""
    standing: _Standing = _Standing.HEARD
    attempts: int = 0
    tried: frozenset[str] = frozenset()


class Lookup:
    """The state of one lookup. Holds at most `lookup_queries_max` × 32 candidates.

    `radius` is the distance within which k peers are to be expected, 0 for a network so small that
    no expectation holds; `width` is how many of the nearest have to answer.
    """

    def __init__(self, own: PeerId, key: bytes, config: KadConfig, radius: int, width: int) -> None:
        self._own = own
        self._radius = radius
        self._width = width
        self._place = kad_id(key)
        self._config = config
        self._alpha = config.alpha
        self._sent = 0
        self._candidates: dict[PeerId, _Candidate] = {}
        self._order: list[tuple[int, PeerId]] = []

    def seed(self, peers: Sequence[KadPeer]) -> None:
        """Begin with peers that we know ourselves."""
        for peer in peers:
            self._hear(peer, hops=0)

    def next(self) -> list[KadPeer]:
        """Whom to ask now; each is in flight until `answered` or `failed`."""
        nearest = list(self._nearest())
        in_flight = sum(candidate.standing is _Standing.ASKED for candidate in nearest)
        allowed = min(self._alpha - in_flight, self._config.lookup_queries_max - self._sent)
        heard = (candidate for candidate in nearest if candidate.standing is _Standing.HEARD)
        asked = list(islice(heard, max(0, allowed)))
        for candidate in asked:
            candidate.standing = _Standing.ASKED
            candidate.attempts += 1
            candidate.tried = candidate.tried.union(candidate.addresses)
        self._sent += len(asked)
        return [KadPeer(candidate.peer, candidate.addresses) for candidate in asked]

    def answered(self, peer: PeerId, closer: Sequence[KadPeer]) -> None:
        """A peer answered and told of these."""
        candidate = self._candidates[peer]
        candidate.standing = _Standing.ANSWERED
        nearest = self._order[0]
        for told in closer:
            self._hear(told, candidate.hops + 1)
        if self._order[0] == nearest:
            self._widen()

    def failed(self, peer: PeerId) -> None:
        """A peer did not answer."""
        self._candidates[peer].standing = _Standing.FAILED
        self._widen()

    @property
    def is_done(self) -> bool:
        """Whether the nearest that have not failed have all answered, or no more may be asked."""
        may_ask = self._sent < self._config.lookup_queries_max
        return not any(
            candidate.standing is _Standing.ASKED
            or (candidate.standing is _Standing.HEARD and may_ask)
            for candidate in self._nearest()
        )

    @property
    def closest(self) -> list[KadPeer]:
        """The nearest that answered, nearest first: k of them and whatever crowd there is."""
        return [
            KadPeer(candidate.peer, candidate.addresses)
            for candidate in self._nearest()
            if candidate.standing is _Standing.ANSWERED
        ]

    @property
    def asked(self) -> int:
        """How many peers have answered."""
        return sum(c.standing is _Standing.ANSWERED for c in self._candidates.values())

    @property
    def hops(self) -> int:
        """The longest chain of answers among the nearest that answered."""
        answered = (c for c in self._nearest() if c.standing is _Standing.ANSWERED)
        return max((candidate.hops + 1 for candidate in answered), default=0)

    def hops_to(self, peer: PeerId) -> int:
        """Peers asked one after the other until one told of `peer`."""
        return self._candidates[peer].hops

    def told_addresses(self, peer: PeerId) -> tuple[str, ...]:
        """Everything that was told of where `peer` is, whether or not it could be reached there."""
        candidate = self._candidates.get(peer)
        if candidate is None:
            return ()
        return tuple(dict.fromkeys((*candidate.addresses, *sorted(candidate.tried))))

    def _nearest(self) -> Iterator[_Candidate]:
        """Those that have not failed, nearest first, until enough of them are plausible."""
        plausible = 0
        for distance, peer in self._order:
            candidate = self._candidates[peer]
            if candidate.standing is _Standing.FAILED:
                continue
            yield candidate
            plausible += self._is_plausible(distance, plausible)
            if plausible >= self._width:
                return

    def _is_plausible(self, distance: int, nearer: int) -> bool:
        """Whether so many nearer peers are no more than twice what chance puts there, and two."""
        return (nearer - 2) * self._radius <= 2 * self._config.k * distance

    def _widen(self) -> None:
        self._alpha = min(self._alpha + 1, self._config.alpha_max)

    def _hear(self, told: KadPeer, hops: int) -> None:
        known = self._candidates.get(told.peer)
        if known is not None:
            self._hear_again(known, told.addresses)
        elif told.peer != self._own:
            self._candidates[told.peer] = _Candidate(told.peer, told.addresses, hops)
            insort(self._order, (kad_id(told.peer) ^ self._place, told.peer))

    def _hear_again(self, known: _Candidate, addresses: tuple[str, ...]) -> None:
        if known.standing in (_Standing.ASKED, _Standing.ANSWERED):
            return
        fresh = [a for a in addresses if a not in known.addresses and a not in known.tried]
        if known.standing is _Standing.HEARD:
            known.addresses = (*known.addresses, *fresh)[: self._config.addresses_max]
        elif fresh and known.attempts < _ATTEMPTS_MAX:
            known.addresses = tuple(fresh)
            known.standing = _Standing.HEARD
