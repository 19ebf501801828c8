"""Questions to the store that machines may ask by `Load`, and what comes back."""

from __future__ import annotations

from dataclasses import dataclass

from p2pchat.model.ids import ConversationId, DeviceId, OpId
from p2pchat.model.op import Chain

__all__ = ["OpsQuery", "StoredOp"]


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


@dataclass(frozen=True, slots=True)
class StoredOp:
    """An op as it lies on disk: exactly the bytes that were verified."""

    id: OpId
    seq: int
    header: bytes
    signature: bytes
    content: bytes | None

    @property
    def size_bytes(self) -> int:
        """What it counts towards `OpsQuery.bytes_max`."""
        return len(self.header) + len(self.signature) + len(self.content or b"")
