"""Device sets: which devices act for an account, each certified by the account key.

A set is a grow-only union of certificates and revocations, so it does not matter in which order or
how often they arrive. A revocation wins over every certificate of its device, whatever their dates.

The union stays one where it is full, because what is kept depends on the entries alone: of a
device the newest certificate, of certified devices the first 32 by key; of a device the earliest
revocation, of revoked devices the first 17 by key. More than 16 revocations close the account:
none of its devices acts for it any more. So whoever holds a stolen account key can end the account,
and can never push a revocation out.

The hash of a set in an op's header tells which one its author had at the time. It is informational.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from itertools import islice

from google.protobuf.message import DecodeError

from p2pchat.errors import BadSignature, MalformedMessage
from p2pchat.model.ids import HASH_BYTES, KEY_BYTES, AccountId, DeviceId
from p2pchat.wire.dchat_pb2 import Certificate as CertificatePb
from p2pchat.wire.dchat_pb2 import DeviceSet as DeviceSetPb
from p2pchat.wire.dchat_pb2 import Revocation as RevocationPb
from p2pchat.wire.dchat_pb2 import Signed as SignedPb
from p2pchat.wire.envelope import Purpose, Signer, verify

__all__ = [
    "DEVICES_MAX",
    "REVOCATIONS_MAX",
    "Certificate",
    "ClaimedSet",
    "DeviceKeys",
    "DeviceSet",
    "certificates",
    "certified",
    "claimed_set",
    "first_device_set",
    "fitting",
    "holding",
    "is_certified",
    "keys_of",
    "merged",
    "narrowed",
    "new_revocation",
    "read_device_set",
    "read_revocation",
    "revocation",
    "revoked_at",
    "shown_by",
    "verified_revocations",
]

DEVICES_MAX = 32
REVOCATIONS_MAX = 16
CERTIFICATE_BYTES_MAX = 256
REVOCATION_BYTES_MAX = 160
DEVICE_SET_BYTES_MAX = 12 * 1024
CLAIMS_CACHED_MAX = 512
SETS_CACHED_MAX = 512


@dataclass(frozen=True, slots=True)
class DeviceKeys:
    """What else a certificate says of a device, 32 bytes each; empty in one made without."""

    olm_curve25519: bytes = b""
    """Its Olm identity key."""
    mailbox: bytes = b""
    """Ed25519 public key that names and owns its mailboxes."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """The account's word for one device."""

    account: AccountId
    device: DeviceId
    created_ms: int
    keys: DeviceKeys


@dataclass(frozen=True, slots=True)
class ClaimedSet:
    """A device set as somebody told it, with the exact bytes it came in: nothing is verified."""

    account: AccountId
    devices: frozenset[DeviceId]
    """Those that act for the account: certified and not revoked."""
    revoked: frozenset[DeviceId]
    raw: bytes

    @property
    def is_closed(self) -> bool:
        """Whether more devices were revoked than a set can name: no device acts any more."""
        return len(self.revoked) > REVOCATIONS_MAX


@dataclass(frozen=True, slots=True)
class DeviceSet(ClaimedSet):
    """A device set of which every certificate and revocation was verified."""

    @property
    def hash(self) -> bytes:
        """BLAKE2b-256, as op headers name it."""
        return blake2b(self.raw, digest_size=HASH_BYTES).digest()


def first_device_set(
    account: Signer, device: DeviceId, created_ms: int, keys: DeviceKeys | None = None
) -> bytes:
    """One certificate: the set of a new account, or what a further device adds to it."""
    keys = keys or DeviceKeys()
    body = CertificatePb(
        account=account.public_key,
        device=device,
        created_ms=created_ms,
        olm_curve25519=keys.olm_curve25519,
        mailbox=keys.mailbox,
    ).SerializeToString()
    signed = SignedPb(body=body, signature=account.sign(Purpose.CERTIFICATE, body))
    return DeviceSetPb(certificates=[signed]).SerializeToString()


def new_revocation(account: Signer, device: DeviceId, revoked_ms: int) -> bytes:
    """One revocation, to be merged into the account's set."""
    body = RevocationPb(
        account=account.public_key, device=device, revoked_ms=revoked_ms
    ).SerializeToString()
    signed = SignedPb(body=body, signature=account.sign(Purpose.REVOCATION, body))
    return DeviceSetPb(revocations=[signed]).SerializeToString()


@lru_cache(maxsize=SETS_CACHED_MAX)
def read_device_set(raw: bytes) -> DeviceSet:
    """Decode and verify; the same bytes are verified once.

    Raises `MalformedMessage` (also when entries name several accounts), `BadSignature`.
    """
    pb, claim = _decode(raw)
    for one in pb.certificates:
        verify(claim.account, Purpose.CERTIFICATE, one.body, one.signature)
    for one in pb.revocations:
        verify(claim.account, Purpose.REVOCATION, one.body, one.signature)
    return DeviceSet(claim.account, claim.devices, claim.revoked, raw)


