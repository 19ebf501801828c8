"""Proofs of delivery: what they show, and that nobody can make one show more."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2pchat.errors import BadProof, SchemaTooNew
from p2pchat.model.archive import Manifest
from p2pchat.model.change import PutReceipt
from p2pchat.model.control import Genesis, History
from p2pchat.model.conversation import open_room_id, room_id
from p2pchat.model.op import Chain, Position
from p2pchat.wire import delivery_proof
from p2pchat.wire.archive_codec import encode_record
from p2pchat.wire.contents import Profile
from p2pchat.wire.control import encode_control
from p2pchat.wire.delivery_proof import encode_proof, read_proof
from p2pchat.wire.devices import merged, new_revocation, read_device_set
from p2pchat.wire.framing import frame
from p2pchat.wire.receipts import Receipt, sign_receipt
from p2pchat.wire.relations import Delete
from tests.unit.protocol.people import (
    ALICE,
    BOB,
    CAROL,
    WALL_MS,
    Author,
    between,
    second_device,
)

ROOM = between(ALICE, BOB)
CREW = Genesis((ALICE.account,), History.ALL, 0, "Crew", bytes(16), bytes(32))
SETS = (ALICE.devices, BOB.devices)


def receipt(by, *ops, conversation=ROOM, account=None):
    """The row of a receipt that names these ops as heads."""
    entries = tuple(Position(ALICE.device, Chain.TALK, op.header.seq, op.id) for op in ops)
    told = Receipt(conversation, account or by.account, by.device, entries, WALL_MS + 9)
    signed = sign_receipt(told, by.signer)
    return PutReceipt(conversation, by.device, signed.body, signed.signature)


def alice_writes(*texts, conversation=ROOM):
    author = Author(ALICE, conversation)
    author.write(Profile("Alice"))
    return [author.write(text) for text in texts]


def file(ops, receipts, sets=SETS, genesis=b""):
    return b"".join(encode_proof(sets, receipts, ops, genesis))


def refused(raw) -> str:
    with pytest.raises(BadProof) as caught:
        read_proof(raw)
    return str(caught.value)


def test_a_receipt_proves_all_that_lies_below_its_head():
    _, genesis = encode_control(CREW)
    crew = room_id(genesis)
    ops = alice_writes("one", "two", "three", conversation=crew)
    sets = (*SETS, CAROL.devices)
    receipts = [
        receipt(BOB, ops[2], conversation=crew),
        receipt(CAROL, ops[0], conversation=crew),
        receipt(CAROL, ops[1], conversation=crew),
    ]
    proof = read_proof(file(ops, receipts, sets, genesis))
    assert (proof.conversation, proof.account, proof.device) == (crew, ALICE.account, ALICE.device)
    assert [message.text for message in proof.messages] == ["one", "two", "three"]
    assert [message.id for message in proof.messages] == [op.id for op in ops]
    held = {one.account: proof.held_by(one) for one in proof.receipts}
    assert held == {BOB.account: 3, CAROL.account: 2}
    assert len(proof.receipts) == 2, "of each device the one that says most"
    assert {one.sent_at for one in proof.receipts} == {WALL_MS + 9}
    assert not proof.is_revoked
    assert not any(one.is_revoked for one in proof.receipts)


def test_in_a_room_that_nobody_rules_nothing_is_proven():
    """A chain may begin at a floor there: who has its head may have nothing below."""
    lounge = open_room_id("lounge")
    ops = alice_writes("one", "two", conversation=lounge)
    told = [receipt(BOB, ops[1], conversation=lounge)]
    assert "something else" in refused(file(ops, told))
    _, genesis = encode_control(CREW)
    assert "not of the room" in refused(file(ops, told, genesis=genesis))


def test_a_text_may_be_left_out_and_the_message_is_proven_all_the_same():
    ops = [replace(op, content=None) for op in alice_writes("secret", "also secret")]
    raw = file(ops, [receipt(BOB, ops[1])])
    assert b"secret" not in raw
    proof = read_proof(raw)
    assert [message.text for message in proof.messages] == [None, None]
    assert proof.held_by(proof.receipts[0]) == 2


def test_what_was_deleted_is_not_shown_though_its_author_kept_it():
    author = Author(ALICE, ROOM)
    said, other = author.write("secret"), author.write("other")
    deletion = author.write(Delete(), refers=said.id)
    whole = [said, other, deletion]
    for ops in (whole, [replace(said, content=None, deletion=deletion), other]):
        proof = read_proof(file(ops, [receipt(BOB, ops[-1])]))
        assert [message.text for message in proof.messages] == [None, "other"]
        assert [message.is_deleted for message in proof.messages] == [True, False]
    before = read_proof(file([said, other], [receipt(BOB, other)]))
    assert before.messages[0].text == "secret", "Bob had it, and nothing in the file takes it back"


def test_of_what_came_without_words_no_words_are_proven():
    ops = alice_writes("one", "two", "three")
    head = Position(ALICE.device, Chain.TALK, 3, ops[2].id)
    told = Receipt(ROOM, BOB.account, BOB.device, (head,), WALL_MS, from_seq=2, wordless=(1, 2))
    signed = sign_receipt(told, BOB.signer)
    row = PutReceipt(ROOM, BOB.device, signed.body, signed.signature)
    proof = read_proof(file(ops, [row]))
    [one] = proof.receipts
    assert (one.from_seq, one.wordless, one.up_to) == (2, (1, 2), 3)
    assert (proof.held_by(one), proof.wordless_at(one)) == (1, 1)


def test_a_device_that_was_revoked_is_named_as_such():
    revoked = read_device_set(new_revocation(BOB.account_signer, BOB.device, WALL_MS))
    ops = alice_writes("one")
    both = merged(BOB.devices, revoked)
    for sets in ((ALICE.devices, both), (ALICE.devices, both, BOB.devices)):
        [one] = read_proof(file(ops, [receipt(BOB, ops[0])], sets)).receipts
        assert one.is_revoked
    revoked = read_device_set(new_revocation(ALICE.account_signer, ALICE.device, WALL_MS))
    sets = (merged(ALICE.devices, revoked), BOB.devices)
    assert read_proof(file(ops, [receipt(BOB, ops[0])], sets)).is_revoked


@given(st.data())
def test_whatever_is_changed_in_a_file_proves_nothing(data):
    ops = alice_writes("one", "two")
    raw = bytearray(file(ops, [receipt(BOB, ops[1])]))
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    try:
        proof = read_proof(bytes(raw))
    except (BadProof, SchemaTooNew):
        return
    assert proof == read_proof(file(ops, [receipt(BOB, ops[1])])), "a bit that says nothing"


@given(st.integers(0, 1_500))
def test_a_file_that_was_cut_is_not_whole(length):
    ops = alice_writes("one", "two")
    raw = file(ops, [receipt(BOB, ops[1])])
    refused(raw[: length % len(raw)])


def test_a_message_that_nobody_signed_for_is_not_proven():
    ops = alice_writes("one", "two")
    elsewhere = Author(ALICE, ROOM).write("never sent")
    assert "names none" in refused(file(ops, [receipt(BOB, elsewhere)]))
    assert "no receipt" in refused(file(ops, []))
    assert "no message" in refused(file([], [receipt(BOB, ops[0])]))


def test_a_gap_or_another_branch_between_message_and_receipt_proves_nothing():
    ops = alice_writes("one", "two", "three")
    assert "follow one another" in refused(file([ops[0], ops[2]], [receipt(BOB, ops[2])]))
    author = Author(ALICE, ROOM)
    author.ops = ops[:1]
    other = author.write("another two")
    assert "follow one another" in refused(file([*ops[:2], other], [receipt(BOB, other)]))


def test_a_chain_that_skips_numbers_proves_nothing():
    author = Author(ALICE, ROOM)
    ops = [author.write("one"), author.write("two", seq=7)]
    assert "follow one another" in refused(file(ops, [receipt(BOB, ops[1])]))


def test_a_receipt_of_another_conversation_or_by_the_author_proves_nothing():
    ops = alice_writes("one")
    elsewhere = receipt(BOB, ops[0], conversation=between(ALICE, CAROL))
    assert "something else" in refused(file(ops, [elsewhere]))
    other = second_device(ALICE, "phone")
    assert "something else" in refused(
        file(ops, [receipt(other, ops[0])], (other.devices, BOB.devices))
    )


def test_a_device_for_which_no_account_vouches_proves_nothing():
    ops = alice_writes("one")
    assert "vouches" in refused(file(ops, [receipt(BOB, ops[0])], (ALICE.devices,)))
    assert "vouches" in refused(file(ops, [receipt(BOB, ops[0])], (BOB.devices,)))
    as_bob = receipt(CAROL, ops[0], account=BOB.account)
    assert "vouches" in refused(file(ops, [as_bob], (*SETS, CAROL.devices)))


def test_nothing_else_stands_in_a_proof():
    ops = alice_writes("one")
    raw = file(ops, [receipt(BOB, ops[0])])
    assert "after its end" in refused(raw + frame(encode_record(Manifest(0, 0))))
    head, rest = raw[:11], raw[11:]
    assert "no proof" in refused(head + frame(encode_record(Manifest(0, 0))) + rest)
    assert "no proof" in refused(b"PK\x03\x04")
    with pytest.raises(SchemaTooNew):
        read_proof(raw[:8] + b"\x02" + raw[9:])


def test_a_file_over_the_limit_is_not_read(monkeypatch):
    ops = alice_writes("one")
    raw = file(ops, [receipt(BOB, ops[0])])
    monkeypatch.setattr(delivery_proof, "PROOF_BYTES_MAX", len(raw) - 1)
    assert "larger" in refused(raw)
