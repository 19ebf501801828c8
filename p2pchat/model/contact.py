"""People: contacts and those who ask to be."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from p2pchat.model.ids import AccountId, ConversationId, PeerId
from p2pchat.model.lookalikes import NameFlag

__all__ = ["ContactInfo", "ContactState", "LinkInfo"]


class ContactState(StrEnum):
    """How far an acquaintance has come."""

    ASKED = "asked"
    """We asked; the other side has not answered."""
    REQUEST = "request"
    """The other side asks; we have not answered."""
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    """We said no; asking again does not reach us."""
    REMOVED = "removed"
    """We were contacts, and took it back; nothing of theirs reaches us until we add them again."""
    WITHDRAWN = "withdrawn"
    """We asked, and took it back before there was an answer."""
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
    flags: tuple[NameFlag, ...] = ()
    """What is odd about the name, which its bearer chose."""
    introduced_by: AccountId | None = None
    """The contact who introduced them, within the last 30 days."""


@dataclass(frozen=True, slots=True)
class LinkInfo:
    """What a contact link says, before anything is done with it."""

    account: AccountId
    peer_id: PeerId
    """The device that is asked."""
    addresses: tuple[str, ...]
    """Where it is looked for first."""
    state: ContactState | None
    """How far we have come with its owner already."""
