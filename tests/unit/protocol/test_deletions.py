"""Ops that come without their content: what is signed of them, and what a thief may not take.

Carol has a computer and a phone, which was stolen. Bob brings to Alice what Carol wrote.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from p2pchat.events import MessageEdited, MessageReceived
from p2pchat.model.change import PutReceipt
from p2pchat.model.op import WORDLESS_MAX, Chain, Op
from p2pchat.protocol import intake as intake_module
from p2pchat.protocol.intake_vocabulary import ForDeletion
from p2pchat.protocol.log import Floor
from p2pchat.protocol.machine import LeaveRoom, Loaded
from p2pchat.wire.delivery_proof import encode_proof, read_proof
from p2pchat.wire.devices import DeviceSet, merged, new_revocation, read_device_set
from p2pchat.wire.frames import Ops
from p2pchat.wire.receipts import SignedReceipt
from p2pchat.wire.relations import Delete, Edit
from tests.unit.protocol.people import (
    ALICE,
    BOB,
    CAROL,
    WALL_MS,
    Author,
    Person,
    second_device,
)
from tests.unit.protocol.square import ROOM, frames, square
from tests.unit.protocol.table import Seat, Table

PHONE = second_device(CAROL, "phone")
BOTH = PHONE.devices
STOLEN = merged(BOTH, read_device_set(new_revocation(CAROL.account_signer, PHONE.device, WALL_MS)))


def without(op: Op, deletion: Op) -> Op:
    return replace(op, content=None, deletion=deletion)


def bring(seat: Seat, *ops: Op, sets: DeviceSet = STOLEN, peer: Person = BOB) -> None:
    seat.hear(peer, Ops(ops, (sets,)))
    while seat.loads:
        seat.answer_load()
    seat.answer_looks()


@pytest.fixture
def reader() -> Seat:
    _, alice, _ = square()
    alice.effects.clear()
    alice.events.clear()
    return alice


@pytest.fixture
def computer() -> Author:
    return Author(CAROL, ROOM)


@pytest.fixture
def phone() -> Author:
    return Author(PHONE, ROOM)


# What a thief takes


def test_a_thief_takes_no_words_from_who_comes_later(reader, computer, phone):
    said, after = computer.write("still said"), computer.write("and more")
    theft = phone.write(Delete(), refers=said.id)
    bring(reader, without(said, theft), after)
    assert reader.texts(ROOM) == []
    assert reader.state.refused["deletion by a revoked device"] == 1
    bring(reader, said)
    assert reader.texts(ROOM) == ["still said", "and more"]


def test_a_thief_takes_no_words_either_where_the_revocation_is_known_already(
    reader, computer, phone
):
    first, said = computer.write("first"), computer.write("still said")
    bring(reader, first)
    bring(reader, without(said, phone.write(Delete(), refers=said.id)), sets=BOTH)
    assert reader.texts(ROOM) == ["first"]


def test_words_that_a_thief_took_come_back_with_who_has_them(reader, computer, phone):
    said = computer.write("still said")
    edit = computer.write(Edit("still said, and edited"), refers=said.id)
    theft = phone.write(Delete(), refers=said.id)
    bring(reader, without(said, theft), without(edit, theft), sets=BOTH)
    assert reader.texts(ROOM) == [""]
    bring(reader, said, edit, sets=BOTH)
    assert reader.texts(ROOM) == [""], "as far as is known it was Carol"
    bring(reader, said, edit)
    assert [event.message.text for event in reader.told(MessageReceived)] == ["still said"]
    assert reader.told(MessageEdited)
    assert reader.texts(ROOM) == ["still said, and edited"]
    reader.crash()
    assert reader.texts(ROOM) == ["still said, and edited"]
    assert not reader.state.conversations[ROOM].log.wordless.of(CAROL.device, 0)


def test_what_was_deleted_before_the_phone_was_stolen_stays_deleted(reader, computer, phone):
    """The deletion itself is in the log: it came when the phone was Carol's."""
    said = computer.write("secret")
    deletion = phone.write(Delete(), refers=said.id)
    bring(reader, deletion, sets=BOTH)
    bring(reader, without(said, deletion))
    bring(reader, said)
    assert reader.texts(ROOM) == [""]
    assert reader.state.refused["deletion by a revoked device"] == 0


