"""What rooms hear and decide, as part of the chat's vocabulary (`machine`)."""

from __future__ import annotations

from dataclasses import dataclass, field

from p2pchat.model.control import Detail, Standing
from p2pchat.model.history import ALL, HistoryRule
from p2pchat.model.ids import AccountId, ConversationId, DeviceId, OpId
from p2pchat.model.room import RoomsFrom
from p2pchat.protocol.sealing import EpochKey
from p2pchat.wire.invite_links import InviteLink
from p2pchat.wire.joining import Join

__all__ = [
    "AcceptRoom",
    "BeginSession",
    "ChangeStanding",
    "CreateRoom",
    "DescribeRoom",
    "DrawEpoch",
    "EndInvite",
    "EpochDrawn",
    "ForHistory",
    "ForLeaving",
    "GiveInvite",
    "GiveUpJoining",
    "HoldEpochs",
    "JoinByLink",
    "JoinOpen",
    "JoinWithPassword",
    "LearnSession",
    "PinMessage",
    "RoomCommand",
    "RoomKeyEffect",
    "SetRoomsFrom",
    "ShareAgain",
    "ShareSession",
    "Unreadable",
]


@dataclass(frozen=True, slots=True)
class JoinOpen:
    """Enter the open room of a name; answered by `RoomInfo`."""

    id: int
    name: str


@dataclass(frozen=True, slots=True)
class JoinWithPassword:
    """Enter a room by password, whose id and key follow from name and password; answered by
    `RoomInfo`."""

    id: int
    name: str
    conversation: ConversationId
    key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class CreateRoom:
    """Begin a room by invitation, with accepted contacts as members and further owners; answered
    by `RoomInfo`. Nonce and secret are random."""

    id: int
    name: str
    members: tuple[AccountId, ...]
    owners: tuple[AccountId, ...]
    nonce: bytes
    secret: bytes = field(repr=False)
    history: HistoryRule = ALL


@dataclass(frozen=True, slots=True)
class ChangeStanding:
    """Say what an account is in a room by invitation from now on; answered by None."""

    id: int
    conversation: ConversationId
    account: AccountId
    standing: Standing


@dataclass(frozen=True, slots=True)
class AcceptRoom:
    """Go into a room that somebody took us into; answered by `RoomInfo`."""

    id: int
    conversation: ConversationId


@dataclass(frozen=True, slots=True)
class DescribeRoom:
    """Give a room another name, description or announcement; answered by `RoomInfo`."""

    id: int
    conversation: ConversationId
    detail: Detail
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class SetRoomsFrom:
    """Into whose rooms we go without a question; answered by None."""

    id: int
    rooms_from: RoomsFrom


@dataclass(frozen=True, slots=True)
class GiveInvite:
    """Invite whoever holds the private half of a key; answered by the id of the op."""

    id: int
    conversation: ConversationId
    key: bytes
    uses: int
    expires_ms: int


@dataclass(frozen=True, slots=True)
class EndInvite:
    """Take an invitation back; answered by None."""

    id: int
    conversation: ConversationId
    invite: OpId


@dataclass(frozen=True, slots=True)
class JoinByLink:
    """Ask to be let into a room; answered by `RoomInfo`, in which our role says how far it is."""

    id: int
    text: str = field(repr=False)
    link: InviteLink


@dataclass(frozen=True, slots=True)
class GiveUpJoining:
    """Ask no more; answered by None."""

    id: int
    conversation: ConversationId


@dataclass(frozen=True, slots=True)
class PinMessage:
    """Keep a message in sight, or no longer; it is the caller's to have looked at. Answered by
    None."""

    id: int
    conversation: ConversationId
    message: OpId
    is_on: bool


RoomCommand = (
    CreateRoom
    | ChangeStanding
    | AcceptRoom
    | DescribeRoom
    | PinMessage
    | SetRoomsFrom
    | GiveInvite
    | EndInvite
    | JoinByLink
    | GiveUpJoining
)


@dataclass(frozen=True, slots=True)
class ForHistory:
    """These rows begin the last messages of a room, for somebody whom we let in: as the user said,
    or because a device shows an invitation."""

    cause: ChangeStanding | tuple[DeviceId, Join]


@dataclass(frozen=True, slots=True)
class ForLeaving:
    """These rows are what our talk in a room may depend on, and our leaving it."""

    command: int
    conversation: ConversationId


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A blob came for a room that we have no key for."""

    conversation: ConversationId
    is_of_epoch: bool = True
    """Whether it opened from outside, so that a member made it, or who was one lately."""


@dataclass(frozen=True, slots=True)
class EpochDrawn:
    """A secret for a new epoch, which nobody else knows yet."""

    conversation: ConversationId
    secret: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class HoldEpochs:
    """Blobs of a room by invitation are opened with these from now on, in place of the last."""

    conversation: ConversationId
    keys: tuple[EpochKey, ...]


@dataclass(frozen=True, slots=True)
class DrawEpoch:
    """Draw a secret for a new epoch; answered by `EpochDrawn`."""

    conversation: ConversationId


@dataclass(frozen=True, slots=True)
class BeginSession:
    """Seal what we publish in a room with a new session from now on."""

    conversation: ConversationId


@dataclass(frozen=True, slots=True)
class ShareSession:
    """Send the key of our session, as it stands before the next blob, to devices of members that
    are connected; they pass it on to the others."""

    conversation: ConversationId
    devices: tuple[DeviceId, ...]
    others: tuple[DeviceId, ...]
    serial: int


@dataclass(frozen=True, slots=True)
class ShareAgain:
    """Send the key as it was shared last to devices that may have lost it."""

    conversation: ConversationId
    devices: tuple[DeviceId, ...]


@dataclass(frozen=True, slots=True)
class LearnSession:
    """Blobs of a device are opened with the key that it sent."""

    conversation: ConversationId
    device: DeviceId
    key: bytes = field(repr=False)


RoomKeyEffect = HoldEpochs | DrawEpoch | BeginSession | ShareSession | ShareAgain | LearnSession
