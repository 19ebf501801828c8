"""Names of things: each id is a frozen `bytes` with its own type and its own text form.

Subclassing `bytes` keeps hashing and comparison at C speed, which matters where every message
looks ids up; the constructors check length, so an id that exists is well formed.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from typing import Self

import base58

__all__ = [
    "HASH_BYTES",
    "KEY_BYTES",
    "AccountId",
    "ConversationId",
    "DeviceId",
    "OpId",
    "Party",
    "PeerId",
]

KEY_BYTES = 32
HASH_BYTES = 32
_MULTICODEC_ED25519 = b"\xed\x01"
_PEER_ID_ED25519 = b"\x00\x24\x08\x01\x12\x20"
"""Identity multihash of the protobuf public key (libp2p peer-id specification)."""
PEER_ID_BYTES_MAX = 64


class _FixedId(bytes):
    """Exactly 32 bytes; text form hexadecimal."""

    __slots__ = ()

    def __new__(cls, raw: bytes) -> Self:
        if len(raw) != HASH_BYTES:
            raise ValueError(f"{cls.__name__} has {HASH_BYTES} bytes, not {len(raw)}")
        return super().__new__(cls, raw)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the text form; `ValueError` when it is none."""
        return cls(bytes.fromhex(text))

    def __str__(self) -> str:
        return self.hex()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self)[:12]}…)"


class OpId(_FixedId):
    """BLAKE2b-256 of an op's header bytes."""

    __slots__ = ()

    @classmethod
    def of(cls, header: bytes) -> Self:
        return cls(blake2b(header, digest_size=HASH_BYTES).digest())


class ConversationId(_FixedId):
    """BLAKE2b-256 under a domain string; see `model.conversation`."""

    __slots__ = ()


class DeviceId(_FixedId):
    """A device's Ed25519 public key, which is also its libp2p host key; text form the peer id."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        device = PeerId.parse(text).device
        if device is None:
            raise ValueError("the peer id holds no Ed25519 key")
        return cls(device)

    @property
    def peer_id(self) -> PeerId:
        return PeerId(_PEER_ID_ED25519 + self)

    def __str__(self) -> str:
        return str(self.peer_id)


class AccountId(_FixedId):
    """An account's Ed25519 public key; text form `z6Mk…` (did:key, multibase base58btc)."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        raw = base58.b58decode(text[1:]) if text[:1] == "z" and len(text) <= 64 else b""
        if raw[:2] != _MULTICODEC_ED25519:
            raise ValueError("an account id begins with z6Mk")
        return cls(raw[2:])

    def __str__(self) -> str:
        return _account_text(bytes(self))


class PeerId(bytes):
    """A libp2p peer id: the multihash, at most 64 bytes; text form base58btc (`12D3Koo…`)."""

    __slots__ = ()

    def __new__(cls, raw: bytes) -> Self:
        if not 2 < len(raw) <= PEER_ID_BYTES_MAX or raw[1] != len(raw) - 2:
            raise ValueError("not a peer id")
        return super().__new__(cls, raw)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the text form; `ValueError` when it is none."""
        if not 0 < len(text) <= 100:
            raise ValueError("not a peer id")
        return cls(base58.b58decode(text))

    @property
    def device(self) -> DeviceId | None:
        """The Ed25519 key inside, or None for a peer id of another key type."""
        if len(self) == 38 and self.startswith(_PEER_ID_ED25519):
            return DeviceId(self[6:])
        return None

    @property
    def short(self) -> str:
        """The last six characters, for logs."""
        return str(self)[-6:]

    def __str__(self) -> str:
        return _peer_text(bytes(self))

    def __repr__(self) -> str:
        return f"PeerId(…{self.short})"


@lru_cache(maxsize=4096)
def _account_text(raw: bytes) -> str:
    return "z" + base58.b58encode(_MULTICODEC_ED25519 + raw).decode()


@lru_cache(maxsize=4096)
def _peer_text(raw: bytes) -> str:
    return base58.b58encode(raw).decode()


@dataclass(frozen=True, slots=True, order=True)
class Party:
    """A device as one that acts for an account. Anybody may certify any device, so a device alone
    says as little about whom one deals with as an account alone about where to find it."""

    account: AccountId
    device: DeviceId
