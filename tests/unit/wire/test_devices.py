"""Which devices act for an account."""

from __future__ import annotations

from functools import reduce
from itertools import permutations

import pytest

from p2pchat.errors import BadSignature, MalformedMessage
from p2pchat.model.ids import DeviceId
from p2pchat.wire import devices as devices_module
from p2pchat.wire.dchat_pb2 import Certificate as CertificatePb
from p2pchat.wire.dchat_pb2 import DeviceSet as DeviceSetPb
from p2pchat.wire.dchat_pb2 import Revocation, Signed
from p2pchat.wire.devices import (
    CERTIFICATE_BYTES_MAX,
    CLAIMS_CACHED_MAX,
    DEVICE_SET_BYTES_MAX,
    DEVICES_MAX,
    REVOCATION_BYTES_MAX,
    REVOCATIONS_MAX,
    SETS_CACHED_MAX,
    Certificate,
    DeviceKeys,
    DeviceSet,
    certificates,
    certified,
    claimed_set,
    first_device_set,
    fitting,
    merged,
    new_revocation,
    read_device_set,
    revoked_at,
    verified_revocations,
)
from p2pchat.wire.envelope import Purpose
from p2pchat.wire.records import RECORD_BYTES_MAX
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
    with pytest.raises(MalformedMessage, match="at most 32"):
        set_of(ALICE, *devices)


def test_a_set_without_certificates_is_none():
    with pytest.raises(MalformedMessage):
        read_device_set(b"")


def test_a_set_is_of_one_account():
    both = DeviceSetPb.FromString(ALICE.devices.raw)
    both.MergeFromString(BOB.devices.raw)
    with pytest.raises(MalformedMessage, match="of one account"):
        read_device_set(both.SerializeToString())


def test_a_set_has_its_limit_in_bytes():
    with pytest.raises(MalformedMessage, match="too large"):
        read_device_set(bytes(DEVICE_SET_BYTES_MAX + 1))


