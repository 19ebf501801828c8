"""Questions to the store that machines may ask by `Load`, and what comes back."""

from __future__ import annotations

from dataclasses import dataclass

from p2pchat.model.ids import ConversationId, DeviceId, OpId
from p2pchat.model.op import Chain

__all__ = ["LatestQuery", "NamedQuery", "OpsQuery", "OpsRead", "StoredDeletion", "StoredOp"]


@dataclass(frozen=True, slots=True)
class OpsQuery:
    """Ops of one chain with `seq >= from_seq`, in order, until `limit` or `bytes_max` is reached
    (at least one when there is one)."""

    conversation: ConversationId
    device: DeviceId
    chain: Chain
    from_seq: int
    limit: int
    bytes_max: int
    turns: bool = False
    """Only talk ops that say that the one before was written in knowledge of others."""


@dataclass(frozen=True, slots=True)
class LatestQuery:
    """Of the newest `messages` messages of a conversation, as they are shown, the first of each
    device: whose newest message is the newest comes first. At most `limit` devices."""

    conversation: ConversationId
    messages: int
    limit: int


@dataclass(frozen=True, slots=True)
class NamedQuery:
    """Ops of a conversation by their ids, those that are here, in this order."""

    conversation: ConversationId
    ids: tuple[OpId, ...]


OpsRead = OpsQuery | LatestQuery | NamedQuery


@dataclass(frozen=True, slots=True)
class StoredDeletion:
    """The op that deleted another's content; its own is empty."""

    header: bytes
    signature: bytes

    @property
    def size_bytes(self) -> int:
        return len(self.header) + len(self.signature)


@dataclass(frozen=True, slots=True)
class StoredOp:
    """An op as it lies on disk: exactly the bytes that were verified."""

    id: OpId
    seq: int
    header: bytes
    signature: bytes
    content: bytes | None
    deletion: StoredDeletion | None = None
    """Where there is no content."""

    @property
    def size_bytes(self) -> int:
        """What it counts towards `OpsQuery.bytes_max`."""
        own = len(self.header) + len(self.signature) + len(self.content or b"")
        return own + (self.deletion.size_bytes if self.deletion is not None else 0)
