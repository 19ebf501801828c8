"""What a command does with a lookup: six small strategies over the same walk.

An operation says whom to ask what (`questions`), hears the outcomes, and has a `result` when it is
over. Queries still in flight then are nobody's concern any more, except to the table. `aftermath`
is sent once, at the end, and nobody waits for it.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from p2pchat.errors import RemoteProtocolError
from p2pchat.kad.config import KadConfig
from p2pchat.kad.lookup import Lookup
from p2pchat.kad.records import Namespaces
from p2pchat.kad.vocabulary import FoundPeer, FoundProviders, FoundValue
from p2pchat.model.ids import PeerId
from p2pchat.model.machine import Now
from p2pchat.wire.kad_codec import KadKind, KadMessage, KadPeer, KadRecord

__all__ = [
    "FindingPeer",
    "FindingProviders",
    "Getting",
    "Operation",
    "Question",
    "Refreshing",
    "Spreading",
]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Question:
    """A message for a peer."""

    contact: KadPeer
    message: KadMessage


class Operation(Protocol):
    """One command under way."""

    def questions(self) -> list[Question]:
        """What to ask now; each is followed by `answered` or `failed`."""
        ...

    def answered(self, question: Question, answer: KadMessage, now: Now) -> None: ...

    def failed(self, question: Question) -> None: ...

    def connected(self, peer: PeerId) -> bool:
        """Somebody came up, for whatever reason; answers whether that matters here."""
        ...

    def result(self, now: Now) -> object | None:
        """The value of the reply; None while there is more to do."""
        ...

    def aftermath(self) -> list[Question]: ...


class _Walk:
    """The part all share: one lookup that sends everybody the same message."""

    def __init__(self, lookup: Lookup, request: KadMessage) -> None:
        self._lookup = lookup
        self._request = request

    def questions(self) -> list[Question]:
        return [Question(contact, self._request) for contact in self._lookup.next()]

    def answered(self, question: Question, answer: KadMessage, now: Now) -> None:
        self._lookup.answered(question.contact.peer, answer.closer)

    def failed(self, question: Question) -> None:
        self._lookup.failed(question.contact.peer)

    def connected(self, peer: PeerId) -> bool:
        """Of interest only to who looks for that peer."""
        return False

    def has_asked(self, question: Question) -> bool:
        """Whether a question is of this walk."""
        return question.message is self._request

    @property
    def is_done(self) -> bool:
        return self._lookup.is_done

    def aftermath(self) -> list[Question]:
        return []


class FindingPeer(_Walk):
    """Ends when the peer is connected: its identity is proven then, while an address told by
    others is hearsay. It is the nearest to its own id, so it is asked itself as soon as heard of.
    """

    def __init__(self, lookup: Lookup, peer: PeerId) -> None:
        super().__init__(lookup, KadMessage(KadKind.FIND_NODE, peer))
        self._peer = peer
        self._is_connected = False

    def answered(self, question: Question, answer: KadMessage, now: Now) -> None:
        super().answered(question, answer, now)
        self.connected(question.contact.peer)

    def connected(self, peer: PeerId) -> bool:
        self._is_connected = self._is_connected or peer == self._peer
        return self._is_connected

    def result(self, now: Now) -> FoundPeer | None:
        if not self._is_connected and not self._lookup.is_done:
            return None
        addresses = self._lookup.told_addresses(self._peer)
        hops = self._lookup.hops_to(self._peer) if addresses else self._lookup.hops
        return FoundPeer(self._peer, addresses, self._is_connected, hops, self._lookup.asked)


class Getting(_Walk):
    """Collects valid values until a quorum of holders in different networks, or to the end without
    one; brings those up to date that answered a stale one."""

    def __init__(
        self,
        lookup: Lookup,
        key: bytes,
        quorum: int | None,
        namespaces: Namespaces,
        local: bytes | None,
    ) -> None:
        super().__init__(lookup, KadMessage(KadKind.GET_VALUE, key))
        self._quorum = quorum
        self._namespaces = namespaces
        self._local = local
        self._holders: dict[KadPeer, bytes] = {}
        self._networks: set[str] = set()
        """The public ones of the holders that count."""
        self._counted = 0
        """Holders of which no two share one."""
        self._best: bytes | None = local

    def answered(self, question: Question, answer: KadMessage, now: Now) -> None:
        super().answered(question, answer, now)
        record = answer.record
        if record is None or record.key != self._request.key:
            return
        try:
            self._namespaces.validate(record.key, record.value, now.wall_ms)
        except RemoteProtocolError:
            return  # as good as no value: whoever holds the valid one will say so
        self._holders[question.contact] = record.value
        networks = self._lookup.networks_of(question.contact.peer)
        self._counted += self._networks.isdisjoint(networks)
        self._networks.update(networks)

    def result(self, now: Now) -> FoundValue | None:
        enough = self._quorum is not None and self._counted >= max(1, self._quorum)
        if not enough and not self._lookup.is_done:
            return None
        values = list(self._holders.values())
        if self._local is not None:
            values.append(self._local)
        key = self._request.key
        self._best = self._namespaces.best(key, values, now.wall_ms) if values else None
        hops = min((self._lookup.hops_to(c.peer) + 1 for c in self._holders), default=None)
        return FoundValue(
            key,
            self._best,
            len(self._holders),
            self._lookup.hops if hops is None else hops,
            self._lookup.asked,
        )

    def aftermath(self) -> list[Question]:
        if self._best is None:
            return []
        record = KadRecord(self._request.key, self._best)
        correction = KadMessage(KadKind.PUT_VALUE, record.key, record)
        return [
            Question(contact, correction)
            for contact, value in self._holders.items()
            if value != self._best
        ]


class FindingProviders(_Walk):
    """Collects announcements until all near the key have answered: if enough of them ended it
    before that, whoever is asked first and invents some would keep all others from being heard.

    For the same reason each teller has its turn in the result. Those come first that are near the
    key and no crowd: honest peers put announcements there.
    """

    def __init__(
        self, lookup: Lookup, key: bytes, config: KadConfig, local: Sequence[KadPeer]
    ) -> None:
        super().__init__(lookup, KadMessage(KadKind.GET_PROVIDERS, key))
        self._config = config
        self._local = _addresses_of(local)
        self._told: dict[PeerId, dict[PeerId, tuple[str, ...]]] = {}
        """Whom each teller told of, and where."""
        self._hops: int | None = None

    def answered(self, question: Question, answer: KadMessage, now: Now) -> None:
        super().answered(question, answer, now)
        if not answer.providers:
            return
        teller = question.contact.peer
        self._told[teller] = _addresses_of(answer.providers[: self._config.providers_per_key_max])
        if self._hops is None:
            self._hops = self._lookup.hops_to(teller) + 1

    def result(self, now: Now) -> FoundProviders | None:
        if not self._lookup.is_done:
            return None
        near = dict.fromkeys(peer for peer in self._lookup.plausible if peer in self._told)
        first = [self._local, *(self._told[peer] for peer in near)]
        rest = [told for peer, told in self._told.items() if peer not in near]
        found = dict.fromkeys((*_in_turn(first), *_in_turn(rest)))
        most = self._config.providers_per_key_max
        providers = tuple(
            KadPeer(peer, self._addresses(peer, [*first, *rest])) for peer in list(found)[:most]
        )
        hops = self._lookup.hops if self._hops is None else self._hops
        return FoundProviders(self._request.key, providers, hops, self._lookup.asked)

    def _addresses(
        self, peer: PeerId, told: Sequence[Mapping[PeerId, tuple[str, ...]]]
    ) -> tuple[str, ...]:
        addresses = _in_turn([one[peer] for one in told if peer in one])
        return tuple(addresses[: self._config.addresses_max])


def _addresses_of(peers: Iterable[KadPeer]) -> dict[PeerId, tuple[str, ...]]:
    return {contact.peer: contact.addresses for contact in peers}


def _in_turn(told: Sequence[Iterable[T]]) -> list[T]:
    """Everything that several told, once each: every teller has its turn again and again, and
    says then what most of them told."""
    votes = Counter(one for said in told for one in dict.fromkeys(said))
    turns = deque(iter(sorted(said, key=lambda one: -votes[one])) for said in told)
    chosen: dict[T, None] = {}
    while turns:
        turn = turns.popleft()
        for one in turn:
            if one not in chosen:
                chosen[one] = None
                turns.append(turn)
                break
    return list(chosen)


class Spreading(_Walk):
    """Finds the k closest, then gives each of them the same; counts those that took it."""

    def __init__(
        self, lookup: Lookup, gift: KadMessage, report: Callable[[int, Now], None]
    ) -> None:
        super().__init__(lookup, KadMessage(KadKind.FIND_NODE, gift.key))
        self._gift = gift
        self._report = report
        self._open: int | None = None
        """Gifts on their way; None while the closest are not known yet."""
        self._taken = 0

    def questions(self) -> list[Question]:
        if self._open is not None:
            return []
        if not self._lookup.is_done:
            return super().questions()
        gifts = [Question(contact, self._gift) for contact in self._lookup.closest]
        self._open = len(gifts)
        return gifts

    def answered(self, question: Question, answer: KadMessage, now: Now) -> None:
        if self.has_asked(question):
            super().answered(question, answer, now)
        else:
            self._settle(was_taken=answer.record == self._gift.record)

    def failed(self, question: Question) -> None:
        if self.has_asked(question):
            super().failed(question)
        else:
            self._settle(was_taken=False)

    def result(self, now: Now) -> int | None:
        if self._open != 0:
            return None
        self._report(self._taken, now)
        return self._taken

    def _settle(self, *, was_taken: bool) -> None:
        assert self._open is not None
        self._open -= 1
        self._taken += was_taken


class Refreshing:
    """Looks up several keys one after the other; each lookup begins with the table of then."""

    def __init__(self, lookups: Iterator[tuple[bytes, Lookup]], size: Callable[[], int]) -> None:
        self._walks = (_Walk(lookup, KadMessage(KadKind.FIND_NODE, key)) for key, lookup in lookups)
        self._size = size
        self._walk = next(self._walks)
        self._is_over = False

    def questions(self) -> list[Question]:
        while self._walk.is_done:
            walk = next(self._walks, None)
            if walk is None:
                self._is_over = True
                return []
            self._walk = walk
        return self._walk.questions()

    def answered(self, question: Question, answer: KadMessage, now: Now) -> None:
        if self._walk.has_asked(question):
            self._walk.answered(question, answer, now)

    def failed(self, question: Question) -> None:
        if self._walk.has_asked(question):
            self._walk.failed(question)

    def connected(self, peer: PeerId) -> bool:
        return False

    def result(self, now: Now) -> int | None:
        return self._size() if self._is_over else None

    def aftermath(self) -> list[Question]:
        return []
