"""Mailboxes as everybody names them: who keeps one for a device, and what lies in it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from p2pchat.model.ids import PeerId

__all__ = ["HpkeKey", "KeeperRefusal", "Kept", "MailBundle", "MailboxRelay"]


class KeeperRefusal(StrEnum):
    """Why somebody who keeps mail takes no letter; the text is what is told."""

    DENIED = "it has no such mailbox for us"
    TOO_LARGE = "that is too large for it"
    MAILBOX_FULL = "the mailbox is full"
    RELAY_FULL = "it has no more room"


@dataclass(frozen=True, slots=True)
class MailboxRelay:
    """Who keeps a device's mail, and where it is reached."""

    peer: PeerId
    addresses: tuple[str, ...] = ()
    """Multiaddrs without `/p2p/<peer>` at the end."""


@dataclass(frozen=True, slots=True)
class HpkeKey:
    """A public key that envelopes for a device are sealed to."""

    suite: int
    raw: bytes


@dataclass(frozen=True, slots=True)
class MailBundle:
    """What a device publishes for who writes while it is away; empty where it takes no mail."""

    fallback_key: bytes = b""
    """Curve25519, 32 bytes: sessions are begun with it."""
    hpke: tuple[HpkeKey, ...] = ()
    relays: tuple[MailboxRelay, ...] = ()

    @property
    def takes_mail(self) -> bool:
        return bool(self.fallback_key and self.hpke and self.relays)


@dataclass(frozen=True, slots=True)
class Kept:
    """One blob as its mailbox keeps it."""

    id: int
    """Given by the relay in the order of arrival, from 1; of this mailbox at this relay."""
    blob: bytes = field(repr=False)
