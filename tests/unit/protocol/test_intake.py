"""The way of an op into its log: out of order, twice, forked, forged."""

from __future__ import annotations

from dataclasses import replace

import pytest

from p2pchat.config.limits import Limits
from p2pchat.events import MembersChanged, MessageReceived, SecurityAlert
from p2pchat.model.change import AddMessage, AddOp
from p2pchat.model.op import Chain, Kind, Op
from p2pchat.protocol import intake as intake_module
from p2pchat.protocol.log import BRANCHES_MAX
from p2pchat.protocol.machine import Heard, LeaveRoom, Load, PeerUp, Persist, Send
from p2pchat.wire.devices import claimed_set
from p2pchat.wire.frames import Ops, SyncDigest
from p2pchat.wire.receipts import SignedReceipt
from tests.unit.protocol.people import ALICE, BOB, CAROL, MALLORY, Author, between, set_of
from tests.unit.protocol.table import Seat, Table

DIRECT = between(ALICE, BOB)


def bob_with_contact(limits: Limits | None = None) -> Seat:
    """Bob, a contact of Alice, who is connected and says nothing by herself."""
    table = Table()
    alice, bob = table.sit(ALICE), table.sit(BOB, limits)
    table.befriend(alice, bob)
    bob.effects.clear()
    return bob


def written(count: int) -> list[Op]:
    author = Author(ALICE, DIRECT)
    return [author.write(f"number {number}") for number in range(count)]


def branch(ops: list[Op], seq: int, count: int, name: str = "other") -> list[Op]:
    """What the same device wrote after forgetting everything from `seq` on."""
    author = Author(ALICE, DIRECT)
    author.ops, author.hlc = ops[:seq], author.hlc + 1_000
    return [author.write(f"{name} {number}") for number in range(seq, seq + count)]


def restart(bob: Seat) -> None:
    bob.crash()
    bob.do(PeerUp(ALICE.device))
    bob.effects.clear()


def give(seat: Seat, *ops: Op) -> None:
    """As one frame from Alice; what the disk is asked is answered."""
    seat.hear(ALICE, Ops(ops))
    while seat.loads:
        seat.answer_load()


def receipts(seat: Seat) -> list[SignedReceipt]:
    return [e.frame for e in seat.decided(Send) if isinstance(e.frame, SignedReceipt)]


def test_an_op_is_stored_shown_and_receipted():
    bob = bob_with_contact()
    (op,) = written(1)
    give(bob, op)
    (event,) = bob.told(MessageReceived)
    assert event.message == bob.store.message(op.id)
    assert event.message.text == "number 0"
    assert receipts(bob)[0].receipt.entries[-1].head == op.id


def test_ops_in_any_order_are_shown_in_theirs():
    bob = bob_with_contact()
    ops = written(5)
    for index in (3, 1, 4, 0, 2):
        give(bob, ops[index])
    assert bob.received() == bob.texts(DIRECT) == [f"number {n}" for n in range(5)]


def test_a_repeat_is_receipted_again_and_nothing_else():
    bob = bob_with_contact()
    ops = written(3)
    give(bob, *ops)
    bob.effects.clear()
    give(bob, *ops)
    assert bob.decided(Persist) == []
    assert len(receipts(bob)) == 1


def test_a_repeat_after_a_restart_costs_one_look_at_the_disk():
    bob = bob_with_contact()
    ops = written(64)
    give(bob, *ops)
    restart(bob)
    give(bob, *ops)
    assert len(bob.decided(Load)) == 1
    assert bob.decided(Persist) == []
    assert receipts(bob)
    assert len(bob.received()) == 64


def test_a_gap_is_asked_for_at_once_and_only_once():
    bob = bob_with_contact()
    ops = written(5)
    give(bob, ops[2])
    give(bob, ops[4])
    digests = [e for e in bob.decided(Send) if isinstance(e.frame, SyncDigest)]
    assert [e.peer for e in digests] == [ALICE.device]


