"""What is missing is named exactly, told once, and told again when it is here."""

from __future__ import annotations

from itertools import groupby

from hypothesis import given, settings
from hypothesis import strategies as st

from p2pchat.events import GapFilled, GapFound
from p2pchat.model.completeness import Gap
from p2pchat.model.op import Chain
from p2pchat.protocol.completeness import completeness
from p2pchat.protocol.machine import LeaveRoom
from p2pchat.wire.frames import Ops
from tests.unit.protocol.people import ALICE, BOB, CAROL, MALLORY, Author, between
from tests.unit.protocol.table import Seat, Table

DIRECT = between(ALICE, BOB)


def bob_with_contact() -> Seat:
    table = Table()
    alice, bob = table.sit(ALICE), table.sit(BOB)
    table.befriend(alice, bob)
    return bob


def written(count: int):
    author = Author(ALICE, DIRECT)
    return [author.write(f"number {number}") for number in range(count)]


def give(seat: Seat, *ops) -> None:
    seat.hear(ALICE, Ops(ops))
    while seat.loads:
        seat.answer_load()


def missing(seat: Seat, conversation=DIRECT):
    return completeness(seat.state.conversations[conversation])


def gap(first: int, last: int) -> Gap:
    return Gap(ALICE.account, ALICE.device, Chain.TALK, first, last)


def ranges(numbers) -> list[Gap]:
    """Runs of following numbers."""
    runs = groupby(enumerate(sorted(numbers)), key=lambda pair: pair[1] - pair[0])
    found = [[number for _, number in run] for _, run in runs]
    return [gap(run[0], run[-1]) for run in found]


@settings(max_examples=50)
@given(st.data())
def test_of_any_that_are_dropped_exactly_those_are_named_and_then_filled(data):
    """The last one comes: nothing else shows that there is one."""
    ops = written(12)
    dropped = data.draw(st.sets(st.integers(0, 10)))
    bob = bob_with_contact()
    for seq in data.draw(st.permutations([seq for seq in range(12) if seq not in dropped])):
        give(bob, ops[seq])
    stated = missing(bob)
    assert list(stated.gaps) == ranges(dropped)
    assert stated.is_complete == (not dropped)
    for seq in data.draw(st.permutations(sorted(dropped))):
        give(bob, ops[seq])
    assert missing(bob).is_complete
    assert bob.texts(DIRECT) == [f"number {number}" for number in range(12)]
    found, filled = bob.told(GapFound), bob.told(GapFilled)
    assert len(found) == len(filled) >= bool(dropped)


def test_a_gap_is_told_once_and_so_is_its_end():
    ops = written(6)
    bob = bob_with_contact()
    give(bob, ops[3])
    give(bob, ops[5])
    assert bob.told(GapFound) == [GapFound(DIRECT, ALICE.account, 3)]
    give(bob, ops[0], ops[1], ops[2])
    assert bob.told(GapFilled) == []
    assert list(missing(bob).gaps) == [gap(4, 4)]
    give(bob, ops[4])
    assert bob.told(GapFilled) == [GapFilled(DIRECT, ALICE.account)]


def test_what_comes_in_any_order_within_one_batch_is_no_gap():
    bob = bob_with_contact()
    give(bob, *reversed(written(6)))
    assert bob.told(GapFound) == bob.told(GapFilled) == []


def test_a_control_op_that_others_depend_on_is_named_by_its_id():
    author = Author(ALICE, DIRECT)
    unseen = Author(BOB, DIRECT).write("a control op nobody has").id
    op = author.write("after that", deps=(unseen,))
    bob = bob_with_contact()
    give(bob, op)
    assert (missing(bob).gaps, missing(bob).awaited) == ((), (unseen,))
    assert bob.told(GapFound) == [GapFound(DIRECT, ALICE.account, 0)]


def test_two_who_hold_the_same_state_the_same_digest_and_heads():
    table = Table()
    alice, bob = table.sit(ALICE), table.sit(BOB)
    table.connect(alice, bob)
    room = alice.join("lounge")
    assert bob.join("lounge") == room
    table.meet_in(room, alice)
    table.meet_in(room, bob)
    alice.send(room, "hello")
    bob.send(room, "hello yourself")
    table.settle()
    one, other = missing(alice, room), missing(bob, room)
    assert one == other
    assert len(one.digest) == 32
    assert one.is_complete
    alice.send(room, "and more")
    assert missing(alice, room).digest != other.digest


def test_of_a_room_that_is_left_nothing_is_told_any_more():
    table = Table()
    bob = table.sit(BOB)
    room = bob.join("lounge")
    author = Author(ALICE, room)
    _, second = author.write("one"), author.write("two")
    give(bob, second)
    assert bob.told(GapFound) == [GapFound(room, ALICE.account, 1)]
    bob.ask(lambda id: LeaveRoom(id, room))
    assert bob.told(GapFilled) == []
    bob.join("lounge")
    give(bob, second)
    assert len(bob.told(GapFound)) == 2


def test_what_one_author_invents_hides_no_gap_of_another():
    table = Table()
    bob = table.sit(BOB)
    room = bob.join("lounge")
    lie = Author(MALLORY, room)
    lie.write("never sent")
    give(bob, lie.write("follows nothing"))
    bob.events.clear()
    author = Author(ALICE, room)
    first, second = author.write("one"), author.write("two")
    bob.hear(CAROL, Ops((second,), (ALICE.devices,)))
    bob.hear(CAROL, Ops((first,), (ALICE.devices,)))
    assert bob.told(GapFound) == [GapFound(room, ALICE.account, 1)]
    assert bob.told(GapFilled) == [GapFilled(room, ALICE.account)]
