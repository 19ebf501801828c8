"""Everything that happens, as frozen values: what a program subscribes to.

Events are told after what they say is on disk. The field names are those of the JSON-RPC
notifications.
"""

from __future__ import annotations

from dataclasses import dataclass

from p2pchat.model.ids import AccountId, ConversationId, OpId, PeerId
from p2pchat.model.introduction import Introduction
from p2pchat.model.message import Message, MessageState
from p2pchat.model.room import RoomInfo

__all__ = [
    "AnnouncementChanged",
    "BootstrapConnected",
    "BootstrapConnecting",
    "ComparisonEnded",
    "ComparisonRequested",
    "ContactAccepted",
    "ContactRequested",
    "ContactVerified",
    "ConversationRead",
    "DescriptionChanged",
    "DeviceAdded",
    "DeviceRevoked",
    "DiagnosisProgress",
    "Event",
    "EventsDropped",
    "ExportProgress",
    "GapFilled",
    "GapFound",
    "IntroductionReceived",
    "JoinFailed",
    "KeyChanged",
    "KeysFetching",
    "KeysReady",
    "LanClockDiffers",
    "LanPeerFound",
    "LanPeerLost",
    "Listening",
    "MembersChanged",
    "MessageDeleted",
    "MessageEdited",
    "MessageReceived",
    "MessageStateChanged",
    "NetworkDetected",
    "NetworkStatusChanged",
    "PathChanged",
    "PeerConnected",
    "PeerDisconnected",
    "PicturesShown",
    "PinChanged",
    "ProfileChanged",
    "ReachabilityChanged",
    "ReactionChanged",
    "Ready",
    "RelayProbed",
    "RelaySelected",
    "RelaysDiscovered",
    "RelaysDiscovering",
    "RoomJoined",
    "RoomRenamed",
    "RoomRequested",
    "SecurityAlert",
    "StartupProgress",
    "TypingChanged",
]


@dataclass(frozen=True, slots=True)
class Event:
    """Base of all events; subscribe to it to hear everything."""


@dataclass(frozen=True, slots=True)
class StartupProgress(Event):
    """A named step of the start (features N10); its class is the step."""


@dataclass(frozen=True, slots=True)
class NetworkDetected(StartupProgress):
    """The machine's own IP addresses; none means offline."""

    addresses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Listening(StartupProgress):
    """The node takes connections at these multiaddrs."""

    addresses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class BootstrapConnecting(StartupProgress):
    """Dialling this many known and configured peers."""

    total: int


@dataclass(frozen=True, slots=True)
class BootstrapConnected(StartupProgress):
    """So many of them answered."""

    connected: int
    total: int


@dataclass(frozen=True, slots=True)
class RelaysDiscovering(StartupProgress):
    """Looking which connected peers relay."""


@dataclass(frozen=True, slots=True)
class RelaysDiscovered(StartupProgress):
    """So many peers offer circuit relay."""

    count: int


@dataclass(frozen=True, slots=True)
class RelayProbed(StartupProgress):
    """One relay's round trip."""

    address: str
    latency_ms: float
    selected: bool


@dataclass(frozen=True, slots=True)
class RelaySelected(StartupProgress):
    """The relay whose reservation we hold."""

    address: str


@dataclass(frozen=True, slots=True)
class KeysFetching(StartupProgress):
    """Publishing our own records, so that others find us."""


@dataclass(frozen=True, slots=True)
class KeysReady(StartupProgress):
    """The fingerprint others verify us by."""

    fingerprint: str


@dataclass(frozen=True, slots=True)
class Ready(StartupProgress):
    """The private network is joined, or our own is open."""

    addresses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NetworkStatusChanged(Event):
    """Health is "good", "poor" or "offline"."""

    health: str
    connected_peers: int


@dataclass(frozen=True, slots=True)
class ReachabilityChanged(Event):
    """Whether others can dial us: "public", "NAT" or "unknown"."""

    reachability: str


@dataclass(frozen=True, slots=True)
class PathChanged(Event):
    """A connected peer is reached in another way: "lan", "direct", "punched" or "relayed"."""

    peer_id: PeerId
    path: str


@dataclass(frozen=True, slots=True)
class PeerConnected(Event):
    """A first connection to this peer is up."""

    peer_id: PeerId


@dataclass(frozen=True, slots=True)
class PeerDisconnected(Event):
    """The last connection to this peer is gone."""

    peer_id: PeerId


@dataclass(frozen=True, slots=True)
class LanPeerFound(Event):
    """A peer on our own network said that it is here, by a name of its choice."""

    peer_id: PeerId
    name: str
    address: str


@dataclass(frozen=True, slots=True)
class LanPeerLost(Event):
    """A peer on our own network said goodbye, fell silent, or is not wanted there any more."""

    peer_id: PeerId


@dataclass(frozen=True, slots=True)
class LanClockDiffers(Event):
    """A peer on our own network is not heard, because its clock is so much ahead of ours (behind,
    when negative)."""

    peer_id: PeerId
    name: str
    difference_s: float


@dataclass(frozen=True, slots=True)
class ContactRequested(Event):
    """Somebody asks to be a contact; nothing else of theirs is taken before `accept`."""

    account: AccountId
    name: str


@dataclass(frozen=True, slots=True)
class IntroductionReceived(Event):
    """A contact asks whether we want to be introduced to somebody, or introduces somebody to us;
    its stage tells which. Nothing happens before we agree."""

    introduction: Introduction


@dataclass(frozen=True, slots=True)
class ContactAccepted(Event):
    """A contact and we have accepted each other."""

    account: AccountId


