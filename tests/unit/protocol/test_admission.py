"""Coming into rooms by invitation, and staying out of those that were left."""

from __future__ import annotations

from dataclasses import replace

import pytest

from p2pchat.errors import PermissionDenied, UnknownConversation
from p2pchat.events import MessageReceived, RoomJoined, RoomRequested
from p2pchat.model.change import PutSetting
from p2pchat.model.control import SetStanding, Standing
from p2pchat.model.conversation import room_id
from p2pchat.model.ids import ConversationId
from p2pchat.model.room import Role, RoomsFrom
from p2pchat.protocol import admission
from p2pchat.protocol.admission import (
    ANSWER_RATE,
    GUEST_S,
    GUESTS_OF_ONE_MAX,
    LEFT_PREFIX,
    ROOMS_MAX,
    ROOMS_OF_ONE_MAX,
)
from p2pchat.protocol.machine import EnterTopic, Send
from p2pchat.protocol.room_vocabulary import AcceptRoom, SetRoomsFrom
from p2pchat.wire.control import control_op, encode_control
from p2pchat.wire.frames import Ops, Welcome
from tests.unit.protocol.people import ALICE, BOB, CAROL, MALLORY, Person, second_device
from tests.unit.protocol.table import Seat
from tests.unit.protocol.test_invited import Crew, info, standings


def choose(seat: Seat, rooms_from: RoomsFrom) -> None:
    seat.ask(lambda id: SetRoomsFrom(id, rooms_from))


def accept(seat: Seat, room: ConversationId) -> None:
    seat.ask(lambda id: AcceptRoom(id, room))


def welcome_of(seat: Seat, room: ConversationId) -> Welcome:
    invited = seat.state.conversations[room].invited
    assert invited is not None
    return Welcome(invited.genesis, invited.secret, ())


# What somebody brings


def test_an_owner_who_stops_right_after_its_welcome_is_in_when_it_is_back():
    crew = Crew()
    crew.table.part(crew.alice, crew.bob)
    room = crew.alice.create("crew", CAROL, owners=(BOB,))
    crew.table.run(5)
    crew.bob.hear(ALICE, welcome_of(crew.alice, room))
    assert not crew.bob.state.conversations[room].is_entered
    crew.bob.crash()
    crew.table.heal()
    crew.table.connect(crew.alice, crew.bob)
    crew.table.run(30)
    assert crew.bob.state.conversations[room].is_entered
    assert info(crew.bob, room).role is Role.OWNER


def test_a_room_that_we_are_no_member_of_is_forgotten_and_never_heard():
    crew = Crew(MALLORY)
    mallory = crew.seats[3]
    room = mallory.create("trap")
    crew.alice.effects.clear()
    crew.alice.hear(MALLORY, welcome_of(mallory, room))
    crew.table.run(GUEST_S - 1)
    assert room in crew.alice.state.conversations
    crew.table.run(2)
    assert room not in crew.alice.state.conversations
    assert not crew.alice.decided(EnterTopic)
    assert not crew.alice.told(RoomJoined)
    assert crew.alice.store.snapshot().rooms.rooms == ()


def test_a_room_on_disk_that_began_in_a_way_that_nobody_takes_is_gone_after_a_restart():
    """One of a contact's, taken before its beginning was bounded: every member handed it on."""
    crew = Crew()
    room, honest = crew.begin(), crew.alice.create("honest", BOB)
    crew.table.run(5)
    (row,) = [row for row in crew.bob.store.snapshot().rooms.rooms if row.conversation == room]
    crew.bob.store.commit([replace(row, genesis=row.genesis + b"\xc2\x3e\x02hi")])
    crew.bob.crash()
    assert room not in crew.bob.state.conversations
    assert crew.bob.state.refused["room with a beginning out of bounds"] == 1
    assert [row.conversation for row in crew.bob.store.snapshot().rooms.rooms] == [honest]
    crew.bob.crash()
    assert not crew.bob.state.refused["room with a beginning out of bounds"]
    crew.table.connect(crew.alice, crew.bob)
    crew.table.run(60)
    assert honest in crew.bob.state.conversations


def test_a_contact_brings_a_share_of_rooms():
    crew = Crew(MALLORY)
    mallory = crew.seats[3]
    for number in range(GUESTS_OF_ONE_MAX + 1):
        crew.alice.hear(MALLORY, welcome_of(mallory, mallory.create(f"trap {number}")))
    assert len(crew.alice.store.snapshot().rooms.rooms) == GUESTS_OF_ONE_MAX
    assert crew.alice.state.refused["too many rooms of one contact"] == 1


