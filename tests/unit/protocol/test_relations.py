"""Messages that are edited and deleted: who may, what others are told, and how it is handed on."""

from __future__ import annotations

from dataclasses import replace

import pytest

from p2pchat.errors import (
    InvalidText,
    MalformedMessage,
    MessageTooLarge,
    PermissionDenied,
    UnknownConversation,
)
from p2pchat.events import MessageDeleted, MessageEdited, MessageReceived, ReactionChanged
from p2pchat.model.contact import ContactState
from p2pchat.model.ids import ConversationId, OpId
from p2pchat.model.machine import Reply
from p2pchat.model.message import Reaction
from p2pchat.model.op import Chain, Kind, Op
from p2pchat.model.query import OpsQuery
from p2pchat.protocol import relations as relations_module
from p2pchat.protocol.relation_vocabulary import ChangeMessage, Looked
from p2pchat.wire.frames import Ops
from p2pchat.wire.ops import decode_op, encode_op, restore_op
from p2pchat.wire.relations import Delete, Edit, React
from tests.unit.protocol.people import (
    ALICE,
    BOB,
    CAROL,
    Author,
    between,
    digest,
    op_id,
    second_device,
)
from tests.unit.protocol.table import COMMAND, Seat, Table

DIRECT = between(ALICE, BOB)
PHONE = second_device(ALICE, "phone")


def bob_with_contact() -> Seat:
    """Bob, a contact of Alice, who is connected and says nothing by herself."""
    table = Table()
    alice, bob = table.sit(ALICE), table.sit(BOB)
    table.befriend(alice, bob)
    bob.effects.clear()
    bob.events.clear()
    return bob


def give(seat: Seat, *ops: Op) -> None:
    """As one frame from Alice's phone or computer; what the disk is asked is answered."""
    seat.hear(ALICE, Ops(ops, (PHONE.devices,)))
    while seat.loads:
        seat.answer_load()
    seat.answer_looks()


def shown(seat: Seat, op: Op) -> tuple[str, bool, bool]:
    message = seat.store.message(op.id)
    assert message is not None
    return message.text, message.edited, message.deleted


def stored(seat: Seat, op: Op) -> Op:
    header = op.header
    query = OpsQuery(header.conversation, header.device, Chain.TALK, header.seq, 1, 1 << 20)
    return restore_op(seat.store.ops(query)[0])


def deleted(op: Op, deletion: Op) -> Op:
    return replace(op, content=None, deletion=deletion)


def test_an_edit_is_shown_and_told():
    bob, alice = bob_with_contact(), Author(ALICE, DIRECT)
    said = alice.write("colour")
    edit = alice.write(Edit("color"), refers=said.id)
    give(bob, said, edit)
    (event,) = bob.told(MessageEdited)
    assert event.message == bob.store.message(said.id)
    assert shown(bob, said) == ("color", True, False)


def test_a_deletion_takes_words_from_disk_and_is_told():
    bob, alice = bob_with_contact(), Author(ALICE, DIRECT)
    said = alice.write("secret")
    edit = alice.write(Edit("more secret"), refers=said.id)
    deletion = alice.write(Delete(), refers=said.id)
    give(bob, said, edit)
    give(bob, deletion)
    assert bob.told(MessageDeleted) == [MessageDeleted(said.id, DIRECT)]
    assert shown(bob, said) == ("", False, True)
    assert stored(bob, said) == deleted(said, deletion)
    assert stored(bob, edit) == deleted(edit, deletion)


def test_what_others_say_about_a_message_has_no_effect_and_is_not_told():
    bob, mallory = bob_with_contact(), Author(ALICE, DIRECT)
    bob.send(DIRECT, "mine")
    (mine,) = bob.history(DIRECT)
    give(bob, mallory.write(Edit("yours"), refers=mine.id))
    give(bob, mallory.write(Delete(), refers=mine.id))
    assert bob.texts(DIRECT) == ["mine"]
    assert bob.told(MessageEdited) == bob.told(MessageDeleted) == []


def test_a_relation_to_nothing_is_kept_and_counted():
    bob, alice = bob_with_contact(), Author(ALICE, DIRECT)
    give(bob, alice.write(Edit("what?")), alice.write(Delete()), alice.write("after them"))
    assert bob.texts(DIRECT) == ["after them"]
    assert bob.state.refused["relation to nothing"] == 2


