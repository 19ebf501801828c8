"""Who is in a room is a function of the set of its control ops: whatever order they come in, with
owners who disagree, admins who fall, and offenders who backdate and fork."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from p2pchat.model.control import (
    Admission,
    ControlOp,
    Cut,
    Detail,
    DeviceRevoked,
    Epoch,
    History,
    Invite,
    InviteRevoked,
    Leave,
    Link,
    Pin,
    SetDetail,
    SetStanding,
    Standing,
    TalkFloor,
)
from p2pchat.model.ids import AccountId, OpId
from p2pchat.protocol.histories import Spot
from p2pchat.protocol.membership import Membership
from tests.properties.membership_rules import Reference
from tests.unit.protocol.assembly import Assembly, account, crew, device
from tests.unit.protocol.people import digest

SEEDS = st.integers(0, 1 << 32)
OWNERS = ("olga", "oscar")
OTHERS = ("adam", "anna", "bob", "carol", "mallory")
STORIES = settings(max_examples=settings().max_examples * 3)
GUESTS = ("gina", "gus", "greta")
KEYS = (b"key", b"key", b"key", b"other")
GIVEN = [Standing.ADMIN, *Standing]


def places(rng: Random) -> tuple[TalkFloor, ...]:
    """From where on somebody may have the talk of two devices."""
    devices = sorted(map(device, rng.sample(OTHERS[:3], 2)))
    return tuple(TalkFloor(one, rng.randint(0, 3)) for one in devices)


def history(rng: Random, length: int) -> Assembly:
    """A room in which everybody does anything at any time, knowing as much as they like."""
    room = crew("oscar")
    room.genesis = replace(room.genesis, history=rng.choice(list(History)))
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


def welcoming(rng: Random, length: int) -> Assembly:
    """A room whose members let in guests, often knowing nothing of each other."""
    room = crew("oscar")
    room.genesis = replace(room.genesis, history=rng.choice(list(History)))
    room.set("olga", "adam", Standing.ADMIN)
    for name in ("bob", "carol", "mallory"):
        room.set("olga", name, Standing.MEMBER)
    for giver in ("olga", "adam"):
        room.write(giver, Invite(b"key", rng.choice((1, 2, 3)), 0), room.heads)
    for _ in range(length):
        writer = rng.choice(("olga", "adam", "bob", "carol", "mallory", *GUESTS))
        deps = room.heads if rng.random() < 0.4 else tuple(op.id for op in room.ops[-4:][:2])
        control = anything(rng, room, writer, deps)
        if rng.random() < 0.7:
            invites = [op.id for op in room.ops if isinstance(op.control, Invite)]
            guest = account(rng.choice((*GUESTS, "bob")))
            control = Admission(guest, rng.choice(invites), b"key", b"", places(rng))
        elif rng.random() < 0.2:
            control = Leave()
        deps = rng.choice((deps, tuple(op.id for op in room.ops[6:8])))
        room.write(writer, control, deps)
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
    if roll < 0.33:
        return rng.choice((None, Link()))
    if roll < 0.36:
        return Pin(OpId(digest(f"message {rng.randrange(3)}")), is_on=rng.random() < 0.7)
    if roll < 0.38:
        return SetDetail(rng.choice(list(Detail)), f"{roll}")
    if roll < 0.42:
        whose = rng.choice((writer, writer, *OTHERS, *OWNERS))
        name = rng.choice((whose, f"{whose}/2"))
        return DeviceRevoked(account(whose), device(name), (), b"")
    target = account(rng.choice((*OTHERS, *OWNERS)))
    if roll < 0.5:
        return Invite(rng.choice(KEYS), rng.choice((1, 2)), 0)
    invites = [op.id for op in room.ops if isinstance(op.control, Invite)]
    if roll < 0.7 and invites:
        key = rng.choice(KEYS)
        return Admission(target, rng.choice(invites), key, b"", places(rng))
    if roll < 0.74 and invites:
        return InviteRevoked(rng.choice(invites))
    named = cuts(rng, room, writer, target, deps)
    return SetStanding(target, rng.choice(GIVEN), named, places(rng))


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
    agree(rng, history(rng, length))


def details(membership: Membership) -> dict[Detail, str]:
    found = {detail: membership.detail(detail) for detail in Detail}
    return {detail: said[1] if said else "" for detail, said in found.items()}


@STORIES
@given(SEEDS, st.integers(1, 30))
def test_who_is_let_in_by_which_invitation_is_the_same_in_any_order(seed: int, length: int):
    rng = Random(seed)
    agree(rng, welcoming(rng, length))


def agree(rng: Random, room: Assembly) -> None:
    """Any order of arrival makes the room of the rules."""
    reference = Reference(room.genesis, room.ops)
    said = [reference.counts(op.id) for op in room.ops]
    for _ in range(3):
        membership = Membership(room.genesis)
        for op in any_order(rng, room.ops):
            membership.add(op)
            if rng.random() < 0.2:
                # looking changes nothing that is seen
                membership.members(), membership.epochs(), details(membership)
        assert verdicts(room, membership) == said
        assert membership.members() == reference.members()
        assert set(membership.epochs()) == reference.epochs()
        assert details(membership) == reference.details()
        assert list(membership.pins()) == reference.pinned()
        for _ in range(5):
            who = account(rng.choice((*OTHERS, *GUESTS)))
            known = tuple(op.id for op in rng.choices(room.ops, k=2))
            spot = Spot(device(rng.choice(OTHERS[:3])), rng.randint(0, 4), known)
            expected = reference.may_have(who, spot, room.genesis.history)
            assert membership.may_have(who, spot) == expected


@STORIES
@given(SEEDS, st.integers(1, 30), st.booleans())
def test_wherever_talk_ends_for_somebody_it_is_seen_that_it_may(
    seed: int, length: int, is_welcoming: bool
):
    """What an author said to somebody, and what it said later to others alone."""
    rng = Random(seed)
    room = (welcoming if is_welcoming else history)(rng, length)
    membership = Membership(room.genesis)
    for op in room.ops:
        membership.add(op)
    for _ in range(20):
        known = tuple(op.id for op in rng.choices(room.ops, k=2))
        then = tuple({*known, rng.choice(room.ops).id})
        for name in (*OTHERS, *GUESTS):
            was_in, is_in = (
                membership.standing(account(name), one).may_read for one in (known, then)
            )
            by = membership.histories.ends_by(known, then)
            going = membership.histories.going((account(name),), membership.counting)
            assert is_in or not was_in or by is None or by & going, name


@STORIES
@given(SEEDS, st.integers(1, 30))
def test_of_what_a_room_says_of_itself_the_last_word_is_the_same_for_all(seed: int, length: int):
    """Admins who know little of each other, and one who falls."""
    rng = Random(seed)
    room = crew("oscar")
    for name in ("adam", "anna"):
        room.set("olga", name, Standing.ADMIN)
    for number in range(length):
        deps = known_to(rng, room)
        control = SetDetail(rng.choice(list(Detail)), f"{number}")
        if rng.random() < 0.5:
            control = Pin(OpId(digest(f"message {rng.randrange(40)}")), is_on=rng.random() < 0.8)
        if rng.random() < 0.1:
            target = account("adam")
            control = SetStanding(target, Standing.MEMBER, cuts(rng, room, "olga", target, deps))
        writer = "olga" if isinstance(control, SetStanding) else rng.choice(("adam", "anna", "bob"))
        room.write(writer, control, deps)
    agree(rng, room)


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
                one.members(), one.epochs(), details(one)
    for one in seen:
        for op in room.ops:
            one.add(op)
    for one, other in combinations(seen, 2):
        assert one.members() == other.members()
        assert one.epochs() == other.epochs()
        assert one.exclusions() == other.exclusions()
        assert details(one) == details(other)
        assert set(one.last()) == set(other.last())


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