@dataclass(frozen=True, slots=True)
class ContactVerified(Event):
    """The user compared a contact's account key with the person, or took that back."""

    account: AccountId
    verified: bool


@dataclass(frozen=True, slots=True)
class ComparisonRequested(Event):
    """A contact wants to compare keys by pictures, now."""

    account: AccountId


@dataclass(frozen=True, slots=True)
class PicturesShown(Event):
    """Seven emoji that the contact sees as well, if nobody stands between."""

    account: AccountId
    pictures: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ComparisonEnded(Event):
    """A comparison is over before the user said whether the pictures are the same."""

    account: AccountId
    reason: str


@dataclass(frozen=True, slots=True)
class KeyChanged(Event):
    """A contact's device speaks for another account: nothing is sent to the contact, which is not
    verified any more, before the user confirms."""

    account: AccountId
    claimed: AccountId
    peer_id: PeerId


@dataclass(frozen=True, slots=True)
class DeviceAdded(Event):
    """An account, a contact's or our own, acts through a further device."""

    account: AccountId
    peer_id: PeerId


@dataclass(frozen=True, slots=True)
class DeviceRevoked(Event):
    """A device acts for its account no more, and nothing new of it is taken."""

    account: AccountId
    peer_id: PeerId


@dataclass(frozen=True, slots=True)
class ProfileChanged(Event):
    """What a contact says of itself, or we of ourselves, is new."""

    account: AccountId
    name: str


@dataclass(frozen=True, slots=True)
class TypingChanged(Event):
    """A contact is writing to us, or has stopped. Told only where `typing_notices` are on."""

    account: AccountId
    is_typing: bool


@dataclass(frozen=True, slots=True)
class MessageReceived(Event):
    """A message of somebody else is stored; whether it mentions us."""

    message: Message
    mentions_me: bool = False


@dataclass(frozen=True, slots=True)
class MessageStateChanged(Event):
    """One of our own messages moved on: queued, sent, delivered."""

    message_id: OpId
    state: MessageState


@dataclass(frozen=True, slots=True)
class GapFound(Event):
    """Something that an account said in a conversation is known to be missing; it is asked for from
    all who may have it. `Conversation.completeness()` names it."""

    conversation: ConversationId
    account: AccountId
    missing: int
    """So many ops, as far as is known."""


@dataclass(frozen=True, slots=True)
class GapFilled(Event):
    """Nothing of an account is waited for there any more: it came, or too much waited and it was
    given up until it is seen again."""

    conversation: ConversationId
    account: AccountId


@dataclass(frozen=True, slots=True)
class MessageEdited(Event):
    """A message says something else now; it comes as it is shown."""

    message: Message


@dataclass(frozen=True, slots=True)
class MessageDeleted(Event):
    """Its author took a message back; what it said is gone from our disk."""

    message_id: OpId
    conversation: ConversationId


@dataclass(frozen=True, slots=True)
class ReactionChanged(Event):
    """Somebody put an emoji to a message, or took it away; the message comes as it is shown."""

    message: Message


@dataclass(frozen=True, slots=True)
class ConversationRead(Event):
    """The person at this device has read on; `Conversation.unread` says what is left."""

    conversation: ConversationId


@dataclass(frozen=True, slots=True)
class RoomJoined(Event):
    """A room is ours now."""

    room: RoomInfo


@dataclass(frozen=True, slots=True)
class RoomRequested(Event):
    """Somebody takes us into a room; nothing is said or heard there before `accept_room`."""

    room: RoomInfo
    inviter: AccountId


@dataclass(frozen=True, slots=True)
class JoinFailed(Event):
    """Nobody lets us into a room that we asked to join by a link; `reason` is a sentence."""

    conversation: ConversationId
    name: str
    """What the link calls it."""
    reason: str


@dataclass(frozen=True, slots=True)
class MembersChanged(Event):
    """Somebody wrote in a room for the first time, and counts as a member."""

    conversation: ConversationId


@dataclass(frozen=True, slots=True)
class RoomRenamed(Event):
    """Somebody gave a room another name, or ended what gave it one; it comes as it is now."""

    room: RoomInfo
    account: AccountId


@dataclass(frozen=True, slots=True)
class DescriptionChanged(Event):
    """Somebody said what a room is about; `text` is empty for nothing."""

    conversation: ConversationId
    text: str
    account: AccountId


@dataclass(frozen=True, slots=True)
class AnnouncementChanged(Event):
    """Somebody announced something to a room, or took it back: then `text` is empty."""

    conversation: ConversationId
    text: str
    account: AccountId


@dataclass(frozen=True, slots=True)
class PinChanged(Event):
    """A message of a room is kept in sight, or no longer, by what somebody said: of it, of who had
    pinned it, or of another one that takes its place. The message may not be here."""

    conversation: ConversationId
    message: OpId
    pinned: bool
    account: AccountId


@dataclass(frozen=True, slots=True)
class SecurityAlert(Event):
    """Something that only a fault or an attack explains, such as a forked log."""

    account: AccountId
    reason: str


@dataclass(frozen=True, slots=True)
class DiagnosisProgress(Event):
    """A step of a diagnosis is done: "names", "lists", "peers" or "reachability"."""

    step: str
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class ExportProgress(Event):
    """So much of a home, in ops, is written into an export, or read from one (`is_import`)."""

    done: int
    total: int
    is_import: bool


@dataclass(frozen=True, slots=True)
class EventsDropped(Event):
    """This subscriber read too slowly; read again from history."""

    count: int