def test_rooms_that_are_entered_count_for_who_took_us_in(monkeypatch):
    assert 1 < ROOMS_OF_ONE_MAX < ROOMS_MAX
    monkeypatch.setattr("p2pchat.protocol.admission.ROOMS_OF_ONE_MAX", 1)
    crew = Crew()
    first = crew.begin()
    crew.bob.crash()
    crew.table.connect(crew.alice, crew.bob)
    second = crew.alice.create("second", BOB)
    crew.table.run(5)
    assert first in crew.bob.state.conversations
    assert second not in crew.bob.state.conversations


def test_a_crash_before_the_first_sync_is_made_up_for_by_whoever_is_met():
    """Bob, an admin, welcomes Carol; she stops before she knows who he is in the room."""
    crew = Crew()
    crew.table.befriend(crew.bob, crew.carol)
    room = crew.begin(BOB)
    crew.alice.set(room, BOB, Standing.ADMIN)
    crew.table.run(2)
    crew.table.part(crew.alice, crew.carol)
    crew.carol.crash_in = "after commit"
    crew.carol.hear(BOB, welcome_of(crew.bob, room))
    crew.bob.set(room, CAROL, Standing.MEMBER)
    crew.table.connect(crew.bob, crew.carol)
    crew.table.run(60)
    assert info(crew.carol, room).role is Role.MEMBER
    crew.carol.send(room, "here I am")
    crew.table.run(5)
    assert crew.bob.texts(room) == ["here I am"]


def test_another_device_of_ours_comes_along_without_a_question():
    crew = Crew()
    tablet = crew.table.sit(second_device(BOB, "tablet"))
    choose(tablet, RoomsFrom.NOBODY)
    crew.table.connect(crew.bob, tablet)
    room = crew.begin()
    crew.bob.hear(tablet.person)
    crew.table.run(40)
    assert info(tablet, room).role is Role.MEMBER
    assert tablet.told(RoomJoined)


# Consent


def test_who_wants_to_be_asked_hears_nothing_before_saying_yes():
    crew = Crew()
    choose(crew.bob, RoomsFrom.ASK)
    room = crew.begin()
    crew.alice.send(room, "hello Bob")
    crew.table.run(60)
    [request] = crew.bob.told(RoomRequested)
    assert (request.room.id, request.inviter) == (room, ALICE.account)
    assert not crew.bob.told(RoomJoined)
    assert not crew.bob.told(MessageReceived)
    with pytest.raises(PermissionDenied):
        crew.bob.send(room, "I did not say yes")
    assert room not in crew.bob.topics
    accept(crew.bob, room)
    crew.table.run(40)
    assert crew.bob.texts(room) == ["hello Bob"]
    crew.bob.send(room, "hello Alice")
    crew.table.run(5)
    assert "hello Alice" in crew.alice.texts(room)
    with pytest.raises(UnknownConversation):
        accept(crew.bob, room)


def test_a_question_outlives_a_restart_and_a_no_is_heard_by_the_others():
    crew = Crew()
    choose(crew.bob, RoomsFrom.ASK)
    room = crew.begin()
    crew.bob.crash()
    crew.table.run(GUEST_S + 1)
    assert crew.bob.state.conversations[room].invited.stage.name == "ASKED"
    assert crew.bob.chat.rooms.invited.admission.rooms_from is RoomsFrom.ASK
    crew.table.connect(crew.alice, crew.bob)
    crew.bob.leave(room)
    crew.table.run(GUEST_S + 60)
    assert room not in crew.bob.state.conversations
    assert BOB.account not in standings(crew.alice, room)


def test_a_request_is_over_when_the_room_removes_us():
    crew = Crew()
    choose(crew.bob, RoomsFrom.ASK)
    room = crew.begin()
    crew.alice.set(room, BOB, Standing.REMOVED)
    crew.table.run(GUEST_S + 5)
    assert room not in crew.bob.state.conversations


def test_who_wants_no_rooms_is_not_even_asked():
    crew = Crew()
    choose(crew.bob, RoomsFrom.NOBODY)
    room = crew.begin()
    assert room not in crew.bob.state.conversations
    assert not crew.bob.told(RoomRequested)
    assert crew.bob.state.refused["room that nobody asked for"]


