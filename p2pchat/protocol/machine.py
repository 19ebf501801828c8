"""The chat's vocabulary: what it hears and what it decides.

The driver carries out the effects of a whole batch in this order: every `Publish` and `Post` is
sealed; every `Persist` is committed in one transaction; `Send`, `Publish` and `Dial` go out; then
`Reply`, then `Emit`. So nothing leaves before it is on disk, and nobody is told what could still be
lost.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

from p2pchat.events import Event
from p2pchat.model.blocking import BlockList, Target
from p2pchat.model.change import Change
from p2pchat.model.ids import AccountId, ConversationId, DeviceId, OpId
from p2pchat.model.machine import ClearTimer, Reply, SetTimer, TimerFired
from p2pchat.model.message import MessageState
from p2pchat.model.op import Chain, Position
from p2pchat.model.query import OpsRead, StoredOp
from p2pchat.protocol.composing_vocabulary import ComposingCommand
from p2pchat.protocol.intake_vocabulary import ForIntake
from p2pchat.protocol.mail_vocabulary import ForMail, ForPairs, MailEffect, MailInput
from p2pchat.protocol.reading_vocabulary import ReadingCommand
from p2pchat.protocol.relation_vocabulary import ChangeMessage, Look, Looked
from p2pchat.protocol.room_vocabulary import (
    BeginSession,
    ChangeStanding,
    CreateRoom,
    DrawEpoch,
    EpochDrawn,
    ForHistory,
    ForLeaving,
    HoldEpochs,
    JoinOpen,
    JoinWithPassword,
    LearnSession,
    RoomCommand,
    RoomKeyEffect,
    ShareSession,
    Unreadable,
)
from p2pchat.protocol.sealing import EpochKey, RoomSecret
from p2pchat.wire.contents import Profile
from p2pchat.wire.devices import DeviceSet
from p2pchat.wire.frames import Frame, Ops, Wanted
from p2pchat.wire.links import ContactLink
from p2pchat.wire.receipts import SignedReceipt

__all__ = [
    "AcceptContact",
    "AddContact",
    "AnswerIntroduction",
    "BeginSession",
    "BlockTarget",
    "ChangeStanding",
    "CompareKeys",
    "ConfigureBlocks",
    "ConfirmKey",
    "Consent",
    "CreateRoom",
    "DevicesTold",
    "Dial",
    "DialFailed",
    "DrawEpoch",
    "Drop",
    "Effect",
    "Emit",
    "EnforceBlocks",
    "EnterTopic",
    "EpochDrawn",
    "Exchange",
    "FinishComparison",
    "Flush",
    "ForOutbox",
    "ForPull",
    "ForReceipt",
    "ForStates",
    "Heard",
    "HoldEpochs",
    "Input",
    "IntroduceContact",
    "JoinOpen",
    "JoinWithPassword",
    "Lane",
    "LearnSession",
    "LeaveRoom",
    "LeaveTopic",
    "Load",
    "Loaded",
    "PeerDown",
    "PeerUp",
    "Persist",
    "Publish",
    "Published",
    "Received",
    "RejectContact",
    "RemoveContact",
    "RenewLink",
    "ReviseDevices",
    "RoomPeerJoined",
    "RoomPeerLeft",
    "Send",
    "SendFailed",
    "SendText",
    "SetProfile",
    "ShareSession",
    "UnblockTarget",
    "Unreadable",
    "VerifyContact",
]


class Lane(Enum):
    """Which long-lived stream to a peer: messages, or catching up."""

    LIVE = "/dchat/direct/1.0.0"
    SYNC = "/dchat/sync/1.0.0"


# Commands: each is answered by one `Reply` of its id.


@dataclass(frozen=True, slots=True)
class SendText:
    """Answered by the `Message`, queued."""

    id: int
    conversation: ConversationId
    text: str = field(repr=False)
    reply_to: OpId | None = None


@dataclass(frozen=True, slots=True)
class AddContact:
    """Ask the owner of a link; answered by `ContactInfo`."""

    id: int
    link: ContactLink
    pair_half: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class AcceptContact:
    """Answered by `ContactInfo`."""

    id: int
    account: AccountId
    pair_half: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class RejectContact:
    """Answered by None."""

    id: int
    account: AccountId


@dataclass(frozen=True, slots=True)
class RemoveContact:
    """Take back that somebody is a contact, or that we asked; answered by None."""

    id: int
    account: AccountId


@dataclass(frozen=True, slots=True)
class RenewLink:
    """Give another token away from now on; answered by None."""

    id: int
    intro: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class IntroduceContact:
    """Introduce a contact to another one, if they want to; answered by None."""

    id: int
    account: AccountId
    to: AccountId


@dataclass(frozen=True, slots=True)
class Consent:
    """What a yes to an introduction is made of."""

    intro: bytes = field(repr=False)
    """The token of a link of ours for one account."""
    pair_half: bytes = field(repr=False)
    addresses: tuple[str, ...]
    """Where we are."""


@dataclass(frozen=True, slots=True)
class AnswerIntroduction:
    """A yes, or a no without `consent`, to `introducer` about `account`; answered by None, or by
    `ContactInfo` where the account is asked now."""

    id: int
    introducer: AccountId
    account: AccountId
    consent: Consent | None


@dataclass(frozen=True, slots=True)
class LeaveRoom:
    """Forget a room with its history; answered by None."""

    id: int
    conversation: ConversationId


@dataclass(frozen=True, slots=True)
class Flush:
    """Put on disk what waits for the next commit, before somebody reads; answered by None."""

    id: int


@dataclass(frozen=True, slots=True)
class BlockTarget:
    """Refuse an account, a peer or a network; answered by `Block`."""

    id: int
    target: Target


@dataclass(frozen=True, slots=True)
class UnblockTarget:
    """Answered by None."""

    id: int
    target: Target


@dataclass(frozen=True, slots=True)
class ConfigureBlocks:
    """What the configuration blocks, in place of the last; answered by None."""

    id: int
    blocks: BlockList


@dataclass(frozen=True, slots=True)
class ReviseDevices:
    """New certificates or revocations of our own account, signed by its key; answered by None."""

    id: int
    devices: DeviceSet


@dataclass(frozen=True, slots=True)
class VerifyContact:
    """The user compared a contact's key, or takes that back; answered by `ContactInfo`."""

    id: int
    account: AccountId
    is_verified: bool