@pytest.mark.parametrize(
    "body",
    [
        b"\xff",
        CertificatePb(account=b"short", device=ALICE.device).SerializeToString(),
        CertificatePb(account=ALICE.account, device=b"").SerializeToString(),
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
    body = CertificatePb(account=ALICE.account, device=BOB.device).SerializeToString()
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
    both = merged(full, ALICE.devices)
    assert both.devices == set(sorted([*devices, ALICE.device])[:DEVICES_MAX])


def test_only_so_many_decoded_claims_are_kept():
    claimed_set.cache_clear()
    for number in range(CLAIMS_CACHED_MAX + 1):
        device = DeviceId(digest(f"claimed {number}"))
        claimed_set(first_device_set(ALICE.account_signer, device, WALL_MS))
    assert claimed_set.cache_info().currsize == CLAIMS_CACHED_MAX
    claimed_set.cache_clear()


def revocation(device: DeviceId, revoked_ms: int = WALL_MS) -> DeviceSet:
    return read_device_set(new_revocation(ALICE.account_signer, device, revoked_ms))


def union(*sets: DeviceSet) -> DeviceSet:
    return reduce(merged, sets)


def test_a_certificate_says_more_of_a_device():
    keys = DeviceKeys(digest("olm"), digest("mailbox"))
    raw = first_device_set(ALICE.account_signer, ALICE.device, WALL_MS, keys)
    [certificate] = certificates(read_device_set(raw))
    assert certificate == Certificate(ALICE.account, ALICE.device, WALL_MS, keys)


@pytest.mark.parametrize("keys", [DeviceKeys(b"short"), DeviceKeys(mailbox=bytes(33))])
def test_a_key_in_a_certificate_has_its_length(keys: DeviceKeys):
    raw = first_device_set(ALICE.account_signer, ALICE.device, WALL_MS, keys)
    with pytest.raises(MalformedMessage, match="32 bytes"):
        claimed_set(raw)


def test_a_renewed_certificate_replaces_the_first_in_any_order():
    keys = DeviceKeys(digest("olm"), digest("mailbox"))
    renewed = read_device_set(
        first_device_set(ALICE.account_signer, ALICE.device, WALL_MS + 1, keys)
    )
    for both in (merged(ALICE.devices, renewed), merged(renewed, ALICE.devices)):
        [certificate] = certificates(both)
        assert certificate.keys == keys
        assert both.devices == {ALICE.device}


def test_a_revocation_wins_over_certificates_before_and_after_it():
    revoked = revocation(BOB.device, revoked_ms=0)
    later = read_device_set(first_device_set(ALICE.account_signer, BOB.device, WALL_MS + 9))
    for order in permutations([revoked, later, set_of(ALICE, ALICE.device, BOB.device)]):
        both = union(*order)
        assert both.devices == {ALICE.device}
        assert both.revoked == {BOB.device}
        assert read_device_set(both.raw) == both
    assert revoked_at(revoked) == {BOB.device: 0}


def test_a_revocation_is_signed_by_the_account_and_for_that_purpose():
    forged = DeviceSetPb.FromString(new_revocation(BOB.account_signer, ALICE.device, WALL_MS))
    body = Revocation(account=ALICE.account, device=ALICE.device).SerializeToString()
    forged.revocations[0].body = body
    with pytest.raises(BadSignature):
        read_device_set(forged.SerializeToString())
    certificate = DeviceSetPb.FromString(ALICE.devices.raw).certificates[0]
    turned = DeviceSetPb(revocations=[certificate]).SerializeToString()
    with pytest.raises(BadSignature):
        read_device_set(turned)


def test_what_stands_beside_a_signature_is_not_kept():
    padded = DeviceSetPb.FromString(ALICE.devices.raw)
    padded.certificates[0].MergeFromString(b"\x1a\x03abc")
    read = read_device_set(padded.SerializeToString())
    assert merged(ALICE.devices, read) is ALICE.devices


@pytest.mark.parametrize(
    "whole",
    [
        DeviceSetPb(certificates=[Signed(body=bytes(256))]),
        DeviceSetPb(revocations=[Signed(body=bytes(160))]),
    ],
)
def test_an_entry_has_its_limit_in_bytes(whole: DeviceSetPb):
    with pytest.raises(MalformedMessage, match="too large"):
        claimed_set(whole.SerializeToString())


def test_a_full_set_of_the_largest_entries_is_still_read():
    long_ms = (1 << 64) - 1
    numbers = range(DEVICES_MAX)
    keys = DeviceKeys(digest("olm"), digest("mailbox"))
    signer = ALICE.account_signer
    parts = [first_device_set(signer, DeviceId(digest(f"{n}")), long_ms, keys) for n in numbers]
    parts += [
        new_revocation(signer, DeviceId(digest(f"{n}")), long_ms)
        for n in range(REVOCATIONS_MAX + 1)
    ]
    full = union(*map(read_device_set, parts))
    assert read_device_set(full.raw).revoked == full.revoked
    largest = (CERTIFICATE_BYTES_MAX + 3) * DEVICES_MAX
    largest += (REVOCATION_BYTES_MAX + 3) * (REVOCATIONS_MAX + 1)
    assert largest <= DEVICE_SET_BYTES_MAX


def test_one_revocation_too_many_closes_the_account():
    gone = [DeviceId(digest(f"gone {number}")) for number in range(REVOCATIONS_MAX + 9)]
    full = union(ALICE.devices, *map(revocation, gone[:REVOCATIONS_MAX]))
    assert full.devices == {ALICE.device}
    assert not full.is_closed
    closed = union(full, *map(revocation, gone[REVOCATIONS_MAX:]))
    assert closed.is_closed
    assert closed.devices == frozenset()
    assert closed.revoked == set(sorted(gone)[: REVOCATIONS_MAX + 1])
    assert merged(closed, ALICE.devices) is closed
    assert fitting(closed, RECORD_BYTES_MAX - 200).revoked == closed.revoked


def test_what_is_published_holds_all_revocations_and_the_devices_certified_last():
    numbers = range(DEVICES_MAX)
    made = [
        first_device_set(ALICE.account_signer, DeviceId(digest(f"{n}")), WALL_MS + n)
        for n in numbers
    ]
    whole = union(*map(read_device_set, made), revocation(DeviceId(digest("31"))))
    part = fitting(whole, 2000)
    assert len(part.raw) <= 2000
    assert part.revoked == whole.revoked
    assert DeviceId(digest("30")) in part.devices
    assert DeviceId(digest("31")) not in part.devices
    assert DeviceId(digest("0")) not in part.devices
    assert merged(whole, part) is whole


def test_only_revocations_that_are_new_are_verified():
    one, other = revocation(BOB.device), revocation(CAROL.device)
    both = merged(one, other)
    found = verified_revocations(both, one.revoked)
    assert found is not None
    assert found.revoked == {CAROL.device}
    assert verified_revocations(both, both.revoked) is None


def test_only_so_many_verified_sets_are_kept():
    read_device_set.cache_clear()
    for number in range(SETS_CACHED_MAX + 1):
        device = DeviceId(digest(f"kept {number}"))
        read_device_set(first_device_set(ALICE.account_signer, device, WALL_MS))
    assert read_device_set.cache_info().currsize == SETS_CACHED_MAX
    read_device_set.cache_clear()
