"""What the chat hears of mail and decides about it; part of `protocol.machine`'s vocabulary.

A blob that was fetched is opened right before the chat hears of it, in the batch whose one commit
holds both its ops and the ratchet's step (`node.mail`). Letters are sealed as rooms' blobs are:
before the commit, and they leave after it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from p2pchat.model.ids import AccountId, ConversationId, DeviceId, Party, PeerId
from p2pchat.model.mailbox import MailBundle
from p2pchat.model.op import Chain
from p2pchat.model.ratchet import Correspondent, RatchetChange
from p2pchat.wire.devices import DeviceSet
from p2pchat.wire.frames import Frame
from p2pchat.wire.mail_codec import MailBody

__all__ = [
    "NO_KEYS",
    "NO_MAILBOX",
    "NO_RELAY",
    "UNASKED",
    "UNUSABLE_KEYS",
    "AccountFound",
    "BeginAnew",
    "BundleFound",
    "BundlePublished",
    "Discard",
    "ForMail",
    "ForPairs",
    "Key",
    "LookUp",
    "LookUpAccount",
    "Mail",
    "MailEffect",
    "MailInput",
    "MailOpened",
    "MailRefused",
    "Post",
    "PostFailed",
    "Posted",
    "RenewKeys",
    "Slot",
    "WritersChanged",
]


NO_KEYS = "its keys for mail are not known"
NO_MAILBOX = "it has named nobody who keeps its mail"
UNUSABLE_KEYS = "its keys cannot be used"
NO_RELAY = "it names no relay"
UNASKED = (NO_KEYS, NO_MAILBOX, UNUSABLE_KEYS, NO_RELAY)
"""Why nobody keeps a letter where nobody was asked to."""


@dataclass(frozen=True, slots=True)
class Slot:
    """Where a blob lies."""

    relay: PeerId
    id: int


@dataclass(frozen=True, slots=True)
class Mail:
    """A blob was fetched and its envelope opened. The chat never hears this: it hears what became
    of it."""

    slot: Slot
    hash: bytes
    body: MailBody


@dataclass(frozen=True, slots=True)
class MailOpened:
    """A letter that `sender` sealed for us; `changes` go to disk with what it says."""

    slot: Slot
    sender: Party
    devices: DeviceSet
    """Certifies the sender with the key that it sealed with."""
    frames: tuple[Frame, ...]
    asks_again: bool
    changes: tuple[RatchetChange, ...]
    session: bytes = b""
    """That it came on, where that is kept."""


@dataclass(frozen=True, slots=True)
class MailRefused:
    """A blob that says nothing: it came before, does not open, or is one too many now."""

    slot: Slot | None
    """None where it stays there."""
    reason: str
    """Empty where it only came before."""
    sender: Party | None
    """Who claims to have sealed it with a session that we do not have."""
    changes: tuple[RatchetChange, ...]


@dataclass(frozen=True, slots=True)
class AccountFound:
    """A look-up of an account's record ended; what it says was told right before."""

    account: AccountId
    is_there: bool


@dataclass(frozen=True, slots=True)
class BundleFound:
    """A look-up ended."""

    device: DeviceId
    raw: bytes | None


@dataclass(frozen=True, slots=True)
class BundlePublished:
    """Our bundle, as it is, is in the DHT."""


@dataclass(frozen=True, slots=True)
class Posted:
    """Relays say that they keep a letter."""

    to: Party
    serial: int
    relays: tuple[PeerId, ...] = ()


@dataclass(frozen=True, slots=True)
class PostFailed:
    """No relay took it."""

    to: Party
    serial: int
    reason: str


@dataclass(frozen=True, slots=True)
class ForMail:
    """These rows are to be mailed."""

    to: Party
    conversation: ConversationId
    chain: Chain


@dataclass(frozen=True, slots=True)
class ForPairs:
    """These rows tell what both sides contributed to the pair secret."""

    conversation: ConversationId


MailInput = (
    Mail
    | MailOpened
    | MailRefused
    | AccountFound
    | BundleFound
    | BundlePublished
    | Posted
    | PostFailed
)


@dataclass(frozen=True, slots=True)
class Key:
    """What lets us write into a mailbox: the reader's half of the pair secret, or the token of its
    contact link."""

    secret: bytes = field(repr=False)
    is_intro: bool


@dataclass(frozen=True, slots=True)
class LookUpAccount:
    """Find an account's record; answered by `DevicesTold`, if there is one, and `AccountFound`."""

    account: AccountId


@dataclass(frozen=True, slots=True)
class LookUp:
    """Find a device's bundle; answered by `BundleFound`."""

    device: DeviceId


@dataclass(frozen=True, slots=True)
class Post:
    """Seal a letter and leave it with the recipient's relays; answered by `Posted` or
    `PostFailed`."""

    to: Correspondent
    serial: int
    mailbox: bytes
    bundle: MailBundle
    key: Key
    frames: tuple[Frame, ...]
    asks_again: bool


@dataclass(frozen=True, slots=True)
class Discard:
    """What lay there is on disk here, or worth nothing: have it deleted."""

    slot: Slot


@dataclass(frozen=True, slots=True)
class BeginAnew:
    """Nothing more is sealed for this device with sessions of before: the next letter goes on with
    the one named, else begins another. Nothing is forgotten: what was sealed with the others may
    still be on its way."""

    peer: Correspondent
    on: bytes


@dataclass(frozen=True, slots=True)
class RenewKeys:
    """Make the keys of our bundle anew, and publish them."""


@dataclass(frozen=True, slots=True)
class WritersChanged:
    """Others may write into our mailbox than before."""


MailEffect = LookUpAccount | LookUp | Post | Discard | BeginAnew | RenewKeys | WritersChanged
