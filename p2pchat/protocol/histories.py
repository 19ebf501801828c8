"""What of a room's talk is for whom, where not all of it is for everybody who comes.

Everything follows from what stands signed in an op's own header and in the room's control ops, so
all who hold the same ops serve the same, and a reader needs nobody's word for where a chain begins
for it. An account may have a talk op

1. if it was a member by what the op's `deps` say: its author spoke to it; or
2. by a *floor*: an op that counts and let the account in names the author's device and a place at
   or below this one, and the op's author did not know that the account was out again afterwards.
   Only as far as whoever let it in may have the op itself.

Who let it in says in its one signed op what that is: with "joining" what it had not heard yet, with
"last:N" the last messages as well, and where nobody else was in the room, what it said there to
nobody. So a newcomer cannot move its own floors; nobody gives by them what it may not have; and
none takes away what is said to a member, for that is its by the first rule. In a room whose history
is "none" a floor gives nothing but what the device said itself that names it.

Where a chain *begins* for somebody shows each op by itself: it may have this one and not the one
before, whose `deps` the header repeats (`was`) where they were others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from p2pchat.model.control import Admission, History, SetStanding
from p2pchat.model.ids import AccountId, DeviceId, OpId
from p2pchat.model.op import Header
from p2pchat.protocol.control_graph import Graph, bits

__all__ = ["Histories", "Spot", "spot_before", "spot_of"]

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


class Histories:
    """The floors that one room's control ops name."""

    def __init__(self, graph: Graph, history: History) -> None:
        self._graph = graph
        self.history = history

    def covers(
        self, account: AccountId, spot: Spot, known: int, mask: int, is_told: IsTold
    ) -> bool:
        """Whether an account may have what stands at a place, whose author knew `known`; `mask` are
        the ops that count."""
        if self.history is History.ALL:
            return True
        todo, seen = [(account, mask)], 0
        while todo:
            one, within = todo.pop()
            if is_told(one):
                return True
            for index in self._grants(one, spot, known, within & ~seen):
                seen |= 1 << index
                todo.append((self._graph.ops[index].account, mask & self._graph.past[index]))
        return False

    def may_end(self, known: Sequence[OpId], then: Sequence[OpId]) -> bool:
        """Whether an author who knew this of the room, and then that, may have said something to
        somebody to whom it does not go on: somebody went, or it shows less than before. What is not
        here may have been anything."""
        graph = self._graph
        if not all(id in graph.index for id in (*known, *then)):
            return True
        before, after = graph.closure(known), graph.closure(then)
        return bool(after & ~before & graph.excluding or before & ~after & ~graph.idle)

    def places(self, account: AccountId, device: DeviceId) -> list[int]:
        """From where on ops that let an account in give it the talk of a device, whether they count
        or not."""
        found = (self._graph.ops[index].control for index in bits(self._graph.admitting[account]))
        named = [one.floors for one in found if isinstance(one, SetStanding | Admission)]
        return sorted({f.seq for floors in named for f in floors if f.device == device})

    def _grants(self, account: AccountId, spot: Spot, known: int, mask: int) -> Iterator[int]:
        """Those of some ops that let an account in and give it what stands at a place."""
        graph = self._graph
        if self.history is History.NONE:
            mask &= graph.by_device[spot.device] | graph.excluding
        gone = graph.about.get(account, 0) & graph.excluding & mask & known
        for index in bits(graph.admitting.get(account, 0) & mask):
            control = graph.ops[index].control
            if not isinstance(control, SetStanding | Admission):
                continue
            is_over = any(not graph.past[index] >> end & 1 for end in bits(gone))
            is_named = any(f.device == spot.device and f.seq <= spot.seq for f in control.floors)
            if is_named and not is_over:
                yield index
