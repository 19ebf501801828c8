"""What was read: told to nobody unless that is wanted, then with the receipt, and never back."""

from __future__ import annotations

from dataclasses import replace

import pytest

from p2pchat.errors import InvalidText, MessageTooLarge, UnknownConversation
from p2pchat.events import ConversationRead, MessageStateChanged
from p2pchat.model.change import PutReadMark
from p2pchat.model.control import Standing
from p2pchat.model.conversation import open_room_id
from p2pchat.model.ids import ConversationId
from p2pchat.model.message import MessageState
from p2pchat.protocol.machine import ConfirmKey, Lane, RemoveContact, Send, SendFailed
from p2pchat.protocol.reading_vocabulary import KeepDraft, MarkRead, TellReading
from p2pchat.wire.frames import Hello
from p2pchat.wire.receipts import SignedReceipt, sign_receipt
from tests.unit.protocol.people import ALICE, BOB, CAROL, MALLORY, between, digest, set_of
from tests.unit.protocol.table import Seat, Table

DIRECT = between(ALICE, BOB)
NOWHERE = ConversationId(digest("nowhere"))


def friends() -> tuple[Table, Seat, Seat]:
    table = Table()
    alice, bob = table.sit(ALICE), table.sit(BOB)
    table.befriend(alice, bob)
    return table, alice, bob


def tell(seat: Seat, is_on: bool | None, where: ConversationId | None = None) -> None:
    seat.ask(lambda id: TellReading(id, where, is_on))


def read(seat: Seat, where: ConversationId, place: int = -1) -> None:
    """As far as a message in the history."""
    message = seat.history(where)[place]
    marks = tuple(seat.store.marks_to(message.id))
    seat.ask(lambda id: MarkRead(id, where, marks))


def told(seat: Seat) -> list[int]:
    """What was told of reading, receipt by receipt."""
    return [effect.frame.receipt.read_below for effect in receipts(seat)]


def said(seat: Seat, to: Seat) -> list[int]:
    """The same, to one device alone."""
    mine = [effect for effect in receipts(seat) if effect.peer == to.device]
    return [effect.frame.receipt.read_below for effect in mine]


def receipts(seat: Seat) -> list:
    return [e for e in seat.decided(Send) if isinstance(e.frame, SignedReceipt)]


def states(seat: Seat, where: ConversationId = DIRECT) -> list[MessageState]:
    ids = [message.id for message in seat.history(where)]
    return [seat.state_of(id) for id in ids]


def test_nobody_is_told_what_was_read_unless_that_is_wanted():
    table, alice, bob = friends()
    alice.send(DIRECT, "hello")
    table.run(5)
    read(bob, DIRECT)
    alice.send(DIRECT, "are you there?")
    table.run(5)
    assert not any(told(bob))
    assert states(alice) == ["delivered", "delivered"]
    assert bob.store.unread(DIRECT) == 1
    assert bob.told(ConversationRead) == [ConversationRead(DIRECT)]


def test_who_wants_it_tells_how_far_they_read():
    table, alice, bob = friends()
    tell(bob, True)
    one, two = alice.send(DIRECT, "one"), alice.send(DIRECT, "two")
    table.run(5)
    assert states(alice) == ["delivered", "delivered"]
    read(bob, DIRECT, 0)
    table.run(5)
    assert states(alice) == ["read", "delivered"]
    assert alice.told(MessageStateChanged)[-1] == MessageStateChanged(one.id, MessageState.READ)
    read(bob, DIRECT)
    table.run(5)
    assert states(alice) == ["read", "read"]
    assert alice.told(MessageStateChanged)[-1] == MessageStateChanged(two.id, MessageState.READ)


def test_a_conversation_may_differ_from_the_others():
    table, alice, bob = friends()
    tell(bob, True)
    tell(bob, False, DIRECT)
    alice.send(DIRECT, "hello")
    table.run(5)
    read(bob, DIRECT)
    table.run(5)
    assert not any(told(bob))
    tell(bob, None, DIRECT)
    table.run(5)
    assert states(alice) == ["read"]


def test_in_an_open_room_it_is_told_only_where_that_was_said_of_the_room():
    room = open_room_id("square")
    table = Table()
    alice, bob = table.sit(ALICE), table.sit(BOB)
    for seat in (alice, bob):
        seat.join("square")
    table.connect(alice, bob)
    tell(bob, True)
    alice.send(room, "hello")
    table.run(5)
    read(bob, room)
    table.run(5)
    assert not any(told(bob))
    tell(bob, True, room)
    table.run(5)
    assert states(alice, room) == ["read"]


