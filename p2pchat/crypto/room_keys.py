"""Room blobs under one symmetric key: XChaCha20-Poly1305, a random nonce each, the topic as
associated data. For open rooms, whose key everybody derives from the name."""

from __future__ import annotations

from collections.abc import Callable

from nacl.bindings import (
    crypto_aead_xchacha20poly1305_ietf_decrypt,
    crypto_aead_xchacha20poly1305_ietf_encrypt,
    crypto_aead_xchacha20poly1305_ietf_NPUBBYTES,
)
from nacl.exceptions import CryptoError

from p2pchat.protocol.sealing import RoomSecret

__all__ = ["SharedKeyCipher"]

VERSION = b"\x01"
_NONCE_BYTES = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
_TAG_BYTES = 16


class SharedKeyCipher:
    """`crypto.port.RoomCipher` with the room's key itself; nonces come from `token_bytes`."""

    def __init__(self, token_bytes: Callable[[int], bytes]) -> None:
        self._token_bytes = token_bytes

    def seal(self, secret: RoomSecret, plaintext: bytes) -> bytes:
        nonce = self._token_bytes(_NONCE_BYTES)
        aad = VERSION + secret.topic.encode()
        sealed = crypto_aead_xchacha20poly1305_ietf_encrypt(plaintext, aad, nonce, secret.key)
        return VERSION + nonce + sealed

    def open(self, secret: RoomSecret, blob: bytes) -> bytes | None:
        nonce, sealed = blob[1 : 1 + _NONCE_BYTES], blob[1 + _NONCE_BYTES :]
        if blob[:1] != VERSION or len(sealed) < _TAG_BYTES:
            return None
        aad = VERSION + secret.topic.encode()
        try:
            return crypto_aead_xchacha20poly1305_ietf_decrypt(sealed, aad, nonce, secret.key)
        except CryptoError:
            return None
