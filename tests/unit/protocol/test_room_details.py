"""What a room by invitation says of itself: who may say it, who hears of it, what holds."""

from __future__ import annotations

import pytest

from p2pchat.errors import LocalProtocolError, PermissionDenied
from p2pchat.events import AnnouncementChanged, DescriptionChanged, RoomRenamed
from p2pchat.model.control import Detail, Standing
from p2pchat.model.ids import ConversationId
from p2pchat.protocol.room_details import WHAT
from p2pchat.protocol.room_vocabulary import DescribeRoom
from tests.unit.protocol.people import ALICE, BOB
from tests.unit.protocol.table import Seat
from tests.unit.protocol.test_invited import Crew, info


def say(seat: Seat, room: ConversationId, detail: Detail, text: str) -> None:
    seat.ask(lambda id: DescribeRoom(id, room, detail, text))


def said(seat: Seat, room: ConversationId) -> tuple[str, str, str]:
    found = info(seat, room)
    return found.name, found.description, found.announcement


@pytest.fixture
def crew() -> Crew:
    return Crew()


def test_everybody_hears_what_an_owner_says_of_the_room(crew):
    room = crew.begin()
    assert said(crew.bob, room) == ("crew", "", "")
    say(crew.alice, room, Detail.NAME, "  Crew\n of  seven ")
    say(crew.alice, room, Detail.DESCRIPTION, "Who sails on Friday.")
    say(crew.alice, room, Detail.ANNOUNCEMENT, "Friday at eight.  \r\nBring a friend.\n")
    crew.table.run(5)
    expected = "Crew of seven", "Who sails on Friday.", "Friday at eight.\nBring a friend."
    for seat in crew.seats:
        assert said(seat, room) == expected
        assert seat.told(RoomRenamed)[0].account == ALICE.account
        assert seat.told(DescriptionChanged) == [
            DescriptionChanged(room, expected[1], ALICE.account)
        ]
        assert seat.told(AnnouncementChanged) == [
            AnnouncementChanged(room, expected[2], ALICE.account)
        ]
    say(crew.alice, room, Detail.ANNOUNCEMENT, "")
    crew.table.run(5)
    assert said(crew.carol, room) == (*expected[:2], "")
    assert crew.carol.told(AnnouncementChanged)[-1].text == ""


def test_it_is_known_after_a_restart(crew):
    room = crew.begin()
    say(crew.alice, room, Detail.NAME, "Crew of seven")
    crew.table.run(5)
    for seat in crew.seats:
        seat.crash()
        assert said(seat, room)[0] == "Crew of seven"
        assert seat.state.conversations[room].name == "Crew of seven"
        assert [row.name for row in seat.store.snapshot().conversations if row.kind] == [
            "Crew of seven"
        ]


def test_an_admin_says_it_too_and_a_member_does_not(crew):
    room = crew.begin()
    with pytest.raises(PermissionDenied):
        say(crew.bob, room, Detail.ANNOUNCEMENT, "Listen!")
    crew.alice.set(room, BOB, Standing.ADMIN)
    crew.table.run(5)
    say(crew.bob, room, Detail.ANNOUNCEMENT, "Listen!")
    crew.table.run(5)
    assert said(crew.carol, room)[2] == "Listen!"


def test_who_is_apart_agrees_afterwards_on_one_name(crew):
    room = crew.begin()
    crew.alice.set(room, BOB, Standing.ADMIN)
    crew.table.run(5)
    crew.table.part(crew.alice, crew.bob)
    crew.table.disconnect(crew.carol, crew.alice)
    crew.table.disconnect(crew.carol, crew.bob)
    say(crew.alice, room, Detail.NAME, "Hers")
    say(crew.bob, room, Detail.NAME, "His")
    crew.table.run(5)
    crew.table.heal()
    for one, other in ((crew.alice, crew.bob), (crew.carol, crew.alice), (crew.carol, crew.bob)):
        crew.table.connect(one, other)
    crew.table.run(60)
    (name,) = {said(seat, room)[0] for seat in crew.seats}
    assert name in ("Hers", "His")
    assert {seat.state.conversations[room].name for seat in crew.seats} == {name}


def test_what_an_admin_said_on_the_side_of_its_fall_is_unsaid(crew):
    room = crew.begin()
    crew.alice.set(room, BOB, Standing.ADMIN)
    crew.table.run(5)
    for other in (crew.alice, crew.carol):
        crew.table.disconnect(crew.bob, other)
    say(crew.bob, room, Detail.NAME, "Mutiny")
    say(crew.bob, room, Detail.ANNOUNCEMENT, "To the boats!")
    crew.alice.set(room, BOB, Standing.MEMBER)
    assert said(crew.bob, room)[0] == "Mutiny"
    crew.table.connect(crew.alice, crew.bob)
    crew.table.run(60)
    for seat in crew.seats[:2]:
        assert said(seat, room)[0] == "crew"
        assert seat.state.conversations[room].name == "crew"
    assert [event.room.name for event in crew.bob.told(RoomRenamed)] == ["Mutiny", "crew"]
    assert crew.bob.told(RoomRenamed)[-1].account == ALICE.account
    announced = crew.bob.told(AnnouncementChanged)
    assert [(event.text, event.account) for event in announced] == [
        ("To the boats!", BOB.account),
        ("", ALICE.account),
    ]
    assert crew.alice.told(RoomRenamed) == crew.alice.told(AnnouncementChanged) == []


@pytest.mark.parametrize(
    ("detail", "text"),
    [
        (Detail.NAME, "  "),
        (Detail.NAME, "\u3164"),
        (Detail.NAME, "x" * 65),
        (Detail.NAME, "turned \u202e round"),
        (Detail.DESCRIPTION, "x" * 501),
        (Detail.ANNOUNCEMENT, "x" * 1001),
        (Detail.ANNOUNCEMENT, "a \x1b[2J bell"),
    ],
)
def test_what_is_out_of_bounds_is_not_said(crew, detail, text):
    room = crew.begin()
    with pytest.raises(LocalProtocolError) as refused:
        say(crew.alice, room, detail, text)
    assert str(refused.value) == WHAT[detail]


def test_a_room_that_nobody_rules_says_nothing_of_itself(crew):
    room = crew.alice.join("square")
    with pytest.raises(PermissionDenied):
        say(crew.alice, room, Detail.NAME, "Mine")


def test_a_room_begins_with_a_name_that_is_seen(crew):
    with pytest.raises(LocalProtocolError) as refused:
        crew.alice.create("\u3164", BOB)
    assert str(refused.value) == WHAT[Detail.NAME]