# Leaving


def test_who_left_while_nobody_was_there_is_not_taken_in_again():
    crew = Crew()
    room = crew.begin()
    for other in (crew.alice, crew.bob):
        crew.table.part(other, crew.carol)
    crew.carol.leave(room)
    crew.carol.crash()
    crew.table.heal()
    crew.table.connect(crew.alice, crew.carol)
    crew.table.run(GUEST_S + 60)
    assert room not in crew.carol.state.conversations
    assert CAROL.account not in standings(crew.alice, room)
    assert CAROL.account not in standings(crew.bob, room)


def test_who_left_comes_back_when_asked_back_and_goes_on_where_it_ended():
    crew = Crew()
    room = crew.begin()
    crew.alice.set(room, CAROL, Standing.ADMIN)
    crew.table.run(5)
    crew.carol.set(room, BOB, Standing.READ_ONLY)
    crew.carol.send(room, "first")
    crew.table.run(5)
    crew.carol.leave(room)
    crew.table.run(10)
    crew.carol.crash()
    crew.table.connect(crew.alice, crew.carol)
    crew.table.run(5)
    assert room not in crew.carol.state.conversations
    crew.alice.set(room, CAROL, Standing.ADMIN)
    crew.table.run(40)
    assert info(crew.carol, room).role is Role.ADMIN
    crew.carol.crash()
    crew.table.connect(crew.alice, crew.carol)
    crew.table.connect(crew.bob, crew.carol)
    crew.table.run(5)
    crew.carol.set(room, BOB, Standing.MEMBER)
    crew.carol.send(room, "second")
    crew.table.run(40)
    for seat in crew.seats:
        assert standings(seat, room)[BOB.account] is Standing.MEMBER
    assert set(crew.alice.texts(room)) == {"first", "second"}
    log = crew.alice.state.conversations[room].log
    assert all(len(tips) == 1 for tips in log.tips.values()), "nobody forked a chain"


def test_who_comes_back_rules_only_when_its_own_ops_are_here_again():
    crew = Crew()
    room = crew.begin()
    crew.alice.set(room, CAROL, Standing.ADMIN)
    crew.table.run(5)
    crew.carol.set(room, BOB, Standing.READ_ONLY)
    crew.carol.leave(room)
    crew.table.run(10)
    door = crew.carol.chat.rooms.invited.admission
    begun, _ = door.begin(
        encode_control(crew.alice.state.conversations[room].invited.membership.genesis)[1],
        crew.alice.state.conversations[room].invited.secret,
        crew.table.now,
    )
    assert not door.may_rule(begun)
    with pytest.raises(PermissionDenied):
        crew.carol.set(room, BOB, Standing.MEMBER)


def test_an_owner_cannot_leave_a_room_to_others():
    crew = Crew()
    room = crew.begin()
    with pytest.raises(PermissionDenied):
        crew.alice.leave(room)
    alone = crew.alice.create("alone")
    crew.alice.leave(alone)
    assert alone not in crew.alice.state.conversations


@pytest.mark.parametrize("is_restarted", [False, True])
def test_a_room_that_its_owner_left_is_not_brought_back_by_who_has_not_heard_of_it(
    is_restarted: bool,
):
    crew = Crew()
    room = crew.alice.create("two", BOB)
    crew.table.run(5)
    crew.table.part(crew.alice, crew.bob)
    crew.alice.set(room, BOB, Standing.REMOVED)
    crew.table.run(30)  # an epoch is opened without him
    if is_restarted:
        crew.alice.crash()
    crew.alice.leave(room)
    joined = len(crew.alice.told(RoomJoined))
    crew.alice.crash()
    crew.table.heal()
    crew.table.connect(crew.alice, crew.bob)
    crew.table.run(60)
    assert BOB.account not in standings(crew.bob, room), "he hears of it now"
    crew.table.run(GUEST_S)
    assert room not in crew.alice.state.conversations
    assert len(crew.alice.told(RoomJoined)) == joined


