"""People: contacts and those who ask to be."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from p2pchat.model.ids import AccountId, ConversationId

__all__ = ["ContactInfo", "ContactState"]


class ContactState(StrEnum):
    """How far an acquaintance has come."""

    ASKED = "asked"
    """We asked; the other side has not answered."""
    REQUEST = "request"
    """The other side asks; we have not answered."""
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    """We said no; asking again does not reach us."""
    BLOCKED = "blocked"


@dataclass(frozen=True, slots=True)
class ContactInfo:
    """One account we know, with the direct conversation we share."""

    account: AccountId
    id: ConversationId
    name: str
    state: ContactState
    created_at: int
    """Milliseconds since the epoch."""
    verified: bool = False
    """Whether the user compared the account key with the person."""
    key_changed: bool = False
    """Whether a device of theirs speaks for another account: nothing is sent before the user
    confirms."""
    bio: str = ""
    """What they say of themselves."""
