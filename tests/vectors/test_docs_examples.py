"""The documents of the protocols tell the truth: their examples are bytes that the code makes and
reads, and what can be computed from the text alone comes out as the text says."""

from __future__ import annotations

import base64
import json
import re
from hashlib import blake2b, sha256

import base58
import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from nacl.bindings import crypto_aead_xchacha20poly1305_ietf_decrypt
from nacl.pwhash import argon2id
from nacl.signing import VerifyKey

from p2pchat.config import FetchLimits
from p2pchat.model.op import Chain
from p2pchat.model.scope import Scope
from p2pchat.net.bootstrap_list import parse_list
from p2pchat.protocol.log import Log, Tip
from p2pchat.wire.dchat_pb2 import DeviceSet, Header, Ops, Signed
from p2pchat.wire.envelope import Purpose
from p2pchat.wire.frames import decode_frame, decode_ops
from p2pchat.wire.framing import FrameParser
from p2pchat.wire.gossip_codec import decode_rpc
from p2pchat.wire.kad_codec import decode_kad
from p2pchat.wire.links import decode_link
from p2pchat.wire.multiaddr import multiaddr_text
from tests.unit.protocol.people import ALICE, BOB, WALL_MS, op_id
from tests.vectors.documents import FOLDER, MADE, STATES, made_anew
from tests.vectors.example import EXAMPLES
from tests.vectors.examples import NONCE
from tests.vectors.layout import bytes_of, render

PAGES = sorted(FOLDER.glob("*.md"))
TEXTS = {path.name: path.read_text(encoding="utf-8") for path in PAGES}
HEX = re.compile(r"^```hex\n(.*?)^```", re.DOTALL | re.MULTILINE)
JSON = re.compile(r"^```json\n(.*?)^```", re.DOTALL | re.MULTILINE)

FRAMES = ("hello", "receipt", "sync digest", "sync frontier", "sync pull", "sync page")
KAD = ("find node", "find node answer", "put value")
GOSSIP = ("subscribe", "publish", "control", "prune")


def section(name: str) -> str:
    """What a document shows as an example, between the marks."""
    [found] = [
        body
        for text in TEXTS.values()
        for kind, shown_name, body in MADE.findall(text)
        if (kind, shown_name) == ("example", name)
    ]
    return found


def shown(name: str) -> bytes:
    """The bytes of an example, as a reader finds them."""
    [block] = HEX.findall(section(name))
    return bytes_of(block)


def values(name: str) -> dict[str, str]:
    """The labelled values of an example, as a reader finds them."""
    lines = section(name).splitlines()[1:-1]
    return dict(re.split(r" {2,}", line, maxsplit=1) for line in lines)


def unframed(name: str) -> bytes:
    parser = FrameParser(1 << 20)
    [body] = parser.feed(shown(name))
    assert parser.is_empty
    return body


def of_json(file: str, name: str) -> dict[str, str]:
    entries = json.loads((FOLDER.parents[1] / f"tests/vectors/{file}.json").read_text())
    return next(entry for entry in entries if entry["name"] == name)


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_what_is_made_from_the_code_is_up_to_date(page):
    text = TEXTS[page.name]
    assert text == made_anew(text), "run `python -m tests.vectors.documents`"


def test_every_example_and_every_diagram_is_shown_once():
    made = [(kind, name) for text in TEXTS.values() for kind, name, _ in MADE.findall(text)]
    wanted = [("example", name) for name in EXAMPLES] + [("states", name) for name in STATES]
    assert sorted(made) == sorted(wanted)


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_no_bytes_are_written_by_hand(page):
    assert HEX.findall(MADE.sub("", TEXTS[page.name])) == []


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_taken_apart_is_the_same_bytes(name):
    example = EXAMPLES[name]()
    assert bytes_of(render(example.parts)) == example.raw


# What another implementation would compute from the text alone


def test_text_forms_follow_from_the_keys():
    account, peer = shown("account id"), shown("peer id")
    people = values("people")
    assert "z" + base58.b58encode(account).decode() == people["Alice, account id"]
    assert base58.b58encode(peer).decode() == people["Alice, peer id"]


def test_a_conversation_id_is_the_hash_of_what_is_shown():
    found = blake2b(shown("direct conversation"), digest_size=32).hexdigest()
    assert values("direct conversation id") == {"BLAKE2b-256": found}


def test_a_rooms_id_key_and_topic_follow_from_its_normal_name():
    room = values("open room")
    name = room["normal name"].strip('"').encode()
    key = blake2b(b"dchat/open-key/1\0" + name, digest_size=32)
    topic = blake2b(b"dchat/topic/1\0" + key.digest(), digest_size=32).hexdigest()
    assert room["id"] == blake2b(b"dchat/open/1\0" + name, digest_size=32).hexdigest()
    assert (room["key"], room["topic"]) == (key.hexdigest(), f"/dchat/room/{topic}")


def test_a_room_by_password_follows_from_both_with_what_everybody_has():
    room = values("password room")
    name, password = (room[one].strip('"').encode() for one in ("name", "password"))
    salt = blake2b(b"dchat/password/1\0" + name, digest_size=32).digest()[:16]
    assert room["salt"] == salt.hex()
    root = argon2id.kdf(32, password, salt, opslimit=3, memlimit=256 * 1024 * 1024)
    for what in ("id", "key"):
        info = f"dchat/password-room-{what}/1".encode()
        assert room[what] == HKDF(SHA256(), 32, None, info).derive(root).hex()


