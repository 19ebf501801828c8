"""What machines ask to be put on disk: a closed union of small frozen values.

Each is idempotent: applying it twice is applying it once.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum

from p2pchat.model.blocking import Target
from p2pchat.model.contact import ContactState
from p2pchat.model.ids import AccountId, ConversationId, DeviceId, OpId, PeerId
from p2pchat.model.op import Chain, Op
from p2pchat.model.ratchet import MailChange
from p2pchat.model.room import RoomKind
from p2pchat.model.room_change import RoomChange

__all__ = [
    "AddDeletion",
    "AddEdit",
    "AddMessage",
    "AddOp",
    "AddReaction",
    "Change",
    "Counting",
    "DropBlock",
    "DropConversation",
    "DropPeer",
    "PutBlock",
    "PutContact",
    "PutConversation",
    "PutDeviceSet",
    "PutDraft",
    "PutName",
    "PutPeer",
    "PutProfile",
    "PutReadMark",
    "PutReceipt",
    "PutSetting",
    "PutTrust",
    "RestoreContent",
    "SetDelivery",
    "SetFloor",
    "SetPublished",
    "SetTelling",
]


@dataclass(frozen=True, slots=True)
class AddOp:
    """Append an op; it becomes a head of its chain in place of its `prev` (a second op with the
    same `prev` is a fork: both stay, both are heads)."""

    op: Op
    sort_key: int
    """Display order, fixed when applied; at most 2^63 - 1."""
    received_ms: int
    is_stopped: bool = False
    """Whether the part of the chain that is for somebody may end below it."""
    is_beneath: bool = False
    """Whether it belongs to a part below the chain's floor, and is no head."""


class Counting(IntEnum):
    """Who keeps count of how far a message comes. A number never changes its meaning."""

    NOBODY = 0
    """Nothing is left to count: it came from somebody else, or had been delivered before."""
    HERE = 1
    """This device wrote it."""
    ELSEWHERE = 2
    """Another device of ours wrote it, and knows more than that it is on its way."""


@dataclass(frozen=True, slots=True)
class AddMessage:
    """Show an op as a message: text for paging and search. The op comes before it, in the same
    commit or an earlier one; if it has no content, the message is one that was deleted."""

    op: OpId
    conversation: ConversationId
    author: AccountId
    device: DeviceId
    seq: int
    own: Counting
    text: str = field(repr=False)
    type: str
    sent_ms: int
    received_ms: int
    sort_key: int
    reply_to: OpId | None


@dataclass(frozen=True, slots=True)
class AddEdit:
    """An op, which comes before it, edits a message that need not be here yet. It counts if the
    message is of the same account; of several the latest by (`hlc`, `op`) is shown."""

    op: OpId
    conversation: ConversationId
    target: OpId
    account: AccountId
    hlc: int
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class AddDeletion:
    """An op, which comes before it, deletes a message that need not be here yet. If the message is
    of the same account, the contents of its op and of its edits go, also of those still to come."""

    op: OpId
    conversation: ConversationId
    target: OpId
    account: AccountId


@dataclass(frozen=True, slots=True)
class AddReaction:
    """An op, which comes before it, puts an emoji to a message that need not be here yet, or takes
    it away. The latest by (`hlc`, `op`) counts for each account and emoji, and of these the latest
    `REACTIONS_MAX` of an account."""

    op: OpId
    conversation: ConversationId
    target: OpId
    account: AccountId
    hlc: int
    emoji: str
    is_on: bool


@dataclass(frozen=True, slots=True)
class RestoreContent:
    """An op that came without its content, for a deletion that does not count, is whole after all;
    nothing, if a deletion that counts has taken it, or it is not here. Of a message this is what it
    says."""

    op: Op
    text: str = field(default="", repr=False)
    reply_to: OpId | None = None


@dataclass(frozen=True, slots=True)
class SetFloor:
    """A chain begins above (`seq`, `prev`): ops of it with a lower seq are removed, messages too,
    and lie outside by policy. `seq` is the first that is kept; `prev` the hash just below.

    A head just below the floor stays though its op goes: the chain continues from it. Heads
    further below lie outside, too. Where it `spares` what lies below, that stays to be shown: the
    chain goes on above what is not for us."""

    conversation: ConversationId
    device: DeviceId
    chain: Chain
    seq: int
    prev: OpId
    spares: bool = False
    """Not kept: a floor comes back without."""


