"""Messages that a room keeps in sight: by whom, how many, and the same for everybody."""

from __future__ import annotations

import pytest

from p2pchat.errors import LocalProtocolError, MalformedMessage, PermissionDenied
from p2pchat.events import PinChanged
from p2pchat.model.control import Pin, Standing
from p2pchat.model.conversation import open_room_id
from p2pchat.model.ids import ConversationId, OpId
from p2pchat.model.op import Kind
from p2pchat.protocol.room_vocabulary import PinMessage
from p2pchat.protocol.sayings import PINS_MAX
from p2pchat.wire import rooms_pb2
from p2pchat.wire.control import decode_control, encode_control
from tests.unit.protocol.people import ALICE, BOB, CAROL, op_id
from tests.unit.protocol.table import Seat
from tests.unit.protocol.test_invited import Crew


@pytest.fixture
def crew() -> Crew:
    return Crew()


def pin(seat: Seat, room: ConversationId, message: OpId, *, is_on: bool = True) -> None:
    seat.ask(lambda id: PinMessage(id, room, message, is_on))


def pins(seat: Seat, room: ConversationId) -> tuple[OpId, ...]:
    invited = seat.state.conversations[room].invited
    assert invited is not None
    return invited.membership.pins()


def test_what_an_admin_pins_is_pinned_for_all_and_after_a_restart(crew):
    room = crew.begin()
    said = [crew.carol.send(room, text).id for text in ("one", "two")]
    crew.table.run(5)
    crew.alice.set(room, BOB, Standing.ADMIN)
    crew.table.run(5)
    pin(crew.bob, room, said[1])
    crew.table.run(5)
    pin(crew.alice, room, said[0])
    crew.table.run(5)
    crew.carol.crash()
    for seat in crew.seats:
        assert set(pins(seat, room)) == set(said)
    assert crew.alice.told(PinChanged) == [
        PinChanged(room, said[1], True, BOB.account),
        PinChanged(room, said[0], True, ALICE.account),
    ]
    pin(crew.alice, room, said[1], is_on=False)
    crew.table.run(60)
    for seat in crew.seats:
        assert pins(seat, room) == (said[0],)
    assert crew.bob.told(PinChanged)[-1] == PinChanged(room, said[1], False, ALICE.account)


def test_a_pin_that_is_there_is_not_said_again(crew):
    room = crew.begin()
    pin(crew.alice, room, op_id("message"))
    before = len(crew.alice.told(PinChanged))
    pin(crew.alice, room, op_id("message"))
    pin(crew.alice, room, op_id("other"), is_on=False)
    assert len(crew.alice.told(PinChanged)) == before == 1


def test_members_and_rooms_without_owners_pin_nothing(crew):
    room = crew.begin()
    with pytest.raises(PermissionDenied):
        pin(crew.carol, room, op_id("message"))
    crew.carol.join("square")
    with pytest.raises(PermissionDenied):
        pin(crew.carol, open_room_id("square"), op_id("message"))
    with pytest.raises(PermissionDenied):
        pin(crew.carol, open_room_id("nowhere"), op_id("message"))
    crew.table.run(5)
    assert pins(crew.alice, room) == ()


def test_a_room_pins_so_many_and_an_owners_stay_where_two_pin_apart(crew):
    room = crew.begin()
    crew.alice.set(room, BOB, Standing.ADMIN)
    crew.table.run(5)
    for number in range(PINS_MAX - 1):
        pin(crew.alice, room, op_id(f"message {number}"))
    crew.table.run(20)
    crew.table.part(crew.alice, crew.bob)
    crew.table.part(crew.carol, crew.bob)
    pin(crew.alice, room, op_id("by alice"))
    pin(crew.bob, room, op_id("by bob"))
    for seat in (crew.alice, crew.bob):
        assert len(pins(seat, room)) == PINS_MAX
        with pytest.raises(LocalProtocolError, match="at most 32"):
            pin(seat, room, op_id("too many"))
    crew.table.connect(crew.alice, crew.bob)
    crew.table.run(60)
    assert pins(crew.alice, room) == pins(crew.bob, room) == pins(crew.carol, room)
    assert pins(crew.alice, room)[-1] == op_id("by alice")
    assert len(pins(crew.alice, room)) == PINS_MAX
    assert PinChanged(room, op_id("by bob"), False, ALICE.account) in crew.bob.told(PinChanged)