@pytest.mark.parametrize(("who", "is_told"), [(BOB, False), (CAROL, True)], ids=["Bob", "Carol"])
def test_an_owner_who_ended_a_room_tells_who_was_put_out_nothing_of_others(who, is_told):
    """The last word is Carol's removal, and Bob was put out before she came."""
    crew = Crew()
    alice, room = crew.alice, crew.begin(BOB)
    brought = welcome_of(alice, room)
    for person, standing in (
        (BOB, Standing.REMOVED),
        (CAROL, Standing.MEMBER),
        (CAROL, Standing.REMOVED),
    ):
        alice.set(room, person, standing)
        crew.table.run(5)
    alice.leave(room)
    crew.table.run(5)
    alice.effects.clear()
    alice.hear(who, brought)
    told = [op for e in alice.decided(Send) if isinstance(e.frame, Ops) for op in e.frame.ops]
    heard = [control for op in told if isinstance(control := control_op(op).control, SetStanding)]
    assert [control.account for control in heard] == [CAROL.account] * is_told


# What is told of rooms that were left


def told_by(seat: Seat, to: Person, brought: Welcome) -> int:
    """How many ops a welcome draws."""
    seat.effects.clear()
    seat.hear(to, brought)
    sent = [effect.frame for effect in seat.decided(Send) if effect.peer == to.device]
    ops = [op for frame in sent if isinstance(frame, Ops) for op in frame.ops]
    return sum(op.header.conversation == room_id(brought.genesis) for op in ops)


def left() -> tuple[Crew, Welcome]:
    """Carol ruled in a room, and left it."""
    crew = Crew()
    room = crew.begin()
    crew.alice.set(room, CAROL, Standing.ADMIN)
    crew.table.run(5)
    crew.carol.set(room, BOB, Standing.READ_ONLY)
    brought = welcome_of(crew.alice, room)
    crew.carol.ask(lambda id: SetRoomsFrom(id, RoomsFrom.NOBODY))
    crew.carol.leave(room)
    crew.table.part(crew.alice, crew.carol)
    crew.table.part(crew.bob, crew.carol)
    return crew, brought


def test_a_few_welcomes_draw_how_a_room_was_left_and_more_come_later():
    crew, brought = left()
    at_once = int(ANSWER_RATE.burst)
    counts = [told_by(crew.carol, ALICE, brought) for _ in range(at_once + 2)]
    assert counts == [counts[0]] * at_once + [0, 0]
    assert counts[0] > 1
    assert crew.carol.state.refused["too many welcomes to a room that was left"] == 2
    assert told_by(crew.carol, BOB, brought) == counts[0], "others are not kept waiting"
    crew.table.run(60)
    assert told_by(crew.carol, ALICE, brought) == counts[0]


@pytest.mark.parametrize(("days", "is_all"), [(89, True), (91, False)])
def test_long_after_it_was_left_of_a_room_is_told_that_it_was(days: int, *, is_all: bool):
    crew, brought = left()
    now = crew.table.now
    crew.table.now = replace(now, wall_ms=now.wall_ms + days * 24 * 3600 * 1000)
    for _ in range(2):
        crew.carol.crash()
        assert (told_by(crew.carol, ALICE, brought) > 1) is is_all
    raw = crew.carol.store.snapshot().settings[LEFT_PREFIX + room_id(brought.genesis).hex()]
    assert bool(raw) is is_all


def test_of_very_many_rooms_that_were_left_those_left_last_are_known(monkeypatch):
    monkeypatch.setattr(admission, "LEFT_ROOMS_MAX", 1)
    crew, brought = left()
    assert told_by(crew.carol, ALICE, brought) > 1
    other = crew.carol.create("other")
    crew.table.run(5)
    crew.carol.leave(other)
    assert told_by(crew.carol, ALICE, brought) == 1
    crew.carol.crash()
    assert told_by(crew.carol, ALICE, brought) == 1


def test_of_a_room_left_by_an_older_version_it_is_known_from_the_next_start_on():
    crew, brought = left()
    key = LEFT_PREFIX + room_id(brought.genesis).hex()
    crew.carol.store.commit([PutSetting(key, ALICE.account)])
    crew.carol.crash()
    assert told_by(crew.carol, ALICE, brought) > 1
    assert told_by(crew.carol, BOB, brought) == 1
    raw = crew.carol.store.snapshot().settings[key]
    assert int.from_bytes(raw[:8], "big") == crew.table.now.wall_ms


def test_of_a_room_with_very_many_in_it_the_first_hear_all(monkeypatch):
    monkeypatch.setattr(admission, "READERS_MAX", 1)
    crew, brought = left()
    few, many = sorted(told_by(crew.carol, who, brought) for who in (ALICE, BOB))
    assert few == 1 < many
