"""Invitations to rooms as a person sees them."""

from __future__ import annotations

from dataclasses import dataclass

from p2pchat.model.ids import AccountId, ConversationId, OpId

__all__ = ["Invitation", "InviteInfo"]


@dataclass(frozen=True, slots=True)
class Invitation:
    """Lets in who has its link; the link itself is shown once, and kept by nobody here."""

    id: OpId
    giver: AccountId
    uses: int
    used: int
    """By so many accounts."""
    expires_at: int
    """In milliseconds since the epoch."""


@dataclass(frozen=True, slots=True)
class InviteInfo:
    """What an invitation's link says, before anybody is asked."""

    room: ConversationId
    name: str
    """What the giver says that the room is called."""
    giver: AccountId
    expires_at: int
    """In milliseconds since the epoch."""
