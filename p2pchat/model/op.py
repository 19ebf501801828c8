"""Ops: everything a user does is a signed entry in a log of the user's device.

A device keeps two chains in a conversation: `CONTROL` (who may take part) and `TALK` (all else).
The header names its predecessor by hash, so that a chain proves its own completeness; the device
signs the header's exact bytes and the id is their hash. Nothing is ever encoded again to verify.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum

from p2pchat.model.ids import AccountId, ConversationId, DeviceId, OpId

__all__ = [
    "HLC_COUNTER_BITS",
    "PARTS_MAX",
    "STOPS_MAX",
    "WORDLESS_MAX",
    "Chain",
    "Header",
    "Kind",
    "Op",
    "Position",
    "covers",
    "edited",
]

HLC_COUNTER_BITS = 16
"""Of a hybrid logical clock; above them stand its milliseconds."""
PARTS_MAX = 64
"""Parts of one talk chain that are told apart, where not all of it is for everybody."""
STOPS_MAX = 256
"""Places of one talk chain at which it may end for somebody, and goes on for others."""
WORDLESS_MAX = 64
"""Ops of one device's talk in a conversation, the newest, that are known to have come without their
content."""


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
    INVITE = 14
    INVITE_REVOKED = 15
    ADMISSION = 16
    DETAIL = 17
    PIN = 19
    PROFILE = 32
    TEXT = 33
    EDIT = 34
    DELETE = 35
    REACTION = 36
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
    refers: OpId | None = None
    """The op that this one changes; here and not in the content, so that it is known for good."""
    was: tuple[OpId, ...] = ()
    """In a talk chain of a room that does not show all its history: what the op before had in
    `deps`, where that was something else. So each op tells whom the one before was said to."""

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
    deletion: Op | None = None
    """The op that deleted the content, whose own content is empty."""

    @property
    def size_bytes(self) -> int:
        """What it counts towards every limit in bytes."""
        own = len(self.header_bytes) + len(self.signature) + len(self.content or b"")
        return own + (self.deletion.size_bytes if self.deletion is not None else 0)

    @property
    def position(self) -> Position:
        header = self.header
        return Position(header.device, header.chain, header.seq, self.id)


def covers(deletion: Op, op: Op) -> bool:
    """Whether a deletion takes away the content of an op: a text that it refers to, or an edit of
    that text, by the same account. Nothing else of a log can be taken away."""
    ours, theirs = deletion.header, op.header
    is_of_it = (theirs.kind == Kind.TEXT and ours.refers == op.id) or (
        theirs.kind == Kind.EDIT and ours.refers == theirs.refers
    )
    return (
        ours.kind == Kind.DELETE
        and ours.refers is not None
        and ours.conversation == theirs.conversation
        and ours.account == theirs.account
        and is_of_it
    )


def edited(header: Header) -> OpId | None:
    """Which message an op edits, if it edits one."""
    return header.refers if header.kind == Kind.EDIT else None
