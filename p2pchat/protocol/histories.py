"""What of a room's talk is for whom, where not all of it is for everybody who comes.

Everything follows from what stands signed in an op's own header and in the room's control ops, so
all who hold the same ops serve the same, and a reader needs nobody's word for where a chain begins
for it. An account may have a talk op

1. if it was a member by what the op's `deps` say: its author spoke to it; or
2. by a *floor*: an op that counts and let the account in names the author's device and a place at
   or below this one, and the op's author did not know that the account was out again afterwards.
   Only as far as whoever let it in may have the op itself. What says of somebody who is in that it
   is in gives nothing; and of the ops that let one account in only so many give.

Who let it in says in its one signed op what that is: with "joining" what it had not heard yet, with
"last:N" the last messages as well, and where nobody else was in the room, what it said there to
nobody. So a newcomer cannot move its own floors; nobody gives by them what it may not have; and
none takes away what is said to a member, for that is its by the first rule. In a room whose history
is "none" a floor gives nothing but what the device said itself that names it.

Where a chain *begins* for somebody shows each op by itself: it may have this one and not the one
before, whose `deps` the header repeats (`was`) where they were others.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from p2pchat.model.control import Admission, History, SetStanding
from p2pchat.model.ids import AccountId, DeviceId, OpId
from p2pchat.model.op import Header
from p2pchat.protocol.control_graph import Graph, bits, sum_of
from p2pchat.protocol.invitations import Invitations

__all__ = ["ADMISSIONS_MAX", "Histories", "Spot", "spot_before", "spot_of"]

ADMISSIONS_MAX = 64
"""Ops that let one account in and give it something by their floors: who puts somebody out and lets
it in again and again makes no more work than that for each op that somebody says."""

IsTold = Callable[[AccountId], bool]
"""Whether an account was a member by what an op's author knew."""


@dataclass(frozen=True, slots=True)
class Spot:
    """A place in a talk chain, and what its author knew of the room there."""

    device: DeviceId
    seq: int
    known: tuple[OpId, ...]


def spot_of(header: Header) -> Spot:
    """Where a talk op stands."""
    return Spot(header.device, header.seq, header.deps)


def spot_before(header: Header) -> Spot | None:
    """Where the op before it stands, as it says itself; None for the first one."""
    if header.prev is None:
        return None
    return Spot(header.device, header.seq - 1, header.was or header.deps)


@dataclass(slots=True)
class _Doors:
    """The ops that let one account in."""

    about: int = 0
    """What was looked at: the ops about it that count."""
    found: int = 0
    """Of these all that let it in."""
    first: list[tuple[int, OpId, int]] = field(default_factory=list[tuple[int, OpId, int]])
    """Those that give: how many of the others are in its past, its id, and its place."""
    giving: int = 0
    """The same as a set."""

    def add(self, graph: Graph, index: int) -> None:
        """Look at an op that lets the account read, after all that are in its past."""
        past = graph.past[index]
        if graph.most_restrictive(self.about & past).may_read:
            return  # it was in
        insort(self.first, ((self.found & past).bit_count(), graph.ops[index].id, index))
        self.found |= 1 << index
        del self.first[ADMISSIONS_MAX:]
        self.giving = sum_of(1 << place for _, _, place in self.first)


