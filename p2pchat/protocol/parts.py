"""Parts: talk chains that are here with holes in them, and the places where they end for somebody.

That is so only in rooms by invitation that do not show all their history. Who was out of such a
room and came again has several parts of a chain: the newest one goes on, and stands in the log as
any other chain; below its floor lie the *spans*, each of which ends where somebody put us out. And
what a device said to somebody ends at a *stop*, where its author learnt that somebody went: there
the chain may end for whoever that is, though it goes on for us.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from p2pchat.model.ids import AccountId, DeviceId, OpId
from p2pchat.model.op import PARTS_MAX, STOPS_MAX, Chain, Header, Position

__all__ = [
    "DOUBTED_MAX",
    "SHARED_MAX",
    "TOLD_MAX",
    "ChainKey",
    "Floor",
    "Parts",
    "Shared",
    "Span",
    "Stop",
    "Tip",
    "Told",
]

ChainKey = tuple[DeviceId, Chain]

Told = dict[tuple[OpId, ...], bool]
"""By what an author knew, whether that was that somebody may read."""

SHARED_MAX = 256
"""Answers that are remembered, one for each account that asked; then all are forgotten."""
TOLD_MAX = 1024
"""For each of them, what authors knew of which it is remembered; of more it is found anew."""
DOUBTED_MAX = 4096
"""Heads that somebody told of which it is remembered that the disk has them, or may; then all are
forgotten, and pulled once more."""


@dataclass(frozen=True, slots=True)
class Tip:
    """The newest op of a branch."""

    account: AccountId
    seq: int
    id: OpId
    sort_key: int
    known: tuple[OpId, ...] = ()
    """Of talk: the control ops that its author named; as long as they stay the same, one value."""


@dataclass(frozen=True, slots=True)
class Floor:
    """The chain begins at `seq`; `prev` is the hash just below."""

    seq: int
    prev: OpId
    known: tuple[OpId, ...] = field(default=(), compare=False)
    """The control ops that the op just below names, where a part begins for us; else empty."""


@dataclass(slots=True)
class Stop:
    """An op after which its author learnt that somebody is out, or shows less than before."""

    tip: Tip
    then: tuple[OpId, ...]
    """The control ops that the op after it names."""
    by: Sequence[int | None] = field(default=(), compare=False)
    """The ops that say so, or None for anybody: once somebody asked (`Histories.ends_by`)."""


@dataclass(frozen=True, slots=True)
class Span:
    """A part of a chain that lies below its floor, with a hole above it."""

    floor: Floor | None
    """Where it begins, if that is not the beginning of the chain."""
    tip: Tip

    @property
    def first(self) -> int:
        return self.floor.seq if self.floor is not None else 0


@dataclass(frozen=True, slots=True)
class Shared:
    """What we compare with somebody: where each part of each chain ends that is for both."""

    heads: tuple[Position, ...]
    digest: bytes


@dataclass(slots=True)
class Parts:
    """All of one conversation."""

    stops: dict[ChainKey, list[Stop]] = field(default_factory=dict[ChainKey, list[Stop]])
    spans: dict[ChainKey, list[Span]] = field(default_factory=dict[ChainKey, list[Span]])
    """Of each chain lowest first."""
    shared: dict[tuple[AccountId, ...], tuple[int, Shared]] = field(
        default_factory=dict[tuple[AccountId, ...], tuple[int, Shared]]
    )
    """By members what they were told last, and what counted then; while the log is the same."""
    told: dict[tuple[AccountId, ...], tuple[int, Told]] = field(
        default_factory=dict[tuple[AccountId, ...], "tuple[int, Told]"]
    )
    """By members whether they were in by what authors knew, and what counted then."""
    owed: tuple[int, dict[ChainKey, list[Floor]]] | None = None
    """Floors of ours below which something is for us all the same, and what counted then."""
    doubted: set[OpId] = field(default_factory=set[OpId])
    """Heads below our own that somebody told, and for which a chain was pulled."""
    here: set[OpId] = field(default_factory=set[OpId])
    """Of these such as are on disk: who ended there for somebody is told so by others for good,
    also where so many parts are not remembered here."""
    _mended: dict[ChainKey, int] = field(default_factory=dict[ChainKey, int])
    """By chain how far ops came below a floor, since the program began."""

    def mend(self, header: Header) -> None:
        """An op came below the floor of its chain."""
        key = (header.device, header.chain)
        self._mended[key] = max(header.seq, self._mended.get(key, -1))

    def was_mended(self, header: Header) -> bool:
        """Whether what stands in an op's place may have come below a floor."""
        return header.seq <= self._mended.get((header.device, header.chain), -1)

    def doubt(self, id: OpId) -> None:
        """A chain is pulled for the sake of a head, which may be here."""
        if len(self.doubted) + len(self.here) >= DOUBTED_MAX:
            self.doubted.clear()
            self.here.clear()
        self.doubted.add(id)

    def found(self, id: OpId) -> None:
        """An op is on disk."""
        if id in self.doubted:
            self.doubted.discard(id)
            self.here.add(id)

    def stop(self, key: ChainKey, stop: Stop) -> None:
        """An author learnt that somebody is out."""
        stops = self.stops.setdefault(key, [])
        stops.append(stop)
        stops.sort(key=lambda one: (one.tip.seq, one.tip.id))
        del stops[:-STOPS_MAX]

    def put(self, key: ChainKey, span: Span) -> Span | None:
        """Keep a span, in the place of what it goes on from; the one that is forgotten for it."""
        spans = [one for one in self.spans.get(key, ()) if one.first != span.first]
        spans.append(span)
        spans.sort(key=lambda one: one.first)
        forgotten = spans.pop(0) if len(spans) > PARTS_MAX else None
        self.spans[key] = spans
        self.owed = None
        return forgotten

    def drop(self, key: ChainKey, span: Span) -> None:
        """It is part of another now."""
        self.spans[key].remove(span)
        self.owed = None

    def ends_with(self, key: ChainKey, id: OpId | None) -> Span | None:
        """The span that ends with an op."""
        return next((one for one in self.spans.get(key, ()) if one.tip.id == id), None)

    def holding(self, key: ChainKey, seq: int) -> Span | None:
        """The span in which a place lies."""
        spans = self.spans.get(key, ())
        return next((one for one in spans if one.first <= seq <= one.tip.seq), None)

    def forgets(self, key: ChainKey, seq: int) -> bool:
        """Whether a part that begins so low would be forgotten for those that are remembered."""
        spans = self.spans.get(key, [])
        return len(spans) >= PARTS_MAX and seq < spans[0].first

    def highest_below(self, key: ChainKey, seq: int) -> Tip | None:
        """The end of the span from which a place is to be reached."""
        tips = [one.tip for one in self.spans.get(key, ()) if one.tip.seq <= seq]
        return max(tips, key=lambda tip: tip.seq) if tips else None

    def told_to(self, accounts: tuple[AccountId, ...], counting: int) -> Told:
        """What is known of these members, to be added to; it lasts while the same ops count."""
        before, told = self.told.get(accounts, (counting, {}))
        if before != counting or len(told) >= TOLD_MAX:
            told = {}
        if len(self.told) >= SHARED_MAX:
            self.told.clear()
        self.told[accounts] = counting, told
        return told

    def remember(self, accounts: tuple[AccountId, ...], counting: int, shared: Shared) -> None:
        if len(self.shared) >= SHARED_MAX:
            self.shared.clear()
        self.shared[accounts] = counting, shared