def test_in_a_room_a_message_is_read_when_all_have_read_it():
    table = Table()
    alice, bob, carol = (table.sit(person) for person in (ALICE, BOB, CAROL))
    table.befriend(alice, bob)
    table.befriend(alice, carol)
    room = alice.create("Crew", BOB, CAROL)
    table.run(5)
    alice.send(room, "hello")
    table.run(5)
    for seat, then in ((bob, "delivered"), (carol, "read")):
        tell(seat, True)
        read(seat, room)
        table.run(5)
        assert states(alice, room) == [then]


@pytest.mark.parametrize("crashes", [False, True])
def test_what_was_read_stays_so_whoever_comes_and_goes(crashes: bool):
    table = Table()
    alice, bob, carol = (table.sit(person) for person in (ALICE, BOB, CAROL))
    table.befriend(alice, bob)
    table.befriend(alice, carol)
    room = alice.create("Crew", BOB)
    table.run(5)
    for text in ("one", "two"):
        alice.send(room, text)
    table.run(5)
    tell(bob, True)
    read(bob, room)
    table.run(5)
    assert states(alice, room) == ["read", "read"]
    if crashes:
        alice.crash()
        table.connect(alice, bob)
        table.connect(alice, carol)
    alice.set(room, CAROL, Standing.MEMBER)
    table.run(60)
    assert carol.texts(room) == ["one", "two"]
    alice.set(room, BOB, Standing.REMOVED)
    table.run(5)
    assert states(alice, room) == ["read", "read"]
    three = alice.send(room, "three")
    table.run(5)
    assert alice.state_of(three.id) == "delivered"
    alice.crash()
    assert states(alice, room) == ["read", "read", "delivered"]


def test_what_was_told_and_lost_is_told_again():
    table, alice, bob = friends()
    tell(bob, True)
    alice.send(DIRECT, "hello")
    table.run(5)
    table.disconnect(alice, bob)
    read(bob, DIRECT)
    assert states(alice) == ["delivered"]
    bob.crash()
    table.connect(alice, bob)
    table.run(5)
    assert states(alice) == ["read"]
    bob.effects.clear()
    bob.do(SendFailed(alice.device, Lane.LIVE, "the stream was reset"))
    assert told(bob) == [1]


def test_who_was_put_out_of_a_room_is_not_told_what_was_read_after():
    table = Table()
    alice, bob, carol = (table.sit(person) for person in (ALICE, BOB, CAROL))
    table.befriend(alice, bob)
    table.befriend(alice, carol)
    room = alice.create("Crew", BOB, CAROL)
    table.run(5)
    tell(alice, True)
    for seat in (bob, carol):
        seat.send(room, "hello")
    table.run(5)
    alice.set(room, CAROL, Standing.REMOVED)
    table.run(5)
    alice.effects.clear()
    read(alice, room)
    table.disconnect(alice, carol)
    table.connect(alice, carol)
    alice.do(SendFailed(carol.device, Lane.LIVE, "the stream was reset"))
    tell(alice, True, room)
    table.run(5)
    assert said(alice, bob)
    assert all(said(alice, bob))
    assert not any(said(alice, carol))
    alice.set(room, CAROL, Standing.MEMBER)
    table.run(5)
    table.disconnect(alice, carol)
    table.connect(alice, carol)
    table.run(5)
    assert any(said(alice, carol))


def test_who_is_no_contact_any_more_is_not_told_what_was_read_after():
    table, alice, bob = friends()
    tell(bob, True)
    alice.send(DIRECT, "hello")
    table.run(5)
    bob.ask(lambda id: RemoveContact(id, ALICE.account))
    bob.effects.clear()
    read(bob, DIRECT)
    table.disconnect(alice, bob)
    table.connect(alice, bob)
    tell(bob, True, DIRECT)
    table.run(5)
    assert not any(told(bob))
    assert states(alice) == ["delivered"]


def test_whose_key_is_in_doubt_is_not_told_what_was_read_after():
    table, alice, bob = friends()
    tell(bob, True)
    alice.send(DIRECT, "hello")
    table.run(5)
    bob.hear(ALICE, Hello(set_of(MALLORY, ALICE.device)))
    assert bob.state.directory.is_doubtful(ALICE.account)
    bob.effects.clear()
    read(bob, DIRECT)
    tell(bob, True, DIRECT)
    bob.do(SendFailed(alice.device, Lane.LIVE, "the stream was reset"))
    table.run(5)
    assert not any(told(bob))
    bob.ask(lambda id: ConfirmKey(id, ALICE.account))
    bob.do(SendFailed(alice.device, Lane.LIVE, "the stream was reset"))
    assert any(told(bob))


