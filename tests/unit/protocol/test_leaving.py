"""Who leaves a room and comes back goes on with its own chain, whole: what it said before reaches
the others, and so does all that it says afterwards."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from p2pchat.config.limits import Limits
from p2pchat.events import SecurityAlert
from p2pchat.model.change import DropConversation, SetFloor
from p2pchat.model.control import Detail, Standing
from p2pchat.model.conversation import open_room_id
from p2pchat.model.ids import ConversationId
from p2pchat.model.op import Chain, Kind, Op
from p2pchat.model.room import RoomsFrom
from p2pchat.protocol import admission, invited
from p2pchat.protocol.admission import GUEST_S
from p2pchat.protocol.machine import PeerDown, PeerUp, Send
from p2pchat.protocol.pruning import CHECK_EVERY
from p2pchat.protocol.room_state import welcome_to
from p2pchat.protocol.room_vocabulary import DescribeRoom, PinMessage, SetRoomsFrom
from p2pchat.wire.frames import Ops, Welcome
from p2pchat.wire.ops import make_op
from tests.unit.protocol.people import ALICE, BOB, CAROL, Person, op_id
from tests.unit.protocol.table import Seat, Table
from tests.unit.protocol.test_invited import Crew, standings

DAVE = Person("dave")
ROOM = open_room_id("square")
SHARE = 50
SMALL = Limits(open_room_device_ops_max=SHARE, open_room_ops_max=1000, open_room_devices_max=2)


def square(limits: Limits | None = None) -> tuple[Table, Seat, Seat]:
    """Alice and Bob in an open room; then they lose each other."""
    table = Table()
    alice, bob = table.sit(ALICE, limits or Limits()), table.sit(BOB)
    for seat in (alice, bob):
        seat.join("square")
    table.connect(alice, bob)
    table.run(60)
    table.disconnect(alice, bob)
    return table, alice, bob


def leave(seat: Seat) -> None:
    seat.leave(ROOM)


def leave_and_restart(seat: Seat) -> None:
    seat.leave(ROOM)
    seat.crash()


def stop_before_leaving(seat: Seat) -> None:
    seat.crash_in = "before commit"
    with pytest.raises(KeyError):  # nobody answers
        seat.leave(ROOM)


def stop_after_leaving(seat: Seat) -> None:
    seat.crash_in = "after commit"
    with pytest.raises(KeyError):
        seat.leave(ROOM)


def leave_twice(seat: Seat) -> None:
    seat.leave(ROOM)
    seat.crash()
    seat.join("square")
    leave_and_restart(seat)


@pytest.mark.parametrize(
    "go", [leave, leave_and_restart, stop_before_leaving, stop_after_leaving, leave_twice]
)
def test_what_nobody_had_before_somebody_left_reaches_all_when_it_is_back(
    go: Callable[[Seat], None],
):
    table, alice, bob = square()
    for number in range(11):
        alice.send(ROOM, f"unheard {number}")
    go(alice)
    alice.join("square")
    alice.send(ROOM, "back")
    table.connect(alice, bob)
    table.run(120)
    said = [*(f"unheard {number}" for number in range(11)), "back"]
    assert bob.texts(ROOM) == alice.texts(ROOM) == said
    assert bob.state.conversations[ROOM].log.waiting_count == 0
    assert bob.told(SecurityAlert) == alice.told(SecurityAlert) == []
    chain = alice.chain(ROOM, ALICE)
    assert [op.header.seq for op in chain] == list(range(len(chain)))
    assert bob.chain(ROOM, ALICE) == chain
    assert ROOM not in alice.state.left


def test_of_a_room_that_was_left_nothing_is_shown_and_only_what_we_said_is_kept():
    table, alice, bob = square()
    table.connect(alice, bob)
    alice.send(ROOM, "mine")
    bob.send(ROOM, "yours")
    table.run(60)
    leave_and_restart(alice)
    assert alice.texts(ROOM) == []
    assert alice.chain(ROOM, BOB) == []
    assert len(alice.chain(ROOM, ALICE)) == 2
    alice.join("square")
    assert alice.texts(ROOM) == ["mine"]


def test_a_chain_that_was_cut_goes_on_above_its_floor():
    table, alice, _ = square(SMALL)
    for number in range(3 * CHECK_EVERY):
        alice.send(ROOM, f"number {number}")
    while alice.loads:
        alice.answer_load()
    floor = alice.state.conversations[ROOM].log.begins_at((ALICE.device, Chain.TALK))
    assert floor > 0
    leave_and_restart(alice)
    assert alice.state.left[ROOM].floor is not None
    alice.join("square")
    alice.send(ROOM, "back")
    assert alice.state.conversations[ROOM].log.begins_at((ALICE.device, Chain.TALK)) == floor
    chain = alice.chain(ROOM, ALICE)
    assert [op.header.seq for op in chain] == list(range(floor, floor + len(chain)))
    carol = table.sit(CAROL)
    carol.join("square")
    table.connect(alice, carol)
    table.run(120)
    assert carol.texts(ROOM) == alice.texts(ROOM)
    assert carol.texts(ROOM)[-1] == "back"


def test_a_home_that_kept_but_a_floor_goes_on_there():
    """As older versions left rooms: the chain has a gap, and no second beginning."""
    table, alice, bob = square()
    table.connect(alice, bob)
    alice.send(ROOM, "before")
    table.run(60)
    before = alice.chain(ROOM, ALICE)
    alice.store.commit(
        [
            DropConversation(ROOM, CAROL.device),
            SetFloor(ROOM, ALICE.device, Chain.TALK, len(before), before[-1].id),
        ]
    )
    alice.crash()
    alice.join("square")
    alice.send(ROOM, "after")
    table.connect(alice, bob)
    table.run(120)
    assert bob.texts(ROOM) == ["before", "after"]
    assert bob.told(SecurityAlert) == []


# Rooms by invitation


def alone(crew: Crew, room: ConversationId) -> None:
    """Carol writes what nobody gets, and goes."""
    for other in (crew.alice, crew.bob):
        crew.table.part(other, crew.carol)
    for number in range(3):
        crew.carol.send(room, f"unheard {number}")
    crew.carol.leave(room)
    crew.carol.crash()
    crew.table.heal()
    crew.table.connect(crew.alice, crew.carol)
    crew.table.connect(crew.bob, crew.carol)
    crew.table.run(40)


def test_who_was_alone_left_and_is_asked_back_is_heard_again():
    crew = Crew()
    room = crew.begin()
    alone(crew, room)
    crew.alice.set(room, CAROL, Standing.MEMBER)
    crew.table.run(40)
    crew.carol.send(room, "later")
    crew.table.run(60)
    for seat in (crew.alice, crew.bob):
        assert seat.texts(room)[-1:] == ["later"]
        assert seat.state.conversations[room].log.waiting_count == 0
        assert seat.chain(room, CAROL) == crew.carol.chain(room, CAROL)
    assert crew.carol.texts(room) == ["unheard 0", "unheard 1", "unheard 2", "later"]


@pytest.mark.parametrize("is_restarted", [False, True])
def test_who_is_asked_back_and_does_not_come_keeps_what_it_said(is_restarted: bool):
    crew = Crew()
    room = crew.begin()
    alone(crew, room)
    said = crew.carol.chain(room, CAROL)
    crew.carol.ask(lambda id: SetRoomsFrom(id, RoomsFrom.ASK))
    crew.alice.set(room, CAROL, Standing.MEMBER)
    crew.table.run(20)
    assert not crew.carol.state.conversations[room].is_entered
    assert crew.carol.texts(room) == []
    if is_restarted:
        crew.carol.crash()
        crew.table.connect(crew.alice, crew.carol)
    crew.alice.set(room, CAROL, Standing.REMOVED)
    crew.table.run(GUEST_S + 5)
    assert room not in crew.carol.state.conversations
    assert crew.carol.chain(room, CAROL) == said
    assert [tip.id for tip in crew.carol.state.left[room].talk] == [said[-1].id]


def test_what_somebody_said_before_it_left_comes_to_who_was_away_and_to_newcomers():
    crew = Crew(DAVE)
    dave = crew.seats[3]
    room = crew.begin()
    for seat in (crew.alice, crew.carol):
        crew.table.part(crew.bob, seat)
    crew.carol.send(room, "farewell")
    crew.table.run(10)
    crew.carol.leave(room)
    crew.table.run(10)
    crew.alice.set(room, DAVE, Standing.MEMBER)
    crew.table.heal()
    crew.table.connect(crew.alice, crew.bob)
    crew.table.run(60)
    assert crew.alice.texts(room) == crew.bob.texts(room) == dave.texts(room) == ["farewell"]


@pytest.mark.parametrize("is_restarted", [False, True])
def test_who_ruled_and_left_where_nobody_heard_it_is_out_when_others_meet_it(is_restarted: bool):
    crew = Crew()
    room = crew.begin()
    crew.alice.set(room, CAROL, Standing.ADMIN)
    crew.table.run(5)
    for seat in (crew.alice, crew.bob):
        crew.table.part(crew.carol, seat)
    for name in ("one", "two"):
        crew.carol.ask(lambda id, name=name: DescribeRoom(id, room, Detail.NAME, name))
    crew.carol.leave(room)
    if is_restarted:
        crew.carol.crash()
    crew.table.heal()
    crew.table.connect(crew.alice, crew.carol)
    crew.table.run(60)
    assert CAROL.account not in standings(crew.alice, room)
    assert crew.alice.state.conversations[room].name == "two"
    assert room not in crew.carol.state.conversations or not crew.carol.topics


@pytest.mark.parametrize("is_restarted", [False, True])
def test_who_was_put_out_hears_that_an_admin_left_and_not_what_it_changed(is_restarted: bool):
    crew = Crew()
    room = crew.begin()
    crew.alice.set(room, CAROL, Standing.ADMIN)
    crew.table.run(5)
    inside = crew.carol.state.conversations[room].invited
    assert inside is not None
    brought = Welcome(inside.genesis, inside.secret, ())
    crew.carol.set(room, BOB, Standing.REMOVED)
    crew.table.run(5)
    crew.carol.ask(lambda id: DescribeRoom(id, room, Detail.NAME, "without Bob"))
    crew.carol.leave(room)
    if is_restarted:
        crew.carol.crash()
    for person, count in ((BOB, 1), (ALICE, 4)):
        crew.carol.effects.clear()
        crew.carol.hear(person, brought)
        frames = [effect.frame for effect in crew.carol.decided(Send)]
        told = [op for frame in frames if isinstance(frame, Ops) for op in frame.ops]
        kinds = [op.header.kind for op in told if op.header.conversation == room]
        assert len(kinds) >= count
        assert (kinds == [Kind.LEAVE]) is (person is BOB)


@pytest.mark.parametrize("is_restarted", [False, True])
def test_who_left_and_is_a_member_all_the_same_is_in_again(is_restarted: bool):
    """Its leaving is void: an owner changed what it may, and did not know of that."""
    crew = Crew()
    room = crew.begin()
    for seat in (crew.alice, crew.bob):
        crew.table.part(crew.carol, seat)
    crew.carol.leave(room)
    crew.alice.set(room, CAROL, Standing.READ_ONLY)
    if is_restarted:
        crew.carol.crash()
    crew.table.heal()
    crew.table.connect(crew.alice, crew.carol)
    crew.table.run(60)
    assert standings(crew.alice, room)[CAROL.account] is Standing.READ_ONLY
    assert crew.carol.state.conversations[room].is_entered
    crew.alice.send(room, "still here?")
    crew.table.run(60)
    assert crew.carol.texts(room) == ["still here?"]


def spoke_beside_a_fall(crew: Crew) -> tuple[ConversationId, Op]:
    """Bob pins, and Carol alone hears of it, says something, and leaves when she has heard that
    Alice had put Bob out in the meantime: what he said last counts for nothing."""
    room = crew.begin()
    crew.alice.set(room, BOB, Standing.ADMIN)
    crew.table.run(5)
    for seat in (crew.bob, crew.carol):
        crew.table.part(crew.alice, seat)
    for number in range(3):  # the others are in the past of the last one alone
        crew.bob.ask(lambda id, n=number: PinMessage(id, room, op_id(f"pinned {n}"), is_on=True))
    crew.table.run(5)
    crew.carol.send(room, "before")
    crew.alice.set(room, BOB, Standing.REMOVED)
    crew.table.part(crew.bob, crew.carol)
    fall = crew.alice.chain(room, ALICE, Chain.CONTROL)[-1]
    crew.carol.hear(ALICE, Ops((fall,), (ALICE.devices,)))
    return room, crew.bob.chain(room, BOB, Chain.CONTROL)[-1]


@pytest.mark.parametrize("restarts", [(), ("away",), ("away", "back")])
def test_what_talk_depends_on_and_has_no_effect_comes_back_with_who_said_it(restarts):
    crew = Crew()
    room, pin = spoke_beside_a_fall(crew)
    crew.table.lose(CAROL.device)
    crew.carol.leave(room)
    if "away" in restarts:
        crew.carol.crash()
    crew.table.heal()
    crew.table.part(crew.alice, crew.bob)
    crew.table.part(crew.bob, crew.carol)
    crew.table.connect(crew.alice, crew.carol)
    crew.table.run(40)
    crew.alice.set(room, CAROL, Standing.MEMBER)
    crew.table.run(1)
    if "back" in restarts:
        crew.carol.crash()
        crew.table.connect(crew.alice, crew.carol)
    crew.table.run(40)
    crew.carol.send(room, "after")
    crew.table.run(60)
    assert crew.alice.texts(room) == crew.carol.texts(room) == ["before", "after"]
    assert crew.alice.chain(room, CAROL) == crew.carol.chain(room, CAROL)
    for seat in (crew.alice, crew.carol):
        assert seat.state.conversations[room].log.waiting_count == 0
        assert pin.id in seat.state.conversations[room].invited.membership
    assert not crew.carol.chat.rooms.invited.admission.beside
    settings = crew.carol.store.snapshot().settings
    assert not any(raw for key, raw in settings.items() if key.startswith("beside/"))


@pytest.mark.parametrize("is_restarted", [False, True])
def test_who_left_by_a_word_that_hangs_on_what_nobody_else_has_is_in_again_when_let_in(
    is_restarted,
):
    """Carol alone had heard what Bob pinned, whose device is gone since."""
    crew = Crew()
    room = crew.begin()
    crew.alice.set(room, BOB, Standing.ADMIN)
    crew.table.run(5)
    for seat in (crew.bob, crew.carol):
        crew.table.part(crew.alice, seat)
    crew.bob.ask(lambda id: PinMessage(id, room, op_id("pinned"), is_on=True))
    crew.table.run(5)
    crew.carol.leave(room)
    if is_restarted:
        crew.carol.crash()
    crew.alice.set(room, BOB, Standing.REMOVED)
    crew.table.heal()
    crew.table.part(crew.alice, crew.bob)
    crew.table.part(crew.carol, crew.bob)
    crew.table.connect(crew.alice, crew.carol)
    crew.table.run(60)
    assert CAROL.account not in standings(crew.alice, room)
    crew.alice.set(room, CAROL, Standing.MEMBER)
    crew.table.run(60)
    assert crew.carol.state.conversations[room].is_entered
    crew.carol.send(room, "back")
    crew.table.run(20)
    assert crew.alice.texts(room) == ["back"]


def test_of_what_talk_may_depend_on_so_much_is_kept(monkeypatch):
    monkeypatch.setattr(invited, "BESIDE_MAX", 2)
    crew = Crew()
    room, pin = spoke_beside_a_fall(crew)
    crew.carol.leave(room)
    kept = crew.carol.chat.rooms.invited.admission.beside[room]
    assert len(kept) == 2
    assert kept[-1].id == pin.id
    monkeypatch.setattr(admission, "BESIDE_BYTES_MAX", pin.size_bytes * 3 // 2)
    crew = Crew()
    room, pin = spoke_beside_a_fall(crew)
    crew.carol.leave(room)
    assert len(crew.carol.chat.rooms.invited.admission.beside[room]) == 1


def test_everybody_who_takes_one_for_a_member_hears_that_one_left():
    """Who heard it first was gone before it could tell anybody."""
    crew = Crew()
    room = crew.begin()
    crew.table.connect(crew.bob, crew.carol)
    crew.table.befriend(crew.bob, crew.carol)
    crew.table.run(5)
    known = crew.bob.state.conversations[room].invited
    assert known is not None
    for other in (crew.alice, crew.bob):
        crew.table.part(crew.carol, other)
    crew.carol.leave(room)
    crew.carol.crash()
    crew.carol.do(PeerUp(BOB.device))
    crew.carol.hear(BOB, welcome_to(known, (BOB.devices,)))
    crew.carol.do(PeerDown(BOB.device, "gone"))
    crew.table.cut.discard(frozenset((ALICE.device, CAROL.device)))
    crew.table.connect(crew.carol, crew.alice)
    crew.table.run(60)
    assert CAROL.account not in standings(crew.alice, room)


def test_who_left_and_goes_on_speaking_as_if_it_had_not_is_stopped_by_a_ban():
    crew = Crew()
    room = crew.begin()
    crew.carol.send(room, "hello")
    crew.table.run(5)
    last = crew.carol.chain(room, CAROL)[-1]
    crew.carol.leave(room)
    crew.table.run(5)
    for number, is_heard in enumerate((True, False)):
        header = replace(last.header, seq=last.header.seq + 1, prev=last.id)
        last = make_op(header, last.content, CAROL.signer)
        crew.bob.hear(ALICE, Ops((last,), (CAROL.devices,)))
        crew.table.run(5)
        assert (last in crew.bob.chain(room, CAROL)) is is_heard, number
        crew.alice.set(room, CAROL, Standing.BANNED)
        crew.table.run(5)


def test_rooms_of_strangers_that_came_to_nothing_leave_nothing_in_memory():
    crew = Crew()
    crew.carol.ask(lambda id: SetRoomsFrom(id, RoomsFrom.ASK))
    room = crew.begin()
    crew.alice.set(room, CAROL, Standing.REMOVED)
    crew.table.run(GUEST_S + 5)
    assert room not in crew.carol.state.conversations
    assert crew.carol.state.left == {}
