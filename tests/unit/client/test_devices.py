"""Our own devices: listed, and ended."""

from __future__ import annotations

from functools import reduce

import pytest
import trio

from p2pchat.client.devices import devices_of, revocation_of
from p2pchat.client.identity import restored_identity
from p2pchat.errors import BadExport, PermissionDenied, UnknownDevice
from p2pchat.model.archive import ArchivedIdentity
from p2pchat.model.ids import DeviceId
from p2pchat.node.ambient import SimulatedAmbient
from p2pchat.wire.devices import (
    DEVICES_MAX,
    REVOCATIONS_MAX,
    DeviceSet,
    first_device_set,
    merged,
    new_revocation,
    read_device_set,
)
from tests.unit.protocol.people import ALICE, BOB, WALL_MS, digest, set_of

TABLET = DeviceId(digest("tablet"))
BOTH = set_of(ALICE, ALICE.device, TABLET)


def revocation(own: DeviceSet, device: DeviceId) -> DeviceSet:
    this = ALICE.device.peer_id
    return revocation_of(own, this, device.peer_id, ALICE.account_signer, WALL_MS + 5)


def test_devices_are_listed_oldest_first_with_what_became_of_them():
    later = read_device_set(first_device_set(ALICE.account_signer, TABLET, WALL_MS + 1))
    known = merged(merged(later, ALICE.devices), revocation(BOTH, TABLET))
    first, second = devices_of(known, ALICE.device)
    assert (first.peer_id, first.is_this, first.revoked_at) == (ALICE.device.peer_id, True, None)
    assert (second.peer_id, second.is_this) == (TABLET.peer_id, False)
    assert (second.certified_at, second.revoked_at) == (WALL_MS + 1, WALL_MS + 5)


def test_only_another_device_of_ours_can_be_revoked_and_twice_is_once():
    ended = merged(BOTH, revocation(BOTH, TABLET))
    assert ended.revoked == {TABLET}
    assert merged(ended, revocation(ended, TABLET)) is ended
    with pytest.raises(UnknownDevice, match="another one of yours"):
        revocation(BOTH, ALICE.device)
    with pytest.raises(UnknownDevice, match="see `devices`"):
        revocation(BOTH, BOB.device)


def gone(count: int) -> DeviceSet:
    signer = ALICE.account_signer
    raws = (new_revocation(signer, DeviceId(digest(f"gone {n}")), 1) for n in range(count))
    return reduce(merged, map(read_device_set, raws), BOTH)


def test_the_revocation_that_would_close_the_account_is_not_made():
    with pytest.raises(PermissionDenied, match="close this account"):
        revocation(gone(REVOCATIONS_MAX), TABLET)
    assert revocation(gone(REVOCATIONS_MAX - 1), TABLET).revoked == {TABLET}


def restored(known: DeviceSet) -> DeviceSet:
    archived = ArchivedIdentity(digest("account alice"), "Alice", WALL_MS)

    async def main() -> bytes:
        return restored_identity(archived, [known], SimulatedAmbient(1, "alice")).device_set

    return read_device_set(trio.run(main))


def test_a_restored_home_is_a_further_device():
    assert restored(BOTH).devices > BOTH.devices


def test_no_device_is_pushed_out_by_a_further_one():
    full = set_of(ALICE, *(DeviceId(digest(f"device {n}")) for n in range(DEVICES_MAX)))
    with pytest.raises(BadExport, match="as many devices"):
        restored(full)


def test_an_account_that_is_closed_gets_no_further_device():
    with pytest.raises(BadExport, match="closed"):
        restored(gone(REVOCATIONS_MAX + 1))
