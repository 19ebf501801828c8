"""Receipts that get lost: in a direct conversation the author asks again, in a room nobody does."""

from __future__ import annotations

from p2pchat.model.conversation import open_room_id
from p2pchat.protocol.machine import Lane, Send, SendFailed
from p2pchat.wire.receipts import SignedReceipt
from tests.unit.protocol.people import ALICE, BOB, CAROL
from tests.unit.protocol.square import square, tell, written
from tests.unit.protocol.table import Seat, Table

ROOM = open_room_id("square")


def receipts_for(seat: Seat, author: Seat) -> int:
    sent = [e for e in seat.decided(Send) if isinstance(e.frame, SignedReceipt)]
    return sum(e.peer == author.device for e in sent)


def test_a_lane_that_breaks_makes_us_owe_the_receipts_of_rooms_again():
    table = Table()
    alice, bob, carol = (table.sit(person) for person in (ALICE, BOB, CAROL))
    for seat in (alice, bob, carol):
        seat.join("square")
    table.connect(alice, bob)
    table.connect(bob, carol)
    alice.send(ROOM, "one")
    table.run(5)
    bob.effects.clear()

    bob.do(SendFailed(alice.device, Lane.LIVE, "the stream was reset"))
    table.run(2)

    assert receipts_for(bob, alice) == 1
    assert receipts_for(bob, carol) == 0


def test_who_is_not_connected_is_sent_no_receipt():
    table, alice, bob = square()
    alice.effects.clear()
    tell(alice, *written(3))
    table.run(5)
    assert not [e for e in alice.decided(Send) if e.peer == CAROL.device]
    assert bob.device in alice.state.connected
