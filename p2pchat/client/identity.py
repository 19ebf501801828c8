"""Making who we are, and turning it into what the core may see."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import reduce

from p2pchat.errors import BadExport
from p2pchat.model.archive import ArchivedIdentity
from p2pchat.model.identity import Identity
from p2pchat.model.ids import KEY_BYTES, AccountId, DeviceId
from p2pchat.node.ambient import Ambient
from p2pchat.protocol.state import Me
from p2pchat.wire.devices import (
    DEVICES_MAX,
    DeviceKeys,
    DeviceSet,
    certificates,
    first_device_set,
    merged,
    read_device_set,
)
from p2pchat.wire.envelope import Ed25519Signer

__all__ = ["core_identity", "make_identity", "restored_identity", "with_keys"]


def make_identity(name: str, ambient: Ambient, device_seed: bytes | None = None) -> Identity:
    """A new account with one device: two keys, and a certificate of one for the other."""
    account_seed = ambient.token_bytes(KEY_BYTES)
    device_seed = device_seed or ambient.token_bytes(KEY_BYTES)
    account = Ed25519Signer(account_seed)
    device = DeviceId(Ed25519Signer(device_seed).public_key)
    created_ms = ambient.now().wall_ms
    return Identity(
        account=AccountId(account.public_key),
        device=device,
        name=name,
        created_ms=created_ms,
        account_seed=account_seed,
        device_seed=device_seed,
        device_set=first_device_set(account, device, created_ms),
    )


def restored_identity(
    archived: ArchivedIdentity, known: Sequence[DeviceSet], ambient: Ambient
) -> Identity:
    """An account as a new device of it, certified beside those that are known.

    Raises `BadExport` when there is no room for one more.
    """
    account = Ed25519Signer(archived.account_seed)
    device_seed = ambient.token_bytes(KEY_BYTES)
    device = DeviceId(Ed25519Signer(device_seed).public_key)
    added = read_device_set(first_device_set(account, device, ambient.now().wall_ms))
    before = reduce(merged, known)
    if before.is_closed:
        raise BadExport("is of an account that is closed: too many of its devices were revoked")
    if len(certificates(before)) >= DEVICES_MAX:
        raise BadExport("names as many devices as an account may have: no further one can be added")
    devices = merged(before, added)
    return Identity(
        account=AccountId(account.public_key),
        device=device,
        name=archived.name,
        created_ms=archived.created_ms,
        account_seed=archived.account_seed,
        device_seed=device_seed,
        device_set=devices.raw,
    )


def with_keys(identity: Identity, keys: DeviceKeys, now_ms: int) -> Identity:
    """The same identity, its device certified with these keys: itself where it is already."""
    devices = read_device_set(identity.device_set)
    [own] = [one for one in certificates(devices) if one.device == identity.device]
    if own.keys == keys:
        return identity
    account = Ed25519Signer(identity.account_seed)
    certified_ms = max(now_ms, own.created_ms + 1)  # of two certificates the newer counts
    added = first_device_set(account, identity.device, certified_ms, keys)
    return replace(identity, device_set=merged(devices, read_device_set(added)).raw)


def core_identity(identity: Identity, intro: bytes) -> Me:
    """The part of an identity that the core works with: the account key stays outside."""
    return Me(
        account=identity.account,
        device=identity.device,
        name=identity.name,
        devices=read_device_set(identity.device_set),
        signer=Ed25519Signer(identity.device_seed),
        intro=intro,
    )
