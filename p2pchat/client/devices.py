"""Devices of accounts: what is known of them, and the account key's word that ends one."""

from __future__ import annotations

from p2pchat.errors import PermissionDenied, UnknownDevice
from p2pchat.model.device import DeviceInfo
from p2pchat.model.ids import DeviceId, PeerId
from p2pchat.wire.devices import (
    REVOCATIONS_MAX,
    DeviceSet,
    certificates,
    new_revocation,
    read_device_set,
    revoked_at,
)
from p2pchat.wire.envelope import Signer

__all__ = ["devices_of", "revocation_of"]


def devices_of(known: DeviceSet, own: DeviceId) -> list[DeviceInfo]:
    """The devices that a set certifies, oldest first."""
    revoked = revoked_at(known)
    found = [
        DeviceInfo(
            known.account,
            one.device.peer_id,
            one.created_ms,
            revoked.get(one.device),
            one.device == own,
        )
        for one in certificates(known)
    ]
    return sorted(found, key=lambda one: (one.certified_at, one.peer_id))


def revocation_of(
    own: DeviceSet, this: PeerId, peer: PeerId, account: Signer, now_ms: int
) -> DeviceSet:
    """The account key's revocation of one of our devices. Revoking twice is revoking once.

    Raises `UnknownDevice`, `PermissionDenied`.
    """
    if peer == this:
        raise UnknownDevice("this is the device you are using; revoke it from another one of yours")
    device = peer.device
    if device is None or device not in {one.device for one in certificates(own)}:
        raise UnknownDevice(f"no device of yours has the peer id {peer}; see `devices`")
    if device not in own.revoked and len(own.revoked) >= REVOCATIONS_MAX:
        raise PermissionDenied(
            f"{REVOCATIONS_MAX} devices were revoked, and one more would close this account for"
            " good; make a new account"
        )
    return read_device_set(new_revocation(account, device, now_ms))
