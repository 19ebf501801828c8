"""Records in the DHT: signed, numbered, expiring; at most 4 KB.

`/dchat/account/<account>` names an account's devices, `/dchat/bundle/<device>` says where a device
is. Keys hold the id's raw bytes. Both certify themselves, so a lying node can only withhold.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from google.protobuf.message import DecodeError

from p2pchat.errors import MalformedMessage
from p2pchat.model.ids import KEY_BYTES, AccountId, DeviceId, PeerId
from p2pchat.model.mailbox import HpkeKey, MailboxRelay, MailBundle
from p2pchat.wire.dchat_pb2 import AccountRecord as AccountPb
from p2pchat.wire.dchat_pb2 import BundleRecord as BundlePb
from p2pchat.wire.dchat_pb2 import HpkeKey as HpkeKeyPb
from p2pchat.wire.dchat_pb2 import MailboxRelay as MailboxRelayPb
from p2pchat.wire.dchat_pb2 import Signed as SignedPb
from p2pchat.wire.devices import DeviceSet, fitting, read_device_set
from p2pchat.wire.envelope import Purpose, Signer, verify
from p2pchat.wire.multiaddr import is_multiaddr

__all__ = [
    "LIFETIME_MS",
    "AccountRecord",
    "BundleRecord",
    "RecordValidator",
    "account_key",
    "bundle_key",
    "encode_record",
    "read_record",
]

RECORD_BYTES_MAX = 4096
DEVICES_BYTES_MAX = RECORD_BYTES_MAX - 128
"""Of the device set in an account record: the rest is the account, two numbers and a signature."""
ADDRESSES_MAX = 16
ADDRESS_CHARS_MAX = 256
HPKE_KEYS_MAX = 4
HPKE_KEY_BYTES_MAX = 2048
RELAYS_MAX = 4
RELAY_ADDRESSES_MAX = 4
_SIGNATURE_BYTES = 72
"""The signature round a body, with tags and lengths."""
LIFETIME_MS = 30 * 24 * 3600 * 1000
_ACCOUNT_PREFIX = b"/dchat/account/"
_BUNDLE_PREFIX = b"/dchat/bundle/"


@dataclass(frozen=True, slots=True)
class AccountRecord:
    """Which devices an account has. `seq` is the wall clock of signing, in milliseconds.

    A set that is too large is published in part: all that is revoked, and the devices certified
    last. Readers merge it with what they know.
    """

    account: AccountId
    devices: DeviceSet
    seq: int
    expires_ms: int


@dataclass(frozen=True, slots=True)
class BundleRecord:
    """Where a device is reached: multiaddrs without `/p2p/<own id>`, circuit ones included, of
    protocols that this program knows; and how it is written to while it is not."""

    device: DeviceId
    addresses: tuple[str, ...]
    seq: int
    expires_ms: int
    mail: MailBundle = field(default_factory=MailBundle)


Record = AccountRecord | BundleRecord


def account_key(account: AccountId) -> bytes:
    return _ACCOUNT_PREFIX + account


def bundle_key(device: DeviceId) -> bytes:
    return _BUNDLE_PREFIX + device


def encode_record(record: Record, signer: Signer) -> bytes:
    """The value to put."""
    match record:
        case AccountRecord():
            purpose = Purpose.ACCOUNT_RECORD
            body = AccountPb(
                account=record.account,
                seq=record.seq,
                expires_ms=record.expires_ms,
                devices=fitting(record.devices, DEVICES_BYTES_MAX).raw,
            ).SerializeToString()
        case BundleRecord():
            purpose = Purpose.BUNDLE_RECORD
            body = _bundle_body(record)
    return SignedPb(body=body, signature=signer.sign(purpose, body)).SerializeToString()


def _bundle_body(record: BundleRecord) -> bytes:
    """With as many addresses as have room; the first ones are the best."""
    mail = record.mail
    pb = BundlePb(
        device=record.device,
        seq=record.seq,
        expires_ms=record.expires_ms,
        addresses=record.addresses[:ADDRESSES_MAX],
        fallback_key=mail.fallback_key,
        hpke=[HpkeKeyPb(suite=key.suite, public_key=key.raw) for key in mail.hpke],
        relays=[
            MailboxRelayPb(peer=relay.peer, addresses=relay.addresses[:RELAY_ADDRESSES_MAX])
            for relay in mail.relays[:RELAYS_MAX]
        ],
    )
    lists = [pb.addresses, *(relay.addresses for relay in pb.relays)]
    while pb.ByteSize() + _SIGNATURE_BYTES > RECORD_BYTES_MAX:
        del max(lists, key=len)[-1]
    return pb.SerializeToString()


def read_record(key: bytes, value: bytes) -> Record:
    """Decode and verify a value under its key; expiry is the caller's to judge.

    Raises `MalformedMessage`, `BadSignature`.
    """
    if len(value) > RECORD_BYTES_MAX:
        raise MalformedMessage(f"a record of {len(value)} bytes, over {RECORD_BYTES_MAX}")
    try:
        signed = SignedPb.FromString(value)
        if key.startswith(_ACCOUNT_PREFIX):
            return _account(AccountId(key[len(_ACCOUNT_PREFIX) :]), signed)
        if key.startswith(_BUNDLE_PREFIX):
            return _bundle(DeviceId(key[len(_BUNDLE_PREFIX) :]), signed)
    except (DecodeError, ValueError) as error:
        raise MalformedMessage(f"a record does not decode: {error}") from error
    raise MalformedMessage("a record under an unknown namespace")


def _account(account: AccountId, signed: SignedPb) -> AccountRecord:
    verify(account, Purpose.ACCOUNT_RECORD, signed.body, signed.signature)
    pb = AccountPb.FromString(signed.body)
    devices = read_device_set(pb.devices)
    if pb.account != account or devices.account != account:
        raise MalformedMessage("an account record names another account than its key")
    return AccountRecord(account, devices, pb.seq, pb.expires_ms)


def _bundle(device: DeviceId, signed: SignedPb) -> BundleRecord:
    verify(device, Purpose.BUNDLE_RECORD, signed.body, signed.signature)
    pb = BundlePb.FromString(signed.body)
    if pb.device != device:
        raise MalformedMessage("a bundle names another device than its key")
    addresses = _addresses(pb.addresses, ADDRESSES_MAX)
    return BundleRecord(device, addresses, pb.seq, pb.expires_ms, _mail(pb))


def _addresses(addresses: Sequence[str], most: int) -> tuple[str, ...]:
    if len(addresses) > most or any(len(a) > ADDRESS_CHARS_MAX for a in addresses):
        raise MalformedMessage("a bundle has too many or too long addresses")
    return tuple(filter(is_multiaddr, addresses))


def _mail(pb: BundlePb) -> MailBundle:
    """Raises `MalformedMessage`; keys of unknown suites are the reader's to leave out."""
    if len(pb.fallback_key) not in (0, KEY_BYTES):
        raise MalformedMessage("a fallback key has 32 bytes")
    if len(pb.hpke) > HPKE_KEYS_MAX or len(pb.relays) > RELAYS_MAX:
        raise MalformedMessage("a bundle has too many keys or relays")
    if any(len(key.public_key) > HPKE_KEY_BYTES_MAX for key in pb.hpke):
        raise MalformedMessage("a key of a bundle is too large")
    return MailBundle(
        pb.fallback_key,
        tuple(HpkeKey(key.suite, key.public_key) for key in pb.hpke),
        tuple(
            MailboxRelay(PeerId(relay.peer), _addresses(relay.addresses, RELAY_ADDRESSES_MAX))
            for relay in pb.relays
        ),
    )


class RecordValidator:
    """What the DHT asks about `/dchat` records: is this one good, and which is newest?"""

    def validate(self, key: bytes, value: bytes, now_ms: int) -> None:
        """Raise `RemoteProtocolError` for a record that is forged, expired or too long-lived."""
        record = read_record(key, value)
        if not now_ms < record.expires_ms <= now_ms + 2 * LIFETIME_MS:
            raise MalformedMessage("a record is expired or claims to last too long")

    def select(self, key: bytes, values: Sequence[bytes], now_ms: int) -> int:
        """The index of the highest sequence number; the values are valid."""
        return max(range(len(values)), key=lambda i: (read_record(key, values[i]).seq, values[i]))

    def expires_ms(self, key: bytes, value: bytes) -> int:
        """Wall clock from which a valid value is void."""
        return read_record(key, value).expires_ms
