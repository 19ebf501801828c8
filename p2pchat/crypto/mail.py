"""Sealing for a device that may be away: a ratchet's message, padded, in an envelope.

Who keeps it learns its length class and whom it is for. Opening has two steps: the envelope of a
whole batch first, then the ratchets' messages in the order of their counters, since a ratchet
keeps only so many keys of those that were overtaken.

What a call returns as `changes` has to be on disk before a blob leaves, or together with what was
opened: see `model.ratchet`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from p2pchat.crypto.hpke import HpkePrivate, HpkePublic, key_named, open_envelope, seal_envelope
from p2pchat.crypto.olm import OlmBox, Opened, Ratchets
from p2pchat.crypto.padding import pad, unpad
from p2pchat.errors import MalformedMessage
from p2pchat.model.ids import DeviceId
from p2pchat.model.ratchet import RatchetChange
from p2pchat.wire.devices import ClaimedSet
from p2pchat.wire.mail_codec import MailBody, decode_body, encode_body

__all__ = ["MailCipher", "Recipient", "SealedMail"]


@dataclass(frozen=True, slots=True)
class Recipient:
    """A device as its certificate and its bundle describe it."""

    device: DeviceId
    identity_key: bytes
    """Curve25519, 32 bytes, certified by the account."""
    fallback_key: bytes
    """Curve25519, 32 bytes, signed by the device."""
    keys: tuple[HpkePublic, ...]
    """Signed by the device; the one of the strongest suite is used."""


@dataclass(frozen=True, slots=True)
class SealedMail:
    """A blob for a mailbox."""

    blob: bytes = field(repr=False)
    changes: tuple[RatchetChange, ...]


class MailCipher:
    """Seals and opens with the ratchets and keys of one device."""

    def __init__(self, own: DeviceId, ratchets: Ratchets, keys: Sequence[HpkePrivate]) -> None:
        self._own = own
        self.ratchets = ratchets
        self._keys = {key.public.id: key for key in keys}

    def renew_keys(self, keys: Iterable[HpkePrivate]) -> None:
        """Open what was sealed to these from now on, and nothing else."""
        self._keys = {key.public.id: key for key in keys}

    def seal(
        self, to: Recipient, letter: bytes, own_devices: ClaimedSet, now_ms: int
    ) -> SealedMail:
        """Seal a letter; our certificate goes along until the other side has answered. Raises
        `MalformedMessage` for a recipient whose keys nobody can have."""
        changes: tuple[RatchetChange, ...] = ()
        strongest = max(to.keys, key=lambda key: key.suite)
        if not self.ratchets.has_session(to.device):
            changes = self.ratchets.begin(to.device, to.identity_key, to.fallback_key, now_ms)
        devices = None if self.ratchets.is_answered(to.device) else own_devices
        sealed = self.ratchets.seal(to.device, letter, now_ms)
        box = sealed.box
        body = MailBody(self._own, devices, box.kind, box.ciphertext, box.counter)
        blob = seal_envelope(strongest, to.device, pad(encode_body(body)))
        return SealedMail(blob, (*changes, *sealed.changes))

    def unwrap(self, blob: bytes) -> MailBody:
        """Open the envelope. Raises `MalformedMessage`, `UnknownVersion`; nothing changes."""
        key = self._keys.get(key_named(blob))
        if key is None:
            raise MalformedMessage("a blob for a key that this device does not have")
        return decode_body(unpad(open_envelope(key, self._own, blob)))

    def open(self, body: MailBody, identity_key: bytes, now_ms: int) -> Opened:
        """Open the ratchet's message of a body whose sender certifies `identity_key`. Raises
        `MalformedMessage`, `BadSignature`."""
        box = OlmBox(body.kind, body.ciphertext, body.counter)
        return self.ratchets.open(body.sender, identity_key, box, now_ms)