@dataclass(frozen=True, slots=True)
class ConfirmKey:
    """The user knows that a contact's key is in doubt, and goes on; answered by `ContactInfo`."""

    id: int
    account: AccountId


class Exchange(Protocol):
    """A one-time key pair for a comparison (`crypto.sas`)."""

    public_key: bytes

    def pictures(self, theirs: bytes, info: str) -> tuple[int, ...]:
        """Seven numbers below 64. Raises `MalformedMessage`."""
        ...


@dataclass(frozen=True, slots=True)
class CompareKeys:
    """Ask a contact to compare keys by pictures, or answer one that asks; answered by None."""

    id: int
    account: AccountId
    session: bytes
    exchange: Exchange


@dataclass(frozen=True, slots=True)
class FinishComparison:
    """Whether the pictures are the same; answered by `ContactInfo` if they are, else by None."""

    id: int
    account: AccountId
    is_same: bool


@dataclass(frozen=True, slots=True)
class SetProfile:
    """What we say of ourselves from now on; answered by None."""

    id: int
    profile: Profile


Command = (
    SendText
    | ChangeMessage
    | AddContact
    | AcceptContact
    | RejectContact
    | RemoveContact
    | RenewLink
    | IntroduceContact
    | AnswerIntroduction
    | JoinOpen
    | JoinWithPassword
    | RoomCommand
    | LeaveRoom
    | Flush
    | BlockTarget
    | UnblockTarget
    | ConfigureBlocks
    | ReviseDevices
    | VerifyContact
    | ConfirmKey
    | SetProfile
    | CompareKeys
    | FinishComparison
    | ReadingCommand
    | ComposingCommand
)

# What the network and the disk say.


@dataclass(frozen=True, slots=True)
class Received:
    """A frame on a stream that ends at this device."""

    peer: DeviceId
    frame: Frame


@dataclass(frozen=True, slots=True)
class Heard:
    """A room's blob, opened, that `peer` forwarded to us."""

    conversation: ConversationId
    peer: DeviceId
    ops: Ops


@dataclass(frozen=True, slots=True)
class DevicesTold:
    """A record in the DHT names an account's devices."""

    devices: DeviceSet


@dataclass(frozen=True, slots=True)
class PeerUp:
    """A device is connected."""

    peer: DeviceId


@dataclass(frozen=True, slots=True)
class PeerDown:
    """A device's last connection is gone."""

    peer: DeviceId
    reason: str


