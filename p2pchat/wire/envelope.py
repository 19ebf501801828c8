"""Signatures: Ed25519 over a domain string and the exact bytes (libp2p RFC 0002's lesson).

The domain keeps a signature made for one purpose from being shown as another. Ed25519 is
deterministic, so signing may happen inside the pure core.
"""

from __future__ import annotations

from enum import Enum
from typing import Protocol

from nacl.bindings import (
    crypto_sign,
    crypto_sign_BYTES,
    crypto_sign_open,
    crypto_sign_seed_keypair,
)
from nacl.exceptions import BadSignatureError

from p2pchat.errors import BadSignature

__all__ = ["Ed25519Signer", "Purpose", "Signer", "verify"]


class Purpose(Enum):
    """What a signature is for; the value is its domain string."""

    OP = b"dchat/op/1\0"
    CERTIFICATE = b"dchat/certificate/1\0"
    REVOCATION = b"dchat/revocation/1\0"
    RECEIPT = b"dchat/receipt/1\0"
    SENDER_KEY = b"dchat/sender-key/1\0"
    INVITE = b"dchat/invite/1\0"
    JOIN = b"dchat/join/1\0"
    ACCOUNT_RECORD = b"dchat/account/1\0"
    BUNDLE_RECORD = b"dchat/bundle/1\0"
    MAILBOX_PUT = b"dchat/mailbox/put/1\0"
    MAILBOX_OPEN = b"dchat/mailbox/open/1\0"


class Signer(Protocol):
    """Holds a private key and signs; `Ed25519Signer`, or a keyring later."""

    @property
    def public_key(self) -> bytes: ...

    def sign(self, purpose: Purpose, body: bytes) -> bytes:
        """64 bytes."""
        ...


class Ed25519Signer:
    """Signs with a seed held in memory; kept out of `repr`."""

    __slots__ = ("_public", "_secret")

    def __init__(self, seed: bytes) -> None:
        self._public, self._secret = crypto_sign_seed_keypair(seed)

    @property
    def public_key(self) -> bytes:
        return self._public

    def sign(self, purpose: Purpose, body: bytes) -> bytes:
        return crypto_sign(purpose.value + body, self._secret)[:crypto_sign_BYTES]


def verify(public_key: bytes, purpose: Purpose, body: bytes, signature: bytes) -> None:
    """Raise `BadSignature` unless `signature` is `public_key`'s over `body` for `purpose`."""
    if len(signature) != crypto_sign_BYTES:
        raise BadSignature("a signature has 64 bytes")
    try:
        crypto_sign_open(signature + purpose.value + body, public_key)
    except (BadSignatureError, ValueError) as error:
        raise BadSignature(f"a signature for {purpose.name.lower()} does not verify") from error
