"""The golden bytes of sealed mail: Bob writes to Alice, who is away.

An envelope is sealed with fresh randomness, so those in the file were sealed once and stay: each
opens with the private key beside it.
"""

from __future__ import annotations

import json
from pathlib import Path

from p2pchat.crypto.hpke import (
    HpkePrivate,
    HpkeSuite,
    open_envelope,
    seal_envelope,
)
from p2pchat.crypto.mail import intro_key, mailbox_key, write_key
from p2pchat.crypto.olm import SALT_BYTES
from p2pchat.crypto.padding import pad, padded_bytes
from p2pchat.errors import MalformedMessage
from p2pchat.model.conversation import direct_id
from p2pchat.model.ids import Party
from p2pchat.wire.devices import claimed_set
from p2pchat.wire.frames import Frame, Hello, Ops, encode_frame
from p2pchat.wire.mail_codec import MailBody, encode_body, encode_letter, names
from tests.unit.protocol.people import ALICE, BOB, Author, digest

FILE = Path(__file__).with_name("mail.json")
FROM, TO = Party(BOB.account, BOB.device), Party(ALICE.account, ALICE.device)
LENGTHS = (0, 1, 254, 255, 256, 500, 1_000, 1_023, 1_024, 4_095, 10_000, 61_440)
SALT = digest("salt")[:SALT_BYTES]
FRAMES: tuple[Frame, ...] = (
    Hello(BOB.devices),
    Ops((Author(BOB, direct_id(ALICE.account, BOB.account)).write("You were away."),)),
)
SEED_BYTES = {HpkeSuite.X25519: 32, HpkeSuite.MLKEM768_X25519: 96}
BODIES = {
    "begins": MailBody(
        FROM, claimed_set(BOB.devices.raw), 0, b"an Olm message that begins a session", 0
    ),
    "goes on": MailBody(FROM, None, 1, b"an Olm message", 300),
}


def private(suite: HpkeSuite) -> HpkePrivate:
    seed = b"".join(digest(f"hpke {int(suite)} {part}") for part in range(3))
    return HpkePrivate(suite, seed[: SEED_BYTES[suite]])


def plaintext() -> bytes:
    return pad(encode_body(BODIES["goes on"]))


def _envelope(suite: HpkeSuite) -> bytes:
    """The one in the file, as long as it opens to what it should."""
    rows = json.loads(FILE.read_text(encoding="utf-8")) if FILE.exists() else []
    kept = next((row["blob"] for row in rows if row["name"] == f"envelope {int(suite)}"), "")
    try:
        if kept and open_envelope(private(suite), TO.device, bytes.fromhex(kept)) == plaintext():
            return bytes.fromhex(kept)
    except MalformedMessage:
        pass  # of a form of before
    return seal_envelope(private(suite).public, TO.device, plaintext())


def _of(suite: HpkeSuite) -> dict[str, object]:
    blob, key = _envelope(suite), private(suite)
    return {
        "name": f"envelope {int(suite)}",
        "suite": int(suite),
        "private_key": key.raw.hex(),
        "public_key": key.public.raw.hex(),
        "key": key.public.id.hex(),
        "recipient": TO.device.hex(),
        "info": (b"dchat/mail/1\0" + blob[:6] + TO.device).hex(),
        "plaintext": plaintext().hex(),
        "blob": blob.hex(),
    }


def mail() -> list[dict[str, object]]:
    """For `mail.json`."""
    return [
        {
            "name": "keys of a mailbox",
            "half": ALICE.pair_half.hex(),
            "writer": FROM.account.hex(),
            "reader": TO.device.hex(),
            "write_key": write_key(ALICE.pair_half, FROM.account, TO.device).public_key.hex(),
            "token": ALICE.intro.hex(),
            "intro_key": intro_key(ALICE.intro).public_key.hex(),
            "device_seed": digest("device alice").hex(),
            "mailbox": mailbox_key(digest("device alice")).public_key.hex(),
        },
        {"name": "padding", "lengths": [[n, padded_bytes(n)] for n in LENGTHS]},
        {
            "name": "letter",
            "sender": {"account": FROM.account.hex(), "device": FROM.device.hex()},
            "recipient": {"account": TO.account.hex(), "device": TO.device.hex()},
            "names": names(FROM, TO).hex(),
            "frames": [encode_frame(frame).hex() for frame in FRAMES],
            "asks_again": True,
            "salt": SALT.hex(),
            "plaintext": (SALT + names(FROM, TO) + encode_letter(FRAMES, asks_again=True)).hex(),
        },
        *(
            {
                "name": f"body that {name}",
                "sender": body.sender.device.hex(),
                "account": body.sender.account.hex(),
                "devices": body.devices.raw.hex() if body.devices is not None else "",
                "kind": body.kind,
                "ciphertext": body.ciphertext.hex(),
                "counter": body.counter,
                "body": encode_body(body).hex(),
            }
            for name, body in BODIES.items()
        ),
        *(_of(suite) for suite in HpkeSuite),
    ]
