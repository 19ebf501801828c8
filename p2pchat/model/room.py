"""A room as a person sees it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from p2pchat.model.ids import AccountId, ConversationId

__all__ = ["Member", "Role", "RoomInfo", "RoomKind", "RoomsFrom"]


class RoomKind(StrEnum):
    """Who may enter."""

    INVITED = "invited"
    OPEN = "open"
    PASSWORD = "password"  # noqa: S105 -- a kind of room, not a secret


class RoomsFrom(StrEnum):
    """Into whose rooms we go without a question."""

    CONTACTS = "contacts"
    ASK = "ask"
    """Into nobody's: the user is asked about each."""
    NOBODY = "nobody"
    """Into nobody's, and nobody may ask."""


class Role(StrEnum):
    """What a member may do; who is none any more still has what it could read."""

    OWNER = "owner"
    ADMIN = "admin"
    MEMBER = "member"
    READ_ONLY = "read-only"
    REMOVED = "removed"
    BANNED = "banned"
    JOINING = "joining"
    """Not yet: we asked by a link, and nobody has let us in."""


@dataclass(frozen=True, slots=True)
class Member:
    """One account in a room."""

    account: AccountId
    name: str
    role: Role


@dataclass(frozen=True, slots=True)
class RoomInfo:
    """A room's state. `role` is our own; `created_at` in milliseconds since the epoch."""

    id: ConversationId
    name: str
    kind: RoomKind
    description: str
    announcement: str
    role: Role
    members_count: int
    created_at: int
    public: bool
    """Whether anybody at all may read what is said there: an open room's name is its key."""
    history: str | None = None
    """What newcomers may have of what was said before they came: `none`, `joining`, `last:N` or
    `all`. None where nobody chose that, or it is not known yet."""
