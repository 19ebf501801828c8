"""Device sets: which devices act for an account, each certified by the account key.

Grow-only: sets of one account are merged by certificates, so that the order in which they arrive
does not matter. The hash of a set in an op's header tells which one its author had at the time. It
is informational: what counts is whether any certificate names the device.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b

from google.protobuf.message import DecodeError

from p2pchat.errors import MalformedMessage
from p2pchat.model.ids import HASH_BYTES, AccountId, DeviceId
from p2pchat.wire.dchat_pb2 import Certificate as CertificatePb
from p2pchat.wire.dchat_pb2 import DeviceSet as DeviceSetPb
from p2pchat.wire.dchat_pb2 import Signed as SignedPb
from p2pchat.wire.envelope import Purpose, Signer, verify

__all__ = [
    "ClaimedSet",
    "DeviceSet",
    "certified",
    "claimed_set",
    "first_device_set",
    "merged",
    "narrowed",
    "read_device_set",
]

DEVICES_MAX = 32
DEVICE_SET_BYTES_MAX = 8 * 1024
CLAIMS_CACHED_MAX = 512


@dataclass(frozen=True, slots=True)
class ClaimedSet:
    """A device set as somebody told it, with the exact bytes it came in: nothing is verified."""

    account: AccountId
    devices: frozenset[DeviceId]
    raw: bytes


@dataclass(frozen=True, slots=True)
class DeviceSet(ClaimedSet):
    """A device set of which every certificate was verified."""

    @property
    def hash(self) -> bytes:
        """BLAKE2b-256, as op headers name it."""
        return blake2b(self.raw, digest_size=HASH_BYTES).digest()


def first_device_set(account: Signer, device: DeviceId, created_ms: int) -> bytes:
    """The set of a new account: one certificate."""
    body = CertificatePb(
        account=account.public_key, device=device, created_ms=created_ms
    ).SerializeToString()
    signed = SignedPb(body=body, signature=account.sign(Purpose.CERTIFICATE, body))
    return DeviceSetPb(certificates=[signed]).SerializeToString()


@lru_cache(maxsize=1024)
def read_device_set(raw: bytes) -> DeviceSet:
    """Decode and verify; the same bytes are verified once.

    Raises `MalformedMessage` (also when certificates name several accounts), `BadSignature`.
    """
    signed, claim = _decode(raw)
    for one in signed:
        verify(claim.account, Purpose.CERTIFICATE, one.body, one.signature)
    return DeviceSet(claim.account, claim.devices, raw)


def merged(known: DeviceSet, other: DeviceSet) -> DeviceSet:
    """Both sets' certificates, which were verified; `known` where `other` adds nothing, or where
    the account has more devices than a set may hold."""
    devices = known.devices | other.devices
    if devices == known.devices or len(devices) > DEVICES_MAX:
        return known
    by_device = _certificates(known)
    for device, signed in _certificates(other).items():
        by_device[device] = min(by_device.get(device, signed), signed)
    raw = _join(by_device[device] for device in sorted(by_device))
    return DeviceSet(known.account, devices, raw) if len(raw) <= DEVICE_SET_BYTES_MAX else known


def narrowed(devices: DeviceSet, device: DeviceId) -> DeviceSet:
    """The one certificate that lets `device` act for its account."""
    return DeviceSet(devices.account, frozenset((device,)), _join([_certificates(devices)[device]]))


def certified(claim: ClaimedSet, device: DeviceId) -> DeviceSet:
    """Verify the one certificate of a claim that names `device`: one signature, whatever came
    with it. Raises `BadSignature`."""
    return read_device_set(_join([_certificates(claim)[device]]))


def _certificates(devices: ClaimedSet) -> dict[DeviceId, bytes]:
    """The signed certificate of each device, the smallest where there are several."""
    found: dict[DeviceId, bytes] = {}
    for signed in DeviceSetPb.FromString(devices.raw).certificates:
        device = DeviceId(CertificatePb.FromString(signed.body).device)
        raw = signed.SerializeToString()
        found[device] = min(found.get(device, raw), raw)
    return found


def _join(certificates: Iterable[bytes]) -> bytes:
    signed = map(SignedPb.FromString, certificates)
    return DeviceSetPb(certificates=signed).SerializeToString()


@lru_cache(maxsize=CLAIMS_CACHED_MAX)
def claimed_set(raw: bytes) -> ClaimedSet:
    """Decode and bound alone. Raises `MalformedMessage`. Remembered, because each blob of a room
    comes with the same few sets."""
    return _decode(raw)[1]


def _decode(raw: bytes) -> tuple[Sequence[SignedPb], ClaimedSet]:
    if len(raw) > DEVICE_SET_BYTES_MAX:
        raise MalformedMessage("a device set is too large")
    try:
        signed = DeviceSetPb.FromString(raw).certificates
        if not 0 < len(signed) <= DEVICES_MAX:
            raise MalformedMessage("a device set has 1 to 32 certificates")
        bodies = [CertificatePb.FromString(one.body) for one in signed]
        accounts = {AccountId(body.account) for body in bodies}
        devices = frozenset(DeviceId(body.device) for body in bodies)
    except (DecodeError, ValueError) as error:
        raise MalformedMessage(f"a device set does not decode: {error}") from error
    if len(accounts) != 1:
        raise MalformedMessage("a device set has certificates of one account")
    return signed, ClaimedSet(accounts.pop(), devices, raw)
