"""The protocol as it is on the wire, byte for byte."""

from __future__ import annotations

import hmac
import json
from functools import reduce
from hashlib import blake2b

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from nacl.signing import SigningKey, VerifyKey

from p2pchat.crypto.hpke import HpkePrivate, HpkeSuite, open_envelope
from p2pchat.crypto.padding import pad
from p2pchat.model.ids import AccountId, DeviceId
from p2pchat.wire.contents import decode_content
from p2pchat.wire.devices import merged, read_device_set
from p2pchat.wire.frames import decode_frame, encode_frame
from p2pchat.wire.invite_links import decode_invite
from p2pchat.wire.lan_codec import decode_lan
from p2pchat.wire.lan_pb2 import Datagram
from p2pchat.wire.links import decode_link
from p2pchat.wire.mail_codec import decode_body, decode_letter
from p2pchat.wire.mailbox_codec import decode_answer, decode_request
from p2pchat.wire.ops import decode_op, verify_op
from p2pchat.wire.receipts import read_receipt
from p2pchat.wire.records import AccountRecord, BundleRecord, read_record
from p2pchat.wire.sender_keys import decode_sender_key
from tests.vectors import golden, mailboxes, mails


def raw(vector: dict, name: str) -> bytes:
    return bytes.fromhex(vector[name])


@pytest.mark.parametrize("name", golden.GOLDEN)
def test_what_is_made_now_is_what_was_made_before(name: str):
    made = json.loads(json.dumps(golden.GOLDEN[name]()))
    assert made == golden.read(name)


def test_ops_read_as_they_were_written():
    for vector, (name, op) in zip(golden.read("ops"), golden.all_ops().items(), strict=True):
        found = decode_op(raw(vector, "signed_op"))
        assert (vector["name"], found) == (name, op)
        verify_op(found)


def test_contents_read_as_they_were_written():
    ops = {vector["name"]: decode_op(raw(vector, "signed_op")) for vector in golden.read("ops")}
    for name, content in golden.CONTENTS.items():
        op = ops[name]
        assert decode_content(op.header.kind, op.content or b"") == content


def test_an_ops_id_and_signature_follow_from_its_bytes_alone():
    """With another library, as another implementation would."""
    people = {vector["name"]: vector for vector in golden.read("people")}
    for vector in golden.read("ops"):
        header = raw(vector, "header_bytes")
        assert blake2b(header, digest_size=32).digest() == raw(vector, "id")
        key = SigningKey(raw(people[vector["signed_by"]], "device_seed"))
        signed = key.sign(b"dchat/op/1\0" + header)
        assert signed.signature == raw(vector, "signature")


def test_receipts_read_as_they_were_written():
    wanted = golden.all_receipts().values()
    for vector, signed in zip(golden.read("receipts"), wanted, strict=True):
        assert read_receipt(raw(vector, "body"), raw(vector, "signature")) == signed
        key = VerifyKey(raw(vector, "device"))
        key.verify(b"dchat/receipt/1\0" + signed.body, signed.signature)


def test_sender_keys_read_as_they_were_written_and_name_whom_they_are_for():
    (vector,) = golden.read("sender_keys")
    signed = golden.a_sender_key()
    assert decode_sender_key(raw(vector, "body"), raw(vector, "signature")) == signed
    VerifyKey(raw(vector, "device")).verify(b"dchat/sender-key/1\0" + signed.body, signed.signature)
    salt = blake2b(b"dchat/audience/1\0" + raw(vector, "key"), digest_size=32).digest()
    for devices, tags in (("given_devices", "given"), ("other_devices", "others")):
        each = [bytes.fromhex(device) for device in vector[devices]]
        found = sorted(blake2b(salt + device, digest_size=8).digest() for device in each)
        assert b"".join(found) == raw(vector, tags)


def test_device_sets_read_as_they_were_written():
    for vector, found in zip(
        golden.read("devices"), golden.all_device_sets().values(), strict=True
    ):
        assert read_device_set(raw(vector, "set")) == found
    sets = [read_device_set(raw(vector, "set")) for vector in golden.read("devices")]
    assert reduce(merged, reversed(sets[:4])) == sets[4]


def test_frames_read_as_they_were_written():
    for vector, frame in zip(golden.read("frames"), golden.all_frames().values(), strict=True):
        assert decode_frame(raw(vector, "frame")) == frame


