"""Rooms by password: where they are and what opens them, from a name and a password alone.

Everybody who types the same two comes to the same room, without asking anybody; so there is nothing
to ask a wrong password of, either: it leads to another room, where nobody is. Each try of a guesser
costs what one costs here, about a second and 256 MiB, and serves for one name alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from p2pchat.crypto.derivation import derived_key
from p2pchat.crypto.stretching import MODERATE, Stretching
from p2pchat.model.conversation import normal_room_name, password_room_salt
from p2pchat.model.ids import ConversationId

__all__ = ["PasswordRoom", "password_room"]


@dataclass(frozen=True, slots=True)
class PasswordRoom:
    """What name and password lead to."""

    name: str
    id: ConversationId
    key: bytes = field(repr=False)


def password_room(name: str, password: str) -> PasswordRoom:
    """The room of this name and password. Takes a second: call it off the event loop. Raises
    `ValueError` for what is no name, `ConfigError` for what is no password."""
    root = Stretching(MODERATE, password_room_salt(name)).key(password)
    id = ConversationId(derived_key(root, b"dchat/password-room-id/1"))
    return PasswordRoom(normal_room_name(name), id, derived_key(root, b"dchat/password-room-key/1"))
