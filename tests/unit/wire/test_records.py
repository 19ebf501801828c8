"""Records in the DHT: signed, numbered, expiring."""

from __future__ import annotations

from dataclasses import replace
from functools import reduce

import pytest

from p2pchat.errors import BadSignature, MalformedMessage
from p2pchat.model.ids import DeviceId
from p2pchat.model.mailbox import HpkeKey, MailboxRelay, MailBundle
from p2pchat.wire import dchat_pb2 as pb
from p2pchat.wire.devices import (
    DEVICES_MAX,
    REVOCATIONS_MAX,
    first_device_set,
    merged,
    new_revocation,
    read_device_set,
)
from p2pchat.wire.envelope import Purpose, Signer
from p2pchat.wire.records import (
    ADDRESSES_MAX,
    DEVICES_BYTES_MAX,
    HPKE_KEY_BYTES_MAX,
    HPKE_KEYS_MAX,
    LIFETIME_MS,
    RECORD_BYTES_MAX,
    RELAY_ADDRESSES_MAX,
    RELAYS_MAX,
    AccountRecord,
    BundleRecord,
    RecordValidator,
    account_key,
    bundle_key,
    encode_record,
    read_record,
)
from tests.unit.protocol.people import ALICE, BOB, CAROL, WALL_MS, digest

ADDRESS = "/ip4/192.0.2.7/tcp/4001"
ACCOUNT = AccountRecord(ALICE.account, ALICE.devices, 7, WALL_MS + LIFETIME_MS)
BUNDLE = BundleRecord(ALICE.device, (ADDRESS,), 7, WALL_MS + LIFETIME_MS)
ACCOUNT_KEY, BUNDLE_KEY = account_key(ALICE.account), bundle_key(ALICE.device)


def account_value(**changes: object) -> bytes:
    return encode_record(replace(ACCOUNT, **changes), ALICE.account_signer)


def bundle_value(**changes: object) -> bytes:
    return encode_record(replace(BUNDLE, **changes), ALICE.signer)


def test_an_account_record_has_room_for_every_set():
    signer = ALICE.account_signer
    names = [DeviceId(digest(f"device {number}")) for number in range(DEVICES_MAX)]
    sets = [first_device_set(signer, device, WALL_MS + LIFETIME_MS) for device in names]
    sets += [new_revocation(signer, device, WALL_MS) for device in names[:REVOCATIONS_MAX]]
    whole = reduce(merged, map(read_device_set, sets))
    assert len(whole.raw) > DEVICES_BYTES_MAX
    value = account_value(devices=whole, seq=1 << 60)
    found = read_record(ACCOUNT_KEY, value)
    assert isinstance(found, AccountRecord)
    assert found.devices.revoked == whole.revoked
    assert found.devices.devices < whole.devices


def signed(purpose: Purpose, body: bytes, signer: Signer) -> bytes:
    return pb.Signed(body=body, signature=signer.sign(purpose, body)).SerializeToString()


def test_records_read_as_they_were_written():
    assert read_record(ACCOUNT_KEY, account_value()) == ACCOUNT
    assert read_record(BUNDLE_KEY, bundle_value()) == BUNDLE


def test_a_record_belongs_to_its_key():
    with pytest.raises(BadSignature):
        read_record(account_key(BOB.account), account_value())
    with pytest.raises(BadSignature):
        read_record(bundle_key(BOB.device), bundle_value())
    with pytest.raises(BadSignature):
        read_record(bundle_key(ALICE.device), account_value())


def test_a_record_that_names_another_than_its_signer_is_malformed():
    body = pb.AccountRecord(account=BOB.account, devices=ALICE.devices.raw).SerializeToString()
    with pytest.raises(MalformedMessage):
        read_record(ACCOUNT_KEY, signed(Purpose.ACCOUNT_RECORD, body, ALICE.account_signer))
    body = pb.AccountRecord(account=ALICE.account, devices=BOB.devices.raw).SerializeToString()
    with pytest.raises(MalformedMessage):
        read_record(ACCOUNT_KEY, signed(Purpose.ACCOUNT_RECORD, body, ALICE.account_signer))
    body = pb.BundleRecord(device=BOB.device).SerializeToString()
    with pytest.raises(MalformedMessage):
        read_record(BUNDLE_KEY, signed(Purpose.BUNDLE_RECORD, body, ALICE.signer))


@pytest.mark.parametrize(
    "key", [b"", b"/dchat/account/", b"/dchat/bundle/short", b"/pk/" + ALICE.account, ALICE.account]
)
def test_a_key_of_another_kind_is_malformed(key: bytes):
    with pytest.raises(MalformedMessage):
        read_record(key, account_value())


def test_a_record_has_its_limit_in_bytes():
    with pytest.raises(MalformedMessage, match="over 4096"):
        read_record(BUNDLE_KEY, bytes(RECORD_BYTES_MAX + 1))


def test_addresses_are_bounded_and_those_that_cannot_be_used_left_out():
    most = tuple(f"/ip4/192.0.2.7/tcp/{port}" for port in range(1, 40))
    assert read_record(BUNDLE_KEY, bundle_value(addresses=most)).addresses == most[:ADDRESSES_MAX]
    mixed = ("garbage", "/carrier-pigeon/home", ADDRESS)
    assert read_record(BUNDLE_KEY, bundle_value(addresses=mixed)).addresses == (ADDRESS,)
    for addresses in (["/x"] * (ADDRESSES_MAX + 1), ["/" + "x" * 256]):
        body = pb.BundleRecord(device=ALICE.device, addresses=addresses).SerializeToString()
        with pytest.raises(MalformedMessage):
            read_record(BUNDLE_KEY, signed(Purpose.BUNDLE_RECORD, body, ALICE.signer))


