"""Open rooms stay within their bounds, whoever writes there."""

from __future__ import annotations

from p2pchat.config.limits import Limits
from p2pchat.model.conversation import open_room_id
from p2pchat.model.ids import OpId
from p2pchat.model.op import Chain
from p2pchat.model.query import StoredOp
from p2pchat.protocol.intake_vocabulary import ForPruning
from p2pchat.protocol.machine import Loaded, Persist
from p2pchat.protocol.pruning import CHECK_EVERY
from tests.unit.protocol.people import ALICE, BOB, CAROL
from tests.unit.protocol.table import Seat, Table

ROOM = open_room_id("square")
SHARE = 50
SMALL = Limits(open_room_device_ops_max=SHARE, open_room_ops_max=1000, open_room_devices_max=2)


def talkative(count: int) -> tuple[Table, Seat, Seat]:
    """Bob, whose room is small, and Alice, who says a lot in it."""
    table = Table()
    alice, bob = table.sit(ALICE), table.sit(BOB, SMALL)
    for seat in (alice, bob):
        seat.join("square")
    table.connect(alice, bob)
    table.run(60)
    for number in range(count):
        alice.send(ROOM, f"text {number}")
    table.run(60)
    return table, alice, bob


def test_who_says_a_lot_is_cut_at_a_floor_and_the_newest_stay():
    said = 3 * CHECK_EVERY
    _, alice, bob = talkative(said)
    kept = bob.texts(ROOM)
    assert kept == [f"text {number}" for number in range(said)][-len(kept) :]
    assert SHARE <= len(kept) <= SHARE + CHECK_EVERY
    log = bob.state.conversations[ROOM].log
    assert log.begins_at((alice.device, Chain.TALK)) >= said - SHARE - CHECK_EVERY


def test_what_was_cut_stays_away_after_a_restart_and_a_sync():
    table, alice, bob = talkative(3 * CHECK_EVERY)
    kept = bob.texts(ROOM)
    bob.crash()
    bob.open()
    table.connect(alice, bob)
    table.run(60)
    assert bob.texts(ROOM) == kept


def test_who_comes_later_gets_what_is_left():
    table, _, bob = talkative(3 * CHECK_EVERY)
    carol = table.sit(CAROL)
    carol.join("square")
    table.connect(carol, bob)
    table.run(120)
    assert carol.texts(ROOM) == bob.texts(ROOM)


def test_authors_beyond_the_bound_are_refused():
    table, _, bob = talkative(1)
    carol = table.sit(CAROL)
    carol.join("square")
    table.connect(carol, bob)
    table.run(60)
    carol.send(ROOM, "let me in")
    table.run(60)
    assert "let me in" not in bob.texts(ROOM)
    assert bob.state.refused["too many authors"] > 0


def test_an_answer_for_a_room_that_was_left_or_cut_further_changes_nothing():
    _, _, bob = talkative(3 * CHECK_EVERY)
    log = bob.state.conversations[ROOM].log
    begins = log.begins_at((ALICE.device, Chain.TALK))
    row = StoredOp(OpId(bytes(32)), 3, b"", b"", b"")
    bob.effects.clear()
    bob.do(Loaded(ForPruning(ROOM, ALICE.device, 4), (row,)))
    bob.do(Loaded(ForPruning(open_room_id("left"), ALICE.device, 4), (row,)))
    bob.do(Loaded(ForPruning(ROOM, ALICE.device, begins + 9), ()))
    assert bob.decided(Persist) == []
    assert log.begins_at((ALICE.device, Chain.TALK)) == begins