@dataclass(frozen=True, slots=True)
class DialFailed:
    """No way led to a device."""

    peer: DeviceId
    reason: str


@dataclass(frozen=True, slots=True)
class SendFailed:
    """What was queued for a device on a lane was dropped: stream lost, or queue full."""

    peer: DeviceId
    lane: Lane
    reason: str


@dataclass(frozen=True, slots=True)
class RoomPeerJoined:
    """A connected peer takes part in a room's topic."""

    conversation: ConversationId
    peer: DeviceId


@dataclass(frozen=True, slots=True)
class RoomPeerLeft:
    conversation: ConversationId
    peer: DeviceId


@dataclass(frozen=True, slots=True)
class Published:
    """Our talk ops below `talk_sent` went out to `peers` peers of the room."""

    conversation: ConversationId
    talk_sent: int
    peers: int


@dataclass(frozen=True, slots=True)
class ForOutbox:
    """These rows are to be sent to a recipient."""

    device: DeviceId
    conversation: ConversationId
    chain: Chain


@dataclass(frozen=True, slots=True)
class ForReceipt:
    """This row tells whether a receipt names our own history at `entry`."""

    signed: SignedReceipt
    entry: Position


@dataclass(frozen=True, slots=True)
class ForPull:
    """These rows answer a peer's pull."""

    peer: DeviceId
    conversation: ConversationId
    wanted: Wanted
    serial: int
    is_seek: bool = False
    """Whether they only tell where the chain goes on for that peer."""


@dataclass(frozen=True, slots=True)
class ForStates:
    """These rows, below `upto`, are own ops whose state changed to `state`."""

    conversation: ConversationId
    upto: int
    state: MessageState


ForRooms = ForHistory | ForLeaving
Tag = ForOutbox | ForReceipt | ForPull | ForStates | ForIntake | ForMail | ForPairs | ForRooms


@dataclass(frozen=True, slots=True)
class Loaded:
    """The answer to a `Load`; the world may have changed since it was asked."""

    tag: Tag
    rows: tuple[StoredOp, ...]


Input = (
    Command
    | Received
    | Heard
    | Unreadable
    | EpochDrawn
    | DevicesTold
    | PeerUp
    | PeerDown
    | DialFailed
    | SendFailed
    | RoomPeerJoined
    | RoomPeerLeft
    | Published
    | Loaded
    | Looked
    | MailInput
    | TimerFired
)

# Effects.


@dataclass(frozen=True, slots=True)
class Load:
    """Read rows; they come back as `Loaded` with the same tag."""

    tag: Tag
    query: OpsRead


@dataclass(frozen=True, slots=True)
class Persist:
    """Part of the batch's one transaction."""

    change: Change


@dataclass(frozen=True, slots=True)
class Send:
    """Queue a frame for a connected device; what cannot be sent comes back as `SendFailed`."""

    peer: DeviceId
    lane: Lane
    frame: Frame


@dataclass(frozen=True, slots=True)
class Publish:
    """Seal ops for a room and publish them on its topic; answered by `Published`."""

    conversation: ConversationId
    ops: Ops
    talk_sent: int
    epoch: EpochKey | None = None
    """In a room by invitation, where our session is sealed in it."""


@dataclass(frozen=True, slots=True)
class Dial:
    """Find a way to a device (hints, known addresses, look-up, circuit); the answer is `PeerUp`
    or `DialFailed`."""

    peer: DeviceId
    hints: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class EnterTopic:
    """Take part in a room's gossip."""

    conversation: ConversationId
    secret: RoomSecret


@dataclass(frozen=True, slots=True)
class LeaveTopic:
    conversation: ConversationId


@dataclass(frozen=True, slots=True)
class EnforceBlocks:
    """The host refuses these from now on, in place of the last."""

    blocks: BlockList


@dataclass(frozen=True, slots=True)
class Emit:
    """Tell subscribers."""

    event: Event


@dataclass(frozen=True, slots=True)
class Drop:
    """The peer broke the rules: reset its streams and count it."""

    peer: DeviceId
    reason: str


Effect = (
    Load
    | Look
    | Persist
    | Send
    | Publish
    | Dial
    | EnterTopic
    | RoomKeyEffect
    | LeaveTopic
    | EnforceBlocks
    | Emit
    | Drop
    | MailEffect
    | Reply
    | SetTimer
    | ClearTimer
)
