"""Keys from a key: HKDF with SHA-256, one for each purpose."""

from __future__ import annotations

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from p2pchat.model.ids import KEY_BYTES

__all__ = ["derived_key"]


def derived_key(key: bytes, purpose: bytes) -> bytes:
    """32 bytes that tell nothing of `key` nor of what is derived for another purpose."""
    return HKDF(SHA256(), KEY_BYTES, None, purpose).derive(key)
