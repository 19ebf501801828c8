"""In a room by invitation a message is delivered when every account has it of which that was
expected: who was a member, to our knowledge, when it was written, and is one still."""

from __future__ import annotations

import pytest

from p2pchat.config.limits import Limits
from p2pchat.events import MessageStateChanged
from p2pchat.model.control import Standing
from p2pchat.model.ids import AccountId, ConversationId, OpId
from p2pchat.model.message import MessageState
from p2pchat.model.op import Chain
from p2pchat.model.room_change import ForgetMember, SetSettled
from tests.unit.protocol.people import BOB, CAROL, Person, person
from tests.unit.protocol.table import Seat
from tests.unit.protocol.test_invited import Crew

DELIVERED, SENT, QUEUED = MessageState.DELIVERED, MessageState.SENT, MessageState.QUEUED


@pytest.fixture
def crew() -> Crew:
    return Crew()


def expected(seat: Seat, room: ConversationId) -> dict[AccountId, int]:
    """As the machine has it, which is as the disk does."""
    known = seat.chat.outbox.recipients.expected[room]
    rows = seat.store.snapshot().rooms
    assert {r.account: r.since for r in rows.expected if r.conversation == room} == known.since
    assert [r.talk for r in rows.settled if r.conversation == room] == (
        [known.settled] if known.settled else []
    )
    return dict(known.since)


def told(seat: Seat, message: OpId) -> list[MessageState]:
    changes = seat.told(MessageStateChanged)
    return [
        e.state for e in changes if isinstance(e, MessageStateChanged) and e.message_id == message
    ]


def away(crew: Crew, one: Seat) -> None:
    """Nobody reaches somebody."""
    for other in crew.seats:
        if other is not one:
            crew.table.part(one, other)


def back(crew: Crew) -> None:
    crew.table.heal()
    for place, one in enumerate(crew.seats):
        for other in crew.seats[place + 1 :]:
            crew.table.connect(one, other)
    crew.table.run(60)


def test_a_member_who_never_signed_for_anything_holds_a_message_back(crew: Crew):
    away(crew, crew.carol)
    room = crew.begin()
    message = crew.alice.send(room, "hello")
    crew.table.run(10)
    assert crew.bob.texts(room) == ["hello"]
    assert crew.alice.state_of(message.id) is SENT
    assert told(crew.alice, message.id) == [SENT]
    back(crew)
    assert crew.carol.texts(room) == ["hello"]
    assert crew.alice.state_of(message.id) is DELIVERED
    assert told(crew.alice, message.id) == [SENT, DELIVERED]


def test_who_is_admitted_does_not_hold_back_what_was_said_before(crew: Crew):
    room = crew.begin(BOB)
    away(crew, crew.bob)
    before = crew.alice.send(room, "before")
    away(crew, crew.carol)
    crew.alice.set(room, CAROL, Standing.MEMBER)
    after = crew.alice.send(room, "after")
    crew.table.run(10)
    count = crew.alice.state.conversations[room].log.count(crew.alice.device, Chain.TALK)
    assert expected(crew.alice, room) == {BOB.account: 0, CAROL.account: count - 1}
    crew.table.heal()
    away(crew, crew.carol)
    crew.table.connect(crew.alice, crew.bob)
    crew.table.run(60)
    assert crew.bob.texts(room) == ["before", "after"]
    assert [crew.alice.state_of(one.id) for one in (before, after)] == [DELIVERED, SENT]
    back(crew)
    assert crew.alice.state_of(after.id) is DELIVERED


def test_of_who_was_removed_nothing_is_expected_and_the_others_messages_are_delivered(crew: Crew):
    room = crew.begin()
    away(crew, crew.carol)
    message = crew.alice.send(room, "hello")
    crew.table.run(10)
    assert crew.alice.state_of(message.id) is SENT
    crew.alice.set(room, CAROL, Standing.REMOVED)
    assert told(crew.alice, message.id) == [SENT, DELIVERED]
    assert crew.alice.state_of(message.id) is DELIVERED
    assert list(expected(crew.alice, room)) == [BOB.account]
    later = crew.alice.send(room, "and on")
    crew.table.run(10)
    assert crew.alice.state_of(later.id) is DELIVERED


def test_of_who_left_nothing_is_expected(crew: Crew):
    room = crew.begin()
    away(crew, crew.bob)
    message = crew.alice.send(room, "hello")
    crew.table.run(10)
    crew.carol.leave(room)
    crew.table.run(10)
    assert list(expected(crew.alice, room)) == [BOB.account]
    assert crew.alice.state_of(message.id) is SENT, "Carol had it, and Bob has not"
    back(crew)
    assert crew.alice.state_of(message.id) is DELIVERED
    assert room not in crew.carol.chat.outbox.recipients.expected


def test_what_nobody_has_is_not_delivered_when_nobody_is_left_nor_when_somebody_comes(crew: Crew):
    room = crew.begin(BOB)
    away(crew, crew.bob)
    had = crew.alice.send(room, "nobody has it")
    crew.alice.set(room, BOB, Standing.REMOVED)
    crew.table.run(10)
    assert expected(crew.alice, room) == {}
    assert crew.alice.state_of(had.id) is not DELIVERED
    away(crew, crew.carol)
    crew.alice.set(room, CAROL, Standing.MEMBER)
    crew.table.run(10)
    assert list(expected(crew.alice, room)) == [CAROL.account]
    assert crew.alice.state_of(had.id) is not DELIVERED
    back(crew)
    assert crew.carol.texts(room) == ["nobody has it"]
    assert crew.alice.state_of(had.id) is DELIVERED


