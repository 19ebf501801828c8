"""Receipts as bytes."""

from __future__ import annotations

import pytest

from p2pchat.errors import BadSignature, MalformedMessage, UnknownVersion
from p2pchat.model.op import WORDLESS_MAX, Chain, Position
from p2pchat.wire.dchat_pb2 import FrontierEntry
from p2pchat.wire.dchat_pb2 import Receipt as ReceiptPb
from p2pchat.wire.envelope import Purpose
from p2pchat.wire.receipts import ENTRIES_MAX, Receipt, SignedReceipt, read_receipt, sign_receipt
from tests.unit.protocol.people import ALICE, BOB, WALL_MS, between, op_id

ENTRY = Position(ALICE.device, Chain.TALK, 7, op_id("head"))
RECEIPT = Receipt(between(ALICE, BOB), BOB.account, BOB.device, (ENTRY,), WALL_MS)


def signed_body(**changes: object) -> tuple[bytes, bytes]:
    fields = {
        "version": 1,
        "conversation": RECEIPT.conversation,
        "account": BOB.account,
        "device": BOB.device,
        "entries": [],
    }
    body = ReceiptPb(**{**fields, **changes}).SerializeToString()
    return body, BOB.signer.sign(Purpose.RECEIPT, body)


def entry(**changes: object) -> FrontierEntry:
    fields = {"device": ALICE.device, "chain": 1, "seq": 7, "head": op_id("head")}
    return FrontierEntry(**{**fields, **changes})


def test_a_receipt_reads_as_it_was_signed():
    signed = sign_receipt(RECEIPT, BOB.signer)
    assert read_receipt(signed.body, signed.signature) == signed
    assert isinstance(signed, SignedReceipt)


def test_a_receipt_is_signed_by_its_device():
    signed = sign_receipt(RECEIPT, ALICE.signer)
    with pytest.raises(BadSignature):
        read_receipt(signed.body, signed.signature)


@pytest.mark.parametrize(
    "changes",
    [
        {"version": 0},
        {"conversation": b""},
        {"account": bytes(33)},
        {"device": b"short"},
        {"entries": [entry()] * (ENTRIES_MAX + 1)},
        {"entries": [entry(chain=2)]},
        {"entries": [entry(seq=1 << 48)]},
        {"entries": [entry(head=b"")]},
        {"entries": [entry(device=bytes(31))]},
        {"wordless": range(WORDLESS_MAX + 1)},
        {"wordless": [2, 1]},
        {"wordless": [1 << 48]},
        {"read_below": (1 << 48) + 1},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_a_receipt_out_of_bounds_is_malformed(changes: dict[str, object]):
    with pytest.raises(MalformedMessage):
        read_receipt(*signed_body(**changes))


def test_a_receipt_of_a_later_version_is_told_apart_from_a_malformed_one():
    with pytest.raises(UnknownVersion):
        read_receipt(*signed_body(version=2))


def test_a_receipt_at_the_bounds_is_taken():
    last, wordless = (1 << 48) - 1, range((1 << 48) - WORDLESS_MAX, 1 << 48)
    found = read_receipt(
        *signed_body(
            entries=[entry(seq=last)] * ENTRIES_MAX,
            from_seq=last,
            wordless=wordless,
            read_below=last + 1,
        )
    )
    assert len(found.receipt.entries) == ENTRIES_MAX
    assert (found.receipt.from_seq, found.receipt.wordless) == (last, tuple(wordless))
    assert found.receipt.read_below == last + 1


def test_bytes_that_are_no_receipt_are_malformed():
    with pytest.raises(MalformedMessage):
        read_receipt(b"\xff", bytes(64))