@pytest.mark.parametrize("raw", [b"", b"\x0a\x00", b"\xff\xff"])
def test_an_edit_that_makes_no_sense_changes_nothing(raw: bytes):
    bob, alice = bob_with_contact(), Author(ALICE, DIRECT)
    said = alice.write("said")
    give(bob, said, alice.write_raw(Kind.EDIT, raw, refers=said.id))
    assert shown(bob, said) == ("said", False, False)


def test_a_deletion_that_says_more_deletes_nothing():
    bob, alice = bob_with_contact(), Author(ALICE, DIRECT)
    said = alice.write("said")
    give(bob, said, alice.write_raw(Kind.DELETE, b"more", refers=said.id))
    assert shown(bob, said) == ("said", False, False)


def test_an_edit_by_another_device_that_comes_first_is_told_when_the_message_comes():
    bob, alice, phone = bob_with_contact(), Author(ALICE, DIRECT), Author(PHONE, DIRECT)
    said = alice.write("colour")
    give(bob, phone.write(Edit("color"), refers=said.id))
    assert bob.told(MessageEdited) == []
    give(bob, said)
    assert [event.message.text for event in bob.told(MessageEdited)] == ["color"]


def test_a_message_that_was_deleted_before_it_came_is_not_told():
    bob, alice, phone = bob_with_contact(), Author(ALICE, DIRECT), Author(PHONE, DIRECT)
    said = alice.write("secret")
    give(bob, phone.write(Delete(), refers=said.id))
    give(bob, said)
    assert bob.told(MessageReceived) == []
    assert shown(bob, said) == ("", False, True)
    assert stored(bob, said).content is None


def test_a_message_that_comes_while_the_disk_is_looked_at_is_told_all_the_same():
    bob, alice, phone = bob_with_contact(), Author(ALICE, DIRECT), Author(PHONE, DIRECT)
    said = alice.write("colour")
    bob.hear(ALICE, Ops((phone.write(Edit("color"), refers=said.id),), (PHONE.devices,)))
    (look,) = bob.looks
    bob.looks.clear()
    bob.hear(ALICE, Ops((said,)))
    assert bob.looks == []
    bob.do(Looked(look.said, None))
    bob.answer_looks()
    assert [event.message.text for event in bob.told(MessageEdited)] == ["color"]


# Handing on


def test_a_chain_with_a_deleted_op_is_taken_though_the_deletion_comes_last():
    bob, alice = bob_with_contact(), Author(ALICE, DIRECT)
    said, between_them = alice.write("secret"), alice.write("hello")
    deletion = alice.write(Delete(), refers=said.id)
    give(bob, deleted(said, deletion), between_them)
    assert shown(bob, said) == ("", False, True)
    assert [event.message.text for event in bob.told(MessageReceived)] == ["hello"]
    give(bob, deletion)
    assert bob.texts(DIRECT) == ["", "hello"]
    bob.crash()
    assert shown(bob, said) == ("", False, True)


def test_words_that_were_not_taken_back_cannot_be_left_out():
    """Not with a deletion of something else, by somebody else, or without one."""
    bob, alice, carol = bob_with_contact(), Author(ALICE, DIRECT), Author(CAROL, DIRECT)
    said, other = alice.write("said"), alice.write("other")
    forged = replace(alice.write(Delete(), refers=said.id), signature=bytes(64))
    give(bob, replace(said, content=None))
    assert bob.state.refused["op without content"] == 1
    bob.hear(ALICE, Ops((deleted(said, forged),)))
    assert "signature" in bob.drops[-1]
    for deletion in (alice.write(Delete(), refers=other.id), carol.write(Delete(), refers=said.id)):
        with pytest.raises(MalformedMessage, match="something else"):
            decode_op(encode_op(deleted(said, deletion)))
    assert bob.texts(DIRECT) == []


def test_a_deletion_by_a_device_that_nobody_certified_is_refused():
    bob, alice = bob_with_contact(), Author(ALICE, DIRECT)
    said = alice.write("said")
    stranger = Author(PHONE, DIRECT)
    gone = deleted(said, stranger.write(Delete(), refers=said.id))
    bob.hear(ALICE, Ops((gone,)))
    assert bob.state.refused["deletion by an unknown device"] == 1
    give(bob, gone)
    assert shown(bob, said) == ("", False, True)


