"""What happens to the mailboxes that are kept for others, as values for a store.

A mailbox is named by its owner's key. What a store finds to be gone or never to have come in
(deleted, expired, there already) it tells as `Removed`, because whoever decides on puts counts in
memory and does not know each blob.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = [
    "BLOB_OVERHEAD_BYTES",
    "STRANGERS",
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
    "held_of",
]

BLOB_OVERHEAD_BYTES = 256
"""What a blob takes on disk beside itself, generously: small ones cannot fill a disk unseen."""
STRANGERS = b""
"""The writer of what was left with an intro key, whichever it was then."""


@dataclass(frozen=True, slots=True)
class Held:
    """So many blobs, and what they take."""

    blobs: int = 0
    size_bytes: int = 0

    def plus(self, other: Held) -> Held:
        return Held(self.blobs + other.blobs, self.size_bytes + other.size_bytes)

    def minus(self, other: Held) -> Held:
        return Held(self.blobs - other.blobs, self.size_bytes - other.size_bytes)


def held_of(left: Mapping[bytes, Held]) -> Held:
    """What all writers left together."""
    return Held(
        sum(one.blobs for one in left.values()), sum(one.size_bytes for one in left.values())
    )


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
    maker: int = 0
    """From where it was made: of an address, what is needed to tell few apart, and no more."""


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
    writer: bytes
    """The key that it came with, or `STRANGERS`."""
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
    left: Mapping[bytes, Held]
    """What is in it, by writer."""


@dataclass(frozen=True, slots=True)
class Removed:
    """So much of a mailbox is gone, or was counted and never came in."""

    mailbox: bytes
    left: Mapping[bytes, Held]
    """By writer."""


@dataclass(frozen=True, slots=True)
class PageQuery:
    """Which blobs of a mailbox: in the order of arrival, behind the id `after`."""

    mailbox: bytes
    after: int
    since_ms: int
    """What was stored before counts as gone."""
    bytes_max: int
    """Of blobs in one page; one is in it, however large."""
    without_blobs: bool = False
