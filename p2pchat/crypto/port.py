"""What the node asks of cryptography for third parties: `RoomCipher`, `RoomSessions` and
`MailCipher`.

Who may read is decided elsewhere (`protocol.sealing`, `protocol.mailing`). For simulations, which
draw no secrets, `testing.plain_mail` stands in for mail; it keeps the same rules.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from p2pchat.model.ids import ConversationId, DeviceId
from p2pchat.model.mailbox import HpkeKey
from p2pchat.model.ratchet import (
    Correspondent,
    DropRatchet,
    PutMailKeys,
    PutRatchet,
    RatchetChange,
)
from p2pchat.protocol.sealing import EpochKey, RoomSecret
from p2pchat.wire.devices import ClaimedSet
from p2pchat.wire.mail_codec import MailBody

__all__ = [
    "MailCipher",
    "Opened",
    "Recipient",
    "RoomCipher",
    "RoomSessions",
    "SealedMail",
    "Unsealed",
]


class RoomCipher(Protocol):
    """Seals and opens the blobs of a room."""

    def seal(self, secret: RoomSecret, plaintext: bytes) -> bytes:
        """A blob that only holders of the secret can open, bound to the room's topic."""
        ...

    def open(self, secret: RoomSecret, blob: bytes) -> bytes | None:
        """The plaintext, or None when the blob was not sealed with this secret."""
        ...


@dataclass(frozen=True, slots=True)
class Recipient:
    """A device as its certificate and its bundle describe it."""

    peer: Correspondent
    fallback_key: bytes
    """Curve25519, 32 bytes, signed by the device."""
    hpke: HpkeKey
    """The strongest one, signed by the device."""


@dataclass(frozen=True, slots=True)
class SealedMail:
    """A blob for a mailbox, and what has to be on disk before it leaves."""

    blob: bytes = field(repr=False)
    changes: tuple[RatchetChange, ...]


@dataclass(frozen=True, slots=True)
class Opened:
    """What was inside, and what goes to disk together with it."""

    plaintext: bytes = field(repr=False)
    changes: tuple[RatchetChange, ...]
    session: bytes = b""
    """The id of the session that it came on, where that is kept."""


class MailCipher(Protocol):
    """Seals for devices that may be away, and opens what they sealed for us.

    What a call answers as changes is in memory when it returns. It has to be on disk before a blob
    leaves, or together with what was opened: `model.ratchet` says why.
    """

    @property
    def identity_key(self) -> bytes:
        """Curve25519, 32 bytes: what our certificate names."""
        ...

    @property
    def keys(self) -> PutMailKeys | None:
        """Our keys, of which the newest of each suite stand in our bundle; None before `renew`."""
        ...

    @property
    def published(self) -> tuple[HpkeKey, ...]:
        """The public halves of those, the strongest first."""
        ...

    def renew(self, now_ms: int) -> tuple[RatchetChange, ...]:
        """Make new keys; a few of the old ones still open."""
        ...

    def seal(
        self, to: Recipient, letter: bytes, own_devices: ClaimedSet, now_ms: int
    ) -> SealedMail:
        """Seal a letter; our certificate goes along until the other side has answered. Raises
        `MalformedMessage` for a recipient whose keys nobody can have."""
        ...

    def unwrap(self, blob: bytes) -> MailBody:
        """Open the envelope. Raises `MalformedMessage`, `UnknownVersion`; nothing changes."""
        ...

    def begins(self, body: MailBody, identity_key: bytes) -> bool:
        """Whether a letter would begin a session that we do not have. Raises
        `MalformedMessage`."""
        ...

    def open(
        self, body: MailBody, identity_key: bytes, now_ms: int, *, keeps: bool = True
    ) -> Opened:
        """Open the letter of a body whose sender certifies `identity_key`; unless it `keeps` it, a
        session that begins with it leaves nothing behind. Raises `MalformedMessage`, also for what
        was sealed for others or in another's name; `BadSignature` when nothing that we share with
        it opens it."""
        ...

    def forget(self, peer: bytes) -> tuple[DropRatchet, ...]:
        """Sessions with somebody who is nobody to us any more."""
        ...

    def bar(self, peer: bytes, but: bytes) -> tuple[PutRatchet, ...]:
        """Seal nothing more with sessions that were answered, but this one: the next letter goes on
        with it, else begins anew. All open what they opened."""
        ...

    @property
    def peers(self) -> frozenset[bytes]:
        """The `Correspondent.id`s of those that there are sessions with."""
        ...


@dataclass(frozen=True, slots=True)
class Unsealed:
    """What became of a blob that an epoch of ours opens."""

    senders: frozenset[DeviceId]
    """Devices that gave us the key of its session. Nobody did, or what is inside is forged: then
    there is no plaintext."""
    plaintext: bytes = field(repr=False)


class RoomSessions(Protocol):
    """Seals and opens the blobs of rooms by invitation: a session a sender, an epoch round it."""

    def begin(self, conversation: ConversationId) -> None:
        """A new session of ours, in place of the last."""
        ...

    def key(self, conversation: ConversationId) -> bytes:
        """Its key as it stands: opens what is sealed from now on, and nothing from before."""
        ...

    def seal(
        self, conversation: ConversationId, topic: str, epoch: EpochKey, plaintext: bytes
    ) -> bytes:
        """A blob for those who have the epoch and our key."""
        ...

    def learn(self, conversation: ConversationId, device: DeviceId, key: bytes) -> bool:
        """Take the key that a device gave us on a stream of its own; whether it opens more."""
        ...

    def open(
        self, conversation: ConversationId, topic: str, epochs: tuple[EpochKey, ...], blob: bytes
    ) -> Unsealed | None:
        """What is inside; None when no epoch of ours opens it."""
        ...

    def forget(self, conversation: ConversationId) -> None:
        """A room is left."""
        ...