def test_what_is_too_much_to_hold_is_dropped_and_counted():
    bob = bob_with_contact(Limits(pending_ops_max=3))
    ops = written(6)
    give(bob, *ops[1:])
    assert bob.state.refused["too much held back"] == 2
    give(bob, *ops[:3])
    assert bob.texts(DIRECT) == [f"number {number}" for number in range(6)]


def test_a_forged_op_is_refused_wherever_it_would_stand():
    bob = bob_with_contact()
    ops = written(3)
    give(bob, ops[0], ops[1])
    restart(bob)
    for op in (ops[2], branch(ops, 1, 2)[1]):
        give(bob, replace(op, signature=bytes(64)))
    assert len(bob.drops) == 2
    assert bob.texts(DIRECT) == ["number 0", "number 1"]
    assert bob.decided(Load) == []


def test_a_repeat_that_memory_has_forgotten_costs_no_signature():
    """A signature that is not looked at may be a wrong one."""
    bob = bob_with_contact()
    ops = written(3)
    give(bob, *ops)
    restart(bob)
    give(bob, *(replace(op, signature=bytes(64)) for op in ops[:2]))
    assert len(bob.decided(Load)) == 1
    assert bob.decided(Persist) == []
    assert bob.drops == []
    assert bob.state.refused["BadSignature"] == 0


def test_a_frame_of_forged_forks_costs_one_signature_and_changes_nothing():
    bob = bob_with_contact()
    ops = written(4)
    give(bob, *ops)
    restart(bob)
    give(bob, *(replace(op, signature=bytes(64)) for op in branch(ops, 1, 3)))
    assert bob.state.refused["BadSignature"] == 1
    assert bob.decided(Persist) == []
    assert bob.told(SecurityAlert) == []


def test_a_forged_certificate_is_the_fault_of_who_sent_it():
    bob = bob_with_contact()
    room = bob.join("square")
    forged = bytearray(CAROL.devices.raw)
    forged[-1] ^= 1
    blob = Ops((Author(CAROL, room).write(),), (claimed_set(bytes(forged)),))
    bob.hear(ALICE, blob)
    assert len(bob.drops) == 1
    assert CAROL.account not in bob.state.directory.sets
    bob.hear(ALICE, Ops((Author(CAROL, room).write(),), (CAROL.devices,)))
    assert bob.texts(room) == ["hello"]


def test_an_op_of_an_unknown_device_is_refused_without_blaming_who_sent_it():
    table = Table()
    alice = table.sit(ALICE)
    room = alice.join("square")
    alice.do(Heard(room, BOB.device, Ops((Author(MALLORY, room).write(),))))
    alice.do(Heard(room, BOB.device, Ops((Author(MALLORY, room).write(),), (CAROL.devices,))))
    assert alice.state.refused["author without a device set"] == 2
    assert alice.drops == []


def test_an_op_without_content_is_refused_without_blaming_who_sent_it():
    bob = bob_with_contact()
    first, second = written(2)
    give(bob, replace(first, content=None), second)
    assert bob.state.refused["op without content"] == 1
    assert bob.drops == []
    give(bob, first)
    assert bob.texts(DIRECT) == ["number 0", "number 1"]


def test_a_content_that_makes_no_sense_is_kept_and_not_shown():
    bob = bob_with_contact()
    author = Author(ALICE, DIRECT)
    give(bob, author.write_raw(Kind.TEXT, b"\xff\xff"), author.write("after it"))
    assert bob.texts(DIRECT) == ["after it"]
    assert bob.state.refused["MalformedMessage"] == 1
    assert len(bob.chain(DIRECT, ALICE)) == 2
    assert bob.drops == []


def test_a_kind_of_a_later_version_is_kept_and_not_shown():
    bob = bob_with_contact()
    author = Author(ALICE, DIRECT)
    give(bob, author.write_raw(999, b"a dance"), author.write("after it"))
    assert bob.texts(DIRECT) == ["after it"]
    assert bob.chain(DIRECT, ALICE)[0].content == b"a dance"


