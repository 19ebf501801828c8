"""The proof of delivery that other implementations check themselves against."""

from __future__ import annotations

import json

from p2pchat.wire.delivery_proof import read_proof
from tests.vectors import proofs

VECTOR = json.loads(proofs.FILE.read_text(encoding="utf-8"))


def test_the_vector_is_what_the_code_writes():
    assert proofs.made() == VECTOR


def test_the_vector_proves_what_stands_beside_it():
    proof = read_proof(bytes.fromhex(VECTOR["file"]))
    assert proof.conversation.hex() == VECTOR["conversation"]
    assert (proof.account.hex(), proof.device.hex()) == (VECTOR["account"], VECTOR["device"])
    assert VECTOR["messages"] == [
        {
            "id": message.id.hex(),
            "seq": message.seq,
            "text": message.text,
            "is_deleted": message.is_deleted,
        }
        for message in proof.messages
    ]
    assert VECTOR["receipts"] == [
        {
            "account": one.account.hex(),
            "device": one.device.hex(),
            "sent_at": one.sent_at,
            "up_to": one.up_to,
            "from_seq": one.from_seq,
            "wordless": list(one.wordless),
        }
        for one in proof.receipts
    ]
