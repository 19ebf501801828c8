"""What is known to be missing of a conversation, and up to where nothing is."""

from __future__ import annotations

from dataclasses import dataclass

from p2pchat.model.ids import AccountId, ConversationId, DeviceId, OpId
from p2pchat.model.op import Chain, Position

__all__ = ["Completeness", "Gap"]


@dataclass(frozen=True, slots=True)
class Gap:
    """Ops of a chain that its author has signed to exist, and that are not here."""

    account: AccountId
    device: DeviceId
    chain: Chain
    first: int
    last: int
    """Both by their `seq`, and both among them."""

    @property
    def count(self) -> int:
        """How many they are."""
        return self.last - self.first + 1


@dataclass(frozen=True, slots=True)
class Completeness:
    """A statement on what one device holds of a conversation at one moment."""

    conversation: ConversationId
    digest: bytes
    """32 bytes; equal when two members have come to the same heads (docs/protocols/sync.md). Who
    came later to a room that does not show all its history has fewer heads, and another digest."""
    heads: tuple[Position, ...]
    """Of each chain everything up to its head is here, from where the chain begins: at 0, or in
    rooms that keep what is newest, where what is older was dropped, or where it is for us by the
    room's history. Sorted."""
    gaps: tuple[Gap, ...]
    """What lies between these heads and ops that came already and wait for it."""
    awaited: tuple[OpId, ...]
    """Ops that are not here, of which nothing more is known: control ops that others depend on, and
    where somebody was put out, what shows that others were written before that."""
    history: str | None = None
    """In a room by invitation what newcomers may have: `none`, `joining`, `last:N` or `all`. What
    is not for us by that is absent, not missing: neither waited for nor counted."""

    @property
    def is_complete(self) -> bool:
        """Whether nothing is known to be missing."""
        return not self.gaps and not self.awaited
