"""Sender sessions of rooms without ciphers, for worlds of many peers.

The same bytes in every run and next to no work, but who may read is checked as the real thing does:
a blob opens for whoever holds its epoch's secret and a key of its session that is old enough.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from p2pchat.crypto.port import Unsealed
from p2pchat.model.ids import ConversationId, DeviceId
from p2pchat.protocol.sealing import TAG_BYTES, EpochKey

__all__ = ["PlainBlob", "PlainSessions", "key_parts", "look_into"]

VERSION = b"\x02"
_SESSION_BYTES = 16
_INDEX_BYTES = 4
_SECRET_BYTES = 32


@dataclass(frozen=True, slots=True)
class PlainBlob:
    """What who looks on sees of a blob, though nobody gave it a key."""

    epoch: bytes
    """The secret of the epoch that it was sealed under."""
    session: bytes
    index: int
    plaintext: bytes


def look_into(blob: bytes) -> PlainBlob | None:
    """A blob of a room by invitation; None for any other."""
    if blob[:1] != VERSION:
        return None
    at = len(VERSION) + TAG_BYTES
    epoch, rest = blob[at : at + _SECRET_BYTES], blob[at + _SECRET_BYTES :]
    key = rest[2 + int.from_bytes(rest[:2], "big") :]
    size = _SESSION_BYTES + _INDEX_BYTES
    return PlainBlob(epoch, *key_parts(key[:size]), key[size:])


def key_parts(key: bytes) -> tuple[bytes, int]:
    """The session that a key opens, and from which blob on."""
    return key[:_SESSION_BYTES], int.from_bytes(key[_SESSION_BYTES:], "big")


class PlainSessions:
    """`crypto.port.RoomSessions` in plain text; sessions are named by `token_bytes`."""

    def __init__(self, token_bytes: Callable[[int], bytes]) -> None:
        self._token_bytes = token_bytes
        self._own: dict[ConversationId, tuple[bytes, int]] = {}
        self._others: dict[ConversationId, dict[tuple[DeviceId, bytes], int]] = {}

    def begin(self, conversation: ConversationId) -> None:
        self._own[conversation] = self._token_bytes(_SESSION_BYTES), 0

    def key(self, conversation: ConversationId) -> bytes:
        session, index = self._own[conversation]
        return session + index.to_bytes(_INDEX_BYTES, "big")

    def seal(
        self, conversation: ConversationId, topic: str, epoch: EpochKey, plaintext: bytes
    ) -> bytes:
        key = self.key(conversation)
        session, index = self._own[conversation]
        self._own[conversation] = session, index + 1
        head = VERSION + epoch.tag + epoch.secret
        return head + len(topic).to_bytes(2, "big") + topic.encode() + key + plaintext

    def learn(self, conversation: ConversationId, device: DeviceId, key: bytes) -> bool:
        if len(key) != _SESSION_BYTES + _INDEX_BYTES:
            return False
        known = self._others.setdefault(conversation, {})
        session, index = key_parts(key)
        place = device, session
        if place in known:
            return False
        known[place] = index
        return True

    def open(
        self, conversation: ConversationId, topic: str, epochs: tuple[EpochKey, ...], blob: bytes
    ) -> Unsealed | None:
        heads = [VERSION + epoch.tag + epoch.secret for epoch in epochs]
        named = len(topic).to_bytes(2, "big") + topic.encode()
        at = len(VERSION) + TAG_BYTES + _SECRET_BYTES
        if blob[:at] not in heads or blob[at : at + len(named)] != named:
            return None
        at += len(named)
        session, plaintext = blob[at : at + _SESSION_BYTES], blob[at + _SESSION_BYTES :]
        index = int.from_bytes(plaintext[:_INDEX_BYTES], "big")
        known = self._others.get(conversation, {})
        senders = frozenset(
            device for (device, tag), first in known.items() if tag == session and first <= index
        )
        return Unsealed(senders, plaintext[_INDEX_BYTES:] if senders else b"")

    def forget(self, conversation: ConversationId) -> None:
        self._own.pop(conversation, None)
        self._others.pop(conversation, None)