@dataclass(frozen=True, slots=True)
class SetDelivery:
    """How far one recipient device has come with OUR ops of one conversation: counts of ops of
    each chain, so 0 means none (the newest acknowledged seq plus one)."""

    conversation: ConversationId
    account: AccountId
    device: DeviceId
    control_acked: int
    talk_acked: int
    talk_sent: int
    attempts: int
    next_try_ms: int
    """Wall clock of the next try, 0 when nothing is owed."""
    last_error: str
    talk_read: int = 0
    """So many a person has read at that device, as it signed."""


@dataclass(frozen=True, slots=True)
class SetPublished:
    """So many of our talk ops were handed to at least one peer of the room."""

    conversation: ConversationId
    talk_sent: int


@dataclass(frozen=True, slots=True)
class PutReceipt:
    """The newest receipt of a device, as it was signed: the proof of delivery."""

    conversation: ConversationId
    device: DeviceId
    body: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class PutReadMark:
    """What a device has said below this place of its talk chain was read here; the highest counts,
    whatever order they come in."""

    conversation: ConversationId
    device: DeviceId
    below: int


@dataclass(frozen=True, slots=True)
class SetTelling:
    """Whether those who write in a conversation are told what was read; None where that is as it is
    everywhere."""

    conversation: ConversationId
    is_on: bool | None


@dataclass(frozen=True, slots=True)
class PutDraft:
    """What was begun to be written in a conversation; empty for nothing."""

    conversation: ConversationId
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class PutContact:
    """Insert or replace a contact."""

    account: AccountId
    conversation: ConversationId
    state: ContactState
    created_ms: int
    intro: bytes = field(repr=False)
    """16-byte token of the contact link we were given (empty when the other side asked)."""


@dataclass(frozen=True, slots=True)
class PutName:
    """The newest name of an account (last writer wins by `hlc`, decided by the machine)."""

    account: AccountId
    name: str
    hlc: int


@dataclass(frozen=True, slots=True)
class PutProfile:
    """What an account says of itself beside its name; the newest by `hlc`."""

    account: AccountId
    bio: str
    avatar: bytes = field(repr=False)
    """A WebP image, or empty."""
    hlc: int


@dataclass(frozen=True, slots=True)
class PutTrust:
    """How sure we are that a contact's account key is the person's."""

    account: AccountId
    verified_ms: int
    """When the user compared it; 0 while it was not, or when a claim made it doubtful."""
    claimed: AccountId | None
    """The other account for which one of the contact's devices spoke last."""
    is_confirmed: bool
    """Whether the user has seen that claim and wants to go on."""
    devices: tuple[DeviceId, ...] = ()
    """Which devices made such claims since the key was compared last; each is told once."""


@dataclass(frozen=True, slots=True)
class PutConversation:
    """Insert or replace a conversation. `kind` None is a direct one, whose name stays empty."""

    conversation: ConversationId
    kind: RoomKind | None
    name: str
    created_ms: int


@dataclass(frozen=True, slots=True)
class DropConversation:
    """Forget a conversation with all that belongs to it, but what one device said in it: perhaps
    nobody else has that. Its talk chain stays with heads, floor and messages, to be gone on with;
    it is not shown before the conversation is entered again. A contact stays, for it is a person.
    """

    conversation: ConversationId
    device: DeviceId


@dataclass(frozen=True, slots=True)
class PutDeviceSet:
    """The device set of an account, as it was signed."""

    account: AccountId
    raw: bytes


@dataclass(frozen=True, slots=True)
class PutPeer:
    """Where a peer was reached last; dialled at the next start."""

    peer: PeerId
    addresses: tuple[str, ...]
    """Without `/p2p/<peer>` at the end, best first."""
    last_seen_ms: int


@dataclass(frozen=True, slots=True)
class DropPeer:
    """Forget a peer's addresses."""

    peer: PeerId


@dataclass(frozen=True, slots=True)
class PutSetting:
    """A small named value, such as the ports of the last life."""

    name: str
    value: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class PutBlock:
    """An account, a peer or a network is blocked."""

    target: Target
    blocked_ms: int


@dataclass(frozen=True, slots=True)
class DropBlock:
    """It is blocked no longer."""

    target: Target


Change = (
    AddOp
    | AddMessage
    | AddEdit
    | AddDeletion
    | AddReaction
    | RestoreContent
    | SetFloor
    | SetDelivery
    | SetPublished
    | PutReceipt
    | PutReadMark
    | SetTelling
    | PutDraft
    | PutContact
    | PutName
    | PutProfile
    | PutTrust
    | PutConversation
    | DropConversation
    | PutDeviceSet
    | PutPeer
    | DropPeer
    | PutBlock
    | DropBlock
    | PutSetting
    | RoomChange
    | MailChange
)
