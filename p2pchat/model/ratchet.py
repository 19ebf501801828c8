"""What goes to disk of sealed mail: parts of the same transaction as what was sealed or opened.

A ratchet that is rolled back uses a key twice. So each step is on disk before its ciphertext
leaves, or with the ops that its ciphertext held; and no copy of a home ever holds one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import blake2b

from p2pchat.model.ids import HASH_BYTES, AccountId, ConversationId, DeviceId, Party

__all__ = [
    "SESSION_BYTES",
    "Correspondent",
    "DropRatchet",
    "ForgetSeen",
    "ForgetSpent",
    "HpkeSecret",
    "MailChange",
    "PutBundle",
    "PutMailKeys",
    "PutOlmAccount",
    "PutRatchet",
    "RatchetChange",
    "SeeMail",
    "SetMailed",
    "SpendSession",
]

SESSION_BYTES = 32


@dataclass(frozen=True, slots=True)
class Correspondent:
    """Who is at the other end of a session: a device, the account that it acts for, and the Olm
    identity key that this account certifies for it."""

    party: Party
    identity_key: bytes

    @property
    def id(self) -> bytes:
        """What its sessions are kept under, 32 bytes. A session that somebody began in another's
        name, or with another's key, is not taken for one with the other."""
        named = self.party.account + self.party.device + self.identity_key
        return blake2b(b"dchat/mail/peer/1\0" + named, digest_size=HASH_BYTES).digest()


@dataclass(frozen=True, slots=True)
class PutOlmAccount:
    """This device's Olm account, pickled under a key of its own."""

    pickle: str = field(repr=False)
    generation: int = 0
    """Fallback keys that it has made; the newest two of them begin sessions."""


@dataclass(frozen=True, slots=True)
class HpkeSecret:
    """The private half of a key that envelopes are sealed to."""

    suite: int
    raw: bytes = field(repr=False)
    made_ms: int


@dataclass(frozen=True, slots=True)
class PutMailKeys:
    """The keys that our bundle names, in place of the last ones, and the older ones that still
    open."""

    fallback_key: bytes
    """Public: what others begin sessions with."""
    rotated_ms: int
    hpke: tuple[HpkeSecret, ...]
    """The newest first."""


@dataclass(frozen=True, slots=True)
class PutRatchet:
    """A session with another device, as it is after its newest step."""

    peer: bytes
    """The `Correspondent.id` of the other side."""
    session: bytes
    """Its id, 32 bytes, the same at both ends."""
    pickle: str = field(repr=False)
    counter: int
    """Messages that we sealed with it."""
    is_answered: bool
    """Something came back on it: the other side has it, too."""
    used_ms: int
    """When the other side used it last, or it was begun: in that order, whatever the clock says."""
    is_barred: bool = False
    """Nothing more is sealed with it, because the other side cannot open that, or we cannot open
    what it seals. It opens what it always opened: that may still be on its way."""


@dataclass(frozen=True, slots=True)
class DropRatchet:
    """A session is used no more."""

    peer: bytes
    session: bytes


@dataclass(frozen=True, slots=True)
class SpendSession:
    """A session that another device began with us: its first messages must not begin it again, as
    long as the fallback key lives that it was begun with."""

    session: bytes
    generation: int
    """Of our account when it was begun: with its newest key then, or the one before."""
    account: AccountId
    """Who began it; of nobody in a home of before."""


@dataclass(frozen=True, slots=True)
class SeeMail:
    """A blob was opened, or given up; the same one may lie in a second mailbox, or still in the
    first."""

    hash: bytes
    until_ms: int


@dataclass(frozen=True, slots=True)
class ForgetSpent:
    """Sessions of generations before this one: their keys are gone, so nothing begins them."""

    generation: int


@dataclass(frozen=True, slots=True)
class ForgetSeen:
    """Blobs that were to be remembered until now, or before."""

    until_ms: int


@dataclass(frozen=True, slots=True)
class PutBundle:
    """The newest bundle record that a device was seen to publish."""

    device: DeviceId
    raw: bytes = field(repr=False)
    asked_ms: int
    """When it was looked up last."""
    suite: int
    """The best one ever seen: nothing is sealed to this device with a weaker one."""


@dataclass(frozen=True, slots=True)
class SetMailed:
    """So many of our ops of each chain lie in a recipient's mailbox, or lay there."""

    conversation: ConversationId
    device: DeviceId
    control: int
    talk: int
    mailed_ms: int


RatchetChange = (
    PutOlmAccount
    | PutMailKeys
    | PutRatchet
    | DropRatchet
    | SpendSession
    | ForgetSpent
    | SeeMail
    | ForgetSeen
)
"""What sealing and opening change."""

MailChange = RatchetChange | PutBundle | SetMailed