def test_open_rooms_have_no_control_ops():
    table = Table()
    alice = table.sit(ALICE)
    room = alice.join("square")
    op = Author(BOB, room).write_raw(5, b"I am king")
    alice.do(Heard(room, BOB.device, Ops((op,), (BOB.devices,))))
    assert alice.state.refused["not allowed"] == 1


def test_the_first_op_of_an_author_makes_a_member():
    table = Table()
    alice = table.sit(ALICE)
    room = alice.join("square")
    alice.events.clear()
    author = Author(BOB, room)
    for text in ("one", "two"):
        alice.do(Heard(room, BOB.device, Ops((author.write(text),), (BOB.devices,))))
    assert alice.told(MembersChanged) == [MembersChanged(room)]


# Forks


def test_both_branches_of_a_fork_are_kept_and_the_fork_is_told():
    bob = bob_with_contact()
    ops = written(4)
    other = branch(ops, 2, 2)
    give(bob, *ops)
    give(bob, *other)
    assert {op.id for op in bob.chain(DIRECT, ALICE)} == {op.id for op in ops + other}
    assert "other 3" in bob.texts(DIRECT)
    assert [alert.account for alert in bob.told(SecurityAlert)] == [ALICE.account]
    tips = bob.state.conversations[DIRECT].log.tips[ALICE.device, Chain.TALK]
    assert {tip.id for tip in tips} == {ops[3].id, other[1].id}


@pytest.mark.parametrize("seq", [0, 1, 9])
def test_a_fork_is_found_after_a_restart_and_all_of_it_is_taken(seq: int):
    bob = bob_with_contact()
    ops = written(10)
    give(bob, *ops)
    restart(bob)
    other = branch(ops, seq, 20)

    bob.hear(ALICE, Ops(tuple(other[:10])))
    bob.hear(ALICE, Ops(tuple(other[10:])))
    while bob.loads:
        bob.answer_load()

    assert len(bob.told(SecurityAlert)) == 1
    assert len(bob.chain(DIRECT, ALICE)) == 30
    assert bob.state.conversations[DIRECT].log.waiting_count == 0


def test_siblings_that_waited_together_are_a_fork_too():
    bob = bob_with_contact()
    ops = written(2)
    siblings = [branch(ops, 1, 1, name)[0] for name in ("a", "b", "c", "d", "e", "f")]
    give(bob, *siblings)
    assert bob.told(SecurityAlert) == []
    give(bob, ops[0])
    assert len(bob.chain(DIRECT, ALICE)) == 1 + BRANCHES_MAX
    assert len(bob.told(SecurityAlert)) == BRANCHES_MAX - 1
    assert bob.state.refused["too many branches"] == 2


def test_too_many_branches_are_refused_after_a_restart_too():
    bob = bob_with_contact()
    ops = written(1)
    give(bob, *ops)
    for name in "abcd":
        give(bob, *branch(ops, 1, 1, name))
    restart(bob)
    give(bob, *branch(ops, 1, 1, "e"))
    assert bob.state.refused["too many branches"] == 1
    assert len(bob.chain(DIRECT, ALICE)) == 5


def test_a_branch_whose_beginning_is_missing_waits_for_it():
    bob = bob_with_contact()
    ops = written(10)
    other = branch(ops, 3, 5)
    give(bob, *ops)
    give(bob, *other[2:])
    assert bob.state.conversations[DIRECT].log.waiting_count == 3
    give(bob, *other[:2])
    assert bob.state.conversations[DIRECT].log.waiting_count == 0
    assert len(bob.chain(DIRECT, ALICE)) == 15


def test_a_fork_found_on_disk_meanwhile_went_on_in_memory():
    """Two frames of a branch are asked about before the first answer came."""
    bob = bob_with_contact()
    ops = written(4)
    give(bob, *ops)
    restart(bob)
    other = branch(ops, 1, 3)
    for op in other:
        bob.hear(ALICE, Ops((op,)))
    bob.loads.reverse()
    while bob.loads:
        bob.answer_load()
    assert len(bob.chain(DIRECT, ALICE)) == 7


