"""Answering peers that catch up, without being used up by them."""

from __future__ import annotations

from p2pchat.model.change import SetFloor
from p2pchat.model.conversation import open_room_id
from p2pchat.model.op import Chain
from p2pchat.protocol.machine import Heard, LeaveRoom, Load, Received, Send
from p2pchat.protocol.serving import SESSION_S_MAX, SESSIONS_MAX
from p2pchat.wire.frames import Ops, SyncPage, SyncPull, Wanted
from tests.unit.protocol.people import ALICE, BOB, CAROL, Author, op_id, person
from tests.unit.protocol.table import Seat, Table

ROOM = open_room_id("square")
ALL = Wanted(CAROL.device, Chain.TALK, 0, None)


def room_with(count: int) -> Seat:
    """Alice, who holds so many ops of Carol's."""
    alice = Table().sit(ALICE)
    alice.join("square")
    author = Author(CAROL, ROOM)
    for _ in range(count):
        alice.do(Heard(ROOM, CAROL.device, Ops((author.write(),), (CAROL.devices,))))
    alice.effects.clear()
    return alice


def pull(seat: Seat, peer, *wanted: Wanted) -> None:
    seat.do(Received(peer.device, SyncPull(ROOM, wanted)))


def sent(seat: Seat) -> list:
    return [effect.frame for effect in seat.decided(Send)]


def test_a_pull_is_answered_by_ops_and_the_end_of_the_page():
    alice = room_with(3)
    pull(alice, BOB, ALL)
    alice.answer_load()
    ops, page = sent(alice)
    assert [op.header.seq for op in ops.ops] == [0, 1, 2]
    assert page == SyncPage(ROOM, more=False)


def test_a_pull_for_nothing_is_answered_at_once():
    alice = room_with(3)
    pull(alice, BOB)
    assert sent(alice) == [SyncPage(ROOM, more=False)]


def test_the_askers_own_head_is_not_sent_to_it():
    alice = room_with(3)
    head = alice.chain(ROOM, CAROL)[1]
    pull(alice, BOB, Wanted(CAROL.device, Chain.TALK, 1, head.id))
    alice.answer_load()
    assert [op.header.seq for frame in sent(alice)[:-1] for op in frame.ops] == [2]


def test_an_asker_on_another_branch_gets_the_chain_from_its_beginning():
    alice = room_with(3)
    pull(alice, BOB, Wanted(CAROL.device, Chain.TALK, 1, op_id("another branch")))
    alice.answer_load()
    alice.answer_load()
    assert [op.header.seq for frame in sent(alice)[:-1] for op in frame.ops] == [0, 1, 2]


def test_an_asker_who_is_ahead_gets_nothing():
    alice = room_with(3)
    pull(alice, BOB, Wanted(CAROL.device, Chain.TALK, 9, op_id("ahead")))
    alice.answer_load()
    assert sent(alice) == [SyncPage(ROOM, more=False)]


def test_one_chain_is_read_at_a_time():
    alice = room_with(1)
    pull(alice, BOB, *[ALL] * 500)
    assert len(alice.loads) == 1
    for _ in range(500):
        alice.answer_load()
    assert alice.loads == []


def test_pulls_at_once_are_bounded_and_a_place_becomes_free():
    alice = room_with(1)
    askers = [person(f"asker {number}") for number in range(SESSIONS_MAX + 1)]
    for asker in askers:
        pull(alice, asker, ALL)
    assert alice.state.refused["too many pulls at once"] == 1
    assert len(alice.decided(Load)) == SESSIONS_MAX
    while alice.loads:
        alice.answer_load()
    pull(alice, askers[-1], ALL)
    assert len(alice.decided(Load)) == SESSIONS_MAX + 1


def test_a_peer_is_answered_before_it_may_ask_again():
    alice = room_with(2)
    pull(alice, BOB, ALL)
    pull(alice, BOB, ALL)
    assert len(alice.decided(Load)) == 1
    assert alice.state.refused["pull during a pull"] == 1
    alice.answer_load()
    pull(alice, BOB, ALL)
    assert len(alice.decided(Load)) == 2


def test_a_late_answer_to_a_pull_that_was_given_up_is_not_taken_for_the_next():
    alice = room_with(2)
    pull(alice, BOB, ALL)
    alice.table.advance(SESSION_S_MAX)
    pull(alice, BOB, ALL)
    assert len(alice.loads) == 2
    alice.answer_load()
    assert sent(alice) == []
    alice.answer_load()
    assert len(sent(alice)) == 2


def test_an_asker_below_our_floor_is_no_branch_and_gets_what_there_is():
    alice = room_with(6)
    ops = alice.chain(ROOM, CAROL)
    floor = SetFloor(ROOM, CAROL.device, Chain.TALK, 4, ops[3].id)
    alice.store.commit([floor])
    alice.crash()
    alice.state.connected.add(BOB.device)
    alice.effects.clear()
    pull(alice, BOB, Wanted(CAROL.device, Chain.TALK, 1, ops[1].id))
    alice.answer_load()
    assert alice.loads == []
    assert [op.header.seq for frame in sent(alice)[:-1] for op in frame.ops] == [4, 5]
    assert alice.chat.sync._sessions == {}


def test_a_pull_that_was_forgotten_because_its_room_was_left_is_not_answered():
    alice = room_with(2)
    pull(alice, BOB, ALL)
    alice.ask(lambda id: LeaveRoom(id, ROOM))
    alice.effects.clear()
    alice.answer_load()
    assert alice.effects == []


def test_a_read_that_is_cut_between_the_last_ops_of_a_chain_goes_on_with_the_others(monkeypatch):
    monkeypatch.setattr("p2pchat.protocol.serving.ROWS_PER_READ", 4)
    alice = Table().sit(ALICE)
    alice.join("square")
    left = Author(CAROL, ROOM)
    trunk = [left.write() for _ in range(3)]
    ends = [left.fork(3).write("one"), left.fork(3).write("other")]
    alice.do(Heard(ROOM, CAROL.device, Ops((*trunk, *ends), (CAROL.devices,))))
    alice.effects.clear()
    pull(alice, BOB, ALL)
    while alice.loads:
        alice.answer_load()
    *frames, page = sent(alice)
    assert {op.id for frame in frames for op in frame.ops} == {op.id for op in (*trunk, *ends)}
    assert page == SyncPage(ROOM, more=False)