def test_both_sides_know_it_after_a_restart():
    table, alice, bob = friends()
    tell(bob, True)
    alice.send(DIRECT, "hello")
    table.run(5)
    read(bob, DIRECT)
    table.run(5)
    assert states(alice) == ["read"]
    for seat in (alice, bob):
        seat.crash()
    assert states(alice) == ["read"]
    assert bob.store.unread(DIRECT) == 0
    assert bob.chat.receipts.reading.is_told


def test_marks_never_go_back():
    table, alice, bob = friends()
    tell(bob, True)
    for text in ("one", "two"):
        alice.send(DIRECT, text)
    table.run(5)
    read(bob, DIRECT)
    table.run(5)
    bob.effects.clear()
    bob.ask(lambda id: MarkRead(id, DIRECT, (PutReadMark(DIRECT, ALICE.device, 1),)))
    table.run(5)
    assert told(bob) == []
    assert len(bob.told(ConversationRead)) == 1


def test_no_more_is_taken_for_read_than_is_there():
    """A receipt that says more claims what its device has not signed to hold."""
    table, alice, bob = friends()
    alice.send(DIRECT, "hello")
    table.run(5)
    conversation = bob.state.conversations[DIRECT]
    honest = bob.chat.receipts.receipt(conversation, ALICE.device, table.now)
    table.disconnect(alice, bob)
    alice.send(DIRECT, "not here")
    lying = sign_receipt(replace(honest.receipt, read_below=1 << 40), BOB.signer)
    alice.hear(BOB, lying)
    assert states(alice) == ["read", "queued"]


def test_nobody_but_the_recipient_says_that_they_read_it():
    table, alice, bob = friends()
    alice.send(DIRECT, "hello")
    table.run(5)
    conversation = bob.state.conversations[DIRECT]
    honest = bob.chat.receipts.receipt(conversation, ALICE.device, table.now)
    for claim in (
        sign_receipt(replace(honest.receipt, read_below=1), CAROL.signer),
        sign_receipt(
            replace(honest.receipt, account=CAROL.account, device=CAROL.device, read_below=1),
            CAROL.signer,
        ),
    ):
        alice.hear(CAROL, claim)
        assert states(alice) == ["delivered"]


@pytest.mark.parametrize(
    "command",
    [
        lambda id: MarkRead(id, NOWHERE, ()),
        lambda id: TellReading(id, NOWHERE, is_on=True),
        lambda id: KeepDraft(id, NOWHERE, "text"),
    ],
)
def test_in_a_conversation_that_is_not_here_there_is_nothing_to_read(command):
    _, alice, _ = friends()
    with pytest.raises(UnknownConversation):
        alice.ask(command)


# Drafts


def drafts(seat: Seat) -> dict[ConversationId, str]:
    return seat.chat.receipts.reading.drafts


def test_a_draft_survives_a_restart_and_goes_when_something_is_sent():
    _, alice, _ = friends()
    alice.ask(lambda id: KeepDraft(id, DIRECT, "dear Bo"))
    alice.crash()
    assert drafts(alice) == {DIRECT: "dear Bo"}
    alice.send(DIRECT, "dear Bob")
    assert drafts(alice) == {}
    alice.crash()
    assert drafts(alice) == {}


def test_an_empty_draft_is_none():
    _, alice, _ = friends()
    for text in ("dear Bo", ""):
        alice.ask(lambda id, text=text: KeepDraft(id, DIRECT, text))
    assert alice.store.snapshot().reading.drafts == ()


def test_what_could_not_be_sent_is_no_draft():
    _, alice, _ = friends()
    with pytest.raises(MessageTooLarge):
        alice.ask(lambda id: KeepDraft(id, DIRECT, "x" * 40_000))
    with pytest.raises(InvalidText):
        alice.ask(lambda id: KeepDraft(id, DIRECT, "\ud800"))
    assert drafts(alice) == {}


def test_what_is_left_is_forgotten():
    table = Table()
    alice = table.sit(ALICE)
    room = alice.join("square")
    tell(alice, True, room)
    alice.ask(lambda id: KeepDraft(id, room, "goodb"))
    alice.leave(room)
    alice.join("square")
    assert drafts(alice) == {}
    assert alice.chat.receipts.reading.chosen(room) is None