def test_links_read_as_they_were_written():
    for vector, link in zip(golden.read("links"), golden.all_links().values(), strict=True):
        assert decode_link(vector["text"]) == link


def test_invitations_read_as_they_were_written():
    for vector, link in zip(golden.read("invites"), golden.all_invites().values(), strict=True):
        assert decode_invite(vector["text"]) == link


def test_records_read_as_they_were_written():
    account, bundle = golden.read("records")
    found = read_record(raw(account, "key"), raw(account, "value"))
    assert isinstance(found, AccountRecord)
    assert (found.seq, found.devices.raw) == (account["seq"], raw(account, "devices"))
    found = read_record(raw(bundle, "key"), raw(bundle, "value"))
    assert isinstance(found, BundleRecord)
    assert (found.expires_ms, list(found.addresses)) == (bundle["expires_ms"], bundle["addresses"])
    assert found.mail.fallback_key == raw(bundle, "fallback_key")
    keys = [{"suite": key.suite, "public_key": key.raw.hex()} for key in found.mail.hpke]
    relays = [{"peer": str(r.peer), "addresses": list(r.addresses)} for r in found.mail.relays]
    assert (keys, relays) == (bundle["hpke"], bundle["relays"])


def test_datagrams_read_as_they_were_written():
    key, *datagrams, _ = golden.read("lan")
    for vector, packet in zip(datagrams[::2], golden.lan_packets().values(), strict=True):
        found = decode_lan(raw(vector, "datagram"))
        assert found.packet == packet
        assert found.is_authentic(raw(key, "key"))


def test_the_codes_of_a_lan_follow_from_its_secret_alone():
    """With another library, as another implementation would."""
    key, hello, *_, proof = golden.read("lan")
    salt = blake2b(b"dchat/lan/secret/1", digest_size=16).digest()
    secret = key["secret"].encode()
    made = Argon2id(salt=salt, length=32, iterations=2, lanes=1, memory_cost=65_536).derive(secret)
    assert made == raw(key, "key")
    datagram = Datagram.FromString(raw(hello, "datagram"))
    code = hmac.new(made, b"dchat/lan/packet/1\0" + datagram.body, "sha256").digest()
    assert code == datagram.mac
    opener, responder = raw(proof, "opener"), raw(proof, "responder")
    named = bytes([len(opener)]) + opener + bytes([len(responder)]) + responder
    nonces = b"".join(map(bytes.fromhex, proof["nonces"]))
    for role, wanted in enumerate(proof["codes"], 1):
        said = b"dchat/lan/proof/1\0" + bytes([role]) + named + nonces
        assert hmac.new(made, said, "sha256").hexdigest() == wanted


def test_people_have_the_text_forms_that_others_use():
    for vector in golden.read("people"):
        account, device = AccountId(raw(vector, "account")), DeviceId(raw(vector, "device"))
        assert str(account) == vector["account_text"]
        assert AccountId.parse(vector["account_text"]) == account
        assert vector["account_text"].startswith("z6Mk")
        assert DeviceId.parse(vector["peer_id"]) == device
        assert vector["peer_id"].startswith("12D3Koo")


def test_mailbox_signatures_follow_from_their_bytes_alone():
    """With another library, as another implementation would."""
    entries = {vector["name"]: vector for vector in golden.read("mailbox")}
    keys = entries["keys"]
    put = decode_request(raw(entries["put"], "request")).body
    opening = decode_request(raw(entries["open"], "request")).body
    blob_hash = blake2b(raw(keys, "blob"), digest_size=32).digest()
    assert raw(keys, "put_signed") == raw(keys, "mailbox") + blob_hash
    writer = VerifyKey(raw(keys, "write_key"))
    writer.verify(b"dchat/mailbox/put/1\0" + raw(keys, "put_signed"), put.signature)
    owner = VerifyKey(raw(keys, "mailbox"))
    owner.verify(b"dchat/mailbox/open/1\0" + raw(keys, "open_signed"), opening.signature)


def test_mailbox_requests_and_answers_read_as_they_were_written():
    entries = {vector["name"]: vector for vector in golden.read("mailbox")}
    for name, request in mailboxes.all_requests().items():
        assert decode_request(raw(entries[name], "request")) == request
    for name, answer in mailboxes.all_answers().items():
        assert decode_answer(raw(entries[name], "answer")) == answer


