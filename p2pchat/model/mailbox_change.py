"""What happens to the mailboxes that are kept for others, as values for a store.

A mailbox is named by its owner's key. What a store finds to be gone or never to have come in
(deleted, expired, there already) it tells as `Removed`, because whoever decides on puts counts in
memory and does not know each blob.
"""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = [
    "BLOB_OVERHEAD_BYTES",
    "AddBlob",
    "DropBlobs",
    "DropExpired",
    "DropMailbox",
    "Held",
    "MailboxChange",
    "PageQuery",
    "PutMailbox",
    "Removed",
    "StoredMailbox",
]

BLOB_OVERHEAD_BYTES = 256
"""What a blob takes on disk beside itself, generously: small ones cannot fill a disk unseen."""


@dataclass(frozen=True, slots=True)
class Held:
    """So many blobs, and what they take."""

    blobs: int = 0
    size_bytes: int = 0

    def plus(self, other: Held) -> Held:
        return Held(self.blobs + other.blobs, self.size_bytes + other.size_bytes)

    def minus(self, other: Held) -> Held:
        return Held(self.blobs - other.blobs, self.size_bytes - other.size_bytes)


@dataclass(frozen=True, slots=True)
class PutMailbox:
    """A mailbox is there, or has changed."""

    mailbox: bytes
    writers: frozenset[bytes]
    intro: bytes | None
    is_shared: bool
    seen_ms: int
    """When its owner was here last."""
    last_id: int
    """The newest id given to a blob."""


@dataclass(frozen=True, slots=True)
class DropMailbox:
    """A mailbox goes, with all in it."""

    mailbox: bytes


@dataclass(frozen=True, slots=True)
class AddBlob:
    """A blob is kept, unless the mailbox has it."""

    mailbox: bytes
    id: int
    hash: bytes
    is_intro: bool
    stored_ms: int
    blob: bytes = field(repr=False)

    @property
    def held(self) -> Held:
        """What it counts for."""
        return Held(1, len(self.blob) + BLOB_OVERHEAD_BYTES)


@dataclass(frozen=True, slots=True)
class DropBlobs:
    """These go from a mailbox, if they are in it."""

    mailbox: bytes
    ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class DropExpired:
    """Everything goes that was stored before this time."""

    before_ms: int


MailboxChange = PutMailbox | DropMailbox | AddBlob | DropBlobs | DropExpired


@dataclass(frozen=True, slots=True)
class StoredMailbox:
    """A mailbox as a store has it after a restart."""

    row: PutMailbox
    held: Held
    held_intro: Held
    """Of it, what strangers left."""


@dataclass(frozen=True, slots=True)
class Removed:
    """So much of a mailbox is gone, or was counted and never came in."""

    mailbox: bytes
    held: Held
    held_intro: Held


@dataclass(frozen=True, slots=True)
class PageQuery:
    """Which blobs of a mailbox: in the order of arrival, behind the id `after`."""

    mailbox: bytes
    after: int
    since_ms: int
    """What was stored before counts as gone."""
    without_blobs: bool = False