def test_what_only_who_went_should_have_had_is_expected_of_who_came_later(crew: Crew):
    room = crew.begin(BOB)
    away(crew, crew.bob)
    message = crew.alice.send(room, "for Bob")
    away(crew, crew.carol)
    crew.alice.set(room, CAROL, Standing.MEMBER)
    crew.alice.set(room, BOB, Standing.REMOVED)
    crew.table.run(10)
    assert crew.alice.state_of(message.id) is not DELIVERED, "nobody has it"
    back(crew)
    assert crew.carol.texts(room) == ["for Bob"]
    assert crew.alice.state_of(message.id) is DELIVERED


def test_what_was_delivered_stays_so_whoever_comes_and_goes(crew: Crew):
    room = crew.begin(BOB)
    message = crew.alice.send(room, "hello")
    crew.table.run(10)
    assert crew.alice.state_of(message.id) is DELIVERED
    away(crew, crew.carol)
    crew.alice.set(room, BOB, Standing.REMOVED)
    assert crew.alice.state_of(message.id) is DELIVERED
    crew.alice.set(room, CAROL, Standing.MEMBER)
    crew.alice.crash()
    assert crew.alice.state_of(message.id) is DELIVERED
    crew.alice.set(room, CAROL, Standing.REMOVED)
    assert crew.alice.state_of(message.id) is DELIVERED
    assert expected(crew.alice, room) == {}
    assert told(crew.alice, message.id).count(DELIVERED) == 1


def test_others_know_whom_to_expect_as_well_and_never_themselves(crew: Crew):
    room = crew.begin()
    crew.table.run(10)
    for seat in crew.seats[:3]:
        others = {one.person.account for one in crew.seats[:3]} - {seat.person.account}
        assert expected(seat, room).keys() == others
    message = crew.bob.send(room, "hello")
    crew.table.run(10)
    assert crew.bob.state_of(message.id) is DELIVERED


@pytest.mark.parametrize("where", ["before commit", "after commit"])
def test_a_crash_when_somebody_is_admitted_changes_nothing_of_it(crew: Crew, where: str):
    room = crew.begin(BOB)
    away(crew, crew.carol)
    crew.alice.crash_in = where
    with pytest.raises(KeyError):  # nobody answers
        crew.alice.set(room, CAROL, Standing.MEMBER)
    back(crew)
    away(crew, crew.carol)
    message = crew.alice.send(room, "hello")
    crew.table.run(10)
    is_in = where == "after commit"
    assert (CAROL.account in expected(crew.alice, room)) is is_in
    assert crew.alice.state_of(message.id) is (SENT if is_in else DELIVERED)


def test_a_crash_at_any_time_leaves_no_false_delivered(crew: Crew):
    away(crew, crew.carol)
    room = crew.begin()
    message = crew.alice.send(room, "hello")
    crew.alice.crash()
    crew.table.run(60)
    assert crew.alice.state_of(message.id) is SENT
    crew.alice.crash()
    assert crew.alice.state_of(message.id) is SENT
    back(crew)
    assert crew.alice.state_of(message.id) is DELIVERED


def test_a_home_from_before_anybody_was_expected_calls_nothing_delivered_that_is_not(crew: Crew):
    away(crew, crew.carol)
    room = crew.begin()
    first = crew.alice.send(room, "called delivered then")
    crew.table.run(10)
    last = crew.alice.send(room, "on its way")
    crew.alice.state_of(first.id)  # what is known of it is on disk now
    seqs = {op.id: op.header.seq for op in crew.alice.chain(room, crew.alice.person)}
    forgotten = [ForgetMember(room, one) for one in (BOB.account, CAROL.account)]
    crew.alice.store.commit([*forgotten, SetSettled(room, seqs[first.id] + 1)])
    crew.alice.crash()
    settled = seqs[first.id] + 1
    assert expected(crew.alice, room) == {BOB.account: settled, CAROL.account: settled}
    crew.table.run(60)
    assert crew.alice.state_of(first.id) is DELIVERED
    assert crew.alice.state_of(last.id) is SENT
    back(crew)
    assert crew.alice.state_of(last.id) is DELIVERED


def test_who_comes_back_to_a_room_is_owed_an_answer_of_all_for_what_they_said_before(crew: Crew):
    room = crew.begin()
    message = crew.bob.send(room, "hello")
    crew.table.run(10)
    crew.bob.leave(room)
    crew.table.run(10)
    away(crew, crew.carol)
    crew.alice.set(room, BOB, Standing.MEMBER)
    crew.table.run(60)
    assert crew.bob.state_of(message.id) is not DELIVERED, "Carol's receipt is gone"
    back(crew)
    crew.table.run(60)
    assert crew.bob.state_of(message.id) is DELIVERED


def test_one_device_of_every_member_is_counted_however_many_others_there_are():
    others: list[Person] = [person(f"member {number}") for number in range(3)]
    crew = Crew(*others)
    alice = crew.alice
    away(crew, alice)
    room = crew.begin(BOB, CAROL, *others)
    alice.limits = Limits(room_members_max=2)
    alice.crash()
    back(crew)
    message = alice.send(room, "hello")
    crew.table.run(10)
    assert alice.state_of(message.id) is DELIVERED