def test_what_was_pinned_apart_is_in_the_same_order_for_all(crew):
    room = crew.begin()
    crew.alice.set(room, BOB, Standing.ADMIN)
    crew.table.run(5)
    crew.table.part(crew.alice, crew.bob)
    crew.table.part(crew.carol, crew.bob)
    for number in range(6):
        pin(crew.alice, room, op_id(f"alice {number}"))
        pin(crew.bob, room, op_id(f"bob {number}"))
    crew.table.connect(crew.alice, crew.bob)
    crew.table.run(60)
    crew.carol.crash()
    assert len(pins(crew.alice, room)) == 12
    assert pins(crew.alice, room) == pins(crew.bob, room) == pins(crew.carol, room)


def test_what_has_no_place_can_be_taken_down_before_it_comes_up(crew):
    room = crew.begin()
    crew.alice.set(room, BOB, Standing.ADMIN)
    crew.table.run(5)
    crew.table.part(crew.alice, crew.bob)
    crew.table.part(crew.carol, crew.bob)
    for number in range(PINS_MAX):
        pin(crew.alice, room, op_id(f"message {number}"))
    pin(crew.bob, room, op_id("by bob"))
    crew.table.connect(crew.alice, crew.bob)
    crew.table.run(60)
    assert op_id("by bob") not in pins(crew.alice, room)
    pin(crew.alice, room, op_id("by bob"), is_on=False)
    pin(crew.alice, room, op_id("message 0"), is_on=False)
    assert pins(crew.alice, room) == tuple(op_id(f"message {n}") for n in range(1, PINS_MAX))


def test_an_admin_who_pins_all_that_there_is_room_for_keeps_nobody_out(crew):
    room = crew.begin()
    crew.alice.set(room, BOB, Standing.ADMIN)
    crew.alice.set(room, CAROL, Standing.ADMIN)
    crew.table.run(5)
    crew.table.part(crew.carol, crew.bob)
    crew.table.part(crew.alice, crew.bob)
    for number in range(PINS_MAX):
        pin(crew.bob, room, op_id(f"none {number}"))
    mine = [op_id(f"some {number}") for number in range(4)]
    for message in mine:
        pin(crew.carol, room, message)
    crew.table.connect(crew.alice, crew.bob)
    crew.table.run(60)
    assert set(mine) < set(pins(crew.alice, room)), "each has its share"
    with pytest.raises(LocalProtocolError, match="at most 32"):
        pin(crew.carol, room, op_id("one more"))
    pin(crew.alice, room, op_id("an owner's"))
    assert op_id("an owner's") in pins(crew.alice, room)
    crew.table.run(20)
    crew.alice.set(room, BOB, Standing.REMOVED)
    crew.table.run(20)
    pin(crew.carol, room, op_id("one more"))
    crew.table.run(20)
    assert {*mine, op_id("an owner's"), op_id("one more")} < set(pins(crew.alice, room))


def test_what_is_pinned_on_the_side_of_a_fall_is_not(crew):
    room = crew.begin()
    crew.alice.set(room, BOB, Standing.ADMIN)
    crew.table.run(5)
    crew.table.part(crew.alice, crew.bob)
    crew.table.part(crew.carol, crew.bob)
    crew.alice.set(room, BOB, Standing.MEMBER)
    pin(crew.bob, room, op_id("message"))
    assert pins(crew.bob, room) == (op_id("message"),)
    crew.table.connect(crew.alice, crew.bob)
    crew.table.run(60)
    for seat in crew.seats:
        assert pins(seat, room) == ()
    assert crew.carol.told(PinChanged) == []
    on, off = crew.bob.told(PinChanged)
    assert (on.pinned, off.pinned) == (True, False)
    assert off.account == ALICE.account, "it is so by her word"


def test_a_pin_names_a_message():
    assert decode_control(*encode_control(Pin(op_id("one"), True))) == Pin(op_id("one"), True)
    for message in (b"", b"short", bytes(33)):
        with pytest.raises(MalformedMessage):
            decode_control(Kind.PIN, rooms_pb2.Pin(message=message, on=True).SerializeToString())
