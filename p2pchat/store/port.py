"""What the node asks of a disk: the `Store` port.

Synchronous and small. `commit` is one transaction: all of it is on disk when it returns, or none of
it is. Machines never call it; they answer `Persist(change)` and the driver commits a whole batch.
`store.memory` and `store.sqlite` implement it; one compliance suite runs over both.

`AsyncStore` is the same store as a trio task holds it: `store.worker` gives it a writer thread and
readers (SQLite), or calls it inline (memory, under virtual time).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from p2pchat.model.change import Change, PutReadMark, PutReceipt
from p2pchat.model.ids import AccountId, ConversationId, OpId
from p2pchat.model.mailbox_change import MailboxChange, PageQuery, Removed, StoredMailbox
from p2pchat.model.message import Message
from p2pchat.model.query import OpsRead, StoredOp
from p2pchat.model.search import Query
from p2pchat.model.snapshot import Snapshot
from p2pchat.wire.mailbox_codec import Page as MailboxPage

__all__ = [
    "PAGE_LIMIT_MAX",
    "READERS_MAX",
    "UNREAD_MAX",
    "AsyncMailboxStore",
    "AsyncStore",
    "Page",
    "Store",
]

PAGE_LIMIT_MAX = 5_000
UNREAD_MAX = 1_000
"""Unread messages of one conversation that are counted."""
READERS_MAX = 4
"""Reads of one store at a time: so many threads, and so many connections."""


@dataclass(frozen=True, slots=True)
class Page:
    """Which messages: the newest `limit` before, or the oldest after, an anchor; with both, the
    oldest of those between. `from_start` is an anchor before all others, in place of `after`. More
    than `PAGE_LIMIT_MAX` is read as that many."""

    limit: int = 50
    before: OpId | None = None
    after: OpId | None = None
    from_start: bool = False

    @property
    def is_oldest_first(self) -> bool:
        """Whether a page that is cut keeps its oldest messages."""
        return self.from_start or self.after is not None


class Store(Protocol):
    """One home's database (or memory).

    Every method raises `Corrupted` on damage and `DiskFull` when the disk has no room.
    """

    def commit(self, changes: Sequence[Change]) -> None:
        """Apply all changes in order, in one durable transaction."""
        ...

    @property
    def put_off(self) -> int:
        """About so many messages are found by being looked at, until `catch_up` was called; a long
        text counts for several."""
        ...

    def catch_up(self) -> None:
        """Take a part of what was put off into the index of words, in a transaction of its own."""
        ...

    def snapshot(self) -> Snapshot:
        """What a node needs in memory to go on from the last commit."""
        ...

    def ops(self, query: OpsRead) -> list[StoredOp]:
        """Ops of one chain in order of `seq` (all branches of a fork included), or where the latest
        messages of a conversation begin."""
        ...

    def op(self, id: OpId) -> StoredOp | None:
        """One op wherever it stands, also in a room that was left; or None."""
        ...

    def history(self, conversation: ConversationId, page: Page) -> list[Message]:
        """Messages in display order, oldest first; with neither anchor the newest page.

        Raises `UnknownMessage` for an anchor that is not in the conversation.
        """
        ...

    def message(self, id: OpId) -> Message | None:
        """One message, or None."""
        ...

    def search(
        self, query: Query, conversation: ConversationId | None, limit: int
    ) -> list[Message]:
        """Messages that hold what is asked for, in one conversation or all, the newest to come
        first; more than `PAGE_LIMIT_MAX` is read as that many."""
        ...

    def authors(self, conversation: ConversationId) -> list[tuple[AccountId, str]]:
        """Accounts with a stored op in the conversation, with their names, ordered by account."""
        ...

    def receipts(self, conversation: ConversationId) -> list[PutReceipt]:
        """The newest receipt of each device in the conversation, ordered by device."""
        ...

    def unread(self, conversation: ConversationId) -> int:
        """How many messages of others lie above what was read; `UNREAD_MAX` means as many or more.
        One that was deleted is not counted."""
        ...

    def first_unread(self, conversation: ConversationId) -> OpId | None:
        """Of the first of those in each author's chain the first in display order; None for
        none."""
        ...

    def marks_to(self, id: OpId) -> list[PutReadMark]:
        """The marks that say that everything is read up to a message, in display order, of its
        conversation: those that say more than what is marked, ordered by device.

        Raises `UnknownMessage`.
        """
        ...

    def close(self) -> None:
        """Release everything; idempotent."""
        ...


class AsyncStore(Protocol):
    """A `Store` for trio tasks: the same answers and errors, without blocking the others."""

    async def commit(self, changes: Sequence[Change]) -> None:
        """As `Store.commit`. Once called it runs to its end: cancellation waits for it, so a
        caller never wonders whether its changes are on disk."""
        ...

    async def ops(self, query: OpsRead) -> list[StoredOp]: ...

    async def op(self, id: OpId) -> StoredOp | None: ...

    async def history(self, conversation: ConversationId, page: Page) -> list[Message]: ...

    async def message(self, id: OpId) -> Message | None: ...

    async def search(
        self, query: Query, conversation: ConversationId | None, limit: int
    ) -> list[Message]: ...

    async def authors(self, conversation: ConversationId) -> list[tuple[AccountId, str]]: ...

    async def receipts(self, conversation: ConversationId) -> list[PutReceipt]: ...

    async def unread(self, conversation: ConversationId) -> int: ...

    async def first_unread(self, conversation: ConversationId) -> OpId | None: ...

    async def marks_to(self, id: OpId) -> list[PutReadMark]: ...


class AsyncMailboxStore(Protocol):
    """A `store.mailbox_port.MailboxStore` for trio tasks, without blocking the others."""

    async def snapshot(self) -> list[StoredMailbox]: ...

    async def commit(self, changes: Sequence[MailboxChange]) -> list[Removed]:
        """As `MailboxStore.commit`. Once called it runs to its end: cancellation waits for it."""
        ...

    async def page(self, query: PageQuery) -> MailboxPage: ...
