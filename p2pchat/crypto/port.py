"""What the node asks of cryptography for third parties: the `RoomCipher` port.

Keys come from `protocol.sealing`, which decides what is sealed for whom.
"""

from __future__ import annotations

from typing import Protocol

from p2pchat.protocol.sealing import RoomSecret

__all__ = ["RoomCipher"]


class RoomCipher(Protocol):
    """Seals and opens the blobs of a room."""

    def seal(self, secret: RoomSecret, plaintext: bytes) -> bytes:
        """A blob that only holders of the secret can open, bound to the room's topic."""
        ...

    def open(self, secret: RoomSecret, blob: bytes) -> bytes | None:
        """The plaintext, or None when the blob was not sealed with this secret."""
        ...
