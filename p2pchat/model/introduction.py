"""Introductions: a common friend tells one contact of another, who has agreed to it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from p2pchat.model.ids import AccountId

__all__ = ["Introduction", "KeptIntroduction", "Stage"]


class Stage(StrEnum):
    """How far an introduction has come, from where we stand."""

    WAITING = "waiting"
    """We asked a contact whether we may introduce them."""
    ASKED = "asked"
    """A contact asks whether we want to be introduced."""
    AGREED = "agreed"
    """We want to be: a request from that account is heard, whatever our link is."""
    OFFERED = "offered"
    """A contact introduces somebody to us."""
    TAKEN = "taken"
    """We asked that somebody to be a contact."""


@dataclass(frozen=True, slots=True)
class Introduction:
    """What there is to see of one."""

    introducer: AccountId
    account: AccountId
    """Whom it is about: the person that we are, or would be, introduced to, or that we introduce.
    """
    name: str
    """What the introducer calls them."""
    stage: Stage
    created_at: int
    """Milliseconds since the epoch."""


@dataclass(frozen=True, slots=True)
class KeptIntroduction:
    """One with what it takes to go on with it."""

    shown: Introduction
    to: AccountId | None = None
    """While we wait for consent: to whom we introduce."""
    link: str = field(default="", repr=False)
    """Once somebody agreed: how they are asked."""
