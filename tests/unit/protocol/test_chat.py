"""The root: what becomes of inputs, good and bad."""

from __future__ import annotations

from dataclasses import replace

import pytest

from p2pchat.config.limits import Limits
from p2pchat.errors import InvalidText, MessageTooLarge, PermissionDenied, UnknownConversation
from p2pchat.model.conversation import open_room_id
from p2pchat.model.machine import Now
from p2pchat.protocol.machine import (
    AddContact,
    Flush,
    Heard,
    Lane,
    PeerUp,
    Persist,
    Received,
    RoomPeerJoined,
    RoomPeerLeft,
    Send,
    SendFailed,
    SendText,
)
from p2pchat.wire.frames import Hello, Ops
from p2pchat.wire.receipts import SignedReceipt
from tests.unit.protocol.people import ALICE, BOB, CAROL, MALLORY, Author, between
from tests.unit.protocol.table import COMMAND, Seat, Table

DIRECT = between(ALICE, BOB)


def contacts() -> tuple[Table, Seat, Seat]:
    table = Table()
    alice, bob = table.sit(ALICE), table.sit(BOB)
    table.befriend(alice, bob)
    return table, alice, bob


def test_what_came_before_a_bad_op_in_its_frame_is_on_disk_when_it_is_acknowledged():
    _table, _alice, bob = contacts()
    author = Author(ALICE, DIRECT)
    good, bad = author.write("good"), author.write("bad")
    bob.effects.clear()

    bob.hear(ALICE, Ops((good, replace(bad, signature=bytes(64)))))

    assert bob.texts(DIRECT) == bob.received() == ["good"]
    (receipt,) = [e.frame for e in bob.decided(Send) if isinstance(e.frame, SignedReceipt)]
    assert good.id in {entry.head for entry in receipt.receipt.entries}
    assert bob.drops == ["a signature for op does not verify"]


def test_a_peer_that_breaks_the_rules_is_dropped_and_counted():
    _, _alice, bob = contacts()
    author = Author(ALICE, DIRECT)
    bob.hear(ALICE, Ops((author.write(), replace(author.write(), signature=bytes(64)))))
    assert bob.drops == ["a signature for op does not verify"]
    assert bob.state.refused["BadSignature"] == 1


def test_who_forwards_a_bad_blob_is_not_dropped():
    table = Table()
    alice, bob = table.sit(ALICE), table.sit(BOB)
    room = alice.join("square")
    bob.join("square")
    table.connect(alice, bob)
    bad = replace(Author(MALLORY, room).write(), signature=bytes(64))

    alice.do(Heard(room, BOB.device, Ops((bad,), (MALLORY.devices,))))

    assert alice.drops == []
    assert alice.state.refused["BadSignature"] == 1


def test_a_blob_of_a_room_is_about_that_room():
    _table, alice, _bob = contacts()
    room = alice.join("square")
    op = Author(BOB, DIRECT).write("by the back door")
    alice.do(Heard(room, BOB.device, Ops((op,), (BOB.devices,))))
    assert alice.texts(DIRECT) == []
    assert alice.state.refused["blob about another conversation"] == 1


def test_a_restart_owes_nothing_that_was_delivered():
    table, alice, _bob = contacts()
    alice.send(DIRECT, "one")
    table.run(5)
    alice.effects.clear()
    alice.crash()
    table.run(60)
    assert not [e for e in alice.decided(Send) if isinstance(e.frame, Ops)]


def test_a_restart_sends_what_was_not_delivered_from_disk():
    table, alice, bob = contacts()
    table.part(alice, bob)
    for number in range(700):
        alice.send(DIRECT, f"number {number}")
    alice.crash()
    table.heal()
    table.run(60)
    assert bob.texts(DIRECT) == [f"number {number}" for number in range(700)]