def test_the_authors_own_devices_say_what_is_left_of_its_words(reader, computer, phone):
    said, after = computer.write("secret"), computer.write("after")
    theft = phone.write(Delete(), refers=said.id)
    bring(reader, without(said, theft), after, peer=PHONE)
    assert reader.texts(ROOM) == []
    bring(reader, without(said, theft), after, peer=CAROL)
    assert reader.texts(ROOM) == ["", "after"]


def test_only_so_many_deletions_are_looked_up_at_a_time(reader, computer, phone, monkeypatch):
    monkeypatch.setattr(intake_module, "CHECKS_MAX", 1)
    said = computer.write("said")
    theft = phone.write(Delete(), refers=said.id)
    reader.hear(BOB, Ops((without(said, theft),), (STOLEN,)))
    reader.hear(BOB, Ops((without(said, theft),), (STOLEN,)))
    assert len(reader.loads) == 1
    assert reader.state.refused["too many fork checks"] == 1


def test_the_disk_may_answer_after_the_room_was_left_or_with_a_forgery(reader, computer, phone):
    said = computer.write("said")
    theft = phone.write(Delete(), refers=said.id)
    forged = replace(without(said, theft), signature=bytes(64))
    row = phone.ops[0]
    reader.hear(BOB, Ops((forged,), (STOLEN,)))
    (load,) = reader.loads
    reader.loads.clear()
    assert isinstance(load.tag, ForDeletion)
    bring(reader, row, sets=BOTH)
    rows = tuple(reader.store.ops(load.query))
    reader.do(Loaded(load.tag, rows))
    assert reader.texts(ROOM) == []
    reader.ask(lambda id: LeaveRoom(id, ROOM))
    reader.do(Loaded(load.tag, rows))
    assert reader.texts(ROOM) == []


# What is signed


def test_a_receipt_names_what_came_without_its_words():
    """And no proof shows that their author kept them: it says that the words were never there."""
    table = Table()
    alice, bob = table.sit(ALICE), table.sit(BOB)
    direct = table.befriend(alice, bob)
    log = bob.state.conversations[direct].log
    author = Author(ALICE, direct)
    author.ops = list(alice.chain(direct, ALICE))
    author.hlc += 1 << 40
    kept, said = author.write("kept"), author.write("never told")
    deletion = author.write(Delete(), refers=said.id)
    bob.effects.clear()
    bob.hear(ALICE, Ops((kept, without(said, deletion))))
    receipt = frames(bob, SignedReceipt)[-1]
    assert receipt.receipt.wordless == (said.header.seq,)
    row = PutReceipt(direct, BOB.device, receipt.body, receipt.signature)
    raw = b"".join(encode_proof((ALICE.devices, BOB.devices), [row], [kept, said]))
    proof = read_proof(raw)
    [one] = proof.receipts
    assert (proof.held_by(one), proof.wordless_at(one)) == (1, 1)
    bob.crash()
    assert bob.state.conversations[direct].log.wordless.of(ALICE.device, 0) == log.wordless.of(
        ALICE.device, 0
    )


def test_of_too_many_without_words_the_receipt_claims_less(reader, computer, phone):
    """Also after a start, which reads no more of them than are told of."""
    said = [computer.write(f"number {n}") for n in range(WORDLESS_MAX + 10)]
    gone = [without(op, phone.write(Delete(), refers=op.id)) for op in said]
    for start in range(0, len(gone), 16):
        bring(reader, *gone[start : start + 16], sets=BOTH)
    assert len(reader.texts(ROOM)) == len(said)
    for _ in range(2):
        log = reader.state.conversations[ROOM].log
        assert log.vouched_from(CAROL.device) == 10
        assert log.wordless.of(CAROL.device, 10) == tuple(range(10, len(said)))
        assert log.wordless.has(CAROL.device, 9)
        reader.crash()


def test_what_lies_below_a_floor_is_not_claimed():
    _, alice, _ = square()
    begin = Author(CAROL, ROOM)
    for n in range(6):
        begin.write(f"number {n}")
    log = alice.state.conversations[ROOM].log
    log.set_floor((CAROL.device, Chain.TALK), Floor(4, begin.ops[3].id))
    assert log.vouched_from(CAROL.device) == 4
