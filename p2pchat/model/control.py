"""What control ops of a room by invitation say: who founded it, who may do what, which epoch.

Values alone. What follows from a set of them is `protocol.membership`; their bytes are
`wire.control`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum

from p2pchat.model.ids import AccountId, DeviceId, OpId
from p2pchat.model.op import Position

__all__ = [
    "Admission",
    "Control",
    "ControlOp",
    "Cut",
    "Detail",
    "DeviceRevoked",
    "Epoch",
    "Genesis",
    "History",
    "Invite",
    "InviteRevoked",
    "Leave",
    "Link",
    "Pin",
    "SetDetail",
    "SetStanding",
    "Standing",
    "TalkFloor",
    "TalkHead",
]


class Standing(IntEnum):
    """What an account is in a room. Of several at once the larger number counts: the more
    restrictive. A number never changes its meaning."""

    OWNER = 0
    """By genesis alone: nobody becomes one, and no op takes it away."""
    ADMIN = 1
    MEMBER = 2
    READ_ONLY = 3
    REMOVED = 4
    """Not a member: removed, gone by itself, or a ban was lifted."""
    BANNED = 5

    @property
    def may_read(self) -> bool:
        return self <= Standing.READ_ONLY

    @property
    def may_write(self) -> bool:
        return self <= Standing.MEMBER

    @property
    def may_administer(self) -> bool:
        return self <= Standing.ADMIN


class History(IntEnum):
    """How much of what was said before a member came it may have."""

    NONE = 0
    """What is said to it: by who knows that it is in."""
    SINCE_JOINING = 1
    """That, and what who let it in had not heard yet."""
    LAST = 2
    """That, and the last messages that who let it in had."""
    ALL = 3


@dataclass(frozen=True, slots=True)
class Genesis:
    """What a room begins with; its id is the hash of these bytes."""

    owners: tuple[AccountId, ...]
    """1 to 3 accounts, sorted."""
    history: History
    history_last: int
    """How many messages, for `History.LAST`; else 0."""
    name: str
    nonce: bytes
    """Makes two rooms of one name two rooms."""
    commitment: bytes
    """The hash of the room's secret."""


@dataclass(frozen=True, slots=True)
class TalkHead:
    """The last op of a talk chain that somebody had."""

    seq: int
    head: OpId

    def is_over(self, position: Position) -> bool:
        """Whether a talk op of the chain is this one, or lies below."""
        return position.seq < self.seq or (position.seq, position.head) == (self.seq, self.head)


@dataclass(frozen=True, slots=True)
class Cut:
    """Where one device of an account stood for whoever limits that account: what lies on these
    chains was written before."""

    device: DeviceId
    control: tuple[OpId, ...]
    talk: tuple[TalkHead, ...]


@dataclass(frozen=True, slots=True)
class TalkFloor:
    """From where on an account that is let in may have the talk of a device, whatever that device
    knew of it (`protocol.histories`)."""

    device: DeviceId
    seq: int


@dataclass(frozen=True, slots=True)
class SetStanding:
    """An owner or admin says what an account is from now on. A device that `cuts` does not name
    had written nothing."""

    account: AccountId
    standing: Standing
    cuts: tuple[Cut, ...] = ()
    floors: tuple[TalkFloor, ...] = ()
    """By device; only of whom it lets in."""


@dataclass(frozen=True, slots=True)
class Leave:
    """A member goes by itself."""


@dataclass(frozen=True, slots=True)
class Epoch:
    """An owner or admin opens an epoch, whose secret hashes to `commitment`."""

    commitment: bytes


@dataclass(frozen=True, slots=True)
class DeviceRevoked:
    """A device acts for its account no more: of what it wrote, the op's past and what these heads
    stand for stays."""

    account: AccountId
    device: DeviceId
    talk: tuple[TalkHead, ...]
    proof: bytes = field(repr=False)
    """The account key's revocation, signed; it was verified."""


@dataclass(frozen=True, slots=True)
class Link:
    """Says nothing; an admin's later ops follow what it depends on."""


@dataclass(frozen=True, slots=True)
class Invite:
    """An owner or admin lets in whoever holds the private half of a key."""

    key: bytes
    uses: int
    """So many accounts, at least one."""
    expires_ms: int
    """Judged by whoever admits, on its own clock."""


@dataclass(frozen=True, slots=True)
class InviteRevoked:
    """Who gave an invitation, or an owner, takes it back: whoever was let in by it unknown to the
    author of this was not."""

    invite: OpId


@dataclass(frozen=True, slots=True)
class Admission:
    """A member lets in who has shown an invitation."""

    account: AccountId
    invite: OpId
    key: bytes
    proof: bytes = field(repr=False)
    """The key's signature over invitation and account; it was verified."""
    floors: tuple[TalkFloor, ...] = ()


class Detail(IntEnum):
    """What a room says of itself. A number never changes its meaning."""

    NAME = 1
    DESCRIPTION = 2
    ANNOUNCEMENT = 3


@dataclass(frozen=True, slots=True)
class SetDetail:
    """An owner or admin says one of these anew; empty for nothing, but for the name."""

    detail: Detail
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Pin:
    """An owner or admin keeps a message in sight, or no longer."""

    message: OpId
    is_on: bool


Control = (
    Genesis
    | SetStanding
    | Leave
    | Epoch
    | DeviceRevoked
    | Link
    | Invite
    | InviteRevoked
    | Admission
    | SetDetail
    | Pin
)


@dataclass(frozen=True, slots=True)
class ControlOp:
    """What membership needs to know of a control op."""

    id: OpId
    account: AccountId
    device: DeviceId
    parents: tuple[OpId, ...]
    """`prev` and `deps`: everything that its author knew follows from them."""
    control: Control | None
    """None for what this version does not know, or what does not decode: it only links others."""
    seq: int = 0
    """Its place in its chain. If that is not 0 the first of `parents` is the op before it."""
