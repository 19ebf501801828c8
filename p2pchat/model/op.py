"""Ops: everything a user does is a signed entry in a log of the user's device.

A device keeps two chains in a conversation: `CONTROL` (who may take part) and `TALK` (all else).
The header names its predecessor by hash, so that a chain proves its own completeness; the device
signs the header's exact bytes and the id is their hash. Nothing is ever encoded again to verify.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum

from p2pchat.model.ids import AccountId, ConversationId, DeviceId, OpId

__all__ = ["HLC_COUNTER_BITS", "Chain", "Header", "Kind", "Op", "Position"]

HLC_COUNTER_BITS = 16
"""Of a hybrid logical clock; above them stand its milliseconds."""


class Chain(IntEnum):
    """Which of a device's two chains in a conversation."""

    CONTROL = 0
    TALK = 1


class Kind(IntEnum):
    """What an op does. A number never changes its meaning; unknown ones are kept and served."""

    REQUEST = 1
    ACCEPT = 2
    REJECT = 3
    GENESIS = 8
    STANDING = 9
    LEAVE = 10
    EPOCH = 11
    DEVICE_REVOKED = 12
    LINK = 13
    PROFILE = 32
    TEXT = 33
    MAY_INTRODUCE = 40
    INTRODUCTION_CONSENT = 41
    INTRODUCE = 42

    @property
    def chain(self) -> Chain:
        return Chain.CONTROL if self < Kind.PROFILE else Chain.TALK


@dataclass(frozen=True, slots=True)
class Position:
    """A place in a chain: the op at `seq`, whose hash is `head`."""

    device: DeviceId
    chain: Chain
    seq: int
    head: OpId


@dataclass(frozen=True, slots=True)
class Header:
    """What the device signs."""

    conversation: ConversationId
    chain: Chain
    account: AccountId
    device: DeviceId
    seq: int
    """0 for the first op of the chain."""
    prev: OpId | None
    """None exactly when `seq` is 0."""
    hlc: int
    """Hybrid logical clock: 48 bits of milliseconds, 16 bits of counter; for display only."""
    kind: int
    content_hash: bytes
    """BLAKE2b-256 of the content, so that deleting the content keeps the chain verifiable."""
    deps: tuple[OpId, ...] = ()
    """Control heads the author knew; a missing one holds the op back."""
    after: tuple[OpId, ...] = ()
    """At most 4 talk heads the author had shown; orders the display, holds nothing back."""
    devices: bytes = b""
    """BLAKE2b-256 of the device set the author acted under."""

    @property
    def written_ms(self) -> int:
        """When the author says that it was written, by the wall clock."""
        return self.hlc >> HLC_COUNTER_BITS


@dataclass(frozen=True, slots=True)
class Op:
    """A header with its exact bytes, the signature over them, and the content."""

    id: OpId
    header: Header
    header_bytes: bytes
    signature: bytes
    content: bytes | None = field(repr=False)
    """None once it was deleted."""

    @property
    def size_bytes(self) -> int:
        """What it counts towards every limit in bytes."""
        return len(self.header_bytes) + len(self.signature) + len(self.content or b"")

    @property
    def position(self) -> Position:
        header = self.header
        return Position(header.device, header.chain, header.seq, self.id)
