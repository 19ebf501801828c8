"""How a home's database key lies in its file: bare, or locked by a passphrase or the keyring.

The key is random and never changes; what locks it does. So to set, change or take away a passphrase
is to write one small file, however large the database is.

    bare      the 32 bytes of the key
    locked    magic 8, version 1, lock 1, lock's own fields, nonce 24, sealed key 48, checksum 16

The sealed key is XChaCha20-Poly1305 with all bytes before it as associated data. A passphrase's
fields are argon2id's passes (4, big-endian), memory in bytes (8) and salt (16); the keyring's are
the name of its entry (16). The checksum is no protection: it tells a damaged file from a wrong
passphrase, which would else look alike.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import assert_never

from nacl.bindings import (
    crypto_aead_xchacha20poly1305_ietf_ABYTES,
    crypto_aead_xchacha20poly1305_ietf_decrypt,
    crypto_aead_xchacha20poly1305_ietf_encrypt,
    crypto_aead_xchacha20poly1305_ietf_NPUBBYTES,
)
from nacl.exceptions import CryptoError
from nacl.utils import random

from p2pchat.crypto.keyring import keep_secret, kept_secret
from p2pchat.crypto.stretching import (
    KEY_BYTES,
    STRONG,
    Cost,
    Stretching,
    checked_passphrase,
    new_stretching,
)
from p2pchat.errors import (
    KeyringUnusable,
    PassphraseNeeded,
    SchemaTooNew,
    WrongKey,
    WrongPassphrase,
)

__all__ = ["Bare", "InKeyring", "Lock", "Locking", "Vault", "WithPassphrase", "lock_of", "relock"]

MAGIC = b"DCHATKEY"
VERSION = 1
_PASSPHRASE, _KEYRING = 1, 2
_HEAD = struct.Struct(">8sBB")
_STRETCHING = struct.Struct(">IQ16s")
_NAME_BYTES = 16
_NONCE_BYTES = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
_SEALED_BYTES = KEY_BYTES + crypto_aead_xchacha20poly1305_ietf_ABYTES
_CHECKSUM_BYTES = 16
_DAMAGED = "is damaged: put back a copy of this file alone; the other files are newer than theirs"
_END_BYTES = _NONCE_BYTES + _SEALED_BYTES + _CHECKSUM_BYTES


@dataclass(frozen=True, slots=True)
class Bare:
    """Nothing but the file's permissions."""


@dataclass(frozen=True, slots=True)
class WithPassphrase:
    """A passphrase that its user knows. Raises `ConfigError` for one that is none."""

    passphrase: str = field(repr=False)
    cost: Cost = STRONG

    def __post_init__(self) -> None:
        checked_passphrase(self.passphrase)


@dataclass(frozen=True, slots=True)
class InKeyring:
    """A secret of its own that the system's keyring keeps."""


Locking = Bare | WithPassphrase | InKeyring
"""How a key shall lie in its file."""


@dataclass(frozen=True, slots=True)
class Vault:
    """Opens a home's key file, and locks that of a new home, with the passphrase it was given."""

    passphrase: str | None = field(default=None, repr=False)
    cost: Cost = STRONG

    def unlock(self, raw: bytes) -> bytes:
        """The database key in a key file's content. May take a second: call it off the event loop.

        Raises `WrongKey` (damaged), `SchemaTooNew`, `PassphraseNeeded`, `WrongPassphrase` (also for
        a passphrase where there is none), `KeyringUnusable`.
        """
        lock = lock_of(raw)
        if self.passphrase is not None and (lock is None or not lock.needs_passphrase):
            raise WrongPassphrase(
                "this home is not locked by a passphrase: open it without one, and set one if it"
                " shall be"
            )
        return raw if lock is None else lock.open(self.passphrase)

    def lock(self, key: bytes) -> bytes:
        """The content of a new home's key file."""
        if self.passphrase is None:
            return _locked(key, Bare())
        return _locked(key, WithPassphrase(self.passphrase, self.cost))


def relock(raw: bytes, passphrase: str | None, locking: Locking) -> bytes:
    """A key file's content locked in another way. Takes one or two seconds. Raises as
    `Vault.unlock` does, and `KeyringUnusable` when there is no keyring to lock it with."""
    return _locked(Vault(passphrase).unlock(raw), locking)


