"""What is known about the way of one message, at the moment somebody asks: the ground of its
explanation.

Plain values that anybody can make up, so that each cause is tried without a network. All of it was
recorded when it happened; nothing is tried out for the asking.
"""

from __future__ import annotations

from dataclasses import dataclass

from p2pchat.model.contact import ContactState
from p2pchat.model.facts import Attempt, StartFailure
from p2pchat.model.ids import AccountId, OpId
from p2pchat.model.room import Role

__all__ = [
    "DeviceFacts",
    "HereFacts",
    "LinkFacts",
    "MailFacts",
    "MessageFacts",
    "RecipientFacts",
    "RoomFacts",
    "SightFacts",
    "Writer",
]


@dataclass(frozen=True, slots=True)
class Writer:
    """Whose message it is."""

    is_own: bool
    is_this_device: bool = True
    name: str = ""
    received_ms: int = 0
    """When it came here, where somebody else wrote it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkFacts:
    """What our outbox does about one device."""

    is_connected: bool = False
    speaks: tuple[str, ...] = ()
    """The protocols of ours that it told, as far as it is connected."""
    is_handed: bool = False
    """The message was written to its stream, and no receipt has come."""
    is_paused: bool = False
    """No receipt came for long; it is sent again at `next_try_ms`."""
    is_dialling: bool = False
    tries: int = 0
    """That failed, since something last arrived."""
    next_try_ms: int = 0
    last_error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SightFacts:
    """When a device was met, and how dialling it ended last."""

    seen_ms: int = 0
    """When it was last connected; 0 when that is not known."""
    receipt_ms: int = 0
    """The time that its last receipt names."""
    spoken_ms: int = 0
    """The time of the newest that it has said here, as it is shown."""
    tried_ms: int = 0
    attempts: tuple[Attempt, ...] = ()
    """Of the last dial that failed, address by address."""
    is_unfound: bool = False
    """The last look-up of it found nothing."""
    is_barred: bool = False
    """Each address that we know of it lies in a network that we block."""
    is_blocked: bool = False
    """We block the device itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MailFacts:
    """What was left for one device with those who keep its mail."""

    is_kept: bool = False
    """Whether this message lies there."""
    since_ms: int = 0
    relays: tuple[str, ...] = ()
    """Who said that they keep it, as far as this life of the program knows."""
    failure: str = ""
    """Why the last letter was kept by nobody."""
    failed_ms: int = 0
    next_try_ms: int = 0
    is_posting: bool = False


@dataclass(frozen=True, slots=True)
class DeviceFacts:
    """One device of a recipient."""

    peer: str
    link: LinkFacts = LinkFacts()
    sight: SightFacts = SightFacts()
    mail: MailFacts = MailFacts()
    clock_s: float | None = None
    """By how much its clock is ahead of ours, where the LAN does not hear it for that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipientFacts:
    """One account that shall have the message."""

    account: AccountId
    name: str
    has_it: bool = False
    """A device of the account has signed to hold it."""
    held_ms: int = 0
    """When, by that device's clock."""
    has_read: bool = False
    contact: ContactState | None = None
    is_key_doubtful: bool = False
    is_request_out: bool = False
    """What we asked was handed over, or lies in a mailbox."""
    has_answered: bool = False
    """Something that is no yes has come of what we asked."""
    devices: tuple[DeviceFacts, ...] = ()
    """Those that act for the account and were not revoked."""
    are_revoked: bool = False
    """It had devices, and all were revoked."""


@dataclass(frozen=True, slots=True)
class RoomFacts:
    """The room that the message stands in."""

    name: str
    role: Role = Role.MEMBER
    """Ours."""
    is_left: bool = False
    has_epoch: bool = True
    """Whether we hold a secret that blobs can be sealed with now."""
    is_lost: bool = False
    """Whether everybody went of whom the message was expected."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HereFacts:
    """This machine and this client."""

    peers: int = 0
    """Connected ones."""
    has_address: bool = True
    has_route: bool = True
    is_revoked: bool = False
    """This device was revoked by another of ours."""
    is_forked: bool = False
    """This device's own chain in the conversation has two ends: two programs wrote with its key."""
    lan_peers: int = 0
    """Heard on the LAN."""
    lan_wrong_secret: int = 0
    """Datagrams of the last minute that were refused for their secret."""
    clocks_differing: int = 0
    """Peers that the LAN does not hear for their clocks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageFacts:
    """Everything together. Without a client that runs there is `start` alone."""

    message: OpId
    writer: Writer = Writer(is_own=True)
    recipients: tuple[RecipientFacts, ...] = ()
    room: RoomFacts | None = None
    here: HereFacts = HereFacts()
    start: StartFailure | None = None
    now_ms: int = 0