def mail_bundle(**changes: object) -> MailBundle:
    keys = (HpkeKey(1, digest("x25519")), HpkeKey(2, bytes(1_216)))
    relays = (MailboxRelay(BOB.device.peer_id, (ADDRESS,)), MailboxRelay(CAROL.device.peer_id))
    return replace(MailBundle(digest("fallback"), keys, relays), **changes)


def test_a_bundle_says_how_its_device_is_written_to_while_it_is_away():
    found = read_record(BUNDLE_KEY, bundle_value(mail=mail_bundle()))
    assert isinstance(found, BundleRecord)
    assert found.mail == mail_bundle()
    assert found.mail.takes_mail
    assert not read_record(BUNDLE_KEY, bundle_value()).mail.takes_mail


@pytest.mark.parametrize(
    "changes",
    [
        {"fallback_key": bytes(31)},
        {"hpke": (HpkeKey(1, bytes(32)),) * (HPKE_KEYS_MAX + 1)},
        {"hpke": (HpkeKey(3, bytes(HPKE_KEY_BYTES_MAX + 1)),)},
    ],
)
def test_keys_for_mail_are_bounded(changes: dict[str, object]):
    with pytest.raises(MalformedMessage):
        read_record(BUNDLE_KEY, bundle_value(mail=mail_bundle(**changes)))


def test_mailbox_relays_are_bounded():
    many = MailboxRelay(BOB.device.peer_id, (ADDRESS,) * (RELAY_ADDRESSES_MAX + 1))
    found = read_record(
        BUNDLE_KEY, bundle_value(mail=mail_bundle(relays=(many,) * (RELAYS_MAX + 1)))
    )
    assert [len(relay.addresses) for relay in found.mail.relays] == [4] * RELAYS_MAX
    for relay in (
        pb.MailboxRelay(peer=b"nobody"),
        pb.MailboxRelay(peer=BOB.device.peer_id, addresses=["/x"] * (RELAY_ADDRESSES_MAX + 1)),
    ):
        body = pb.BundleRecord(device=ALICE.device, relays=[relay]).SerializeToString()
        with pytest.raises(MalformedMessage):
            read_record(BUNDLE_KEY, signed(Purpose.BUNDLE_RECORD, body, ALICE.signer))
    body = pb.BundleRecord(device=ALICE.device, relays=[relay] * (RELAYS_MAX + 1))
    with pytest.raises(MalformedMessage):
        read_record(
            BUNDLE_KEY, signed(Purpose.BUNDLE_RECORD, body.SerializeToString(), ALICE.signer)
        )


def test_a_bundle_has_room_for_all_keys_and_the_best_addresses():
    circuit = f"p2p/{BOB.device}/p2p-circuit"
    long = tuple(f"/dns4/{'a' * 60}.example/tcp/{port}/{circuit}" for port in range(1, 17))
    relays = tuple(MailboxRelay(CAROL.device.peer_id, long[:4]) for _ in range(RELAYS_MAX))
    value = bundle_value(addresses=long, mail=mail_bundle(relays=relays), seq=1 << 60)
    found = read_record(BUNDLE_KEY, value)
    assert len(value) <= RECORD_BYTES_MAX
    assert found.mail.hpke == mail_bundle().hpke
    assert found.addresses == long[: len(found.addresses)]
    assert len(found.addresses) == 3
    assert all(relay.addresses for relay in found.mail.relays)


@pytest.mark.parametrize("value", [b"\xff", b"", pb.Signed(body=b"\xff").SerializeToString()])
def test_bytes_that_are_no_record_are_refused(value: bytes):
    for key in (ACCOUNT_KEY, BUNDLE_KEY):
        with pytest.raises((MalformedMessage, BadSignature)):
            read_record(key, value)


def test_a_signed_body_that_is_no_record_is_malformed():
    with pytest.raises(MalformedMessage):
        read_record(BUNDLE_KEY, signed(Purpose.BUNDLE_RECORD, b"\xff", ALICE.signer))


# What the DHT asks


def test_a_record_is_valid_until_it_expires():
    validator, value = RecordValidator(), bundle_value()
    assert validator.expires_ms(BUNDLE_KEY, value) == WALL_MS + LIFETIME_MS
    validator.validate(BUNDLE_KEY, value, WALL_MS)
    validator.validate(BUNDLE_KEY, value, WALL_MS + LIFETIME_MS - 1)
    with pytest.raises(MalformedMessage):
        validator.validate(BUNDLE_KEY, value, WALL_MS + LIFETIME_MS)


@pytest.mark.parametrize("expires_ms", [WALL_MS + 2 * LIFETIME_MS + 1, 2**64 - 1])
def test_a_record_that_claims_to_last_too_long_is_refused(expires_ms: int):
    with pytest.raises(MalformedMessage):
        RecordValidator().validate(BUNDLE_KEY, bundle_value(expires_ms=expires_ms), WALL_MS)


def test_the_newest_record_wins_and_a_tie_is_decided_alike_by_all():
    values = [bundle_value(seq=seq, expires_ms=seq + 1) for seq in (3, 9, 5)]
    validator = RecordValidator()
    assert validator.select(BUNDLE_KEY, values, 0) == 1
    tied = [bundle_value(seq=9, expires_ms=n) for n in (1, 2)]
    chosen = {tuple(order)[validator.select(BUNDLE_KEY, order, 0)] for order in (tied, tied[::-1])}
    assert len(chosen) == 1
