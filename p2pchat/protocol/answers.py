"""What was asked last about a room by invitation, and what it followed from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from p2pchat.model.control import Standing
from p2pchat.model.ids import AccountId
from p2pchat.protocol.sayings import Sayings

__all__ = ["Answers"]


@dataclass(slots=True)
class Answers:
    """Of one room's control ops."""

    standings: dict[AccountId, tuple[int, Standing]] = field(
        default_factory=dict[AccountId, tuple[int, Standing]]
    )
    """Of accounts, with the ops that it followed from."""
    members: tuple[int, int, Mapping[AccountId, Standing]] = (-1, 0, {})
    """Of all, likewise, and with those of them that came too late."""
    sayings: Sayings = field(default_factory=Sayings)
    open: dict[int, int] = field(default_factory=dict[int, int])
    """By invitation what lies in the past of all that ends it."""
