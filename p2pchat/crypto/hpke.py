"""The outer envelope of what a third party keeps: HPKE (RFC 9180) to a key of one device.

It hides who wrote: inside lies everything that names the sender. The hybrid suite joins ML-KEM-768
with X25519 (draft-ietf-hpke-pq), so that what is recorded today stays shut for a quantum computer;
X25519 alone is there for who cannot do it. `cryptography` does all of it.

    blob = version 1 | suite 1 | key 4 | HPKE output (encapsulated key, ciphertext, tag)

The key is named by the first bytes of its hash, so that a device finds the right one of the few it
has. Purpose, recipient and the six bytes before are HPKE's `info`: a blob opens for nothing and
nobody else.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from hashlib import blake2b

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import (
    AEAD,
    KDF,
    KEM,
    MLKEM768X25519PrivateKey,
    MLKEM768X25519PublicKey,
    Suite,
)

from p2pchat.errors import MalformedMessage, UnknownVersion
from p2pchat.model.ids import DeviceId

__all__ = [
    "HEADER_BYTES",
    "HpkePrivate",
    "HpkePublic",
    "HpkeSuite",
    "key_named",
    "new_hpke_key",
    "open_envelope",
    "seal_envelope",
]

VERSION = 1
HEADER_BYTES = 6
_KEY_ID_BYTES = 4
_INFO = b"dchat/mail/1\0"
_X25519_BYTES = 32
_MLKEM_PUBLIC_BYTES = 1184
_MLKEM_SEED_BYTES = 64


class HpkeSuite(IntEnum):
    """By strength: of several the greatest is used."""

    X25519 = 1
    """DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, ChaCha20-Poly1305."""
    MLKEM768_X25519 = 2
    """MLKEM768-X25519, SHAKE256, ChaCha20-Poly1305."""


_SUITES = {
    HpkeSuite.X25519: Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305),
    HpkeSuite.MLKEM768_X25519: Suite(KEM.MLKEM768_X25519, KDF.SHAKE256, AEAD.CHACHA20_POLY1305),
}
_PUBLIC_BYTES = {
    HpkeSuite.X25519: _X25519_BYTES,
    HpkeSuite.MLKEM768_X25519: _MLKEM_PUBLIC_BYTES + _X25519_BYTES,
}


@dataclass(frozen=True, slots=True)
class HpkePublic:
    """Where to seal to, as a bundle names it. Raises `MalformedMessage` for a key that is none."""

    suite: HpkeSuite
    raw: bytes
    """X25519: 32 bytes; hybrid: ML-KEM's 1,184, then X25519's 32."""

    def __post_init__(self) -> None:
        if len(self.raw) != _PUBLIC_BYTES[self.suite]:
            raise MalformedMessage(f"a key of {len(self.raw)} bytes for {self.suite.name}")

    @property
    def id(self) -> bytes:
        """What blobs name it by."""
        return blake2b(self.raw, digest_size=_KEY_ID_BYTES).digest()


@dataclass(frozen=True, slots=True)
class HpkePrivate:
    """The other half, in a form that goes to disk."""

    suite: HpkeSuite
    raw: bytes = field(repr=False)
    """X25519: 32 bytes; hybrid: ML-KEM's seed of 64, then X25519's 32."""

    @property
    def public(self) -> HpkePublic:
        x25519 = X25519PrivateKey.from_private_bytes(self.raw[-_X25519_BYTES:])
        public = x25519.public_key().public_bytes_raw()
        if self.suite is HpkeSuite.MLKEM768_X25519:
            seed = self.raw[:_MLKEM_SEED_BYTES]
            mlkem = MLKEM768PrivateKey.from_seed_bytes(seed).public_key()
            public = mlkem.public_bytes_raw() + public
        return HpkePublic(self.suite, public)


def new_hpke_key(suite: HpkeSuite) -> HpkePrivate:
    """With the system's randomness."""
    raw = X25519PrivateKey.generate().private_bytes_raw()
    if suite is HpkeSuite.MLKEM768_X25519:
        raw = MLKEM768PrivateKey.generate().private_bytes_raw() + raw
    return HpkePrivate(suite, raw)


def seal_envelope(to: HpkePublic, recipient: DeviceId, plaintext: bytes) -> bytes:
    """A blob that `recipient` alone opens. Raises `MalformedMessage` for a key that no honest
    device publishes."""
    header = bytes((VERSION, to.suite)) + to.id
    try:
        if to.suite is HpkeSuite.MLKEM768_X25519:
            key = MLKEM768X25519PublicKey(
                MLKEM768PublicKey.from_public_bytes(to.raw[:_MLKEM_PUBLIC_BYTES]),
                X25519PublicKey.from_public_bytes(to.raw[_MLKEM_PUBLIC_BYTES:]),
            )
        else:
            key = X25519PublicKey.from_public_bytes(to.raw)
        sealed = _SUITES[to.suite].encrypt(plaintext, key, info=_info(header, recipient))
    except ValueError as error:
        raise MalformedMessage(f"a bundle's key cannot be used: {error}") from error
    return header + sealed


def key_named(blob: bytes) -> bytes:
    """The id of the key that a blob was sealed to. Raises `MalformedMessage`, `UnknownVersion`."""
    if len(blob) < HEADER_BYTES:
        raise MalformedMessage("a sealed blob is too short")
    if blob[0] != VERSION:
        raise UnknownVersion(f"a sealed blob of version {blob[0]}")
    return blob[2:HEADER_BYTES]


def open_envelope(own: HpkePrivate, recipient: DeviceId, blob: bytes) -> bytes:
    """What is inside. Raises `MalformedMessage` when it was not sealed with this key to us, and
    so nobody knows for whom."""
    header, sealed = blob[:HEADER_BYTES], blob[HEADER_BYTES:]
    x25519 = X25519PrivateKey.from_private_bytes(own.raw[-_X25519_BYTES:])
    key = x25519
    if own.suite is HpkeSuite.MLKEM768_X25519:
        seed = own.raw[:_MLKEM_SEED_BYTES]
        key = MLKEM768X25519PrivateKey(MLKEM768PrivateKey.from_seed_bytes(seed), x25519)
    try:
        return _SUITES[own.suite].decrypt(sealed, key, info=_info(header, recipient))
    except (InvalidTag, ValueError) as error:
        raise MalformedMessage("a sealed blob does not open") from error


def _info(header: bytes, recipient: DeviceId) -> bytes:
    return _INFO + header + recipient
