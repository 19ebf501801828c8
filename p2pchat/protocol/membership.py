"""Membership: who may do what in a room by invitation, from the set of its control ops alone.

No clock and no order of arrival enters, so all who hold the same ops agree. Control ops form a
graph: an op's *past* is everything that its author knew, by `prev` and `deps`. The rules:

1. Owners stand in the genesis. Their ops always count.
2. Anybody else's op counts if its author might do so by what the op's own past says, and if it is
   not void. Owners alone make and unmake admins; admins act on those whom no owner made admin.
3. An op is *void* when an owner limited its author, the op lies on none of the chains that the
   owner named, and its author does not show that it knew: the op was written afterwards, whatever
   it says. What shows that it knew is judged by its past, where a later grant may stand.
4. An account's standing follows from the causally maximal ops about it that count; of several the
   most restrictive one.

Only owners void, and owners are never voided. So there are no cycles: whether an op counts depends
on owners and on what lies in its past.

Pasts are `int` bitmasks over the ops in the order in which they came, which is a topological one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from p2pchat.model.control import (
    ControlOp,
    Cut,
    Epoch,
    Genesis,
    Leave,
    SetStanding,
    Standing,
)
from p2pchat.model.ids import AccountId, DeviceId, OpId
from p2pchat.model.op import Position

__all__ = ["Membership"]

EVERYBODY = -1
"""The mask of all ops, also of those to come."""
_EXCLUDING = (Standing.REMOVED, Standing.BANNED)


class Membership:
    """The control ops of one room and what follows from them."""

    def __init__(self, genesis: Genesis) -> None:
        self.genesis = genesis
        self._graph = Graph()
        self._counting = 0
        """Ops that count, as far as they were judged."""
        self._judged = 0
        """So many ops were judged; owners' limits make that less again."""
        self._limits: defaultdict[AccountId, list[int]] = defaultdict(list)
        """By account: owners' ops that limit it."""
        self._standings: dict[AccountId, tuple[int, Standing]] = {}
        """The last answer for an account, with the ops that it followed from."""

    def __contains__(self, id: OpId) -> bool:
        return id in self._graph.index

    def __len__(self) -> int:
        return len(self._graph.ops)

    # What comes

    def add(self, op: ControlOp) -> None:
        """Take an op whose parents are here; taking it twice is taking it once."""
        if op.id in self:
            return
        index = self._graph.add(op)
        change = op.control
        if not isinstance(change, SetStanding) or not self._is_owner(op.account):
            return
        if self._is_limit(index, change) and not self._is_owner(change.account):
            self._limits[change.account].append(index)
            self._judged = min(self._judged, self._graph.first_by(change.account, index))

    # What follows

    def heads(self, most: int) -> tuple[OpId, ...]:
        """What nothing follows, the heads with the most below them first: a new op depends on
        these."""
        return self._graph.heads(most)

    def standing(self, account: AccountId, known: Iterable[OpId] | None = None) -> Standing:
        """What an account is by everything that is here, or was to somebody who knew `known`."""
        self._judge()
        mask = EVERYBODY if known is None else self._graph.closure(known)
        return self._standing(account, mask)

    def mentions(self, account: AccountId) -> bool:
        """Whether anything was ever said of an account, or it is an owner."""
        return self._is_owner(account) or account in self._graph.about

    def members(self) -> dict[AccountId, Standing]:
        """Everybody who may read, owners first."""
        self._judge()
        found = dict.fromkeys(self.genesis.owners, Standing.OWNER)
        for account in self._graph.about:
            standing = self._standing(account, EVERYBODY)
            if standing.may_read:
                found[account] = standing
        return found

    def counts(self, id: OpId) -> bool:
        """Whether an op that is here has any effect."""
        self._judge()
        return bool(self._counting >> self._graph.index[id] & 1)

    def may_set(self, actor: AccountId, account: AccountId, standing: Standing) -> bool:
        """Whether an op that makes `account` this would count, written by `actor` now."""
        self._judge()
        return self._may_set(actor, SetStanding(account, standing), EVERYBODY)

    def was_in_time(self, position: Position, account: AccountId, known: Iterable[OpId]) -> bool:
        """Whether a talk op whose author knew `known` was written by somebody who might, and before
        every limit that it shows no knowledge of. Its chain is taken for one without a fork."""
        self._judge()
        mask = self._graph.closure(known)
        if not self._standing(account, mask).may_write:
            return False
        concurrent = self._graph.about[account] & self._counting & ~mask
        return all(
            _holds(self._graph.cut_of(index, position.device), position)
            for index in bits(concurrent)
            if not self._graph.change(index).standing.may_write
        )

    def exclusions(self) -> frozenset[OpId]:
        """Ops that count and after which somebody shall read no more."""
        self._judge()
        return self._graph.ids(self._counting & self._graph.excluding)

    def opened(self) -> Mapping[OpId, bytes]:
        """All epochs that count: commitment by op."""
        self._judge()
        return self._epochs(0)

    def epochs(self) -> Mapping[OpId, bytes]:
        """Of these the usable ones, which were opened in knowledge of every exclusion."""
        self._judge()
        return self._epochs(self._counting & self._graph.excluding)

    def newest(self, ids: Iterable[OpId]) -> frozenset[OpId]:
        """Those of these ops that none of the others has in its past."""
        ids = frozenset(ids)
        known = {id: self._graph.past[self._graph.index[id]] for id in ids}
        older = 0
        for past in known.values():
            older |= past
        return frozenset(id for id in ids if not older >> self._graph.index[id] & 1)

    def cuts(self, account: AccountId, talk: Mapping[DeviceId, Cut]) -> tuple[Cut, ...]:
        """Where the devices of an account stand now, for an op that limits it."""
        control = self._graph.chain_heads(account)
        return tuple(
            Cut(device, control.get(device, ())[:4], talk[device].talk if device in talk else ())
            for device in sorted(control.keys() | talk.keys())
        )

    # How

    def _epochs(self, known: int) -> Mapping[OpId, bytes]:
        """Epochs that count and have these ops in their past."""
        return {
            self._graph.ops[index].id: epoch.commitment
            for index in bits(self._counting & self._graph.epochs)
            if not known & ~self._graph.past[index]
            and isinstance(epoch := self._graph.ops[index].control, Epoch)
        }

    def _judge(self) -> None:
        """Judge all ops that were not, or that a later limit makes doubtful, in their order."""
        graph = self._graph
        self._counting &= (1 << self._judged) - 1
        for index in range(self._judged, len(graph.ops)):
            if self._is_good(index):
                self._counting |= 1 << index
        self._judged = len(graph.ops)

    def _is_good(self, index: int) -> bool:
        """Whether an op counts; everything in its past was judged."""
        op, past = self._graph.ops[index], self._graph.past[index]
        match op.control:
            case None:
                return False
            case Genesis():
                return self._is_owner(op.account)
            case Leave():
                is_in = self._standing(op.account, past).may_read
                return is_in and not self._is_owner(op.account) and not self._is_void(index)
            case Epoch():
                is_allowed = self._standing(op.account, past).may_administer
                return is_allowed and not self._is_void(index)
            case SetStanding() as change:
                return self._may_set(op.account, change, past) and not self._is_void(index)

    def _may_set(self, actor: AccountId, change: SetStanding, past: int) -> bool:
        if self._is_owner(change.account):
            return False
        if self._is_owner(actor):
            return True
        return (
            change.standing is not Standing.ADMIN
            and self._standing(actor, past) is Standing.ADMIN
            and self._by_owners(change.account, past) is not Standing.ADMIN
        )

    def _is_void(self, index: int) -> bool:
        """Whether an owner limited the op's author, and the op is neither on a chain that the owner
        named nor written in knowledge of that."""
        graph, op = self._graph, self._graph.ops[index]
        return any(
            not graph.past[index] >> limit & 1 and not graph.is_on(index, limit, op.device)
            for limit in self._limits.get(op.account, ())
        )

    def _is_limit(self, index: int, change: SetStanding) -> bool:
        """Whether an owner's op takes something away from an account: with it, what the account's
        devices wrote on the side."""
        if change.standing > Standing.MEMBER:
            return True
        was = self._by_owners(change.account, self._graph.past[index])
        return change.standing is Standing.MEMBER and was is Standing.ADMIN

    def _is_owner(self, account: AccountId) -> bool:
        return account in self.genesis.owners

    def _standing(self, account: AccountId, mask: int) -> Standing:
        if self._is_owner(account):
            return Standing.OWNER
        about = self._graph.about.get(account, 0) & mask & self._counting
        known = self._standings.get(account)
        if known is not None and known[0] == about:
            return known[1]
        standing = self._graph.most_restrictive(about)
        self._standings[account] = (about, standing)
        return standing

    def _by_owners(self, account: AccountId, mask: int) -> Standing:
        """What owners said last of an account."""
        said = 0
        for owner in self.genesis.owners:
            said |= self._graph.by.get(owner, 0)
        return self._graph.most_restrictive(self._graph.about.get(account, 0) & mask & said)


