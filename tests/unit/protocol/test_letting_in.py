"""What lets somebody in gives it something of the past by its floors, and nothing else does."""

from __future__ import annotations

from dataclasses import replace

import pytest

from p2pchat.model.control import Control, History, SetStanding, Standing, TalkFloor
from p2pchat.model.ids import OpId
from p2pchat.model.message import MessageState
from p2pchat.model.op import Chain
from p2pchat.protocol import serving
from p2pchat.protocol.histories import ADMISSIONS_MAX, Spot
from p2pchat.protocol.machine import Load, Received, Send
from p2pchat.protocol.serving import SESSION_S_MAX, SOUGHT_S_MAX
from p2pchat.protocol.sync import EMPTY_PAGES_MAX
from p2pchat.wire.frames import Ops, SyncDigest, SyncPage, SyncPull, Wanted
from p2pchat.wire.ops import make_op
from tests.unit.protocol.assembly import Assembly, account, crew, device
from tests.unit.protocol.crews import DAVE
from tests.unit.protocol.crews import Crew as Small
from tests.unit.protocol.people import ALICE, BOB, CAROL

BOBS = device("bob")


def room() -> Assembly:
    """One whose newcomers have what is said from their joining on; Adam is an admin."""
    made = crew()
    made.genesis = replace(made.genesis, history=History.SINCE_JOINING)
    made.set("olga", "adam", Standing.ADMIN)
    return made


def let_in(whom: str, seq: int) -> Control:
    return SetStanding(account(whom), Standing.MEMBER, (), (TalkFloor(BOBS, seq),))


def early(made: Assembly, seq: int) -> Spot:
    """What Bob said when he knew nothing but that the room had begun."""
    return Spot(BOBS, seq, (made.ops[0].id,))


def test_what_says_of_a_member_that_it_is_one_gives_it_nothing():
    made = room()
    made.write("olga", let_in("carol", 5), made.heads)
    made.write("olga", let_in("carol", 0), made.heads)
    membership = made.membership()
    assert not membership.may_have(account("carol"), early(made, 4))
    assert membership.may_have(account("carol"), early(made, 5))
    assert membership.places(account("carol"), BOBS) == [5]


def test_of_two_who_let_in_the_same_one_apart_each_gives():
    made = room()
    known = made.heads
    made.write("adam", let_in("carol", 5), known)
    made.write("olga", let_in("carol", 2), known)
    membership = made.membership()
    assert membership.may_have(account("carol"), early(made, 2))
    assert membership.places(account("carol"), BOBS) == [2, 5]


def test_what_counts_for_nothing_gives_nothing_and_names_no_place():
    made = room()
    made.write("olga", let_in("carol", 5), made.heads)
    made.write("carol", let_in("carol", 0), made.heads)
    made.write("carol", let_in("dave", 0), made.heads)
    membership = made.membership()
    assert membership.places(account("carol"), BOBS) == [5]
    assert membership.places(account("dave"), BOBS) == []
    assert not membership.may_have(account("carol"), early(made, 4))


def test_who_was_put_out_is_given_by_what_let_it_in_last():
    made = room()
    for seq in (2, 5):
        made.write("olga", let_in("carol", seq), made.heads)
        out = made.set("olga", "carol", Standing.REMOVED)
    made.write("olga", let_in("carol", 7), made.heads)
    membership = made.membership()
    assert membership.places(account("carol"), BOBS) == [2, 5, 7]
    assert membership.places(account("carol"), BOBS, is_last=True) == [7]
    assert not membership.may_have(account("carol"), Spot(BOBS, 6, (out,)))


def again_and_again(made: Assembly, times: int) -> OpId:
    """Olga lets Carol in, from an earlier place each time, and puts her out; where that ends."""
    last = made.heads[0]
    for number in range(times):
        made.write("olga", let_in("carol", 1000 - number), (last,))
        last = made.write("olga", SetStanding(account("carol"), Standing.REMOVED))
    return last


def test_who_is_let_in_very_often_is_given_something_the_first_times():
    made = room()
    again_and_again(made, ADMISSIONS_MAX + 1)
    membership, carol = made.membership(), account("carol")
    assert membership.may_have(carol, early(made, 1000 - ADMISSIONS_MAX + 1))
    assert not membership.may_have(carol, early(made, 1000 - ADMISSIONS_MAX))
    assert len(membership.places(carol, BOBS)) == ADMISSIONS_MAX


