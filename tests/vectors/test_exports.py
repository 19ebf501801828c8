"""The export that other implementations check themselves against is still read as it was."""

from __future__ import annotations

import json
from io import BytesIO

import trio
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from nacl import bindings

import p2pchat
from p2pchat.crypto.sealed_file import unsealed
from p2pchat.wire.archive_codec import decode_record
from tests.unit.protocol.people import ALICE
from tests.vectors import exports

VECTOR = json.loads(exports.FILE.read_text(encoding="utf-8"))


def test_the_vector_is_opened_as_the_page_says():
    """By hand: argon2id, the stream's header, one chunk with the head as associated data."""
    stretch = Argon2id(
        salt=bytes.fromhex(VECTOR["salt"]),
        length=32,
        iterations=VECTOR["passes"],
        lanes=1,
        memory_cost=VECTOR["memory_bytes"] // 1024,
    )
    key = stretch.derive(VECTOR["passphrase"].encode())
    assert key.hex() == VECTOR["key"]
    file, head = bytes.fromhex(VECTOR["file"]), bytes.fromhex(VECTOR["head"])
    assert file.startswith(head)
    state = bindings.crypto_secretstream_xchacha20poly1305_state()
    bindings.crypto_secretstream_xchacha20poly1305_init_pull(state, head[-24:], key)
    content, tag = bindings.crypto_secretstream_xchacha20poly1305_pull(
        state, file[len(head) :], head
    )
    assert (content.hex(), tag) == (VECTOR["content"], 3)


def test_its_records_are_what_they_were():
    content = b"".join(unsealed(BytesIO(bytes.fromhex(VECTOR["file"])), VECTOR["passphrase"]))
    assert content.hex() == VECTOR["content"]
    decoded = [decode_record(bytes.fromhex(record)) for record in VECTOR["records"]]
    assert decoded == exports.records()


def test_a_home_is_made_from_it(tmp_path):
    file = tmp_path / "export"
    file.write_bytes(bytes.fromhex(VECTOR["file"]))

    async def main():
        account = await p2pchat.import_home(tmp_path / "home", file, VECTOR["passphrase"])
        assert account == ALICE.account
        async with p2pchat.open_client(tmp_path / "home", offline=True) as client:
            [contact] = client.contacts()
            assert contact.name == "Bob"
            assert [message.text for message in await contact.history()] == ["Hello, Bob!"]

    trio.run(main)