class Graph:
    """Control ops by the order in which they came, with the past of each."""

    def __init__(self) -> None:
        self.ops: list[ControlOp] = []
        self.index: dict[OpId, int] = {}
        self.past: list[int] = []
        self.by: defaultdict[AccountId, int] = defaultdict(int)
        self.about: defaultdict[AccountId, int] = defaultdict(int)
        """Ops that set an account's standing, its own leaving among them."""
        self.excluding = 0
        self.epochs = 0
        self._heads = 0

    def add(self, op: ControlOp) -> int:
        index = len(self.ops)
        past = self.closure(op.parents)
        self.ops.append(op)
        self.index[op.id] = index
        self.past.append(past)
        bit = 1 << index
        self._heads = self._heads & ~past | bit
        self.by[op.account] |= bit
        match op.control:
            case SetStanding(account, standing):
                self.about[account] |= bit
                self.excluding |= bit if standing in _EXCLUDING else 0
            case Leave():
                self.about[op.account] |= bit
                self.excluding |= bit
            case Epoch():
                self.epochs |= bit
            case _:
                pass  # it begins the room, or says nothing that we know
        return index

    def heads(self, most: int) -> tuple[OpId, ...]:
        left, covered, found = list(bits(self._heads)), 0, list[OpId]()
        while left and len(found) < most:
            index = max(left, key=lambda i: ((self.past[i] & ~covered).bit_count(), self.ops[i].id))
            left.remove(index)
            covered |= self.past[index]
            found.append(self.ops[index].id)
        return tuple(found)

    def ids(self, mask: int) -> frozenset[OpId]:
        return frozenset(self.ops[index].id for index in bits(mask))

    def closure(self, known: Iterable[OpId]) -> int:
        """These ops and everything in their pasts."""
        mask = 0
        for id in known:
            index = self.index[id]
            mask |= self.past[index] | 1 << index
        return mask

    def first_by(self, account: AccountId, default: int) -> int:
        """The first op of an account's."""
        return next(iter(bits(self.by.get(account, 0))), default)

    def change(self, index: int) -> SetStanding:
        """What an op says of an account."""
        op = self.ops[index]
        if isinstance(op.control, SetStanding):
            return op.control
        return SetStanding(op.account, Standing.REMOVED)

    def most_restrictive(self, about: int) -> Standing:
        """The standing by these ops about one account."""
        standing = None
        while about:
            index = about.bit_length() - 1  # the last one is in nobody's past
            about &= ~(self.past[index] | 1 << index)
            said = self.change(index).standing
            standing = said if standing is None else max(standing, said)
        return Standing.REMOVED if standing is None else standing

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

    def chain_heads(self, account: AccountId) -> dict[DeviceId, tuple[OpId, ...]]:
        """The ends of the control chains of an account's devices."""
        found: defaultdict[DeviceId, list[OpId]] = defaultdict(list)
        covered: defaultdict[DeviceId, int] = defaultdict(int)
        for index in reversed(list(bits(self.by.get(account, 0)))):
            op = self.ops[index]
            if not covered[op.device] >> index & 1:
                found[op.device].append(op.id)
                covered[op.device] |= self.past[index]
        return {device: tuple(sorted(ids)) for device, ids in found.items()}


def bits(mask: int) -> Iterator[int]:
    """The places of the ones, lowest first."""
    while mask:
        low = mask & -mask
        yield low.bit_length() - 1
        mask ^= low


def _holds(cut: Cut | None, position: Position) -> bool:
    """Whether a talk op lies at or below a head that a cut names."""
    return cut is not None and any(
        position.seq < head.seq or (position.seq, position.head) == (head.seq, head.head)
        for head in cut.talk
    )
