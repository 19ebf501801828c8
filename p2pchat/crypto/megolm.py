"""Sender sessions of rooms (Megolm, by vodozemac) and the blobs round them.

Each device has one outbound session a room, and one inbound session for each device that gave it a
key. Nothing of it is on disk: a session that came back from an older state would use a key twice,
and a key that is not there opens nothing when the disk is stolen. Keys are exported without a
signature of Megolm's, so each goes with one of its device (`wire.sender_keys`): whoever brings it.

    blob    = 2 ‖ epoch tag (4) ‖ nonce (24) ‖ XChaCha20-Poly1305(epoch secret, padded inner)
    inner   = session tag (16) ‖ Megolm message

Associated data are the first five bytes and the room's topic.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Callable
from hashlib import blake2b

from nacl.bindings import (
    crypto_aead_xchacha20poly1305_ietf_decrypt,
    crypto_aead_xchacha20poly1305_ietf_encrypt,
)
from nacl.exceptions import CryptoError
from vodozemac import GroupSession, InboundGroupSession, MegolmMessage, SessionKey

from p2pchat.crypto.padding import pad, unpad
from p2pchat.crypto.port import Unsealed
from p2pchat.errors import MalformedMessage
from p2pchat.model.ids import ConversationId, DeviceId
from p2pchat.protocol.sealing import TAG_BYTES, EpochKey

__all__ = ["SESSIONS_PER_DEVICE_MAX", "SESSIONS_PER_ROOM_MAX", "MegolmSessions"]

VERSION = b"\x02"
SESSIONS_PER_DEVICE_MAX = 2
"""The present one, and the one before it for what was overtaken."""
SESSIONS_PER_ROOM_MAX = 4096
_HEAD_BYTES = len(VERSION) + TAG_BYTES
_NONCE_BYTES = 24
_SESSION_TAG_BYTES = 16
_Place = tuple[DeviceId, bytes]
"""Who gave a key, and the tag of its session."""


class MegolmSessions:
    """`crypto.port.RoomSessions` with real ratchets; nonces come from `token_bytes`."""

    def __init__(self, token_bytes: Callable[[int], bytes]) -> None:
        self._token_bytes = token_bytes
        self._own: dict[ConversationId, GroupSession] = {}
        self._others: dict[ConversationId, dict[_Place, InboundGroupSession]] = {}

    # Ours

    def begin(self, conversation: ConversationId) -> None:
        self._own[conversation] = GroupSession()

    def key(self, conversation: ConversationId) -> bytes:
        text = self._own[conversation].session_key.to_base64()
        return b64decode(text + "=" * (-len(text) % 4))

    def seal(
        self, conversation: ConversationId, topic: str, epoch: EpochKey, plaintext: bytes
    ) -> bytes:
        session = self._own[conversation]
        inner = _session_tag(session.session_id) + session.encrypt(plaintext).to_bytes()
        head, nonce = VERSION + epoch.tag, self._token_bytes(_NONCE_BYTES)
        aad = head + topic.encode()
        sealed = crypto_aead_xchacha20poly1305_ietf_encrypt(pad(inner), aad, nonce, epoch.secret)
        return head + nonce + sealed

    # Others'

    def learn(self, conversation: ConversationId, device: DeviceId, key: bytes) -> bool:
        try:
            session = InboundGroupSession(SessionKey(b64encode(key).decode().rstrip("=")))
        except ValueError:
            return False
        known = self._others.setdefault(conversation, {})
        place = device, _session_tag(session.session_id)
        if place in known:
            return False  # the one that is here opens more
        known[place] = session
        of_device = [owner for owner in known if owner[0] == device]
        if len(of_device) > SESSIONS_PER_DEVICE_MAX:
            del known[of_device[0]]
        elif len(known) > SESSIONS_PER_ROOM_MAX:
            del known[next(iter(known))]
        return True

    def open(
        self, conversation: ConversationId, topic: str, epochs: tuple[EpochKey, ...], blob: bytes
    ) -> Unsealed | None:
        inner = _outer_opened(topic, epochs, blob)
        if inner is None:
            return None
        tag, raw = inner[:_SESSION_TAG_BYTES], inner[_SESSION_TAG_BYTES:]
        senders: set[DeviceId] = set()
        plaintext = b""
        for (device, session_tag), session in self._others.get(conversation, {}).items():
            if session_tag == tag:
                opened = _opened(session, raw)
                senders |= {device} if opened is not None else set()
                plaintext = plaintext if opened is None else opened
        return Unsealed(frozenset(senders), plaintext)

    def forget(self, conversation: ConversationId) -> None:
        self._own.pop(conversation, None)
        self._others.pop(conversation, None)


def _outer_opened(topic: str, epochs: tuple[EpochKey, ...], blob: bytes) -> bytes | None:
    """What is inside the epoch, if we know it."""
    head, nonce = blob[:_HEAD_BYTES], blob[_HEAD_BYTES : _HEAD_BYTES + _NONCE_BYTES]
    sealed, aad = blob[_HEAD_BYTES + _NONCE_BYTES :], head + topic.encode()
    if head[:1] != VERSION or len(nonce) < _NONCE_BYTES:
        return None
    for epoch in epochs:
        if epoch.tag != head[1:]:
            continue
        try:
            return unpad(
                crypto_aead_xchacha20poly1305_ietf_decrypt(sealed, aad, nonce, epoch.secret)
            )
        except (CryptoError, MalformedMessage):
            continue  # another epoch may have the same tag
    return None


def _opened(session: InboundGroupSession, raw: bytes) -> bytes | None:
    try:
        return session.decrypt(MegolmMessage.from_bytes(raw)).plaintext
    except ValueError:
        return None


def _session_tag(session_id: str) -> bytes:
    return blake2b(
        b"dchat/session/1\0" + session_id.encode(), digest_size=_SESSION_TAG_BYTES
    ).digest()
