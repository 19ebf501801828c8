"""How much of a room is forwarded."""

from __future__ import annotations

from dataclasses import replace

from p2pchat.model.conversation import open_room_id
from p2pchat.model.machine import Now
from p2pchat.node.room_pace import AUTHOR, COUNTED_MAX, NEW_MS, ROOM, RoomPace
from p2pchat.wire.frames import Ops
from tests.unit.protocol.people import ALICE, BOB, WALL_MS, Author, Person, person

SQUARE = open_room_id("square")


class Clock:
    now_s = 0.0
    wall_ms = WALL_MS

    def __call__(self) -> Now:
        return Now(self.wall_ms, self.now_s)


def blobs(who: Person, count: int, ops: int = 50) -> list[Ops]:
    """All that somebody says; signatures were verified before, and few hashes are enough here."""
    author = Author(who, SQUARE)
    return [Ops(tuple(author.write() for _ in range(ops))) for _ in range(count)]


def test_one_authors_flood_is_stopped_and_nobody_elses_words_are():
    clock = Clock()
    pace = RoomPace(clock)
    flood = blobs(ALICE, 55)
    verdicts = [pace.admits(SQUARE, blob) for blob in flood[:45]]
    assert sum(verdicts) == AUTHOR.burst / 50
    assert pace.admits(SQUARE, blobs(BOB, 1)[0])
    assert pace.admits(open_room_id("another"), flood[45])
    clock.now_s = 1.0
    assert [pace.admits(SQUARE, blob) for blob in flood[46:51]] == [True] * 4 + [False]


def test_many_authors_together_keep_the_pace_of_the_room():
    pace = RoomPace(Clock())
    crowd = [person(f"one of a crowd {number}") for number in range(7)]
    verdicts = [pace.admits(SQUARE, blob) for who in crowd for blob in blobs(who, 32)]
    assert sum(verdicts) == ROOM.burst / 50
    assert pace.admits(open_room_id("another"), blobs(BOB, 1)[0])


def test_what_somebody_says_again_takes_nothing_from_its_author():
    """Real words of Alice in new blobs: their pace ends, hers does not."""
    pace = RoomPace(Clock())
    said, fresh = blobs(ALICE, 2)
    assert pace.admits(SQUARE, said)
    again = [pace.admits(SQUARE, Ops(said.ops[n % 50 :])) for n in range(0, 1_000, 5)]
    assert not all(again)
    assert pace.admits(SQUARE, fresh)


def test_what_is_old_takes_nothing_from_its_author():
    clock = Clock()
    pace = RoomPace(clock)
    old = blobs(ALICE, 60)
    clock.wall_ms = WALL_MS + NEW_MS + 60_000
    assert sum(pace.admits(SQUARE, blob) for blob in old) < len(old)
    author = Author(ALICE, SQUARE)
    author.hlc += (NEW_MS + 60_000) << 16
    assert pace.admits(SQUARE, Ops((author.write(),)))


def test_what_was_counted_is_known_of_so_many_ops():
    pace = RoomPace(Clock())
    one = Author(ALICE, SQUARE).write()
    for number in range(COUNTED_MAX + 10):
        id = type(one.id)(number.to_bytes(32, "big"))
        pace.admits(open_room_id(f"room {number // 1_000}"), Ops((replace(one, id=id),)))
    assert len(pace) == COUNTED_MAX
