"""What rooms by invitation and by password ask to be put on disk beside their ops."""

from __future__ import annotations

from dataclasses import dataclass, field

from p2pchat.model.ids import AccountId, ConversationId, DeviceId, OpId
from p2pchat.model.query import StoredOp

__all__ = [
    "NO_GENESIS",
    "DropEpoch",
    "DropSpan",
    "ExpectMember",
    "ForgetMember",
    "PutEpoch",
    "PutLeave",
    "PutRoom",
    "PutSpan",
    "RoomChange",
    "SetLost",
    "SetSettled",
]

NO_GENESIS = b""
"""Of a room by password, which nobody began."""


@dataclass(frozen=True, slots=True)
class PutRoom:
    """How a room began, and the secret by which its members meet; goes with its conversation. Of a
    room by password the secret is its key."""

    conversation: ConversationId
    genesis: bytes
    secret: bytes = field(repr=False)
    inviter: AccountId | None = None
    """Who took us in; None for a room of our own account's."""
    is_entered: bool = True
    """False while it is not known whether we are a member, or want to be."""


@dataclass(frozen=True, slots=True)
class PutLeave:
    """The op by which we left, or as an owner put somebody out last, for whoever takes us for a
    member still, after what stands before it on our chain: perhaps nobody else has that. Goes with
    its conversation, so it is put after that was dropped."""

    conversation: ConversationId
    ops: tuple[StoredOp, ...]
    """In the order of the chain; at least one."""


@dataclass(frozen=True, slots=True)
class PutEpoch:
    """The secret of an epoch that a control op opened; goes with its conversation."""

    conversation: ConversationId
    op: OpId
    secret: bytes = field(repr=False)
    learned_ms: int


@dataclass(frozen=True, slots=True)
class DropEpoch:
    """It opens nothing any more."""

    conversation: ConversationId
    op: OpId


@dataclass(frozen=True, slots=True)
class ExpectMember:
    """An account is a member of a room by invitation: of our talk it shall have what we wrote from
    `since` on (a count of ops, so 0 means all); replaces what was expected of it."""

    conversation: ConversationId
    account: AccountId
    since: int


@dataclass(frozen=True, slots=True)
class ForgetMember:
    """It is a member no more, and nothing is expected of it."""

    conversation: ConversationId
    account: AccountId


@dataclass(frozen=True, slots=True)
class SetSettled:
    """So many of our talk ops in a room by invitation were delivered, and so many of them read,
    whoever comes or goes."""

    conversation: ConversationId
    talk: int
    read: int = 0


@dataclass(frozen=True, slots=True)
class SetLost:
    """These of our talk ops, each range from one place to below another, are never delivered: of
    whom they were expected nobody is a member any more. Replaces what was said before."""

    conversation: ConversationId
    ranges: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class PutSpan:
    """A part of a talk chain, from `seq` to `end`, has a hole above it: what lies there is for
    others. It replaces what was said of a part that begins there. Its ops are not dropped with what
    lies below a floor."""

    conversation: ConversationId
    account: AccountId
    device: DeviceId
    seq: int
    prev: OpId
    """The hash just below; zeros where it begins with the chain."""
    end: int
    id: OpId
    """The op at `end`."""
    sort_key: int


@dataclass(frozen=True, slots=True)
class DropSpan:
    """A part that begins there is told apart no more; its ops stay."""

    conversation: ConversationId
    device: DeviceId
    seq: int


RoomChange = (
    PutRoom
    | PutLeave
    | PutEpoch
    | DropEpoch
    | ExpectMember
    | ForgetMember
    | SetSettled
    | SetLost
    | PutSpan
    | DropSpan
)
