"""Which devices act for an account."""

from __future__ import annotations

import pytest

from p2pchat.errors import BadSignature, MalformedMessage
from p2pchat.model.ids import DeviceId
from p2pchat.wire import devices as devices_module
from p2pchat.wire.dchat_pb2 import Certificate, Signed
from p2pchat.wire.dchat_pb2 import DeviceSet as DeviceSetPb
from p2pchat.wire.devices import (
    CLAIMS_CACHED_MAX,
    DEVICES_MAX,
    certified,
    claimed_set,
    first_device_set,
    merged,
    read_device_set,
)
from p2pchat.wire.envelope import Purpose
from tests.unit.protocol.people import ALICE, BOB, CAROL, WALL_MS, digest, set_of


def test_a_first_set_certifies_one_device():
    found = read_device_set(first_device_set(ALICE.account_signer, ALICE.device, WALL_MS))
    assert (found.account, found.devices) == (ALICE.account, {ALICE.device})
    assert found == ALICE.devices
    assert len(found.hash) == 32
    claim = claimed_set(found.raw)
    assert (claim.account, claim.devices) == (found.account, found.devices)
    assert claim != found


def test_of_a_claim_the_one_certificate_that_is_needed_is_verified(monkeypatch):
    others = [DeviceId(digest(f"one of many {number}")) for number in range(31)]
    claim = claimed_set(set_of(ALICE, ALICE.device, *others).raw)
    verified: list[bytes] = []
    monkeypatch.setattr(devices_module, "verify", lambda *given: verified.append(given[2]))
    read_device_set.cache_clear()
    found = certified(claim, others[7])
    assert len(verified) == 1
    assert (found.account, found.devices) == (ALICE.account, {others[7]})
    read_device_set.cache_clear()


def test_a_set_holds_several_devices():
    devices = [DeviceId(digest(f"device {number}")) for number in range(DEVICES_MAX)]
    assert set_of(ALICE, *devices).devices == set(devices)


def test_too_many_devices_are_refused_before_any_signature_is_looked_at():
    devices = [DeviceId(digest(f"device {number}")) for number in range(DEVICES_MAX + 1)]
    with pytest.raises(MalformedMessage, match="1 to 32"):
        set_of(ALICE, *devices)


def test_a_set_without_certificates_is_none():
    with pytest.raises(MalformedMessage):
        read_device_set(b"")


def test_a_set_is_of_one_account():
    both = DeviceSetPb.FromString(ALICE.devices.raw)
    both.MergeFromString(BOB.devices.raw)
    with pytest.raises(MalformedMessage, match="one account"):
        read_device_set(both.SerializeToString())


def test_a_set_has_its_limit_in_bytes():
    with pytest.raises(MalformedMessage, match="too large"):
        read_device_set(bytes(8 * 1024 + 1))


@pytest.mark.parametrize(
    "body",
    [
        b"\xff",
        Certificate(account=b"short", device=ALICE.device).SerializeToString(),
        Certificate(account=ALICE.account, device=b"").SerializeToString(),
    ],
)
def test_a_certificate_that_makes_no_sense_is_malformed(body: bytes):
    signed = Signed(body=body, signature=ALICE.account_signer.sign(Purpose.CERTIFICATE, body))
    raw = DeviceSetPb(certificates=[signed]).SerializeToString()
    for read in (read_device_set, claimed_set):
        with pytest.raises(MalformedMessage):
            read(raw)


def test_a_certificate_is_signed_by_the_account():
    raw = first_device_set(BOB.account_signer, BOB.device, WALL_MS)
    forged = DeviceSetPb.FromString(raw)
    body = Certificate(account=ALICE.account, device=BOB.device).SerializeToString()
    forged.certificates[0].body = body
    with pytest.raises(BadSignature):
        read_device_set(forged.SerializeToString())


def test_sets_of_one_account_merge_in_any_order():
    one, other = set_of(ALICE, ALICE.device, BOB.device), set_of(ALICE, CAROL.device, ALICE.device)
    both = merged(one, other)
    assert both == merged(other, one) == read_device_set(both.raw)
    assert both.devices == {ALICE.device, BOB.device, CAROL.device}
    assert merged(both, one) is both


def test_a_merged_set_holds_no_more_devices_than_a_set_may():
    devices = [DeviceId(digest(f"device {number}")) for number in range(DEVICES_MAX)]
    full = set_of(ALICE, *devices)
    assert merged(full, ALICE.devices) is full


def test_only_so_many_decoded_claims_are_kept():
    claimed_set.cache_clear()
    for number in range(CLAIMS_CACHED_MAX + 1):
        device = DeviceId(digest(f"claimed {number}"))
        claimed_set(first_device_set(ALICE.account_signer, device, WALL_MS))
    assert claimed_set.cache_info().currsize == CLAIMS_CACHED_MAX
    claimed_set.cache_clear()
