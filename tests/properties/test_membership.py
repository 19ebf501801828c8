"""Who is in a room is a function of the set of its control ops: whatever order they come in, with
owners who disagree, admins who fall, and offenders who backdate and fork."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from p2pchat.model.control import (
    ControlOp,
    Cut,
    DeviceRevoked,
    Epoch,
    Genesis,
    Leave,
    Link,
    SetStanding,
    Standing,
)
from p2pchat.model.ids import AccountId, OpId
from p2pchat.protocol.membership import Membership
from tests.unit.protocol.assembly import Assembly, account, crew, device
from tests.unit.protocol.people import digest

SEEDS = st.integers(0, 1 << 32)
OWNERS = ("olga", "oscar")
OTHERS = ("adam", "anna", "bob", "carol", "mallory")
STORIES = settings(max_examples=settings().max_examples * 3)
GIVEN = [Standing.ADMIN, *Standing]


class Reference:
    """The rules of `protocol.membership` as they are written, one op at a time, on sets."""

    def __init__(self, genesis: Genesis, ops: list[ControlOp]) -> None:
        self.owners = genesis.owners
        self.ops = {op.id: op for op in ops}
        self.pasts: dict[OpId, frozenset[OpId]] = {}
        self.verdicts: dict[OpId, bool] = {}
        for op in ops:
            below = [self.pasts[id] | {id} for id in op.parents]
            self.pasts[op.id] = frozenset().union(*below)

    def about(self, account: AccountId, known: frozenset[OpId]) -> dict[OpId, Standing]:
        found = {}
        for id in known:
            op = self.ops[id]
            if isinstance(op.control, SetStanding) and op.control.account == account:
                found[id] = op.control.standing
            if isinstance(op.control, Leave) and op.account == account:
                found[id] = Standing.REMOVED
        return found

    def maximal(self, said: dict[OpId, Standing]) -> Standing:
        last = [said[id] for id in said if not any(id in self.pasts[other] for other in said)]
        return max(last, default=Standing.REMOVED)

    def standing(self, account: AccountId, known: frozenset[OpId]) -> Standing:
        if account in self.owners:
            return Standing.OWNER
        said = self.about(account, known)
        return self.maximal({id: said[id] for id in said if self.counts(id)})

    def by_owners(
        self, account: AccountId, known: frozenset[OpId], *, is_judged: bool = False
    ) -> Standing:
        said = self.about(account, known)
        return self.maximal(
            {
                i: said[i]
                for i in said
                if self.ops[i].account in self.owners and not (is_judged and self.is_severed(i))
            }
        )

    def is_severed(self, id: OpId) -> bool:
        """Whether an op is of a revoked device and unknown to who revoked it."""
        op = self.ops[id]
        return any(
            isinstance(said := limit.control, DeviceRevoked)
            and (said.account, said.device) == (op.account, op.device)
            and id not in self.pasts[limit.id]
            and limit.id != id
            and self.revokes(limit)
            for limit in self.ops.values()
        )

    def revokes(self, limit: ControlOp) -> bool:
        return self.may_revoke(limit) and not self.is_void(limit)

    def may_revoke(self, op: ControlOp) -> bool:
        said = op.control
        if not isinstance(said, DeviceRevoked) or said.device == op.device:
            return False
        return op.account in (said.account, *self.owners)

    def is_void(self, op: ControlOp) -> bool:
        return any(self.voids(limit, op) for limit in self.ops.values())

    def counts(self, id: OpId) -> bool:
        if id not in self.verdicts:
            self.verdicts[id] = self.judge(self.ops[id])
        return self.verdicts[id]

    def judge(self, op: ControlOp) -> bool:
        past, author = self.pasts[op.id], op.account
        if isinstance(op.control, DeviceRevoked):
            is_theirs = self.may_revoke(op)
            return is_theirs and not self.is_void(op)
        if self.is_severed(op.id):
            return False
        match op.control:
            case Genesis():
                return author in self.owners
            case SetStanding(target, standing):
                if target in self.owners or author in self.owners:
                    return target not in self.owners
                is_allowed = (
                    standing is not Standing.ADMIN
                    and self.standing(author, past) is Standing.ADMIN
                    and self.by_owners(target, past, is_judged=True) is not Standing.ADMIN
                )
            case Leave():
                is_allowed = (
                    author not in self.owners and self.standing(author, past) <= Standing.READ_ONLY
                )
            case Epoch() | Link():
                is_allowed = self.standing(author, past) <= Standing.ADMIN
            case _:
                return False
        return is_allowed and not self.is_void(op)

    def voids(self, limit: ControlOp, op: ControlOp) -> bool:
        change = limit.control
        if limit.account not in self.owners or not isinstance(change, SetStanding):
            return False
        if change.account != op.account or op.account in self.owners:
            return False
        if self.is_severed(limit.id):
            return False
        past = self.pasts[limit.id]
        was = self.by_owners(change.account, past)
        is_limit = change.standing > Standing.MEMBER or (
            change.standing is Standing.MEMBER and was is Standing.ADMIN
        )
        if not is_limit or limit.id in self.pasts[op.id]:
            return False
        named = [id for cut in change.cuts if cut.device == op.device for id in cut.control]
        return not any(id in past and (id == op.id or op.id in self.pasts[id]) for id in named)

    def epochs(self) -> set[OpId]:
        found = {id for id in self.ops if isinstance(self.ops[id].control, Epoch)}
        return {id for id in found if self.counts(id) and not any(map(self.ends(id), self.ops))}

    def ends(self, epoch: OpId) -> Callable[[OpId], bool]:
        """Whether an op says that somebody may read no more who could have had an epoch."""
        past, whole = self.pasts[epoch], frozenset(self.ops)

        def is_end(id: OpId) -> bool:
            op = self.ops[id]
            gone = op.account
            if isinstance(op.control, SetStanding) and op.control.standing >= Standing.REMOVED:
                gone = op.control.account
            elif not isinstance(op.control, Leave):
                return False
            if id in past or not self.counts(id):
                return False
            later = {i: s for i, s in self.about(gone, whole).items() if i not in past}
            is_let_in = any(s <= Standing.READ_ONLY and self.counts(i) for i, s in later.items())
            had_it = is_let_in or self.standing(gone, past) <= Standing.READ_ONLY
            return had_it and self.standing(gone, whole) > Standing.READ_ONLY

        return is_end

    def members(self) -> dict[AccountId, Standing]:
        whole = frozenset(self.ops)
        accounts = {*self.owners, *(account(name) for name in OTHERS)}
        found = {one: self.standing(one, whole) for one in accounts}
        return {one: standing for one, standing in found.items() if standing <= Standing.READ_ONLY}


def history(rng: Random, length: int) -> Assembly:
    """A room in which everybody does anything at any time, knowing as much as they like."""
    room = crew("oscar")
    for _ in range(length):
        writer = rng.choice((*OWNERS, *OTHERS))
        name = writer if rng.random() < 0.8 else f"{writer}/2"
        deps = known_to(rng, room)
        if rng.random() < 0.15 and name in room.chains:
            own = [op.id for op in room.ops if op.device == device(name)]
            room.fork(name, anything(rng, room, writer, deps), rng.choice([*own, None]), deps)
        else:
            room.write(name, anything(rng, room, writer, deps), deps)
    return room


def known_to(rng: Random, room: Assembly) -> tuple[OpId, ...]:
    """Everything, or what was there long ago, or a little of it."""
    if rng.random() < 0.6:
        return room.heads
    return tuple({op.id for op in rng.choices(room.ops, k=rng.randint(1, 3))})


def anything(rng: Random, room: Assembly, writer: str, deps: tuple[OpId, ...]):
    roll = rng.random()
    if roll < 0.15:
        return Leave()
    if roll < 0.3:
        return Epoch(digest(f"{roll}"))
    if roll < 0.35:
        return rng.choice((None, Link()))
    if roll < 0.42:
        whose = rng.choice((writer, writer, *OTHERS, *OWNERS))
        name = rng.choice((whose, f"{whose}/2"))
        return DeviceRevoked(account(whose), device(name), (), b"")
    target = account(rng.choice((*OTHERS, *OWNERS)))
    return SetStanding(target, rng.choice(GIVEN), cuts(rng, room, writer, target, deps))


def cuts(
    rng: Random, room: Assembly, writer: str, target: AccountId, deps: tuple[OpId, ...]
) -> tuple[Cut, ...]:
    """What an honest writer names; or less, or what it cannot know."""
    honest = room.membership(room.known(writer, deps)).cuts(target, {})
    if rng.random() < 0.8:
        return honest
    known = [op for op in room.ops if op.account == target]
    return tuple(Cut(op.device, (op.id,), ()) for op in known[:1])


def any_order(rng: Random, ops: list[ControlOp]) -> list[ControlOp]:
    """Another order in which each op comes after its parents."""
    waiting, taken = list(ops), dict[OpId, ControlOp]()
    while waiting:
        ready = [op for op in waiting if all(id in taken for id in op.parents)]
        op = rng.choice(ready)
        waiting.remove(op)
        taken[op.id] = op
    return list(taken.values())


def verdicts(room: Assembly, membership: Membership) -> list[bool]:
    return [membership.counts(op.id) for op in room.ops]


@STORIES
@given(SEEDS, st.integers(1, 40))
def test_any_order_of_arrival_makes_the_same_room_and_the_one_of_the_rules(seed: int, length: int):
    rng = Random(seed)
    room = history(rng, length)
    reference = Reference(room.genesis, room.ops)
    said = [reference.counts(op.id) for op in room.ops]
    for _ in range(3):
        membership = Membership(room.genesis)
        for op in any_order(rng, room.ops):
            membership.add(op)
            if rng.random() < 0.2:
                membership.members()  # looking does not change what is seen
        assert verdicts(room, membership) == said
        assert membership.members() == reference.members()
        assert set(membership.epochs()) == reference.epochs()


@STORIES
@given(SEEDS, st.integers(1, 40))
def test_everybody_who_catches_up_agrees_whatever_they_saw_first(seed: int, length: int):
    rng = Random(seed)
    room = history(rng, length)
    seen = [Membership(room.genesis) for _ in range(3)]
    for op in room.ops:
        for one in seen:
            if rng.random() < 0.5 and all(id in one for id in op.parents):
                one.add(op)
                one.members()
    for one in seen:
        for op in room.ops:
            one.add(op)
    for one, other in combinations(seen, 2):
        assert one.members() == other.members()
        assert one.epochs() == other.epochs()
        assert one.exclusions() == other.exclusions()
        assert set(one.last()) == set(other.last())


@STORIES
@given(SEEDS, st.integers(1, 30))
def test_nothing_that_an_excluded_account_writes_later_changes_the_room(seed: int, length: int):
    """It knows everything, lies about what it knew, and forks its chains."""
    rng = Random(seed)
    room = history(rng, length)
    for owner in OWNERS:  # each names what it has of Mallory's
        room.set(f"{owner}/3", "mallory", Standing.BANNED)
    before = room.standings()
    expected = room.membership().epochs()
    for _ in range(20):
        deps = known_to(rng, room)
        control = anything(rng, room, "mallory", deps)
        name = rng.choice(("mallory", "mallory/2"))
        if rng.random() < 0.5:
            own = [op.id for op in room.ops if op.device == device(name)]
            room.fork(name, control, rng.choice([*own, None]), deps)
        else:
            room.write(name, control, deps)
    assert room.standings() == before
    assert room.membership().epochs() == expected


def crowd(count: int) -> Assembly:
    """Twenty admins who each write their share knowing nothing of each other, and an owner who
    demotes every second one of them at the same time."""
    room = crew()
    admins = [f"admin {number}" for number in range(20)]
    grants = [room.write("olga", SetStanding(account(a), Standing.ADMIN)) for a in admins]
    for number in range(count):
        name = admins[number % len(admins)]
        change = SetStanding(account(f"member {number % 500}"), Standing(2 + number % 3))
        room.write(name, change, grants[-1:])
    for name in admins[::2]:
        room.write("olga", SetStanding(account(name), Standing.REMOVED))
    return room


def test_ten_thousand_concurrent_ops_are_judged():
    room = crowd(10_000)
    membership = room.membership()
    kept = [op for op in room.ops if membership.counts(op.id)]
    assert len(kept) == 1 + 20 + 5_000 + 10
    last = {n % 500: Standing(2 + n % 3) for n in range(10_000) if n % 20 % 2}
    readers = [standing for standing in last.values() if standing.may_read]
    assert len(membership.members()) == 1 + 10 + len(readers)


@STORIES
@given(SEEDS)
def test_who_an_admin_removed_ends_no_epoch_and_changes_nobody(seed: int):
    """With devices and branches as many as it likes, in knowledge of its admission alone."""
    rng = Random(seed)
    room = crew("oscar")
    room.set("olga", "adam", Standing.ADMIN)
    room.set("adam", "mallory", Standing.MEMBER)
    room.set("adam", "bob", Standing.MEMBER)
    for number in range(rng.randint(0, 3)):
        room.write(f"mallory/{number}", anything(rng, room, "mallory", room.heads), room.heads)
    room.set("adam", "mallory", Standing.REMOVED)
    room.open_epoch("adam")
    before, expected = room.standings(), room.membership().epochs()
    assert expected
    for _ in range(20):
        deps, name = known_to(rng, room), f"mallory/{rng.randint(0, 4)}"
        own = [op.id for op in room.ops if op.device == device(name)]
        room.fork(name, anything(rng, room, "mallory", deps), rng.choice([*own, None]), deps)
    assert room.standings() == before
    assert room.membership().epochs() == expected