def test_of_very_many_who_let_in_apart_those_give_whose_ops_have_the_smallest_ids():
    made, count = room(), ADMISSIONS_MAX + 6
    for number in range(count):
        made.set("olga", f"admin {number}", Standing.ADMIN)
    known = made.heads
    ids = {made.write(f"admin {n}", let_in("carol", n), known): n for n in range(count)}
    first = sorted(ids[id] for id in sorted(ids)[:ADMISSIONS_MAX])
    for ops in (made.ops, [*made.ops[: -len(ids)], *made.ops[: -len(ids) - 1 : -1]]):
        assert made.membership(ops).places(account("carol"), BOBS) == first


# In a room


def test_who_brings_what_nobody_wrote_and_is_not_ours_is_dropped():
    table = Small("joining")
    table.say(table.bob, "early")
    table.admit(CAROL)
    some = table.bob.chain(table.room, BOB)[0]
    forged = make_op(replace(some.header, hlc=some.header.hlc + 1), some.content, DAVE.signer)
    table.carol.hear(DAVE, Ops((forged,), (BOB.devices,)))
    assert table.carol.drops
    assert not table.carol.state.refused["not ours by the room's history"]


def test_a_members_own_floors_hold_back_no_delivery():
    """Alice says what Bob lacks, who is put out; Carol, who came meanwhile, names herself a place
    below it, and Dave has it."""
    table = Small("joining")
    table.part(table.bob)
    table.admit(DAVE)
    said = [table.alice.send(table.room, text) for text in ("one", "two")]
    table.table.run(10)
    table.admit(CAROL)
    conversation = table.carol.state.conversations[table.room]
    writer = table.carol.chat.rooms.invited._writer
    floors = (TalkFloor(ALICE.device, 0),)
    ops, _ = writer.write(
        conversation, SetStanding(CAROL.account, Standing.MEMBER, (), floors), table.table.now
    )
    table.alice.hear(CAROL, Ops(tuple(ops), (CAROL.devices,)))
    table.alice.set(table.room, DAVE, Standing.REMOVED)
    table.alice.set(table.room, BOB, Standing.REMOVED)
    table.table.run(10)
    recipients = table.alice.chat.outbox.recipients
    places = [
        op.header.seq
        for op in table.alice.chain(table.room, ALICE)
        if op.id in {one.id for one in said}
    ]
    assert [recipients.awaited(table.room, seq) for seq in places] == [set(), set()]
    assert all(recipients.is_lost(table.room, seq) for seq in places), "who had it is gone as well"


def test_what_nobody_ever_had_is_not_delivered_because_somebody_is_there_who_need_not_have_it():
    table = Small("joining")
    table.part(table.bob)
    said = table.alice.send(table.room, "for bob")
    table.part(table.carol)
    table.admit(CAROL)
    table.alice.set(table.room, BOB, Standing.REMOVED)
    table.table.run(10)
    assert table.alice.state_of(said.id) is not MessageState.DELIVERED


# Pages that end


def seeking(monkeypatch: pytest.MonkeyPatch) -> tuple[Small, Wanted]:
    """Carol is in a room in which Bob said much that is not for her, and then something that is;
    Alice reads one row at a time."""
    table = Small("none")
    for number in range(8):
        table.alice.set(table.room, DAVE, (Standing.MEMBER, Standing.REMOVED)[number % 2])
        table.table.run(2)
        table.bob.send(table.room, f"{number}")
    table.table.run(5)
    table.part(table.carol)
    table.admit(CAROL)
    table.say(table.bob, "for Carol")
    monkeypatch.setattr(serving, "ROWS_PER_READ", 1)
    table.table.connect(table.alice, table.carol)
    table.alice.effects.clear()
    return table, Wanted(BOB.device, Chain.TALK, 0, None)


def read_all(table: Small, wanted: Wanted, wait_s: float = 0.0) -> list[object]:
    """The frames that Carol is sent for a pull."""
    table.table.cut.add(frozenset((ALICE.device, CAROL.device)))
    table.alice.effects.clear()
    table.alice.do(Received(CAROL.device, SyncPull(table.room, (wanted,))))
    while table.alice.loads:
        table.table.now = replace(table.table.now, monotonic_s=table.table.now.monotonic_s + wait_s)
        table.alice.answer_load()
    sent = [e.frame for e in table.alice.decided(Send) if e.peer == CAROL.device]
    return [frame for frame in sent if isinstance(frame, Ops | SyncPage)]


