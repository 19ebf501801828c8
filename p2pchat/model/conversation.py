"""Which conversation: ids and names, computed alike by everybody (BLAKE2b-256, domain strings)."""

from __future__ import annotations

import unicodedata
from hashlib import blake2b

from p2pchat.model.ids import AccountId, ConversationId, DeviceId

__all__ = [
    "ANNOUNCEMENT_CHARS_MAX",
    "DESCRIPTION_CHARS_MAX",
    "ROOM_NAME_CHARS_MAX",
    "direct_id",
    "epoch_commitment",
    "normal_room_name",
    "open_room_id",
    "open_room_key",
    "password_room_salt",
    "room_commitment",
    "room_id",
    "room_meeting",
    "room_rendezvous",
    "room_topic",
]

ROOM_NAME_CHARS_MAX = 64
DESCRIPTION_CHARS_MAX = 500
ANNOUNCEMENT_CHARS_MAX = 1_000
_BLAKE2B_256 = b"\xa0\xe4\x02\x20"
"""Multihash code 0xb220 and a length of 32."""


def _hash(purpose: bytes, *parts: bytes) -> bytes:
    return blake2b(b"dchat/" + purpose + b"/1\0" + b"".join(parts), digest_size=32).digest()


def direct_id(one: AccountId, other: AccountId) -> ConversationId:
    """The conversation of two accounts: no genesis, whoever begins."""
    return ConversationId(_hash(b"direct", *sorted((bytes(one), bytes(other)))))


def normal_room_name(name: str) -> str:
    """NFKC, case-folded, trimmed; `ValueError` unless 1 to 64 printable characters are left."""
    normal = " ".join(unicodedata.normalize("NFKC", name).casefold().split())
    if not 0 < len(normal) <= ROOM_NAME_CHARS_MAX or not normal.isprintable():
        raise ValueError(f"a room name has 1 to {ROOM_NAME_CHARS_MAX} printable characters")
    return normal


def open_room_id(name: str) -> ConversationId:
    """The open room of this name."""
    return ConversationId(_hash(b"open", normal_room_name(name).encode()))


def open_room_key(name: str) -> bytes:
    """The key that everybody who knows the name can derive."""
    return _hash(b"open-key", normal_room_name(name).encode())


def password_room_salt(name: str) -> bytes:
    """What the password of the room of this name is stretched with, 16 bytes: one password opens
    another room under each name, and a table of passwords serves for one name alone."""
    return _hash(b"password", normal_room_name(name).encode())[:16]


def room_id(genesis: bytes) -> ConversationId:
    """The room by invitation that begins with these bytes."""
    return ConversationId(_hash(b"room", genesis))


def epoch_commitment(secret: bytes) -> bytes:
    """What an epoch's control op says of its secret."""
    return _hash(b"epoch", secret)


def room_commitment(secret: bytes) -> bytes:
    """What a room's genesis says of its secret, so that nobody can bring another one."""
    return _hash(b"room-secret", secret)


def room_topic(key: bytes) -> str:
    """The gossip topic of a room, fixed for its life; tells nothing about name or key."""
    return "/dchat/room/" + _hash(b"topic", key).hex()


def room_meeting(key: bytes, speaker: DeviceId, listener: DeviceId) -> ConversationId:
    """What a device calls a room that nobody rules before another that may not know it: who has the
    key computes the same, nobody else learns or can repeat anything."""
    return ConversationId(_hash(b"meeting", key, speaker, listener))


def room_rendezvous(key: bytes) -> bytes:
    """Where in the DHT the members of a room find each other: a multihash of type blake2b-256, as
    implementations elsewhere want it. It tells nothing about name, key or topic."""
    return _BLAKE2B_256 + _hash(b"rendezvous", key)
