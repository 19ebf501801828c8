"""The control ops of a room as a graph: what lies in the past of what.

Pasts are `int` bitmasks over the ops in the order in which they came, which is a topological one:
a set of ops is a number, and what two sets share is one machine operation on many words. What the
ops mean for the room is judged in `protocol.membership`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from p2pchat.model.control import (
    Admission,
    Control,
    ControlOp,
    Cut,
    DeviceRevoked,
    Epoch,
    Invite,
    InviteRevoked,
    Leave,
    Link,
    Pin,
    SetDetail,
    SetStanding,
    Standing,
)
from p2pchat.model.ids import AccountId, DeviceId, OpId

__all__ = ["Graph", "bits", "sum_of"]

_EXCLUDING = (Standing.REMOVED, Standing.BANNED)


class Kinds:
    """Which ops are of which kind, whoever wrote them."""

    def __init__(self) -> None:
        self.excluding: int = 0
        self.admissions: int = 0
        """What shows an invitation."""
        self.invites: int = 0
        self.idle: int = 0
        """Epochs, links, invitations, details, pins: they set nobody's standing."""
        self.ending: int = 0
        """What puts somebody else out, and what takes invitations back."""
        self.undoing: int = 0
        """What may take back what others did: invitations, and devices, that are no more."""
        self.witnesses: int = 0
        """Ops that show an admission which their device had not shown before."""

    def note(self, control: Control | None, bit: int) -> None:
        """An op came, which is this number as a set."""
        match control:
            case SetStanding(_, standing) if standing in _EXCLUDING:
                self.excluding |= bit
                self.ending |= bit
            case Leave():
                self.excluding |= bit
            case Admission():
                self.admissions |= bit
            case Invite():
                self.invites |= bit
                self.idle |= bit
            case InviteRevoked():
                self.ending |= bit
                self.undoing |= bit
            case DeviceRevoked():
                self.undoing |= bit
            case Epoch() | Link() | SetDetail() | Pin():
                self.idle |= bit
            case _:
                pass  # nobody asks for it by its kind

    def note_witness(self, bit: int) -> None:
        self.witnesses |= bit