def test_a_fork_of_an_account_that_does_not_own_the_device_is_refused():
    table = Table()
    alice = table.sit(ALICE)
    room = alice.join("square")
    author = Author(BOB, room)
    ops = [author.write() for _ in range(3)]
    alice.do(Heard(room, BOB.device, Ops(tuple(ops), (BOB.devices,))))
    alice.crash()
    thief = author.fork(1).write("mine now", account=MALLORY.account)
    alice.do(Heard(room, BOB.device, Ops((thief,), (MALLORY.devices,))))
    while alice.loads:
        alice.answer_load()
    assert len(alice.chain(room, BOB)) == 3
    assert alice.told(SecurityAlert) == []


def test_a_fork_that_skips_a_number_is_refused_after_a_look_at_the_disk():
    bob = bob_with_contact()
    ops = written(6)
    give(bob, *ops)
    restart(bob)
    author = Author(ALICE, DIRECT)
    author.ops = ops[:2]
    give(bob, author.write("skips", seq=4))
    assert len(bob.chain(DIRECT, ALICE)) == 6
    assert bob.told(SecurityAlert) == []


def test_looks_at_the_disk_are_bounded():
    bob = bob_with_contact()
    ops = written(200)
    for start in range(0, 200, 50):
        give(bob, *ops[start : start + 50])
    restart(bob)
    for op in ops[: intake_module.CHECKS_MAX + 5]:
        bob.hear(ALICE, Ops((op,)))
    assert len(bob.decided(Load)) == intake_module.CHECKS_MAX
    assert bob.state.refused["too many fork checks"] == 5
    while bob.loads:
        bob.answer_load()
    give(bob, ops[3])
    assert len(bob.decided(Load)) == intake_module.CHECKS_MAX + 1


