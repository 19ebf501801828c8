"""Mail between devices: what lies in an envelope, and what lies in the ratchet's message in it.

Decoding bounds and verifies nothing else: who a body is from is shown by the ratchet that opens it,
and by the names that are sealed with the letter. Olm has no associated data, so a hash of who wrote
to whom stands in front of each letter: what was sealed for one party says nothing to another, also
where somebody certified a device, or a key, of somebody else as its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import blake2b

from google.protobuf.message import DecodeError

from p2pchat.errors import MalformedMessage
from p2pchat.model.ids import HASH_BYTES, AccountId, DeviceId, Party
from p2pchat.wire import mail_pb2 as pb
from p2pchat.wire.devices import ClaimedSet, claimed_set
from p2pchat.wire.frames import Frame, decode_frame, encode_frame

__all__ = [
    "COUNTER_MAX",
    "LETTER_BYTES_MAX",
    "LETTER_FRAMES_MAX",
    "MailBody",
    "decode_body",
    "decode_letter",
    "encode_body",
    "encode_letter",
    "names",
]

LETTER_BYTES_MAX = 60 * 1024
"""Sealed, padded and in its envelope a letter stays below the 64 KiB of a mailbox's blob."""
LETTER_FRAMES_MAX = 64
COUNTER_MAX = 1 << 48


@dataclass(frozen=True, slots=True)
class MailBody:
    """Who says to have sealed it, and the ratchet's message."""

    sender: Party
    devices: ClaimedSet | None
    """Certifies the sender, where it came along; nothing of it is verified."""
    kind: int
    ciphertext: bytes = field(repr=False)
    counter: int


def encode_body(body: MailBody) -> bytes:
    return pb.Body(
        sender=body.sender.device,
        account=body.sender.account,
        devices=body.devices.raw if body.devices is not None else b"",
        kind=body.kind,
        ciphertext=body.ciphertext,
        counter=body.counter,
    ).SerializeToString()


def decode_body(raw: bytes) -> MailBody:
    """Raises `MalformedMessage`."""
    try:
        body = pb.Body.FromString(raw)
        sender = Party(AccountId(body.account), DeviceId(body.sender))
    except (DecodeError, ValueError) as error:
        raise MalformedMessage(f"a mail does not decode: {error}") from error
    if body.kind > 1 or body.counter > COUNTER_MAX or not body.ciphertext:
        raise MalformedMessage("a mail is out of bounds")
    devices = claimed_set(body.devices) if body.devices else None
    if devices is not None and not _names(devices, sender):
        raise MalformedMessage("a mail comes with the certificates of others")
    return MailBody(sender, devices, body.kind, body.ciphertext, body.counter)


def names(sender: Party, recipient: Party) -> bytes:
    """Who wrote to whom, 32 bytes: what is sealed in front of a letter."""
    parties = (sender.account, sender.device, recipient.account, recipient.device)
    return blake2b(b"dchat/mail/names/1\0" + b"".join(parties), digest_size=HASH_BYTES).digest()


def encode_letter(frames: Sequence[Frame], *, asks_again: bool = False) -> bytes:
    """What a ratchet seals; `asks_again` says that we could not open what came last."""
    return pb.Letter(frames=map(encode_frame, frames), asks_again=asks_again).SerializeToString()


def decode_letter(raw: bytes) -> tuple[tuple[Frame, ...], bool]:
    """The frames, and whether the sender asks us to begin anew. Raises `MalformedMessage`,
    `BadSignature`, `UnknownVersion` as `decode_frame` does."""
    try:
        letter = pb.Letter.FromString(raw)
    except (DecodeError, ValueError) as error:
        raise MalformedMessage(f"a letter does not decode: {error}") from error
    if len(letter.frames) > LETTER_FRAMES_MAX:
        raise MalformedMessage(f"a letter of {len(letter.frames)} frames, over {LETTER_FRAMES_MAX}")
    return tuple(map(decode_frame, letter.frames)), letter.asks_again


def _names(devices: ClaimedSet, sender: Party) -> bool:
    return devices.account == sender.account and sender.device in devices.devices
