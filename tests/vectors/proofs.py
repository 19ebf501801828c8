"""Writes `proof.json`: one proof of delivery, for other implementations to check.

python -m tests.vectors.proofs
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from p2pchat.model.change import PutReceipt
from p2pchat.model.op import Chain, Position
from p2pchat.wire.delivery_proof import encode_proof
from p2pchat.wire.receipts import Receipt, sign_receipt
from p2pchat.wire.relations import Delete
from tests.unit.protocol.people import ALICE, BOB, WALL_MS, Author, between

FILE = Path(__file__).with_name("proof.json")
DIRECT = between(ALICE, BOB)


def made() -> dict[str, object]:
    """The vector."""
    author = Author(ALICE, DIRECT)
    first, second = author.write("Hello, Bob!"), author.write("Are you there?")
    third = author.write("I am not.")
    gone = author.write(Delete(), refers=third.id)
    head = Position(ALICE.device, Chain.TALK, 3, gone.id)
    receipt = Receipt(DIRECT, BOB.account, BOB.device, (head,), WALL_MS + 42, wordless=(2,))
    signed = sign_receipt(receipt, BOB.signer)
    row = PutReceipt(DIRECT, BOB.device, signed.body, signed.signature)
    ops = [first, replace(second, content=None), third, gone]
    return {
        "file": b"".join(encode_proof((ALICE.devices, BOB.devices), [row], ops)).hex(),
        "conversation": DIRECT.hex(),
        "account": ALICE.account.hex(),
        "device": ALICE.device.hex(),
        "messages": [
            {"id": first.id.hex(), "seq": 0, "text": "Hello, Bob!", "is_deleted": False},
            {"id": second.id.hex(), "seq": 1, "text": None, "is_deleted": False},
            {"id": third.id.hex(), "seq": 2, "text": None, "is_deleted": True},
        ],
        "receipts": [
            {
                "account": BOB.account.hex(),
                "device": BOB.device.hex(),
                "sent_at": WALL_MS + 42,
                "up_to": 3,
                "from_seq": 0,
                "wordless": [2],
            }
        ],
    }


if __name__ == "__main__":
    FILE.write_text(json.dumps(made(), indent=2) + "\n", encoding="utf-8")