def test_a_page_ends_after_so_many_reads_that_find_nothing(monkeypatch):
    table, wanted = seeking(monkeypatch)
    ops, page = read_all(table, wanted)
    assert isinstance(ops, Ops), "there is something"
    assert page == SyncPage(table.room, more=False)
    monkeypatch.setattr(serving, "EMPTY_READS_MAX", 3)
    assert read_all(table, wanted) == [SyncPage(table.room, more=True)]
    assert len(table.alice.decided(Load)) == 3


def test_a_page_ends_after_its_time(monkeypatch):
    table, wanted = seeking(monkeypatch)
    found = read_all(table, wanted, SESSION_S_MAX / 2)
    assert found == [SyncPage(table.room, more=True)]
    assert len(table.alice.decided(Load)) == 2


def longwinded(monkeypatch: pytest.MonkeyPatch, *authors: str) -> Small:
    """Bob said much that is not for Carol, who was let in since by Alice and spoken to; a page ends
    after four reads of two rows."""
    table = Small("none")
    table.alice.set(table.room, DAVE, Standing.MEMBER)
    table.table.run(20)
    seats = {"bob": table.bob, "dave": table.dave}
    for number in range(16):
        table.alice.set(table.room, CAROL, Standing(5 - number % 2))
        table.table.run(2)
        for name in authors:
            table.say(seats[name], f"{name} {number}")
    table.part(table.carol)
    table.admit(CAROL)
    for seat in seats.values():
        table.say(seat, f"{seat.person} to Carol")
    monkeypatch.setattr(serving, "ROWS_PER_READ", 2)
    monkeypatch.setattr(serving, "EMPTY_READS_MAX", 4)
    table.part(table.bob, table.dave)
    return table


def test_what_lies_behind_very_much_for_others_comes_in_one_exchange(monkeypatch):
    table = longwinded(monkeypatch, "bob")
    table.table.cut.clear()
    table.table.connect(table.alice, table.carol)
    table.table.run(20)
    assert table.texts(table.carol) == ["bob to Carol", "dave to Carol"]
    pulls = [e for e in table.carol.decided(Send) if isinstance(e.frame, SyncPull)]
    assert len(pulls) < 2 * EMPTY_PAGES_MAX


def test_a_chain_that_is_long_for_others_keeps_no_other_waiting(monkeypatch):
    table = longwinded(monkeypatch, "bob")
    wanted = [Wanted(one.device, Chain.TALK, 0, None) for one in (BOB, DAVE)]
    table.table.connect(table.alice, table.carol)
    table.table.cut.add(frozenset((ALICE.device, CAROL.device)))
    table.alice.effects.clear()
    table.alice.do(Received(CAROL.device, SyncPull(table.room, tuple(wanted))))
    while table.alice.loads:
        table.alice.answer_load()
    sent = [e.frame for e in table.alice.decided(Send) if e.peer == CAROL.device]
    ops = [op for frame in sent if isinstance(frame, Ops) for op in frame.ops]
    assert {op.header.device for op in ops} == {DAVE.device}
    assert sent[-1] == SyncPage(table.room, more=True)


def test_who_says_again_and_again_that_there_is_more_and_gives_nothing_is_left(monkeypatch):
    table = longwinded(monkeypatch, "bob")
    table.table.connect(table.alice, table.carol)
    table.table.cut.add(frozenset((ALICE.device, CAROL.device)))
    monkeypatch.setattr(serving.Serving, "_resumed", lambda self, room, peer, wanted, now: wanted)
    table.table.run(5)
    table.carol.effects.clear()
    table.table.run(60)
    pulls = [e for e in table.carol.decided(Send) if isinstance(e.frame, SyncPull)]
    digests = [e for e in table.carol.decided(Send) if isinstance(e.frame, SyncDigest)]
    assert len(pulls) <= EMPTY_PAGES_MAX * len(digests)


def test_how_far_a_chain_was_gone_through_is_forgotten_when_something_else_counts(monkeypatch):
    table = longwinded(monkeypatch, "bob")
    wanted = Wanted(BOB.device, Chain.TALK, 0, None)
    table.table.connect(table.alice, table.carol)

    def first_read() -> int:
        read_all(table, wanted)
        return table.alice.decided(Load)[0].query.from_seq

    assert first_read() == 0
    places = [first_read() for _ in range(2)]
    assert places == sorted(set(places))
    assert places[0] > 0
    table.alice.set(table.room, DAVE, Standing.READ_ONLY)
    assert first_read() == 0
    assert first_read() > 0
    table.table.advance(SOUGHT_S_MAX)
    assert first_read() == 0
    assert first_read() > 0
    table.part(table.carol)
    table.table.cut.clear()
    table.table.connect(table.alice, table.carol)
    assert first_read() == 0
