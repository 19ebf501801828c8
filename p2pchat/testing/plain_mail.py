"""`crypto.port.MailCipher` without secrets, for simulations: one seed gives one history.

Blobs are veiled, not sealed, so that nobody who searches them finds a text by chance. Who may read
is judged as the real one does: a blob opens for its recipient alone, with a key that it still has,
and once; a session begins between the two identity keys that its first message was sealed with and
for, whatever device anybody certifies with them; and a sender that was rolled back is caught when a
second letter leaves it that was sealed with a number of its session.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from hashlib import blake2b, shake_256
from typing import Self

from p2pchat.crypto.port import Opened, Recipient, SealedMail
from p2pchat.errors import BadSignature, MalformedMessage
from p2pchat.model.ids import DeviceId, Party
from p2pchat.model.mailbox import HpkeKey
from p2pchat.model.ratchet import (
    Correspondent,
    DropRatchet,
    ForgetSpent,
    HpkeSecret,
    PutMailKeys,
    PutOlmAccount,
    PutRatchet,
    RatchetChange,
    SpendSession,
)
from p2pchat.model.snapshot import MailSnapshot
from p2pchat.protocol.bundles import renewed
from p2pchat.wire.devices import ClaimedSet
from p2pchat.wire.mail_codec import MailBody, decode_body, encode_body, names

__all__ = ["PlainMailCipher", "Used", "plain_account", "plain_identity_key"]

_SUITE = 1
_FALLBACKS_MAX = 2
_KEY_BYTES = 32
_GOING_ON = bytes(_KEY_BYTES)
"""In the place of a fallback key: the other side has answered, and the session is known to it."""

_State = tuple[bytes, DeviceId, int]
"""A session, who seals with it, and the number of the letter."""


class Used:
    """What was sealed by everybody in a world, and what of it left.

    What a program sealed that died before it could commit has left nobody, so the same number may
    be used for another letter in its next life.
    """

    def __init__(self) -> None:
        self._sealed: dict[bytes, tuple[_State, bytes]] = {}
        self._left: dict[_State, bytes] = {}

    def seal(self, blob: bytes, state: _State, letter: bytes) -> None:
        """Somebody sealed."""
        self._sealed[blob] = state, letter

    def leave(self, blob: bytes) -> None:
        """It goes to a relay."""
        state, letter = self._sealed[blob]
        used = self._left.setdefault(state, letter)
        assert used == letter, "two letters left that were sealed from one state"


def plain_identity_key(device: DeviceId) -> bytes:
    return _hash(b"identity", device)


def plain_account() -> PutOlmAccount:
    """What a home of a simulation is made with: the fallback keys that still open."""
    return PutOlmAccount("[]")


class PlainMailCipher:
    """The mail of one simulated device."""

    def __init__(self, own: Party, kept: MailSnapshot, used: Used) -> None:
        assert kept.account is not None, "a home is given an account before its node starts"
        self._own = own
        self._used = used
        self._keys = kept.keys
        self._fallbacks: list[str] = json.loads(kept.account.pickle)
        self._generation = kept.account.generation
        self._sessions = {(row.peer, row.session): row for row in kept.ratchets}
        self._spent = {row.session: row.generation for row in kept.spent}

    @property
    def identity_key(self) -> bytes:
        return plain_identity_key(self._own.device)

    @property
    def keys(self) -> PutMailKeys | None:
        return self._keys

    @property
    def published(self) -> tuple[HpkeKey, ...]:
        newest = self._keys.hpke[:1] if self._keys is not None else ()
        return tuple(HpkeKey(_SUITE, key.raw) for key in newest)

    def renew(self, now_ms: int) -> tuple[RatchetChange, ...]:
        fallback = _hash(b"fallback", self._own.device, str(now_ms).encode())
        made = HpkeSecret(_SUITE, _hash(b"hpke", fallback), now_ms)
        self._fallbacks = [*self._fallbacks, fallback.hex()][-_FALLBACKS_MAX:]
        self._keys = renewed(self._keys, fallback, [made], now_ms)
        self._generation += 1
        forget = ForgetSpent(self._generation - _FALLBACKS_MAX + 1)
        kept = ((id, made) for id, made in self._spent.items() if made >= forget.generation)
        self._spent = dict(kept)
        account = PutOlmAccount(json.dumps(self._fallbacks), self._generation)
        return account, self._keys, forget

    def seal(
        self, to: Recipient, letter: bytes, own_devices: ClaimedSet, now_ms: int
    ) -> SealedMail:
        peer, own = to.peer.id, self.identity_key
        known = [
            row for (other, _), row in self._sessions.items() if other == peer and not row.is_barred
        ]
        answered = [row for row in known if row.is_answered]
        begun = _hash(own, to.peer.identity_key, to.fallback_key, str(now_ms).encode())
        row = PutRatchet(peer, begun, "[]", 0, False, now_ms)
        if known:
            row = max(answered or known, key=lambda row: (row.used_ms, row.session))
        stepped = self._sessions[row.peer, row.session] = replace(row, counter=row.counter + 1)
        fallback = _GOING_ON if row.is_answered else to.fallback_key
        ends = own + to.peer.identity_key + names(self._own, to.peer.party)
        ciphertext = row.session + fallback + ends + letter
        devices = None if row.is_answered else own_devices
        body = MailBody(self._own, devices, int(row.is_answered), ciphertext, row.counter)
        address = to.peer.party.device + to.hpke.raw
        blob = address + _veiled(address, encode_body(body))
        self._used.seal(blob, (row.session, self._own.device, row.counter), letter)
        return SealedMail(blob, (stepped,))

    def unwrap(self, blob: bytes) -> MailBody:
        address, veiled = blob[: 2 * _KEY_BYTES], blob[2 * _KEY_BYTES :]
        keys = self._keys.hpke if self._keys is not None else ()
        if address not in {self._own.device + key.raw for key in keys}:
            raise MalformedMessage("a blob for a key that this device does not have")
        return decode_body(_veiled(address, veiled))

    def begins(self, body: MailBody, identity_key: bytes) -> bool:
        sealed, peer = _Sealed.read(body.ciphertext), Correspondent(body.sender, identity_key).id
        return sealed.fallback != _GOING_ON and (peer, sealed.session) not in self._sessions

    def open(
        self, body: MailBody, identity_key: bytes, now_ms: int, *, keeps: bool = True
    ) -> Opened:
        sealed, peer = _Sealed.read(body.ciphertext), Correspondent(body.sender, identity_key).id
        session, letter = sealed.session, sealed.letter
        row = self._sessions.get((peer, session))
        if row is None and (sealed.sealer, sealed.reader) != (identity_key, self.identity_key):
            raise BadSignature("sealed with another identity key, or for another")
        is_spent = session in self._spent
        if row is None and (sealed.fallback.hex() not in self._fallbacks or is_spent):
            raise BadSignature("a session that was begun before, or with a key that is gone")
        if sealed.names != names(body.sender, self._own):
            raise MalformedMessage("sealed for others, or in another's name")
        if row is None and not keeps:
            return Opened(letter, ())
        opened: list[int] = json.loads(row.pickle) if row is not None else []
        if body.counter in opened:
            raise BadSignature("it was opened before")
        begun = (
            SpendSession(session, self._generation, body.sender.account) if row is None else None
        )
        if begun is not None:
            self._spent[session] = begun.generation
        row = row or PutRatchet(peer, session, "[]", 0, True, now_ms)
        pickle = json.dumps([*opened, body.counter])
        before = (row.used_ms + 1 for (other, _), row in self._sessions.items() if other == peer)
        row = replace(row, pickle=pickle, is_answered=True, used_ms=max((now_ms, *before)))
        self._sessions[peer, session] = row
        return Opened(letter, (row,) if begun is None else (begun, row), session)

    def forget(self, peer: bytes) -> tuple[DropRatchet, ...]:
        gone = [key for key in self._sessions if key[0] == peer]
        for key in gone:
            del self._sessions[key]
        return tuple(DropRatchet(*key) for key in gone)

    def bar(self, peer: bytes, but: bytes) -> tuple[PutRatchet, ...]:
        barred = [
            replace(row, is_barred=True)
            for (other, session), row in self._sessions.items()
            if other == peer and session != but and row.is_answered and not row.is_barred
        ]
        self._sessions |= {(row.peer, row.session): row for row in barred}
        return tuple(barred)

    @property
    def peers(self) -> frozenset[bytes]:
        return frozenset(peer for peer, _ in self._sessions)


@dataclass(frozen=True, slots=True)
class _Sealed:
    """What stands where Olm's message would stand."""

    session: bytes
    fallback: bytes
    sealer: bytes
    reader: bytes
    names: bytes
    letter: bytes

    @classmethod
    def read(cls, raw: bytes) -> Self:
        size = _KEY_BYTES
        session, fallback, sealer, reader, named = (raw[n * size :][:size] for n in range(5))
        return cls(session, fallback, sealer, reader, named, raw[5 * size :])


def _hash(*parts: bytes) -> bytes:
    return blake2b(b"\0".join(parts), digest_size=_KEY_BYTES).digest()


def _veiled(address: bytes, data: bytes) -> bytes:
    mask = shake_256(address).digest(len(data))
    return bytes(one ^ other for one, other in zip(data, mask, strict=True))
