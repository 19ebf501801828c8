"""The golden bytes of mailboxes: Bob leaves something for Alice, and Alice takes it."""

from __future__ import annotations

from p2pchat.wire.envelope import Ed25519Signer, Purpose
from p2pchat.wire.mailbox_codec import (
    Answer,
    Ask,
    Challenge,
    Delete,
    Done,
    Fetch,
    Notice,
    Open,
    Opened,
    Page,
    PageRow,
    Put,
    Reason,
    Refused,
    Register,
    Request,
    blob_hash,
    encode_answer,
    encode_request,
    open_body,
    put_body,
)
from tests.unit.protocol.people import ALICE, CAROL, WALL_MS, digest

MAILBOX_SEED, WRITE_SEED, INTRO_SEED = (
    digest(name) for name in ("mailbox alice", "write bob alice", "intro alice")
)
MAILBOX, WRITER, INTRO = map(Ed25519Signer, (MAILBOX_SEED, WRITE_SEED, INTRO_SEED))
RELAY, PEER = CAROL.device.peer_id, ALICE.device.peer_id
NONCE = digest("nonce")
BLOB = b"sealed"


def all_requests() -> dict[str, Request]:
    signature = WRITER.sign(Purpose.MAILBOX_PUT, put_body(MAILBOX.public_key, BLOB))
    body = open_body(MAILBOX.public_key, NONCE, RELAY, PEER)
    proof = MAILBOX.sign(Purpose.MAILBOX_OPEN, body)
    bodies = {
        "put": Put(MAILBOX.public_key, WRITER.public_key, signature, BLOB),
        "ask": Ask(),
        "open": Open(MAILBOX.public_key, proof),
        "register": Register(frozenset({WRITER.public_key}), INTRO.public_key),
        "fetch": Fetch(WALL_MS),
        "delete": Delete((WALL_MS + 1,)),
    }
    return {name: Request(id, body) for id, (name, body) in enumerate(bodies.items(), 1)}


def all_answers() -> dict[str, Answer]:
    return {
        "done": Answer(1, Done()),
        "challenge": Answer(2, Challenge(NONCE)),
        "opened": Answer(3, Opened(is_registered=True, blobs=1)),
        "page": Answer(5, Page((PageRow(WALL_MS + 1, WALL_MS, len(BLOB), BLOB),), has_more=False)),
        "refused": Answer(7, Refused(Reason.BUSY, 250)),
        "notice": Answer(0, Notice()),
    }


def mailbox() -> list[dict[str, object]]:
    """For `mailbox.json`."""
    return [
        {
            "name": "keys",
            "mailbox_seed": MAILBOX_SEED.hex(),
            "mailbox": MAILBOX.public_key.hex(),
            "write_seed": WRITE_SEED.hex(),
            "write_key": WRITER.public_key.hex(),
            "intro_seed": INTRO_SEED.hex(),
            "intro_key": INTRO.public_key.hex(),
            "relay": RELAY.hex(),
            "peer": PEER.hex(),
            "nonce": NONCE.hex(),
            "blob": BLOB.hex(),
            "blob_hash": blob_hash(BLOB).hex(),
            "put_signed": put_body(MAILBOX.public_key, BLOB).hex(),
            "open_signed": open_body(MAILBOX.public_key, NONCE, RELAY, PEER).hex(),
        },
        *(
            {"name": name, "request": encode_request(request).hex()}
            for name, request in all_requests().items()
        ),
        *(
            {"name": name, "answer": encode_answer(answer).hex()}
            for name, answer in all_answers().items()
        ),
    ]
