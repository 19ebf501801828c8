"""What is owed, and the way it takes."""

from __future__ import annotations

from p2pchat.model.machine import SetTimer
from p2pchat.protocol.machine import AddContact, Dial, Lane, Send, SendFailed
from p2pchat.protocol.outbox import Link
from tests.unit.protocol.people import ALICE, BOB
from tests.unit.protocol.table import COMMAND, Table


def test_a_dial_that_failed_when_nothing_was_owed_does_not_hold_up_the_next_message():
    table = Table()
    alice, bob = table.sit(ALICE), table.sit(BOB)
    direct = table.befriend(alice, bob)
    table.part(alice, bob)
    alice.do(AddContact(COMMAND, BOB.link, ALICE.pair_half))  # dials, though all is delivered
    table.run(120)
    table.heal()

    alice.send(direct, "are you there?")
    table.run(1)

    assert bob.texts(direct) == ["are you there?"]


def test_nothing_is_tried_again_when_nothing_is_owed():
    table = Table()
    alice, bob = table.sit(ALICE), table.sit(BOB)
    table.befriend(alice, bob)
    alice.effects.clear()

    table.part(alice, bob)
    table.run(3600)

    assert alice.decided(Dial) == []
    assert alice.fired["retry"] <= 1


def test_what_a_lost_stream_took_along_is_sent_again_soon():
    table = Table()
    alice, bob = table.sit(ALICE), table.sit(BOB)
    direct = table.befriend(alice, bob)
    alice.send(direct, "lost")
    table.wires.clear()
    alice.do(SendFailed(BOB.device, Lane.LIVE, "reset"))

    table.run(2)

    assert bob.texts(direct) == ["lost"]


def test_a_stream_that_fails_at_once_is_not_tried_with_every_message():
    table = Table()
    alice, bob = table.sit(ALICE), table.sit(BOB)
    direct = table.befriend(alice, bob)
    alice.effects.clear()
    for number in range(100):
        alice.send(direct, f"number {number}")
        table.wires.clear()
        alice.do(SendFailed(BOB.device, Lane.LIVE, "reset"))

    assert len(alice.decided(Send)) < 5
    table.run(60)
    assert bob.texts(direct) == [f"number {number}" for number in range(100)]


def test_a_stream_for_catching_up_that_is_lost_takes_no_message_along():
    table = Table()
    alice, bob = table.sit(ALICE), table.sit(BOB)
    direct = table.befriend(alice, bob)
    alice.send(direct, "on its way")
    alice.effects.clear()

    alice.do(SendFailed(BOB.device, Lane.SYNC, "reset"))

    assert alice.decided(SetTimer) == []
    assert alice.chat.outbox.recipients[BOB.device].link is Link.UP


def test_silence_is_noticed_soon_after_a_long_back_off():
    table = Table()
    alice, bob = table.sit(ALICE), table.sit(BOB)
    direct = table.befriend(alice, bob)
    alice.send(direct, "unanswered")
    for _ in range(8):  # nothing arrives, and the back-off grows to minutes
        table.wires.clear()
        table.tick(float("inf"))
    table.disconnect(alice, bob)
    table.connect(alice, bob)
    table.settle()
    assert bob.texts(direct) == ["unanswered"]

    alice.send(direct, "lost again")
    table.wires.clear()
    table.run(20)

    assert bob.texts(direct) == ["unanswered", "lost again"]
