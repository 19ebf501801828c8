"""Contact links: `dchat://u/<base64url>`, the way one account learns of another; and the form that
all links share.

Layout under the base64: one version byte, a protobuf message (`ContactLink`), four bytes of
BLAKE2b over both, so that a mistyped link is told from a wrong one. Reading a link dials nothing.

A link carries the owner's certificate for the device it names. Who passes it on can change where
to look, but not who is found there.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import blake2b

from google.protobuf.message import DecodeError

from p2pchat.errors import LinkError, RemoteProtocolError
from p2pchat.model.ids import AccountId, DeviceId
from p2pchat.wire.contents import INTRO_BYTES
from p2pchat.wire.dchat_pb2 import ContactLink as ContactLinkPb
from p2pchat.wire.devices import DeviceSet, narrowed, read_device_set
from p2pchat.wire.multiaddr import is_multiaddr

__all__ = [
    "DAMAGED",
    "INVITE_PREFIX",
    "LINK_CHARS_MAX",
    "LINK_SCHEME",
    "ContactLink",
    "certified_for",
    "decode_link",
    "encode_link",
    "is_hint",
    "link_body",
    "link_text",
]

LINK_SCHEME = "dchat://"
PREFIX = "dchat://u/"
INVITE_PREFIX = "dchat://j/"
VERSION = 1
LINK_CHARS_MAX = 2048
HINTS_MAX = 8
DAMAGED = "this link is damaged; copy it again, whole"
_CHECK_BYTES = 4
_ALPHABET = re.compile(r"[A-Za-z0-9_-]*")
_HINT = re.compile(r"/[\x21-\x7e]{1,255}")


@dataclass(frozen=True, slots=True)
class ContactLink:
    """Who, at which device, with which token, and where it was lately: multiaddrs of protocols
    that this program knows, maybe none."""

    account: AccountId
    device: DeviceId
    intro: bytes = field(repr=False)
    devices: DeviceSet
    """Certifies `device` under `account`."""
    addresses: tuple[str, ...] = ()


def encode_link(link: ContactLink) -> str:
    """The text to hand to somebody; hints that would make it too long are left out."""
    hints = list(filter(is_hint, link.addresses))[:HINTS_MAX]
    while len(text := _text(link, hints)) > LINK_CHARS_MAX:
        hints.pop()
    return text


def decode_link(text: str) -> ContactLink:
    """Read a link strictly; `LinkError` says what is wrong with it."""
    text = _plain(text)
    if text.startswith(INVITE_PREFIX):
        raise LinkError("this is not a contact link but an invitation to a room; join it")
    if not text.startswith(PREFIX):
        raise LinkError(f"this is not a contact link; one begins with {PREFIX}")
    try:
        message = ContactLinkPb.FromString(_message(text.removeprefix(PREFIX)))
        account, device = AccountId(message.account), DeviceId(message.device)
    except (DecodeError, ValueError) as error:
        raise LinkError(DAMAGED) from error
    hints = tuple(message.addresses)
    if len(message.intro) != INTRO_BYTES or not all(map(_HINT.fullmatch, hints)):
        raise LinkError(DAMAGED)
    devices = certified_for(message.devices, account, device)
    hints = tuple(filter(is_hint, hints))[:HINTS_MAX]
    return ContactLink(account, device, message.intro, devices, hints)


def link_text(prefix: str, message: bytes) -> str:
    """A link of one of the two kinds."""
    body = bytes((VERSION,)) + message
    return prefix + _base64(body + _check(body))


def link_body(text: str) -> bytes:
    """The message in an invitation to a room; `LinkError` says why there is none."""
    text = _plain(text)
    if text.startswith(PREFIX):
        raise LinkError("this is a contact link and no invitation to a room; add its owner")
    if not text.startswith(INVITE_PREFIX):
        raise LinkError(f"this is no invitation to a room; one begins with {INVITE_PREFIX}")
    return _message(text.removeprefix(INVITE_PREFIX))


def certified_for(raw: bytes, account: AccountId, device: DeviceId) -> DeviceSet:
    """The proof that the device named acts for the account named."""
    error = LinkError("this link was altered; ask for a new one")
    try:
        devices = read_device_set(raw)
    except RemoteProtocolError as cause:
        raise error from cause
    if devices.account != account or device not in devices.devices:
        raise error
    return devices


def _text(link: ContactLink, hints: Iterable[str]) -> str:
    message = ContactLinkPb(
        account=link.account,
        device=link.device,
        intro=link.intro,
        addresses=hints,
        devices=narrowed(link.devices, link.device).raw,
    )
    return link_text(PREFIX, message.SerializeToString())


def is_hint(text: str) -> bool:
    """Whether a link may say that somebody is there, and we can look."""
    return _HINT.fullmatch(text) is not None and is_multiaddr(text)


def _plain(text: str) -> str:
    text = text.strip()
    if len(text) > LINK_CHARS_MAX:
        raise LinkError(f"this link is longer than {LINK_CHARS_MAX} characters; ask for a new one")
    if not (text.isascii() and text.isprintable()):
        raise LinkError("this link holds characters that no link has; copy it again")
    return text


def _message(encoded: str) -> bytes:
    body = _body(encoded)
    if body[0] != VERSION:
        raise LinkError(
            f"this link is of version {body[0]}, this program reads version {VERSION}: update it"
        )
    return body[1:]


def _body(encoded: str) -> bytes:
    if not _ALPHABET.fullmatch(encoded):
        raise LinkError("this link holds characters that no link has; copy it again")
    try:
        raw = base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))
    except binascii.Error as error:
        raise LinkError("this link is damaged or cut short; copy it again, whole") from error
    body, check = raw[:-_CHECK_BYTES], raw[-_CHECK_BYTES:]
    if len(body) < 2 or _check(body) != check or _base64(raw) != encoded:
        raise LinkError("this link is damaged or cut short; copy it again, whole")
    return body


def _base64(raw: bytes) -> str:
    """The one way to write it: without padding, the spare bits of the last character zero."""
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _check(body: bytes) -> bytes:
    return blake2b(body, digest_size=_CHECK_BYTES, person=b"dchat link").digest()
