"""What two people compare to know that nobody stands between them: a number, or a code to scan.

Both are made of the two account keys alone, so they stay the same with new devices, and both sides
have the same number. A safety number is long to read aloud and needs no camera; a code carries both
keys whole and is checked by the program.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b, sha512

from p2pchat.errors import LinkError
from p2pchat.model.ids import KEY_BYTES, AccountId

__all__ = ["PREFIX", "VerificationCode", "decode_code", "encode_code", "safety_number"]

PREFIX = "dchat://v/"
ROUNDS = 5200
"""Makes each try of somebody who looks for a key with the same digits cost so much more."""
VERSION = 1
CODE_CHARS_MAX = 128
_DOMAIN = b"dchat/safety/1\0"
_DIGITS, _GROUP_BYTES = 5, 5
_GROUPS = 6
_CHECK_BYTES = 4
_BYTES = 1 + 2 * KEY_BYTES + _CHECK_BYTES
_ALPHABET = re.compile(r"[A-Za-z0-9_-]+")


def safety_number(one: AccountId, other: AccountId) -> str:
    """60 digits in groups of five, the same from both sides."""
    digits = "".join(sorted((_half(one), _half(other))))
    return " ".join(digits[at : at + _DIGITS] for at in range(0, len(digits), _DIGITS))


@lru_cache(maxsize=256)
def _half(account: AccountId) -> str:
    """30 digits of one key, as Signal's fingerprints have them."""
    found = _DOMAIN + account
    for _ in range(ROUNDS):
        found = sha512(found + account).digest()
    starts = range(0, _GROUPS * _GROUP_BYTES, _GROUP_BYTES)
    groups = (found[at : at + _GROUP_BYTES] for at in starts)
    return "".join(f"{int.from_bytes(group, 'big') % 10**_DIGITS:05}" for group in groups)


@dataclass(frozen=True, slots=True)
class VerificationCode:
    """What one person shows to another."""

    shown_by: AccountId
    shown_to: AccountId


def encode_code(code: VerificationCode) -> str:
    """The text of a code, as it stands in its QR symbol."""
    body = bytes((VERSION,)) + code.shown_by + code.shown_to
    return PREFIX + base64.urlsafe_b64encode(body + _check(body)).decode().rstrip("=")


def decode_code(text: str) -> VerificationCode:
    """Read a code strictly; `LinkError` says what is wrong with it."""
    text = text.strip()
    encoded = text.removeprefix(PREFIX)
    if len(text) > CODE_CHARS_MAX or encoded == text:
        raise LinkError(f"this is no verification code; one begins with {PREFIX}")
    raw = _raw(encoded)
    if raw[0] != VERSION:
        raise LinkError(
            f"this code is of version {raw[0]}, this program reads version {VERSION}: update it"
        )
    one, other = raw[1 : 1 + KEY_BYTES], raw[1 + KEY_BYTES : -_CHECK_BYTES]
    return VerificationCode(AccountId(one), AccountId(other))


def _raw(encoded: str) -> bytes:
    damaged = LinkError("this code is damaged or cut short; scan or copy it again, whole")
    if not _ALPHABET.fullmatch(encoded):
        raise damaged
    try:
        raw = base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))
    except binascii.Error as error:
        raise damaged from error
    body, check = raw[:-_CHECK_BYTES], raw[-_CHECK_BYTES:]
    if len(raw) != _BYTES or _check(body) != check:
        raise damaged
    return raw


def _check(body: bytes) -> bytes:
    return blake2b(body, digest_size=_CHECK_BYTES, person=b"dchat code").digest()