def test_a_mailed_envelope_opens_by_the_text_of_rfc_9180():
    """With the primitives alone, as another implementation would; the hybrid with its own key."""
    rows = {vector["name"]: vector for vector in golden.read("mail")}
    row = rows["envelope 1"]
    header, enc, sealed = _parts(raw(row, "blob"), 32)
    assert header == bytes((1, 1)) + blake2b(raw(row, "public_key"), digest_size=4).digest()
    assert raw(row, "info") == b"dchat/mail/1\0" + header + raw(row, "recipient")
    own = X25519PrivateKey.from_private_bytes(raw(row, "private_key"))
    secret = own.exchange(X25519PublicKey.from_public_bytes(enc))
    kem = b"KEM" + (0x20).to_bytes(2)
    shared = _labelled(kem, b"eae_prk", secret, b"shared_secret", enc + raw(row, "public_key"))
    suite = b"HPKE" + b"".join(id.to_bytes(2) for id in (0x20, 1, 3))
    context = b"\0" + _extract(suite, b"", b"psk_id_hash", b"")
    context += _extract(suite, b"", b"info_hash", raw(row, "info"))
    made = _extract(suite, shared, b"secret", b"")
    key = _expand(suite, made, b"key", context, 32)
    nonce = _expand(suite, made, b"base_nonce", context, 12)
    assert ChaCha20Poly1305(key).decrypt(nonce, sealed, b"") == raw(row, "plaintext")
    hybrid = rows["envelope 2"]
    private = HpkePrivate(HpkeSuite.MLKEM768_X25519, raw(hybrid, "private_key"))
    recipient = DeviceId(raw(hybrid, "recipient"))
    assert open_envelope(private, recipient, raw(hybrid, "blob")) == raw(hybrid, "plaintext")


def _parts(blob: bytes, enc_bytes: int) -> tuple[bytes, bytes, bytes]:
    return blob[:6], blob[6 : 6 + enc_bytes], blob[6 + enc_bytes :]


def _extract(suite: bytes, salt: bytes, label: bytes, ikm: bytes) -> bytes:
    return hmac.new(salt or bytes(32), b"HPKE-v1" + suite + label + ikm, "sha256").digest()


def _expand(suite: bytes, key: bytes, label: bytes, info: bytes, length: int) -> bytes:
    labelled = length.to_bytes(2) + b"HPKE-v1" + suite + label + info
    return hmac.new(key, labelled + b"\1", "sha256").digest()[:length]


def _labelled(suite: bytes, label: bytes, ikm: bytes, purpose: bytes, info: bytes) -> bytes:
    return _expand(suite, _extract(suite, b"", label, ikm), purpose, info, 32)


def test_a_letter_names_both_ends_and_a_mailbox_the_account_that_may_write():
    rows = {vector["name"]: vector for vector in golden.read("mail")}
    letter, keys = rows["letter"], rows["keys of a mailbox"]
    ends = (letter[who][what] for who in ("sender", "recipient") for what in ("account", "device"))
    said = b"dchat/mail/names/1\0" + bytes.fromhex("".join(ends))
    head = blake2b(said, digest_size=32).digest()
    before = raw(letter, "salt") + head
    assert raw(letter, "plaintext").startswith(before)
    frames, asks_again = decode_letter(raw(letter, "plaintext")[len(before) :])
    assert asks_again
    assert [encode_frame(frame).hex() for frame in frames] == letter["frames"]
    info = b"dchat/write/1\0" + raw(keys, "writer") + raw(keys, "reader")
    extracted = hmac.new(bytes(32), raw(keys, "half"), "sha256").digest()
    seed = hmac.new(extracted, info + b"\1", "sha256").digest()
    assert SigningKey(seed).verify_key.encode() == raw(keys, "write_key")


def test_a_body_in_an_envelope_is_padded_and_reads_as_it_was_written():
    rows = {vector["name"]: vector for vector in golden.read("mail")}
    for length, padded in rows["padding"]["lengths"]:
        assert len(pad(bytes(length))) == padded
    for name, body in mails.BODIES.items():
        assert decode_body(raw(rows[f"body that {name}"], "body")) == body
    inside = raw(rows["envelope 1"], "plaintext")
    assert inside.rstrip(b"\0") == raw(rows["body that goes on"], "body") + b"\x80"
