"""How much of a room is forwarded."""

from __future__ import annotations

from p2pchat.model.conversation import open_room_id
from p2pchat.node.room_pace import AUTHOR, ROOM, RoomPace
from p2pchat.wire.frames import Ops
from tests.unit.protocol.people import ALICE, BOB, Author, Person, person

SQUARE = open_room_id("square")


class Clock:
    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def blob(who: Person, ops: int = 50) -> Ops:
    return Ops((Author(who, SQUARE).write(),) * ops)


def test_one_authors_flood_is_stopped_and_nobody_elses_words_are():
    clock = Clock()
    pace = RoomPace(clock)
    verdicts = [pace.admits(SQUARE, blob(ALICE)) for _ in range(100)]
    assert sum(verdicts) == AUTHOR.burst / 50
    assert pace.admits(SQUARE, blob(BOB))
    assert pace.admits(open_room_id("another"), blob(ALICE))
    clock.now_s = 1.0
    assert [pace.admits(SQUARE, blob(ALICE)) for _ in range(5)] == [True] * 4 + [False]


def test_many_authors_together_keep_the_pace_of_the_room():
    pace = RoomPace(Clock())
    crowd = [person(f"one of a crowd {number}") for number in range(10)]
    verdicts = [pace.admits(SQUARE, blob(who)) for who in crowd for _ in range(30)]
    assert sum(verdicts) == ROOM.burst / 50
    assert pace.admits(open_room_id("another"), blob(BOB))
