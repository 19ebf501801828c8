"""Sealing for a device that may be away: a ratchet's message, padded, in an envelope.

Who keeps it learns its length class and whom it is for. Opening has two steps: the envelope of a
whole batch first, then the ratchets' messages in the order of their counters, since a ratchet
keeps only so many keys of those that were overtaken.
"""

from __future__ import annotations

from p2pchat.crypto.derivation import derived_key
from p2pchat.crypto.hpke import (
    HpkePrivate,
    HpkePublic,
    HpkeSuite,
    key_named,
    new_hpke_key,
    open_envelope,
    seal_envelope,
)
from p2pchat.crypto.olm import OlmBox, Ratchets, new_account
from p2pchat.crypto.padding import pad, unpad
from p2pchat.crypto.port import Opened, Recipient, SealedMail
from p2pchat.errors import MalformedMessage
from p2pchat.model.ids import AccountId, DeviceId, Party
from p2pchat.model.mailbox import HpkeKey
from p2pchat.model.ratchet import (
    Correspondent,
    DropRatchet,
    HpkeSecret,
    PutMailKeys,
    PutOlmAccount,
    PutRatchet,
    RatchetChange,
)
from p2pchat.model.snapshot import MailSnapshot
from p2pchat.protocol.bundles import renewed
from p2pchat.wire.devices import ClaimedSet
from p2pchat.wire.envelope import Ed25519Signer
from p2pchat.wire.mail_codec import MailBody, decode_body, encode_body, names

__all__ = [
    "OlmMailCipher",
    "intro_key",
    "mailbox_key",
    "new_mail_account",
    "open_mail",
    "write_key",
]


class OlmMailCipher:
    """`crypto.port.MailCipher` with the ratchets and keys of one device."""

    def __init__(self, own: Party, ratchets: Ratchets, keys: PutMailKeys | None) -> None:
        self._own = own
        self._ratchets = ratchets
        self._keys = keys
        self._private: dict[bytes, HpkePrivate] = {}
        self._renew(keys)

    @property
    def identity_key(self) -> bytes:
        return self._ratchets.identity_key

    @property
    def keys(self) -> PutMailKeys | None:
        return self._keys

    @property
    def published(self) -> tuple[HpkeKey, ...]:
        newest: dict[HpkeSuite, HpkePublic] = {}
        for key in self._private.values():
            newest.setdefault(key.suite, key.public)
        strongest = sorted(newest.values(), key=lambda key: key.suite, reverse=True)
        return tuple(HpkeKey(key.suite, key.raw) for key in strongest)

    def renew(self, now_ms: int) -> tuple[RatchetChange, ...]:
        fallback_key, account, forget = self._ratchets.rotate_fallback()
        made = [HpkeSecret(suite, new_hpke_key(suite).raw, now_ms) for suite in HpkeSuite]
        self._keys = renewed(self._keys, fallback_key, made, now_ms)
        self._renew(self._keys)
        return account, self._keys, forget

    def seal(
        self, to: Recipient, letter: bytes, own_devices: ClaimedSet, now_ms: int
    ) -> SealedMail:
        key = HpkePublic(HpkeSuite(to.hpke.suite), to.hpke.raw)
        # A key that nobody can have shows when it is used, and a step is not taken back.
        seal_envelope(key, to.peer.party.device, b"")
        ratchets, changes = self._ratchets, tuple[RatchetChange, ...]()
        if not ratchets.has_session(to.peer):
            changes = ratchets.begin(to.peer, to.fallback_key, now_ms)
        devices = None if ratchets.is_answered(to.peer) else own_devices
        sealed = ratchets.seal(to.peer, names(self._own, to.peer.party) + letter)
        box = sealed.box
        body = MailBody(self._own, devices, box.kind, box.ciphertext, box.counter)
        blob = seal_envelope(key, to.peer.party.device, pad(encode_body(body)))
        return SealedMail(blob, (*changes, *sealed.changes))

    def unwrap(self, blob: bytes) -> MailBody:
        key = self._private.get(key_named(blob))
        if key is None:
            raise MalformedMessage("a blob for a key that this device does not have")
        return decode_body(unpad(open_envelope(key, self._own.device, blob)))

    def begins(self, body: MailBody, identity_key: bytes) -> bool:
        return self._ratchets.begins(Correspondent(body.sender, identity_key), _box(body))

    def open(
        self, body: MailBody, identity_key: bytes, now_ms: int, *, keeps: bool = True
    ) -> Opened:
        peer, head = Correspondent(body.sender, identity_key), names(body.sender, self._own)
        return self._ratchets.open(peer, _box(body), head, now_ms, keeps=keeps)

    def forget(self, peer: bytes) -> tuple[DropRatchet, ...]:
        return self._ratchets.forget(peer)

    def bar(self, peer: bytes, but: bytes) -> tuple[PutRatchet, ...]:
        return self._ratchets.bar(peer, but)

    @property
    def peers(self) -> frozenset[bytes]:
        return self._ratchets.peers

    def _renew(self, keys: PutMailKeys | None) -> None:
        own = [HpkePrivate(HpkeSuite(key.suite), key.raw) for key in keys.hpke] if keys else []
        self._private = {key.public.id: key for key in own}


def _box(body: MailBody) -> OlmBox:
    return OlmBox(body.kind, body.ciphertext, body.counter)


def _pickle_key(device_seed: bytes) -> bytes:
    return derived_key(device_seed, b"dchat/pickle/1")


def new_mail_account(device_seed: bytes) -> PutOlmAccount:
    """An account for a device that has none."""
    return new_account(_pickle_key(device_seed)).change


def open_mail(account: AccountId, device_seed: bytes, kept: MailSnapshot) -> OlmMailCipher:
    """Go on from the last commit; it holds an Olm account. `account` is whom the device acts
    for."""
    assert kept.account is not None, "a home is given an account before its node starts"
    own = Party(account, DeviceId(Ed25519Signer(device_seed).public_key))
    ratchets = Ratchets(kept.account, kept.ratchets, kept.spent, _pickle_key(device_seed))
    return OlmMailCipher(own, ratchets, kept.keys)


def mailbox_key(device_seed: bytes) -> Ed25519Signer:
    """The key that names and owns a device's mailboxes; the certificate names its public half."""
    return Ed25519Signer(derived_key(device_seed, b"dchat/mailbox/1"))


def write_key(half: bytes, writer: AccountId, reader: DeviceId) -> Ed25519Signer:
    """What lets the devices of an account write into a device's mailbox; `half` is what the
    reader's account contributed to the pair secret, and so the reader's to give. All devices of the
    writer have one key: each of them has the half, and a new one is known to nobody yet."""
    return Ed25519Signer(derived_key(half, b"dchat/write/1\0" + writer + reader))


def intro_key(token: bytes) -> Ed25519Signer:
    """What lets whoever has a contact link leave a request."""
    return Ed25519Signer(derived_key(token, b"dchat/intro/1"))