@pytest.mark.parametrize(("bound", "most"), [("CHECK_ROWS_MAX", 4), ("CHECK_BYTES_MAX", 1000)])
def test_a_look_at_the_disk_that_was_cut_short_judges_only_what_it_saw(
    bound: str, most: int, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(intake_module, bound, most)
    bob = bob_with_contact()
    ops = written(20)
    give(bob, *ops)
    restart(bob)
    give(bob, *ops)
    assert bob.decided(Persist) == []
    assert bob.told(SecurityAlert) == []


def test_an_answer_for_a_conversation_that_was_left_is_ignored():
    table = Table()
    alice = table.sit(ALICE)
    room = alice.join("square")
    author = Author(BOB, room)
    ops = [author.write() for _ in range(3)]
    alice.do(Heard(room, BOB.device, Ops(tuple(ops), (BOB.devices,))))
    alice.crash()
    alice.do(Heard(room, BOB.device, Ops(tuple(ops[:2]), (BOB.devices,))))
    alice.ask(lambda id: LeaveRoom(id, room))
    alice.effects.clear()
    alice.answer_load()
    assert alice.decided(Persist) == []


def test_names_in_messages_are_those_known_when_they_came():
    bob = bob_with_contact()
    give(bob, *written(1))
    (event,) = bob.told(MessageReceived)
    assert event.message.author_name == "alice"
    assert [e for e in bob.decided(Persist) if isinstance(e.change, AddOp | AddMessage)]


def test_what_waited_and_turns_out_to_skip_a_number_is_dropped_without_blaming_who_sent_the_rest():
    bob = bob_with_contact()
    author = Author(ALICE, DIRECT)
    first = author.write("first")
    skipping = author.write("skipping", seq=5)
    give(bob, skipping)
    give(bob, first)
    assert bob.texts(DIRECT) == ["first"]
    assert bob.state.refused["MalformedMessage"] == 1
    assert bob.drops == []
    assert bob.state.conversations[DIRECT].log.waiting_count == 0


def test_an_op_that_skips_a_number_keeps_nothing_else_of_its_frame_away():
    bob = bob_with_contact()
    author = Author(ALICE, DIRECT)
    first = author.write("first")
    give(bob, first, author.fork(1).write("skips", seq=7), author.write("second"))
    assert bob.texts(DIRECT) == ["first", "second"]
    assert bob.state.refused["MalformedMessage"] == 1
    assert bob.drops == []


def test_our_own_op_that_comes_back_is_not_receipted_to_ourselves():
    table = Table()
    alice, bob = table.sit(ALICE), table.sit(BOB)
    direct = table.befriend(alice, bob)
    alice.send(direct, "mine")
    (op,) = alice.chain(direct, ALICE)
    alice.effects.clear()
    alice.hear(BOB, Ops((op,)))
    assert receipts(alice) == []


def test_a_history_of_our_own_that_we_lost_comes_back_and_goes_on():
    """The home was restored from an older copy; the other side holds more."""
    table = Table()
    alice, bob = table.sit(ALICE), table.sit(BOB)
    direct = table.befriend(alice, bob)
    older = alice.store.fork()
    for number in range(3):
        alice.send(direct, f"number {number}")
    table.settle()
    alice.store = older
    alice.crash()
    alice.send(direct, "forked")
    table.connect(alice, bob)
    table.run(120)
    for seat in (alice, bob):
        everything = [f"number {number}" for number in range(3)] + ["forked"]
        assert sorted(seat.texts(direct)) == sorted(everything)
    assert [alert.account for alert in bob.told(SecurityAlert)] == [ALICE.account]
    alice.send(direct, "and on")
    table.run(60)
    assert bob.texts(direct)[-1] == "and on"
    assert not alice.chat.outbox.owed_devices()


def test_an_op_that_misses_two_things_waits_for_both():
    bob = bob_with_contact()
    author, control = Author(ALICE, DIRECT), Author(ALICE, DIRECT)
    control.ops = bob.chain(DIRECT, ALICE, Chain.CONTROL)
    later = control.write_raw(9, b"something of a later version")
    first = author.write("first")
    give(bob, author.write("second", deps=(later.id,)))
    give(bob, first)
    assert bob.texts(DIRECT) == ["first"]
    give(bob, later)
    assert bob.texts(DIRECT) == ["first", "second"]


def test_a_sibling_that_waited_until_its_predecessor_was_forgotten_is_a_fork_too(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr("p2pchat.protocol.log.RECENT_MAX", 2)
    bob = bob_with_contact()
    ops = written(4)
    others = branch(ops, 1, 3, "second") + branch(ops, 1, 3, "third")
    give(bob, *ops[1:], *others)
    give(bob, ops[0])
    assert {op.id for op in bob.chain(DIRECT, ALICE)} == {op.id for op in ops + others}
    assert len(bob.told(SecurityAlert)) == 2


def test_a_fork_under_a_forged_certificate_is_refused():
    table = Table()
    alice = table.sit(ALICE)
    room = alice.join("square")
    author = Author(BOB, room)
    ops = [author.write() for _ in range(3)]
    alice.do(Heard(room, BOB.device, Ops(tuple(ops), (BOB.devices,))))
    alice.crash()
    forged = set_of(MALLORY, BOB.device).raw[:-1] + b"?"
    thief = author.fork(1).write("mine now", account=MALLORY.account)
    alice.do(Heard(room, BOB.device, Ops((thief,), (claimed_set(forged),))))
    while alice.loads:
        alice.answer_load()
    assert len(alice.chain(room, BOB)) == 3
    assert alice.state.refused["BadSignature"] == 1


def test_only_the_two_bring_ops_into_their_conversation():
    bob = bob_with_contact()
    bob.hear(MALLORY, Ops(tuple(written(1)), (ALICE.devices,)))
    assert bob.texts(DIRECT) == []
    assert bob.state.refused["not allowed"] == 1