def merged(known: DeviceSet, other: DeviceSet) -> DeviceSet:
    """The union of two sets of one account; `known` itself where `other` adds nothing to it."""
    assert known.account == other.account, "sets of one account merge"
    if other.raw == known.raw:
        return known
    ours, theirs = _entries(known.raw), _entries(other.raw)
    both = _Entries(
        _first(_newest([*ours.certificates, *theirs.certificates]), DEVICES_MAX),
        _first(_earliest([*ours.revocations, *theirs.revocations]), REVOCATIONS_MAX + 1),
    )
    return known if both == ours else _verified_set(known.account, both)


def narrowed(devices: DeviceSet, device: DeviceId) -> DeviceSet:
    """The one certificate that lets `device` act for its account."""
    [entry] = _naming(devices, device)
    return _verified_set(devices.account, _Entries((entry,), ()))


def holding(devices: DeviceSet, own: DeviceSet, device: DeviceId) -> DeviceSet:
    """A set with the certificate of `device`, of which `own` has one: in place of the last where
    the set is full of smaller keys."""
    entries = _entries(devices.raw)
    others = [entry for entry in entries.certificates if entry.device != device]
    mine = _naming(devices, device) or _naming(own, device)
    kept = sorted([*others[: DEVICES_MAX - 1], *mine], key=lambda entry: entry.device)
    return _verified_set(devices.account, _Entries(tuple(kept), entries.revocations))


def shown_by(devices: DeviceSet, device: DeviceId) -> DeviceSet:
    """What `device` shows of a set by bringing it along: its own certificate. Revocations are the
    account's alone."""
    return _verified_set(
        devices.account, _Entries(_naming(devices, device), _entries(devices.raw).revocations)
    )


def fitting(devices: DeviceSet, size_bytes_max: int) -> DeviceSet:
    """As much of a set as has room: all revocations, then the acting devices certified last."""
    entries = _entries(devices.raw)
    acting = [one for one in entries.certificates if one.device in devices.devices]
    acting.sort(key=lambda entry: (entry.ms, entry.signed), reverse=True)
    for count in range(len(acting), -1, -1):
        kept = _verified_set(devices.account, _Entries(tuple(acting[:count]), entries.revocations))
        if len(kept.raw) <= size_bytes_max:
            return kept
    raise AssertionError("all revocations of a set have room in a record")


def certificates(devices: ClaimedSet) -> tuple[Certificate, ...]:
    """What a set certifies, each device once and by key; those of revoked devices, too."""
    return tuple(
        Certificate(devices.account, entry.device, entry.ms, _keys(entry))
        for entry in _entries(devices.raw).certificates
    )


def keys_of(devices: ClaimedSet, device: DeviceId) -> DeviceKeys | None:
    """What else a set says of a device that it certifies."""
    return next((_keys(entry) for entry in _naming(devices, device)), None)


def revoked_at(devices: ClaimedSet) -> dict[DeviceId, int]:
    """When each revoked device was revoked, by the revoker's clock."""
    return {entry.device: entry.ms for entry in _entries(devices.raw).revocations}


def is_certified(claim: ClaimedSet, device: DeviceId) -> bool:
    """Whether a claim holds a certificate of a device, be it revoked or not."""
    return bool(_naming(claim, device))


def revocation(devices: ClaimedSet, device: DeviceId) -> bytes:
    """The signed revocation of a device that a set names as revoked."""
    return next(e.signed for e in _entries(devices.raw).revocations if e.device == device)


def read_revocation(raw: bytes) -> tuple[AccountId, DeviceId]:
    """Whose device a signed revocation revokes. Raises `MalformedMessage`, also where the account
    did not sign it: it stands in what somebody else signed, who alone is to blame."""
    try:
        signed = SignedPb.FromString(raw)
        body = _revocation(signed)
        account, device = AccountId(body.account), DeviceId(body.device)
        verify(account, Purpose.REVOCATION, signed.body, signed.signature)
    except (DecodeError, ValueError, BadSignature) as error:
        raise MalformedMessage(f"no revocation: {error}") from error
    return account, device


def certified(claim: ClaimedSet, device: DeviceId) -> DeviceSet:
    """Verify the one certificate of a claim that names `device`: one signature, whatever came
    with it. Raises `BadSignature`."""
    return read_device_set(_join(_Entries(_naming(claim, device), ())))


def verified_revocations(claim: ClaimedSet, known: frozenset[DeviceId]) -> DeviceSet | None:
    """Verify those revocations of a claim that are not `known`; None when all are.
    Raises `BadSignature`."""
    new = [e for e in _entries(claim.raw).revocations if e.device not in known]
    return read_device_set(_join(_Entries((), tuple(new)))) if new else None


@dataclass(frozen=True, slots=True)
class _Entry:
    """A certificate or a revocation, as it was signed."""

    device: DeviceId
    ms: int
    signed: bytes


@dataclass(frozen=True, slots=True)
class _Entries:
    """A set in its one form: each device once, by key."""

    certificates: tuple[_Entry, ...]
    revocations: tuple[_Entry, ...]


