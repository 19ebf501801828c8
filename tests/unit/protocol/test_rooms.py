"""Open rooms: whoever names one is in it."""

from __future__ import annotations

import pytest

from p2pchat.errors import LocalProtocolError, UnknownConversation
from p2pchat.events import MembersChanged, MessageStateChanged, RoomJoined, SecurityAlert
from p2pchat.model.change import SetPublished
from p2pchat.model.conversation import open_room_id
from p2pchat.model.message import MessageState
from p2pchat.model.op import Chain
from p2pchat.model.room import Role, RoomInfo, RoomKind
from p2pchat.protocol.machine import (
    EnterTopic,
    Heard,
    JoinOpen,
    LeaveRoom,
    LeaveTopic,
    Persist,
    Publish,
    Published,
    Send,
    SendText,
)
from p2pchat.protocol.rooms import BLOB_BYTES_MAX
from p2pchat.wire.frames import Ops, encode_ops
from p2pchat.wire.receipts import SignedReceipt
from tests.unit.protocol.people import ALICE, BOB, CAROL, Author
from tests.unit.protocol.table import COMMAND, Seat, Table

ROOM = open_room_id("square")


def square(*people) -> tuple[Table, list[Seat]]:
    """Everybody in one room, connected."""
    table = Table()
    seats = [table.sit(person) for person in people]
    for seat in seats:
        seat.join("square")
    for index, seat in enumerate(seats):
        for other in seats[:index]:
            table.connect(seat, other)
    table.run(120)
    return table, seats


def test_a_room_has_its_name_in_normal_form():
    table = Table()
    alice = table.sit(ALICE)
    info = alice.ask(lambda id: JoinOpen(id, "  The  SQUARE "))
    assert isinstance(info, RoomInfo)
    assert (info.name, info.kind, info.role) == ("the square", RoomKind.OPEN, Role.MEMBER)
    assert info.members_count == 1
    assert alice.told(RoomJoined) == [RoomJoined(info)]
    assert alice.ask(lambda id: JoinOpen(id, "The Square")) == info
    assert len(alice.told(RoomJoined)) == 1


@pytest.mark.parametrize("name", ["", "   ", "x" * 65, "a\0b"])
def test_a_name_that_is_none_is_refused(name: str):
    alice = Table().sit(ALICE)
    with pytest.raises(LocalProtocolError):
        alice.join(name)


def test_what_one_writes_all_read():
    table, (alice, bob, carol) = square(ALICE, BOB, CAROL)
    message = alice.send(ROOM, "hello all")
    table.run(2)
    assert bob.texts(ROOM) == carol.texts(ROOM) == ["hello all"]
    states = [e.state for e in alice.told(MessageStateChanged) if e.message_id == message.id]
    assert states == [MessageState.SENT, MessageState.DELIVERED]
    assert alice.state_of(message.id) is MessageState.DELIVERED


def test_everybody_learns_who_is_there():
    _table, (_alice, bob) = square(ALICE, BOB)
    assert bob.told(MembersChanged)
    assert bob.state.directory.name(ALICE.account) == "alice"
    assert bob.state.room_info(bob.state.conversations[ROOM]).members_count == 2


def test_a_burst_goes_out_in_few_blobs():
    table, (alice, bob) = square(ALICE, BOB)
    alice.effects.clear()
    alice.do(*(SendText(COMMAND, ROOM, f"number {n}" + "x" * 1_000) for n in range(100)))
    blobs = alice.decided(Publish)
    assert len(blobs) == 3
    assert all(len(encode_ops(blob.ops)) <= BLOB_BYTES_MAX for blob in blobs)
    assert all(blob.ops.devices == (ALICE.devices,) for blob in blobs)
    assert [blob.talk_sent for blob in blobs] == sorted(blob.talk_sent for blob in blobs)
    table.settle()
    assert len(bob.texts(ROOM)) == 100


def test_a_message_that_nobody_heard_is_queued_until_somebody_has_it():
    table, (alice,) = square(ALICE)
    message = alice.send(ROOM, "anybody?")
    table.settle()
    assert alice.state_of(message.id) is MessageState.QUEUED
    bob = table.sit(BOB)
    bob.join("square")
    table.connect(alice, bob)
    table.run(120)
    assert bob.texts(ROOM) == ["anybody?"]
    assert alice.state_of(message.id) is MessageState.DELIVERED


def test_news_of_an_older_blob_take_nothing_back():
    table, (alice, _bob) = square(ALICE, BOB)
    alice.send(ROOM, "one")
    table.settle()
    table.run(0.1)
    alice.do(Published(ROOM, 1, 3), Published(ROOM, 2, 0))
    assert alice.chat.outbox.is_flushed