def test_an_op_id_and_its_signature_are_over_the_header_shown():
    raw, said = shown("header"), values("op id")
    assert blake2b(raw, digest_size=32).hexdigest() == said["op id"]
    VerifyKey(Header.FromString(raw).device).verify(
        b"dchat/op/1\0" + raw, bytes.fromhex(said["signature"])
    )


def test_a_certificate_is_signed_by_the_account():
    [signed] = DeviceSet.FromString(shown("device set")).certificates
    VerifyKey(ALICE.account).verify(b"dchat/certificate/1\0" + signed.body, signed.signature)


def test_a_revocation_is_signed_by_the_account():
    whole = DeviceSet.FromString(shown("device set with a revocation"))
    [signed] = whole.revocations
    VerifyKey(ALICE.account).verify(b"dchat/revocation/1\0" + signed.body, signed.signature)
    assert len(whole.certificates) == 2


def test_records_are_signed_by_the_key_in_their_key():
    keys = values("record keys")
    for name, domain in (
        ("account record", b"dchat/account/1\0"),
        ("bundle record", b"dchat/bundle/1\0"),
    ):
        signed = Signed.FromString(shown(name))
        signer = VerifyKey(bytes.fromhex(keys[name])[-32:])
        signer.verify(domain + signed.body, signed.signature)


def test_a_digest_is_the_hash_of_what_is_shown():
    said = values("digest value")["digest"]
    assert blake2b(shown("digest"), digest_size=32).hexdigest() == said
    log = Log(waiting_ops_max=1)
    log.restore((ALICE.device, Chain.CONTROL), Tip(ALICE.account, 0, op_id("control"), 0))
    log.restore((ALICE.device, Chain.TALK), Tip(ALICE.account, 41, op_id("head"), 0))
    assert log.digest().hex() == said


def test_a_blob_opens_with_the_rooms_key_bound_to_its_topic():
    blob, room = shown("room blob"), values("room keys")
    assert (blob[:1], blob[1:25]) == (b"\1", NONCE)
    plaintext = crypto_aead_xchacha20poly1305_ietf_decrypt(
        blob[25:], b"\1" + room["topic"].encode(), blob[1:25], bytes.fromhex(room["key"])
    )
    assert plaintext == shown("room plaintext")


def test_a_message_id_is_the_sha_256_of_the_data():
    assert values("message id") == {"message id": sha256(shown("room blob")).hexdigest()}


def test_a_link_is_the_bytes_shown_and_their_check():
    raw, text = shown("link"), values("link text")["link"]
    assert base64.urlsafe_b64encode(raw).decode().rstrip("=") == text.removeprefix("dchat://u/")
    check = blake2b(raw[:-4], digest_size=4, person=b"dchat link").digest()
    assert raw[-4:] == check


# What the code reads from the text


@pytest.mark.parametrize("name", FRAMES)
def test_the_frames_shown_are_read(name):
    decode_frame(unframed(name))


@pytest.mark.parametrize("name", KAD)
def test_the_messages_of_the_dht_shown_are_read(name):
    decode_kad(unframed(name))


@pytest.mark.parametrize("name", GOSSIP)
def test_the_rpcs_shown_are_read(name):
    rpc = decode_rpc(unframed(name))
    assert all(message.data == shown("room blob") for message in rpc.messages)


def test_the_plaintext_of_the_blob_is_read():
    [op] = decode_ops(shown("room plaintext")).ops
    assert op.id.hex() == of_json("ops", "text")["id"]
    assert Ops.FromString(shown("room plaintext")).devices == [ALICE.devices.raw]


def test_the_link_shown_is_read():
    assert decode_link(values("link text")["link"]).account == BOB.account


def test_the_circuit_address_is_read():
    address = values("circuit address")
    assert multiaddr_text(bytes.fromhex(address["bytes"])) == address["address"]


def test_the_bootstrap_list_shown_is_one_and_fits_its_schema():
    list_shown, schema_shown = JSON.findall(TEXTS["relay.md"])
    usable, complaints = parse_list(list_shown.encode(), Scope.LOOPBACK, FetchLimits().entries_max)
    entries = json.loads(list_shown)["peers"]
    assert (list(map(str, usable)), complaints) == (entries, [])
    schema = json.loads(schema_shown)
    assert set(schema["required"]) == {"version", "peers"}
    item = schema["properties"]["peers"]["items"]
    assert all(re.search(item["pattern"], entry) for entry in entries)
    assert not re.search(item["pattern"], "/ip4/203.0.113.7/tcp/0/p2p/12D3KooW")


def test_every_domain_of_a_signature_is_named():
    table = TEXTS["index.md"]
    assert all(f"`{p.value.rstrip(bytes(1)).decode()}` NUL" in table for p in Purpose)


def test_the_reservation_shown_begins_when_the_story_does():
    assert f"expire: {WALL_MS // 1000 + 3600}" in TEXTS["relay.md"]
