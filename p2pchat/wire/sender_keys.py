"""Keys of sender sessions: what opens the blobs of one device in a room, signed by that device.

A key reaches members through members, each on streams of its own, so it says itself whose it is,
and whom its maker would have given it to: whoever passes it on gives it to nobody else. The tags
of the audience are salted with the key, so that no device can be made to look like one of them
before the key is there.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b

from google.protobuf.message import DecodeError

from p2pchat.errors import MalformedMessage
from p2pchat.model.ids import ConversationId, DeviceId
from p2pchat.wire.dchat_pb2 import SenderKey as SenderKeyPb
from p2pchat.wire.envelope import Purpose, Signer, verify
from p2pchat.wire.ops import VERSION, require_version

__all__ = [
    "AUDIENCE_MAX",
    "SENDER_KEY_BYTES_MAX",
    "Audience",
    "SenderKey",
    "SignedSenderKey",
    "audience_of",
    "decode_sender_key",
    "sign_sender_key",
    "verify_sender_key",
]

SENDER_KEY_BYTES_MAX = 512
AUDIENCE_MAX = 2048
"""Devices that a key is passed on to."""
TAG_BYTES = 8


@dataclass(frozen=True, slots=True)
class Audience:
    """Tags of the devices that a key is for: each part sorted, one tag after the other."""

    given: bytes = b""
    """Its maker gives it to these itself."""
    others: bytes = b""
    """These get it from them."""

    @property
    def count(self) -> int:
        return (len(self.given) + len(self.others)) // TAG_BYTES


@dataclass(frozen=True, slots=True)
class SenderKey:
    """A device's session in a room as it stood: opens what it publishes from then on."""

    conversation: ConversationId
    device: DeviceId
    serial: int
    """Of two keys of a device the one with the higher number counts."""
    key: bytes = field(repr=False)
    audience: Audience = field(repr=False)

    def listed(self, devices: Iterable[DeviceId]) -> set[DeviceId]:
        """Those of these devices that it is for."""
        return self._named(self.audience.given + self.audience.others, devices)

    def left(self, devices: Iterable[DeviceId]) -> set[DeviceId]:
        """Those of these devices that it is for and that its maker did not give it to."""
        return self._named(self.audience.others, devices)

    def _named(self, tags: bytes, devices: Iterable[DeviceId]) -> set[DeviceId]:
        each = {tags[at : at + TAG_BYTES] for at in range(0, len(tags), TAG_BYTES)}
        salt = _salt(self.key)
        return {device for device in devices if _tag(salt, device) in each}


@dataclass(frozen=True, slots=True)
class SignedSenderKey:
    """A key with the bytes that prove it, once they were verified."""

    said: SenderKey
    body: bytes = field(repr=False)
    signature: bytes

    @property
    def size_bytes(self) -> int:
        return len(self.body) + len(self.signature)


def audience_of(key: bytes, given: Sequence[DeviceId], others: Sequence[DeviceId] = ()) -> Audience:
    """The tags of the devices that a key is for, as many as have room; who is given it first."""
    salt = _salt(key)
    given = given[:AUDIENCE_MAX]
    parts = given, others[: AUDIENCE_MAX - len(given)]
    return Audience(*(b"".join(sorted(_tag(salt, device) for device in part)) for part in parts))


def sign_sender_key(said: SenderKey, signer: Signer) -> SignedSenderKey:
    """The key of a session of our own."""
    body = SenderKeyPb(
        version=VERSION,
        conversation=said.conversation,
        device=said.device,
        serial=said.serial,
        key=said.key,
        given=said.audience.given,
        others=said.audience.others,
    ).SerializeToString()
    return SignedSenderKey(said, body, signer.sign(Purpose.SENDER_KEY, body))


def verify_sender_key(signed: SignedSenderKey) -> None:
    """That its device signed it. Raises `BadSignature`."""
    verify(signed.said.device, Purpose.SENDER_KEY, signed.body, signed.signature)


def decode_sender_key(body: bytes, signature: bytes) -> SignedSenderKey:
    """Decode and bound alone. Raises `MalformedMessage`, `UnknownVersion`."""
    try:
        pb = SenderKeyPb.FromString(body)
        require_version("a sender's key", pb.version)
        conversation, device = ConversationId(pb.conversation), DeviceId(pb.device)
    except (DecodeError, ValueError) as error:
        raise MalformedMessage(f"a sender's key does not decode: {error}") from error
    if not 0 < len(pb.key) <= SENDER_KEY_BYTES_MAX:
        raise MalformedMessage("a sender's key is out of bounds")
    audience = Audience(pb.given, pb.others)
    if len(pb.given) % TAG_BYTES or len(pb.others) % TAG_BYTES or audience.count > AUDIENCE_MAX:
        raise MalformedMessage("the audience of a sender's key is out of bounds")
    said = SenderKey(conversation, device, pb.serial, pb.key, audience)
    return SignedSenderKey(said, body, signature)


def _salt(key: bytes) -> bytes:
    return blake2b(b"dchat/audience/1\0" + key, digest_size=32).digest()


def _tag(salt: bytes, device: DeviceId) -> bytes:
    return blake2b(salt + device, digest_size=TAG_BYTES).digest()
