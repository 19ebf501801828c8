"""Noise transport packets without I/O: plaintext to sealed bytes, received bytes to plaintext.

A packet is two bytes of length and a ChaCha20-Poly1305 ciphertext under a counter. Taking all
packets of one receive at once, instead of awaiting a length and a body for each, is half of what
makes the lean transport lean. The rule kept here: a counter is never used twice and never wraps.

Source: https://noiseprotocol.org/noise.html (sections 5.1 and 11.3),
https://github.com/libp2p/specs/tree/master/noise
"""

from __future__ import annotations

import struct
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from p2pchat.errors import NetworkError, RemoteProtocolError

__all__ = [
    "NONCE_MAX",
    "PLAINTEXT_BYTES_MAX",
    "BadPacket",
    "NonceExhausted",
    "PacketOpener",
    "PacketSealer",
]

TAG_BYTES: Final = 16
LENGTH_BYTES: Final = 2
PLAINTEXT_BYTES_MAX: Final = 0xFFFF - TAG_BYTES
NONCE_MAX: Final = 2**64 - 2
"""The last counter for transport; 2^64 - 1 is reserved by the specification."""

_NONCE: Final = struct.Struct("<4xQ")
_LENGTH: Final = struct.Struct("!H")


class BadPacket(RemoteProtocolError):
    """A packet was not sealed by the peer of the handshake, or not in this place."""


class NonceExhausted(NetworkError):
    """One more packet would repeat a counter; the connection has to end."""


def _nonce(counter: int) -> bytes:
    if counter > NONCE_MAX:
        raise NonceExhausted("all counters of this Noise session are used up")
    return _NONCE.pack(counter)


class PacketSealer:
    """Seals what we send, in order."""

    __slots__ = ("_cipher", "_counter")

    def __init__(self, key: bytes, counter: int = 0) -> None:
        self._cipher = ChaCha20Poly1305(key)
        self._counter = counter

    def seal(self, plaintext: bytes) -> bytes:
        """The packets that carry `plaintext`, to be sent whole. Raises `NonceExhausted`."""
        if len(plaintext) <= PLAINTEXT_BYTES_MAX:
            return self._packet(plaintext)
        view = memoryview(plaintext)
        starts = range(0, len(plaintext), PLAINTEXT_BYTES_MAX)
        return b"".join(self._packet(view[at : at + PLAINTEXT_BYTES_MAX]) for at in starts)

    def _packet(self, plaintext: bytes | memoryview) -> bytes:
        sealed = self._cipher.encrypt(_nonce(self._counter), plaintext, None)
        self._counter += 1
        return _LENGTH.pack(len(sealed)) + sealed


class PacketOpener:
    """Opens what was received, in order."""

    __slots__ = ("_at", "_block", "_cipher", "_counter", "_straddling")

    def __init__(self, key: bytes, counter: int = 0) -> None:
        self._cipher = ChaCha20Poly1305(key)
        self._counter = counter
        self._straddling = b""
        """A whole packet whose bytes came in several blocks; it goes before `_block`."""
        self._block = b""
        self._at = 0

    @property
    def partial(self) -> bool:
        """True while a packet has begun and not ended (once `next` has answered None)."""
        return self._at < len(self._block)

    def feed(self, block: bytes) -> None:
        """Take over what was received; only after `next` has answered None.

        The bytes of a packet that straddles two blocks are the only ones copied.
        """
        begun, self._block, self._at = self._block[self._at :], block, 0
        if not begun:
            return
        head = (begun + block[:LENGTH_BYTES])[:LENGTH_BYTES]
        size = LENGTH_BYTES + _LENGTH.unpack(head)[0] if len(head) == LENGTH_BYTES else LENGTH_BYTES
        missing = size - len(begun)
        if len(block) < missing or len(head) < LENGTH_BYTES:
            self._block = begun + block
        else:
            self._straddling = begun + block[:missing]
            self._at = missing

    def next(self) -> bytes | None:
        """The plaintext of the next packet (it may be empty), None when more has to come.

        Raises `BadPacket`: nothing that follows can be opened either.
        """
        if self._straddling:
            packet, self._straddling = self._straddling, b""
            return self._open(memoryview(packet)[LENGTH_BYTES:])
        block, at = self._block, self._at
        if len(block) - at < LENGTH_BYTES:
            return None
        end = at + LENGTH_BYTES + (block[at] << 8 | block[at + 1])
        if len(block) < end:
            return None
        self._at = end
        return self._open(memoryview(block)[at + LENGTH_BYTES : end])

    def _open(self, sealed: memoryview) -> bytes:
        try:
            plaintext = self._cipher.decrypt(_nonce(self._counter), sealed, None)
        except InvalidTag as error:
            raise BadPacket("a Noise packet does not authenticate") from error
        self._counter += 1
        return plaintext