def test_own_ops_go_on_where_they_ended():
    table, alice, bob = contacts()
    alice.send(DIRECT, "one")
    bob.crash()
    alice.crash()
    table.run(60)
    alice.send(DIRECT, "two")
    bob.send(DIRECT, "three")
    table.run(60)
    assert bob.texts(DIRECT) == alice.texts(DIRECT) == ["one", "two", "three"]
    first, second = bob.chain(DIRECT, ALICE)
    assert second.header.prev == first.id
    assert second.header.hlc > first.header.hlc


def test_a_text_is_refused_that_is_empty_or_too_long():
    _, alice, _ = contacts()
    with pytest.raises(InvalidText):
        alice.send(DIRECT, "")
    with pytest.raises(MessageTooLarge):
        alice.send(DIRECT, "é" * 16_385)
    assert alice.send(DIRECT, "é" * 16_384)


def test_a_text_needs_a_conversation():
    _, alice, _ = contacts()
    with pytest.raises(UnknownConversation):
        alice.send(between(ALICE, CAROL), "hello?")


def test_nobody_writes_to_who_only_asks():
    table, alice, bob = (t := Table()), t.sit(ALICE), t.sit(BOB)
    alice.do(AddContact(COMMAND, BOB.link, ALICE.pair_half))
    table.settle()
    with pytest.raises(PermissionDenied):
        bob.send(DIRECT, "not yet")


def test_a_reply_names_what_it_answers():
    table, alice, bob = contacts()
    first = alice.send(DIRECT, "question")
    table.settle()
    bob.do(SendText(COMMAND, DIRECT, "answer", first.id))
    table.settle()
    assert [m.reply_to for m in alice.history(DIRECT)] == [None, first.id]


def test_a_flush_puts_on_disk_what_waits():
    _table, alice, _bob = contacts()
    alice.send(DIRECT, "one")
    assert alice.chat.outbox.is_flushed  # it went with the message
    alice.do(SendFailed(BOB.device, Lane.LIVE, "reset"))
    assert not alice.chat.outbox.is_flushed
    alice.ask(Flush)
    assert alice.chat.outbox.is_flushed
    alice.effects.clear()
    alice.ask(Flush)
    assert alice.decided(Persist) == []


def test_peers_of_a_room_that_is_not_ours_are_no_concern():
    _, alice, _ = contacts()
    room = open_room_id("elsewhere")
    alice.do(RoomPeerJoined(room, BOB.device), RoomPeerLeft(room, BOB.device))
    assert alice.chat.sync.room_peers == {}


def test_a_message_that_overtakes_the_news_of_its_connection_is_receipted():
    """Streams and connection events come over different ways."""
    table, alice, bob = contacts()
    table.disconnect(alice, bob)
    op = Author(ALICE, DIRECT).write("early")
    bob.effects.clear()

    bob.do(Received(ALICE.device, Hello(ALICE.devices)), Received(ALICE.device, Ops((op,))))
    bob.do(PeerUp(ALICE.device))

    receipts = [e.frame for e in bob.decided(Send) if isinstance(e.frame, SignedReceipt)]
    assert [entry.head for entry in receipts[0].receipt.entries if entry.chain] == [op.id]


def test_what_memory_bounds_is_told_by_limits():
    table = Table()
    alice = table.sit(ALICE, Limits(text_bytes_max=5))
    room = alice.join("square")
    with pytest.raises(MessageTooLarge):
        alice.send(room, "123456")


def test_a_text_that_is_no_unicode_is_refused():
    _, alice, _ = contacts()
    with pytest.raises(InvalidText):
        alice.send(DIRECT, "half a \ud800 pair")


def test_our_clock_goes_on_after_a_restart_though_the_machines_was_set_back():
    table, alice, bob = contacts()
    alice.send(DIRECT, "one")
    table.now = Now(table.now.wall_ms - 3_600_000, table.now.monotonic_s)
    alice.crash()
    table.connect(alice, bob)
    alice.send(DIRECT, "two")
    table.run(60)
    first, second = alice.chain(DIRECT, ALICE)
    assert second.header.hlc > first.header.hlc
    assert bob.texts(DIRECT) == ["one", "two"]