class Graph(Kinds):
    """Control ops by the order in which they came, with the past of each."""

    def __init__(self) -> None:
        super().__init__()
        self.ops: list[ControlOp] = []
        self.index: dict[OpId, int] = {}
        self.past: list[int] = []
        self.by: defaultdict[AccountId, int] = defaultdict(int)
        self.by_device: defaultdict[DeviceId, int] = defaultdict(int)
        self.about: defaultdict[AccountId, int] = defaultdict(int)
        """Ops that set an account's standing, its own leaving among them."""
        self.admitting: defaultdict[AccountId, int] = defaultdict(int)
        """Those that let an account read, or go on reading."""

    def add(self, op: ControlOp) -> int:
        index = len(self.ops)
        past = self.closure(op.parents)
        self.ops.append(op)
        self.index[op.id] = index
        self.past.append(past)
        bit = 1 << index
        self.by[op.account] |= bit
        self.by_device[op.device] |= bit
        self.note(op.control, bit)
        match op.control:
            case SetStanding(account, standing):
                self.about[account] |= bit
                self.admitting[account] |= bit if standing.may_read else 0
            case Leave():
                self.about[op.account] |= bit
            case Admission(account):
                self.about[account] |= bit
                self.admitting[account] |= bit
            case _:
                pass  # it sets nobody's standing
        if self.shown(index) & ~self._shown_before(index):
            self.note_witness(bit)
        return index

    def shown(self, index: int) -> int:
        """The admissions that were known to who wrote an op, itself among them."""
        return (self.past[index] | 1 << index) & self.admissions

    def _shown_before(self, index: int) -> int:
        """The same for what the device wrote before."""
        if not self.admissions:
            return 0
        own = self.last(self.past[index] & self.by_device[self.ops[index].device])
        return sum_of(self.shown(before) for before in own)

    def last(self, mask: int) -> list[int]:
        """Those of some ops that are in the past of no other of them, the newest first."""
        found: list[int] = []
        while mask:
            index = mask.bit_length() - 1  # the last one is in nobody's past
            mask &= ~(self.past[index] | 1 << index)
            found.append(index)
        return found

    def heads(self, mask: int, most: int, first: int = 0) -> tuple[OpId, ...]:
        """The last of some ops; of more than `most` those that cover `first`, then those that
        cover most."""
        left, covered, found = self.last(mask), 0, list[OpId]()
        while left and len(found) < most:
            index = max(left, key=lambda i: self._worth(i, first & ~covered, mask & ~covered))
            left.remove(index)
            covered |= self.past[index] | 1 << index
            found.append(self.ops[index].id)
        return tuple(found)

    def _worth(self, index: int, first: int, rest: int) -> tuple[int, int, OpId]:
        below = self.past[index] | 1 << index
        return (below & first).bit_count(), (below & rest).bit_count(), self.ops[index].id

    def ids(self, mask: int) -> frozenset[OpId]:
        return frozenset(self.ops[index].id for index in bits(mask))

    def mask(self, ids: Iterable[OpId]) -> int:
        """A set of ops as a number."""
        places = bytearray(len(self.ops) // 8 + 1)
        for id in ids:
            index = self.index[id]
            places[index >> 3] |= 1 << (index & 7)
        return int.from_bytes(places, "little")

    def closure(self, known: Iterable[OpId]) -> int:
        """These ops and everything in their pasts."""
        mask = 0
        for id in known:
            index = self.index[id]
            mask |= self.past[index] | 1 << index
        return mask

    def beside(self, known: Iterable[OpId], named: Iterable[OpId], most: int) -> tuple[OpId, ...]:
        """At most so many ops, in the order in which they came: of those that are neither among
        some nor in the past of one first what others name; then what came last of all."""
        below = self.closure(known)
        rest = ((1 << len(self.ops)) - 1) & ~below
        first = rest & self.closure(id for id in named if id in self.index)
        order = [*bits(below), *bits(rest & ~first), *bits(first)][-most:]
        return tuple(self.ops[index].id for index in sorted(order))

    def first_by(self, account: AccountId, default: int) -> int:
        """The first op of an account's."""
        return next(iter(bits(self.by.get(account, 0))), default)

    def subject(self, index: int) -> AccountId:
        """Whose standing an op sets."""
        return self.change(index).account

    def change(self, index: int) -> SetStanding:
        """What an op says of an account."""
        op = self.ops[index]
        if isinstance(op.control, SetStanding):
            return op.control
        if isinstance(op.control, Admission):
            return SetStanding(op.control.account, Standing.MEMBER)
        return SetStanding(op.account, Standing.REMOVED)

    def most_restrictive(self, about: int) -> Standing:
        """The standing by these ops about one account. Who was let in by an invitation is what
        anybody else says beside that."""
        last = self.last(about)
        said = [index for index in last if not self.admissions >> index & 1]
        return max(
            (self.change(index).standing for index in said or last), default=Standing.REMOVED
        )

    def cut_of(self, limit: int, device: DeviceId) -> Cut | None:
        """What an op that limits an account names of one of its devices."""
        return next((cut for cut in self.change(limit).cuts if cut.device == device), None)

    def is_on(self, index: int, limit: int, device: DeviceId) -> bool:
        """Whether an op is on a chain of its device that a limit names. A head that the limit does
        not depend on is none that it can name: whoever does not have it would judge otherwise."""
        cut, past = self.cut_of(limit, device), self.past[limit]
        known = (self.index.get(id) for id in cut.control) if cut is not None else ()
        return any(
            head is not None
            and past >> head & 1
            and (head == index or self.past[head] >> index & 1)
            for head in known
        )

    def chain_heads(self, mask: int) -> dict[DeviceId, tuple[OpId, ...]]:
        """Of each device the last of some ops."""
        devices = {self.ops[index].device for index in bits(mask)}
        return {
            device: tuple(self.ops[index].id for index in self.last(mask & self.by_device[device]))
            for device in devices
        }

    def chain_ends(self, mask: int) -> list[tuple[DeviceId, int, OpId]]:
        """Of each device where its chain, or each branch of it, ends in some ops that hold all
        their pasts: device, place and op, sorted. Only a chain with a fork is gone through."""
        found: list[tuple[DeviceId, int, OpId]] = []
        for device, by in self.by_device.items():
            own, ends = mask & by, self.last(mask & by)
            if ends and own.bit_count() != self.ops[ends[0]].seq + 1:
                before = {self.ops[i].parents[0] for i in bits(own) if self.ops[i].seq}
                ends = [i for i in bits(own) if self.ops[i].id not in before]
            found += [(device, self.ops[i].seq, self.ops[i].id) for i in ends]
        return sorted(found)


def sum_of(masks: Iterable[int]) -> int:
    """What is in any of some sets."""
    found = 0
    for mask in masks:
        found |= mask
    return found


def bits(mask: int) -> Iterator[int]:
    """The places of the ones, lowest first."""
    while mask:
        low = mask & -mask
        yield low.bit_length() - 1
        mask ^= low