def test_that_something_was_published_goes_to_disk_with_the_next_message_or_soon():
    table, (alice, _bob) = square(ALICE, BOB)
    alice.send(ROOM, "one")
    table.settle()
    assert not alice.chat.outbox.is_flushed
    alice.effects.clear()
    alice.do(SendText(COMMAND, ROOM, "two"))
    assert SetPublished(ROOM, 2) in [effect.change for effect in alice.decided(Persist)]
    table.settle()
    table.run(0.1)
    assert alice.chat.outbox.is_flushed


def test_receipts_in_a_room_are_gathered_and_go_out_though_it_never_rests():
    table, (alice, bob) = square(ALICE, BOB)
    bob.effects.clear()
    for number in range(300):
        alice.send(ROOM, f"number {number}")
        table.run(0.02)
    table.run(2)
    sent = [e for e in bob.decided(Send) if isinstance(e.frame, SignedReceipt)]
    assert 4 <= len(sent) <= 10
    assert not [m for m in alice.history(ROOM) if alice.state_of(m.id) != "delivered"]


def test_who_has_left_hears_nothing_and_holds_nothing():
    table, (alice, bob) = square(ALICE, BOB)
    bob.send(ROOM, "before")
    table.settle()
    alice.ask(lambda id: LeaveRoom(id, ROOM))
    bob.send(ROOM, "after")
    table.run(120)
    assert alice.texts(ROOM) == []
    assert ROOM not in alice.state.conversations
    assert LeaveTopic(ROOM) in alice.effects
    with pytest.raises(UnknownConversation):
        alice.send(ROOM, "hello?")


def test_what_was_written_in_the_batch_of_leaving_is_not_published():
    _table, (alice, _bob) = square(ALICE, BOB)
    alice.effects.clear()
    alice.do(SendText(COMMAND, ROOM, "bye"), LeaveRoom(COMMAND, ROOM))
    assert alice.decided(Publish) == []


@pytest.mark.parametrize("is_restarted", [False, True])
def test_who_comes_back_goes_on_where_it_ended(is_restarted: bool):
    table, (alice, bob) = square(ALICE, BOB)
    alice.send(ROOM, "one")
    table.settle()
    for text in ("two", "three", "four", "five", "six"):
        alice.ask(lambda id: LeaveRoom(id, ROOM))
        if is_restarted:
            alice.crash()
            table.connect(alice, bob)
        alice.join("square")
        alice.send(ROOM, text)
        table.run(60)
    everything = ["one", "two", "three", "four", "five", "six"]
    assert bob.texts(ROOM) == everything
    assert bob.told(SecurityAlert) == alice.told(SecurityAlert) == []
    assert [op.header.seq for op in bob.chain(ROOM, ALICE)] == list(range(12))
    assert alice.texts(ROOM) == everything


def test_who_comes_back_gets_what_the_others_wrote():
    table, (alice, bob) = square(ALICE, BOB)
    bob.send(ROOM, "before")
    table.settle()
    alice.ask(lambda id: LeaveRoom(id, ROOM))
    bob.send(ROOM, "meanwhile")
    alice.join("square")
    table.run(60)
    assert alice.texts(ROOM) == ["before", "meanwhile"]
    log = alice.state.conversations[ROOM].log
    assert log.digest() == bob.state.conversations[ROOM].log.digest()


def test_only_rooms_can_be_left():
    table = Table()
    alice, bob = table.sit(ALICE), table.sit(BOB)
    direct = table.befriend(alice, bob)
    for id in (direct, ROOM):
        with pytest.raises(UnknownConversation):
            alice.ask(lambda command, id=id: LeaveRoom(command, id))


def test_a_restart_enters_its_rooms_again():
    table, (alice, bob) = square(ALICE, BOB)
    alice.effects.clear()
    alice.crash()
    assert [e.conversation for e in alice.decided(EnterTopic)] == [ROOM]
    bob.send(ROOM, "while you were away")
    table.connect(alice, bob)
    table.run(60)
    assert alice.texts(ROOM) == ["while you were away"]
    alice.send(ROOM, "back")
    table.run(60)
    assert bob.texts(ROOM)[-1] == "back"
    assert bob.told(SecurityAlert) == []


def test_what_is_said_in_a_room_waits_until_anybody_has_taken_it():
    table, (alice, bob) = square(ALICE, BOB)
    assert alice.chat.outbox.owed_count() == 0
    table.disconnect(alice, bob)
    alice.send(ROOM, "hello")
    table.run(5)
    assert alice.chat.outbox.owed_count() == 1
    table.connect(alice, bob)
    table.run(60)
    assert alice.chat.outbox.owed_count() == 0


def test_a_stranger_may_write_in_an_open_room():
    _table, (alice,) = square(ALICE)
    op = Author(CAROL, ROOM).write("passing by")
    alice.do(Heard(ROOM, BOB.device, Ops((op,), (CAROL.devices,))))
    assert alice.texts(ROOM) == ["passing by"]
    assert len(alice.chain(ROOM, CAROL, Chain.TALK)) == 1