def _locked(key: bytes, locking: Locking) -> bytes:
    match locking:
        case Bare():
            return key
        case WithPassphrase(passphrase, cost):
            stretching = new_stretching(cost)
            fields = _STRETCHING.pack(cost.passes, cost.memory_bytes, stretching.salt)
            return _sealed(_PASSPHRASE, fields, stretching.key(passphrase), key)
        case InKeyring():
            name, secret = random(_NAME_BYTES), random(KEY_BYTES)
            keep_secret(name.hex(), secret)
            return _sealed(_KEYRING, name, secret, key)
        case _:
            assert_never(locking)


@dataclass(frozen=True, slots=True)
class Lock:
    """A locked key file, taken apart."""

    kind: int
    fields: bytes
    head: bytes = field(repr=False)
    """What is associated with the sealed key."""
    nonce: bytes
    sealed: bytes = field(repr=False)

    @property
    def needs_passphrase(self) -> bool:
        return self.kind == _PASSPHRASE

    def open(self, passphrase: str | None) -> bytes:
        """The key inside. Raises `PassphraseNeeded`, `WrongPassphrase`, `KeyringUnusable`,
        `WrongKey`."""
        if not self.needs_passphrase:
            return self._open_with_keyring()
        if passphrase is None:
            raise PassphraseNeeded(
                "this home is locked by a passphrase: give it, with --passphrase-file FILE for one"
            )
        passes, memory_bytes, salt = _STRETCHING.unpack(self.fields)
        secret = Stretching(Cost(passes, memory_bytes), salt).key(passphrase)
        try:
            return self._open(secret)
        except CryptoError as error:
            raise WrongPassphrase("the passphrase is wrong") from error

    def _open_with_keyring(self) -> bytes:
        try:
            return self._open(kept_secret(self.fields.hex()))
        except (CryptoError, ValueError) as error:
            raise KeyringUnusable(
                "the system's keyring has lost the key of this home: put the keyring back, or"
                " import an export of the home elsewhere"
            ) from error

    def _open(self, secret: bytes) -> bytes:
        if len(secret) != KEY_BYTES:
            raise ValueError("a secret has 32 bytes")
        return crypto_aead_xchacha20poly1305_ietf_decrypt(
            self.sealed, self.head, self.nonce, secret
        )


def lock_of(raw: bytes) -> Lock | None:
    """How a key file's content is locked; None for a bare key. Raises `WrongKey`,
    `SchemaTooNew`."""
    if len(raw) == KEY_BYTES:
        return None
    if len(raw) < _HEAD.size + _END_BYTES or not raw.startswith(MAGIC):
        raise WrongKey("is not a key: put back the one of this home")
    if _checksum(raw[:-_CHECKSUM_BYTES]) != raw[-_CHECKSUM_BYTES:]:
        raise WrongKey(_DAMAGED)
    _, version, kind = _HEAD.unpack_from(raw)
    sizes = {_PASSPHRASE: _STRETCHING.size, _KEYRING: _NAME_BYTES}
    if version != VERSION or kind not in sizes:
        raise SchemaTooNew("was written by a newer version of this program: use that version")
    head, end = raw[:-_END_BYTES], raw[-_END_BYTES:-_CHECKSUM_BYTES]
    fields = head[_HEAD.size :]
    if len(fields) != sizes[kind]:
        raise WrongKey(_DAMAGED)
    nonce, sealed = end[:_NONCE_BYTES], end[_NONCE_BYTES:]
    return Lock(kind, fields, head + nonce, nonce, sealed)


def _sealed(kind: int, fields: bytes, secret: bytes, key: bytes) -> bytes:
    nonce = random(_NONCE_BYTES)
    head = _HEAD.pack(MAGIC, VERSION, kind) + fields + nonce
    raw = head + crypto_aead_xchacha20poly1305_ietf_encrypt(key, head, nonce, secret)
    return raw + _checksum(raw)


def _checksum(raw: bytes) -> bytes:
    return blake2b(raw, digest_size=_CHECKSUM_BYTES).digest()