def test_what_was_deleted_leaves_without_its_words():
    """Also from memory, where what was said last is kept to be sent."""
    table = Table()
    alice, bob = table.sit(ALICE), table.sit(BOB)
    table.befriend(alice, bob)
    table.part(alice, bob)
    message = alice.send(DIRECT, "secret")
    alice.do(ChangeMessage(COMMAND, DIRECT, message.id, Delete()))
    table.cut.clear()
    table.connect(alice, bob)
    table.settle()
    assert bob.texts(DIRECT) == alice.texts(DIRECT) == [""]
    found = bob.store.message(message.id)
    assert found is not None
    assert found.deleted


# What the user says


def reply(seat: Seat, conversation: ConversationId, target: OpId, text: str | None) -> Reply:
    relation = Delete() if text is None else Edit(text)
    seat.do(ChangeMessage(COMMAND, conversation, target, relation))
    return seat.replies.pop(COMMAND)


def test_our_own_edit_reaches_the_other():
    table = Table()
    alice, bob = table.sit(ALICE), table.sit(BOB)
    table.befriend(alice, bob)
    message = alice.send(DIRECT, "colour")
    assert reply(alice, DIRECT, message.id, "color").error is None
    table.settle()
    assert alice.texts(DIRECT) == bob.texts(DIRECT) == ["color"]
    assert len(alice.told(MessageEdited)) == len(bob.told(MessageEdited)) == 1


def test_an_edit_is_bounded_as_a_text_is():
    bob = bob_with_contact()
    target, most = op_id("message"), bob.limits.text_bytes_max
    assert isinstance(reply(bob, DIRECT, target, "").error, InvalidText)
    assert isinstance(reply(bob, DIRECT, target, "\ud800").error, InvalidText)
    assert isinstance(reply(bob, DIRECT, target, "x" * (most + 1)).error, MessageTooLarge)
    nowhere = ConversationId(digest("nowhere"))
    assert isinstance(reply(bob, nowhere, target, "x").error, UnknownConversation)
    row = bob.state.contacts[ALICE.account]
    bob.state.contacts[ALICE.account] = replace(row, state=ContactState.REMOVED)
    assert isinstance(reply(bob, DIRECT, target, None).error, PermissionDenied)


def test_a_reaction_of_anybody_is_shown_and_told():
    table = Table()
    alice, bob = table.sit(ALICE), table.sit(BOB)
    table.befriend(alice, bob)
    message = alice.send(DIRECT, "said")
    table.settle()
    bob.do(ChangeMessage(COMMAND, DIRECT, message.id, React("👍", is_on=True)))
    table.settle()
    for seat in (alice, bob):
        (event,) = seat.told(ReactionChanged)
        assert event.message == seat.store.message(message.id)
        assert event.message.reactions == (Reaction("👍", BOB.account),)
    bob.do(ChangeMessage(COMMAND, DIRECT, message.id, React("👍", is_on=False)))
    table.settle()
    assert [event.message.reactions for event in alice.told(ReactionChanged)][1:] == [()]


@pytest.mark.parametrize("emoji", ["", "no emoji", "👍" * 17, "👍" * 5_000])
def test_a_reaction_that_is_no_emoji_is_not_shown(emoji: str):
    bob, alice = bob_with_contact(), Author(ALICE, DIRECT)
    said = alice.write("said")
    give(bob, said, alice.write(React(emoji, is_on=True), refers=said.id), alice.write("after"))
    assert bob.texts(DIRECT) == ["said", "after"]
    assert all(message.reactions == () for message in bob.history(DIRECT))


# Bounds


def test_looks_at_the_disk_are_bounded(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(relations_module, "LOOKS_MAX", 2)
    bob, alice = bob_with_contact(), Author(ALICE, DIRECT)
    said = [alice.write(f"number {n}") for n in range(4)]
    edits = [alice.write(Edit("other"), refers=op.id) for op in said]
    bob.hear(ALICE, Ops((*said, *edits)))
    assert len(bob.looks) == 2
    bob.answer_looks()
    assert len(bob.told(MessageEdited)) == 4


def test_only_so_many_messages_that_may_come_are_remembered(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(relations_module, "NOTES_MAX", 2)
    bob, alice, phone = bob_with_contact(), Author(ALICE, DIRECT), Author(PHONE, DIRECT)
    said = [alice.write(f"number {n}") for n in range(3)]
    for op in said:
        give(bob, phone.write(Edit("other"), refers=op.id))
    give(bob, *said)
    assert len(bob.told(MessageEdited)) == 2
    assert bob.texts(DIRECT) == ["other"] * 3