@lru_cache(maxsize=SETS_CACHED_MAX)
def _entries(raw: bytes) -> _Entries:
    """The entries of a set that was decoded before."""
    pb = DeviceSetPb.FromString(raw)
    certified = [(CertificatePb.FromString(one.body), one) for one in pb.certificates]
    revoked = [(RevocationPb.FromString(one.body), one) for one in pb.revocations]
    return _Entries(
        _newest(
            _Entry(DeviceId(body.device), body.created_ms, _canonical(one))
            for body, one in certified
        ),
        _earliest(
            _Entry(DeviceId(body.device), body.revoked_ms, _canonical(one)) for body, one in revoked
        ),
    )


def _canonical(signed: SignedPb) -> bytes:
    """What is covered by the signature, and the signature; nothing that somebody put beside."""
    return SignedPb(body=signed.body, signature=signed.signature).SerializeToString()


def _newest(entries: Iterable[_Entry]) -> tuple[_Entry, ...]:
    """By device, of each the entry signed last: a renewed certificate replaces the first."""
    by_time = sorted(entries, key=lambda entry: (entry.ms, entry.signed))
    found = {entry.device: entry for entry in by_time}
    return tuple(found[device] for device in sorted(found))


def _earliest(entries: Iterable[_Entry]) -> tuple[_Entry, ...]:
    by_time = sorted(entries, key=lambda entry: (entry.ms, entry.signed), reverse=True)
    found = {entry.device: entry for entry in by_time}
    return tuple(found[device] for device in sorted(found))


def _first(entries: Iterable[_Entry], most: int) -> tuple[_Entry, ...]:
    """The smallest keys: the first of a union are the first of the firsts of its parts."""
    return tuple(islice(entries, most))


def _naming(devices: ClaimedSet, device: DeviceId) -> tuple[_Entry, ...]:
    return tuple(one for one in _entries(devices.raw).certificates if one.device == device)


def _keys(entry: _Entry) -> DeviceKeys:
    body = CertificatePb.FromString(SignedPb.FromString(entry.signed).body)
    return DeviceKeys(body.olm_curve25519, body.mailbox)


def _verified_set(account: AccountId, entries: _Entries) -> DeviceSet:
    """A set of entries that were verified."""
    certified = frozenset(entry.device for entry in entries.certificates)
    revoked = frozenset(entry.device for entry in entries.revocations)
    return DeviceSet(account, _acting(certified, revoked), revoked, _join(entries))


def _acting(certified: frozenset[DeviceId], revoked: frozenset[DeviceId]) -> frozenset[DeviceId]:
    return certified - revoked if len(revoked) <= REVOCATIONS_MAX else frozenset()


def _join(entries: _Entries) -> bytes:
    return DeviceSetPb(
        certificates=[SignedPb.FromString(entry.signed) for entry in entries.certificates],
        revocations=[SignedPb.FromString(entry.signed) for entry in entries.revocations],
    ).SerializeToString()


@lru_cache(maxsize=CLAIMS_CACHED_MAX)
def claimed_set(raw: bytes) -> ClaimedSet:
    """Decode and bound alone. Raises `MalformedMessage`. Remembered, because each blob of a room
    comes with the same few sets."""
    return _decode(raw)[1]


def _decode(raw: bytes) -> tuple[DeviceSetPb, ClaimedSet]:
    if len(raw) > DEVICE_SET_BYTES_MAX:
        raise MalformedMessage("a device set is too large")
    try:
        pb = DeviceSetPb.FromString(raw)
        _bound_counts(pb)
        certified = [_certificate(one) for one in pb.certificates]
        revoked = [_revocation(one) for one in pb.revocations]
        accounts = {AccountId(body.account) for body in (*certified, *revoked)}
        devices = frozenset(DeviceId(body.device) for body in certified)
        gone = frozenset(DeviceId(body.device) for body in revoked)
    except (DecodeError, ValueError) as error:
        raise MalformedMessage(f"a device set does not decode: {error}") from error
    if len(accounts) != 1:
        raise MalformedMessage("a device set is of one account")
    return pb, ClaimedSet(accounts.pop(), _acting(devices, gone), gone, raw)


def _bound_counts(pb: DeviceSetPb) -> None:
    if len(pb.certificates) > DEVICES_MAX or len(pb.revocations) > REVOCATIONS_MAX + 1:
        raise MalformedMessage("a device set has at most 32 certificates and 17 revocations")
    if not pb.certificates and not pb.revocations:
        raise MalformedMessage("a device set is empty")


def _certificate(signed: SignedPb) -> CertificatePb:
    body = CertificatePb.FromString(_bounded(signed, CERTIFICATE_BYTES_MAX))
    for key in (body.olm_curve25519, body.mailbox):
        if len(key) not in (0, KEY_BYTES):
            raise ValueError("a key in a certificate has 32 bytes")
    return body


def _revocation(signed: SignedPb) -> RevocationPb:
    return RevocationPb.FromString(_bounded(signed, REVOCATION_BYTES_MAX))


def _bounded(signed: SignedPb, most: int) -> bytes:
    """The body of a signed entry that is small enough for a full set to stay within its bound."""
    if signed.ByteSize() > most:
        raise MalformedMessage("an entry of a device set is too large")
    return signed.body
