"""What the node asks of a disk: the `Store` port.

Synchronous and small. `commit` is one transaction: all of it is on disk when it returns, or none of
it is. Machines never call it; they answer `Persist(change)` and the driver commits a whole batch.
`store.memory` and `store.sqlite` implement it; one compliance suite runs over both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from p2pchat.model.change import Change
from p2pchat.model.ids import AccountId, ConversationId, OpId
from p2pchat.model.message import Message
from p2pchat.model.query import OpsQuery, StoredOp
from p2pchat.model.snapshot import Snapshot

__all__ = ["Page", "Store"]


@dataclass(frozen=True, slots=True)
class Page:
    """Which messages: the newest `limit` (at most 5,000) before, or the oldest after, an anchor."""

    limit: int = 50
    before: OpId | None = None
    after: OpId | None = None


class Store(Protocol):
    """One home's database (or memory).

    Every method raises `Corrupted` on damage and `DiskFull` when the disk has no room.
    """

    def commit(self, changes: Sequence[Change]) -> None:
        """Apply all changes in order, in one durable transaction."""
        ...

    def snapshot(self) -> Snapshot:
        """What a node needs in memory to go on from the last commit."""
        ...

    def ops(self, query: OpsQuery) -> list[StoredOp]:
        """Ops of one chain in order of `seq` (all branches of a fork included)."""
        ...

    def history(self, conversation: ConversationId, page: Page) -> list[Message]:
        """Messages in display order, oldest first; with neither anchor the newest page.

        Raises `UnknownMessage` for an anchor that is not in the conversation.
        """
        ...

    def message(self, id: OpId) -> Message | None:
        """One message, or None."""
        ...

    def authors(self, conversation: ConversationId) -> list[tuple[AccountId, str]]:
        """Accounts with a stored op in the conversation, with their names, ordered by account."""
        ...

    def close(self) -> None:
        """Release everything; idempotent."""
        ...
