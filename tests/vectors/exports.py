"""Writes `export.json`: one small export, whole, for other implementations to open.

    python -m tests.vectors.exports

Salts and stream headers are random, so it is written once and kept; `test_exports.py` reads it.
"""

from __future__ import annotations

import json
from io import BytesIO
from pathlib import Path

from p2pchat.crypto.sealed_file import SealedWriter
from p2pchat.crypto.stretching import Cost, Stretching
from p2pchat.model.archive import ArchivedIdentity, ArchivedOp, End, Manifest, Record
from p2pchat.model.change import PutContact, PutConversation, PutDeviceSet, PutName, PutSetting
from p2pchat.model.contact import ContactState
from p2pchat.wire.archive_codec import encode_record
from p2pchat.wire.framing import frame
from tests.unit.protocol.people import ALICE, BOB, WALL_MS, Author, between, digest

FILE = Path(__file__).with_name("export.json")
PASSPHRASE = "correct horse battery staple"
COST = Cost(1, 8192)
DIRECT = between(ALICE, BOB)


def records() -> list[Record]:
    """What is in it."""
    op = Author(ALICE, DIRECT).write("Hello, Bob!")
    return [
        Manifest(WALL_MS, 1),
        ArchivedIdentity(digest("account alice"), "Alice", WALL_MS),
        PutDeviceSet(ALICE.account, ALICE.devices.raw),
        PutDeviceSet(BOB.account, BOB.devices.raw),
        PutName(BOB.account, "Bob", 1),
        PutConversation(DIRECT, None, "", WALL_MS),
        PutContact(BOB.account, DIRECT, ContactState.ACCEPTED, WALL_MS, BOB.intro),
        PutSetting("intro", ALICE.intro),
        ArchivedOp(op, WALL_MS, op.header.hlc, is_shown=True, is_delivered=True),
        End(1),
    ]


def made() -> dict[str, object]:
    """The vector."""
    raw = BytesIO()
    writer = SealedWriter(raw, PASSPHRASE, COST)
    encoded = [encode_record(record) for record in records()]
    for one in encoded:
        writer.write(frame(one))
    writer.finish()
    file = raw.getvalue()
    return {
        "passphrase": PASSPHRASE,
        "passes": COST.passes,
        "memory_bytes": COST.memory_bytes,
        "salt": file[22:38].hex(),
        "key": Stretching(COST, file[22:38]).key(PASSPHRASE).hex(),
        "head": file[:86].hex(),
        "content": b"".join(map(frame, encoded)).hex(),
        "records": [one.hex() for one in encoded],
        "file": file.hex(),
    }


if __name__ == "__main__":
    FILE.write_text(json.dumps(made(), indent=2) + "\n", encoding="utf-8")
