"""What we write into the control chain of a room, and who is told it late."""

from __future__ import annotations

import pytest

from p2pchat.errors import PermissionDenied
from p2pchat.model.control import Standing
from p2pchat.model.ids import ConversationId, OpId
from p2pchat.model.op import Chain, Kind
from p2pchat.protocol.machine import Lane
from p2pchat.protocol.room_writing import LAST_WORDS_MAX
from p2pchat.protocol.state import OWN_RECENT_MAX
from p2pchat.wire.frames import Ops
from tests.unit.protocol.people import BOB, CAROL, MALLORY
from tests.unit.protocol.table import Seat
from tests.unit.protocol.test_invited import Crew, frames, standings


@pytest.mark.parametrize("is_restarted", [False, True])
def test_who_is_removed_while_away_is_told_when_it_is_back(is_restarted: bool):
    crew = Crew()
    room = crew.begin()
    crew.table.part(crew.alice, crew.carol)
    crew.table.part(crew.bob, crew.carol)
    crew.alice.set(room, BOB, Standing.ADMIN)
    crew.alice.set(room, CAROL, Standing.REMOVED)
    crew.table.run(30)
    if is_restarted:
        crew.alice.crash()
        crew.table.connect(crew.alice, crew.bob)
    assert CAROL.account in standings(crew.carol, room)
    crew.table.heal()
    crew.table.connect(crew.alice, crew.carol)
    crew.table.run(5)
    assert CAROL.account not in standings(crew.carol, room)
    with pytest.raises(PermissionDenied):
        crew.carol.send(room, "am I here?")


def test_of_rooms_it_was_removed_from_a_device_is_told_so_much_at_one_hello(monkeypatch):
    crew = Crew()
    assert 1 < LAST_WORDS_MAX < OWN_RECENT_MAX
    monkeypatch.setattr("p2pchat.protocol.room_meetings.ROOMS_TOLD_MAX", 2)
    monkeypatch.setattr("p2pchat.protocol.room_writing.LAST_WORDS_MAX", 3)
    rooms = [crew.alice.create(f"crew {number}", BOB, CAROL) for number in range(3)]
    crew.table.run(5)
    crew.table.part(crew.alice, crew.carol)
    for room in rooms:
        for standing in (Standing.READ_ONLY, Standing.MEMBER, Standing.READ_ONLY):
            crew.alice.set(room, BOB, standing)
        crew.alice.set(room, CAROL, Standing.REMOVED)
    crew.alice.effects.clear()
    crew.table.heal()
    crew.table.connect(crew.alice, crew.carol)
    crew.table.run(5)
    sent = [e for e in frames(crew.alice, Ops) if e.peer == crew.carol.device]
    told = [e.frame.ops for e in sent if e.lane is Lane.LIVE]
    words = [ops for ops in told if any(op.header.conversation in rooms for op in ops)]
    assert [len(ops) for ops in words] == [3, 3]
    assert all(CAROL.account not in standings(crew.carol, room) for room in rooms)  # it asked


@pytest.mark.parametrize("last", [Standing.BANNED, Standing.REMOVED])
def test_who_was_removed_is_told_nothing_of_later_when_it_is_banned_or_the_ban_ends(last: Standing):
    crew = Crew(MALLORY)
    room = crew.begin()
    crew.table.part(crew.alice, crew.carol)
    crew.table.part(crew.bob, crew.carol)
    crew.alice.set(room, BOB, Standing.ADMIN)
    crew.alice.set(room, CAROL, Standing.REMOVED)
    removal = control_ops(crew.alice, room)
    crew.alice.set(room, MALLORY, Standing.MEMBER)
    crew.alice.set(room, CAROL, Standing.BANNED)
    if last is Standing.REMOVED:
        crew.alice.set(room, CAROL, last)
    crew.table.run(30)
    crew.alice.effects.clear()
    crew.table.heal()
    crew.table.connect(crew.alice, crew.carol)
    crew.table.run(5)
    told = [e.frame.ops for e in frames(crew.alice, Ops) if e.peer == crew.carol.device]
    told_of_room = {op.id for ops in told for op in ops if op.header.conversation == room}
    assert told_of_room
    assert told_of_room <= removal
    assert CAROL.account not in standings(crew.carol, room)
    assert MALLORY.account not in standings(crew.carol, room)


def test_who_is_removed_again_is_told_of_that_and_of_its_return():
    crew = Crew()
    room = crew.begin()
    crew.table.part(crew.alice, crew.carol)
    crew.table.part(crew.bob, crew.carol)
    for standing in (Standing.REMOVED, Standing.MEMBER, Standing.REMOVED):
        crew.alice.set(room, CAROL, standing)
    last = crew.alice.state.conversations[room].newest_own(Chain.CONTROL, Kind.STANDING)
    crew.table.run(30)
    crew.table.heal()
    crew.table.connect(crew.alice, crew.carol)
    crew.table.run(5)
    invited = crew.carol.state.conversations[room].invited
    assert last is not None
    assert last.id in invited.membership
    assert CAROL.account not in standings(crew.carol, room)


def control_ops(seat: Seat, room: ConversationId) -> set[OpId]:
    conversation = seat.state.conversations[room]
    count, _ = conversation.log.end(seat.device, Chain.CONTROL)
    return {op.id for op in conversation.own_recent(Chain.CONTROL, 0, count) or ()}
