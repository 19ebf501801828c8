"""What whoever keeps mailboxes asks of a disk: the `MailboxStore` port.

`commit` is one transaction: all of it is on disk when it returns. `store.mailbox_memory` and
`store.mailboxes` implement it; one compliance suite runs over memory, SQLite and PostgreSQL.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from p2pchat.model.mailbox_change import MailboxChange, PageQuery, Removed, StoredMailbox
from p2pchat.wire.mailbox_codec import Page

__all__ = ["MailboxStore"]


class MailboxStore(Protocol):
    """The mailboxes of one relay. Every method raises `Corrupted`, `DiskFull` and other
    `StoreError`s."""

    def snapshot(self) -> list[StoredMailbox]:
        """All mailboxes, and how much is in each."""
        ...

    def commit(self, changes: Sequence[MailboxChange]) -> list[Removed]:
        """Apply all changes in order, in one durable transaction. Answers what went, and what was
        to be added and had been there."""
        ...

    def page(self, query: PageQuery) -> Page:
        """At most `PAGE_BLOBS_MAX` blobs and, unless one alone is larger, as many bytes as the
        query says."""
        ...

    def close(self) -> None:
        """Release everything; idempotent."""
        ...