class Histories:
    """The floors that one room's control ops name."""

    def __init__(self, graph: Graph, history: History, invitations: Invitations) -> None:
        self.graph = graph
        self._invitations = invitations
        self.history = history
        self._doors: dict[AccountId, _Doors] = {}

    def covers(
        self, account: AccountId, spot: Spot, known: int, mask: int, is_told: IsTold
    ) -> bool:
        """Whether an account may have what stands at a place, whose author knew `known`; `mask` are
        the ops that count."""
        if self.history is History.ALL:
            return True
        todo, seen, asked = [(account, mask)], 0, set[AccountId]()
        while todo:
            one, within = todo.pop()
            if one not in asked and is_told(one):
                return True
            asked.add(one)
            gone = self.graph.about.get(one, 0) & self.graph.excluding & within & known
            for index, seq in self._given(one, spot.device, mask, gone, within & ~seen):
                if seq <= spot.seq:
                    seen |= 1 << index
                    todo.append((self.graph.ops[index].account, mask & self.graph.past[index]))
        return False

    def ends_by(self, known: Sequence[OpId], then: Sequence[OpId]) -> int | None:
        """The ops by which somebody went, between what an author knew of the room and what it knew
        then: what it said before may end there for them, and for whom they let in. None where that
        may be anybody: what somebody did may be taken back, or it shows less than before, or what
        is not here."""
        graph = self.graph
        if not all(id in graph.index for id in (*known, *then)):
            return None
        before, after = graph.closure(known), graph.closure(then)
        fresh = after & ~before
        if fresh & graph.undoing or before & ~after & ~graph.idle:
            return None
        leaving = graph.excluding & ~graph.ending
        said = fresh & ~(graph.idle | graph.admissions | leaving)
        if any(graph.by[graph.subject(index)] & after for index in bits(said)):
            return None
        if fresh and self._invitations.is_crowded(after):
            return None
        return fresh & graph.excluding

    def going(self, accounts: Iterable[AccountId], mask: int) -> int:
        """The ops by which some accounts went, or one of those by whom they may have what they were
        not told; `mask` are the ops that count."""
        graph = self.graph
        through = self._through(accounts, mask)
        return sum_of(graph.about.get(one, 0) & graph.excluding for one in through)

    def _through(self, accounts: Iterable[AccountId], mask: int) -> set[AccountId]:
        """These accounts, those that let them in by ops that count, and so on."""
        graph, found, todo = self.graph, set[AccountId](), list(accounts)
        while todo:
            one = todo.pop()
            if one not in found:
                found.add(one)
                letting_in = graph.admitting.get(one, 0) & mask
                todo += {graph.ops[index].account for index in bits(letting_in)}
        return found

    def places(
        self, account: AccountId, device: DeviceId, mask: int, *, is_last: bool = False
    ) -> list[int]:
        """From where on ops that let an account in give it the talk of a device, as far as their
        writers may have that; `mask` are the ops that count. `is_last`: of what is said by who
        knows all that excluded it."""
        gone = self.graph.about.get(account, 0) & self.graph.excluding & mask if is_last else 0
        return sorted({seq for _, seq in self._given(account, device, mask, gone, mask)})

    def _given(
        self, account: AccountId, device: DeviceId, mask: int, gone: int, within: int
    ) -> Iterator[tuple[int, int]]:
        """Those of some ops that let an account in, knowing that it had gone, and from where on
        they give it the talk of a device. `mask` are the ops that count."""
        graph = self.graph
        giving = self._letting_in(account, mask) & within
        if self.history is History.NONE:
            giving &= graph.by_device.get(device, 0)
        for index in bits(giving):
            control = graph.ops[index].control
            if gone & ~graph.past[index] or not isinstance(control, SetStanding | Admission):
                continue
            place = bisect_left(control.floors, device, key=lambda floor: floor.device)
            if place < len(control.floors) and control.floors[place].device == device:
                yield index, control.floors[place].seq

    def _letting_in(self, account: AccountId, mask: int) -> int:
        """Those of some ops, the ones that count, that let an account in and give: of many those
        that have the fewest others in their past, then those with the smallest ids. What comes
        afterwards changes nothing about them, so they are looked at once."""
        graph = self.graph
        about, doors = graph.about.get(account, 0) & mask, self._doors.get(account, _Doors())
        fresh = about & ~doors.about
        if doors.about & ~about or 0 < (fresh & -fresh) < doors.about:
            doors, fresh = _Doors(), about
        for index in bits(fresh):
            if graph.admitting.get(account, 0) >> index & 1:
                doors.add(graph, index)
            doors.about |= 1 << index
        self._doors[account] = doors
        return doors.giving
