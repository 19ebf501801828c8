"""Double ratchets between two devices that need never be online together (Olm, by vodozemac).

A session begins with the other device's published fallback key (X3DH without one-time keys), and
each answer turns the ratchet: what is sealed later stays shut to who steals today's keys. Identity
keys are Curve25519 keys that the account certifies, so whoever opens a message knows which device
sealed it. Sessions belong to a device, an account and a key at once (`Correspondent`), and what is
sealed has a head that names both ends: anybody can certify what is not theirs.

Several sessions with one device are normal: both may begin at once, or one side may have lost its
own. We answer on the session that the other side used last, so what was overtaken or lost may part
the two for no longer than until one of them answers the other; until there is one, we seal with
the one that we began. A rule that looks at the ids is none: who has lost a session would be
answered on it for ever. Where the other side says that it cannot open what we seal, or we cannot
open what seems to be from it, the answered ones are barred: nothing more is sealed with them, and
they go on opening what is still on its way.

What happened here and is remembered:

- A message that begins a session on a fallback key can be played back for as long as that key
  lives, and it lives until two newer ones were made, however long that takes. So ids of sessions
  that others began are kept for as many generations, not for a time. The ciphertext is no id:
  bytes behind it change nothing.
- A state may seal twice all the same: a disk that was set back is not always noticed. So 16 random
  bytes come first in each plaintext. Olm seals in CBC mode, where that makes all blocks differ, as
  a fresh vector does: who sees both ciphertexts learns nothing of what they have in common.
- Anybody can begin a session with a published key. What strangers begin is opened and kept
  nowhere: opening the same message again costs nothing but time.
- Of messages that were overtaken 40 can be opened later, and none over a gap of 2,000. Each carries
  a counter; who fetches many sorts them by it first.
"""

from __future__ import annotations

import binascii
from base64 import b64decode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Protocol, cast

from nacl.utils import random
from vodozemac import Account, AnyOlmMessage, Curve25519PublicKey, PreKeyMessage, Session

from p2pchat.crypto.port import Opened
from p2pchat.errors import BadSignature, MalformedMessage
from p2pchat.model.ids import AccountId
from p2pchat.model.ratchet import (
    SESSION_BYTES,
    Correspondent,
    DropRatchet,
    ForgetSpent,
    PutOlmAccount,
    PutRatchet,
    RatchetChange,
    SpendSession,
)

__all__ = [
    "SALT_BYTES",
    "SESSIONS_MAX",
    "NewAccount",
    "OlmBox",
    "Ratchets",
    "Sealed",
    "new_account",
]

KEY_BYTES = 32
SALT_BYTES = 16
SESSIONS_MAX = 4
"""With one device; of the barred ones, else of all, the one used longest ago goes first."""
SPENT_MAX, SPENT_OF_ONE_MAX = 50_000, 500
"""Sessions that others, and that one account, began with keys that still live; forgetting one would
let it begin twice. An account that begins several a day for two months is answered on ours."""
GENERATIONS_OPEN = 2
"""Fallback keys of an account that begin sessions."""


@dataclass(frozen=True, slots=True)
class NewAccount:
    """An account that was made just now."""

    change: PutOlmAccount
    identity_key: bytes


@dataclass(frozen=True, slots=True)
class OlmBox:
    """One message as it lies in an envelope."""

    kind: int
    """0 may begin a session, 1 goes on with one."""
    ciphertext: bytes
    counter: int


@dataclass(frozen=True, slots=True)
class Sealed:
    """A message, and what has to be on disk before it leaves."""

    box: OlmBox
    changes: tuple[RatchetChange, ...]


def new_account(pickle_key: bytes) -> NewAccount:
    """With the system's randomness; it has no fallback key yet."""
    account = Account()
    pickled = PutOlmAccount(account.pickle(pickle_key))
    return NewAccount(pickled, account.curve25519_key.to_bytes())


class Ratchets:
    """This device's account and its sessions with others, as they were committed last."""

    def __init__(
        self,
        account: PutOlmAccount,
        sessions: Iterable[PutRatchet],
        spent: Iterable[SpendSession],
        pickle_key: bytes,
    ) -> None:
        self._pickle_key = pickle_key
        self._account = Account.from_pickle(account.pickle, pickle_key)
        self._generation = account.generation
        self._sessions: dict[bytes, dict[bytes, _Live]] = {}
        for row in sessions:
            live = _Live(Session.from_pickle(row.pickle, pickle_key), row)
            self._sessions.setdefault(row.peer, {})[row.session] = live
        self._spent = {row.session: row for row in spent}

    @property
    def identity_key(self) -> bytes:
        """32 bytes, Curve25519: what our certificate names."""
        return self._account.curve25519_key.to_bytes()

    def rotate_fallback(self) -> tuple[bytes, PutOlmAccount, ForgetSpent]:
        """A new key (32 bytes) for others to begin sessions with. Those begun with the one before
        still open; those begun with the one before that do not, and need no remembering."""
        account = cast("_WithFallbackKey", self._account)
        account.generate_fallback_key()
        (key,) = account.fallback_key.values()
        self._account.mark_keys_as_published()
        self._generation += 1
        forget = ForgetSpent(self._generation - GENERATIONS_OPEN + 1)
        kept = (row for row in self._spent.values() if row.generation >= forget.generation)
        self._spent = {row.session: row for row in kept}
        pickled = self._account.pickle(self._pickle_key)
        return key.to_bytes(), PutOlmAccount(pickled, self._generation), forget

    def has_session(self, peer: Correspondent) -> bool:
        """Whether something can be sealed for a device without its fallback key."""
        return any(not live.row.is_barred for live in self._of(peer.id))

    def is_answered(self, peer: Correspondent) -> bool:
        """Whether the other side has shown that it knows us."""
        rows = (live.row for live in self._of(peer.id))
        return any(row.is_answered and not row.is_barred for row in rows)

    def begin(
        self, peer: Correspondent, fallback_key: bytes, now_ms: int
    ) -> tuple[RatchetChange, ...]:
        """A new session with a device. Raises `MalformedMessage` for keys that nobody can have."""
        try:
            session = self._account.create_outbound_session(
                Curve25519PublicKey.from_bytes(peer.identity_key),
                Curve25519PublicKey.from_bytes(fallback_key),
            )
        except ValueError as error:
            raise MalformedMessage(f"no session can be begun: {error}") from error
        return self._keep(peer.id, session, now_ms, is_answered=False)

    def seal(self, peer: Correspondent, plaintext: bytes) -> Sealed:
        """Seal for a device that a session was begun with."""
        live = self._chosen(peer.id)
        kind, ciphertext = live.session.encrypt(random(SALT_BYTES) + plaintext).to_parts()
        counter = live.row.counter
        self._step(live, replace(live.row, counter=counter + 1))
        return Sealed(OlmBox(kind, ciphertext, counter), (live.row,))

    def begins(self, peer: Correspondent, box: OlmBox) -> bool:
        """Whether a message would begin a session that we do not have. Raises
        `MalformedMessage`."""
        _, beginning = _parsed(box)
        known = self._sessions.get(peer.id, {})
        return beginning is not None and _session_id(beginning.session_id()) not in known

    def open(
        self, peer: Correspondent, box: OlmBox, head: bytes, now_ms: int, *, keeps: bool = True
    ) -> Opened:
        """Open what this device sealed, and take the `head` off; a session that begins with it is
        kept if `keeps`, and else begun again by whatever comes next.

        Raises `MalformedMessage`, also where another head stands; `BadSignature` when no session of
        that device opens it: it was forged, played back, overtaken by too many, or begun with a key
        that is gone.
        """
        message, beginning = _parsed(box)
        known = self._sessions.get(peer.id, {})
        named = _session_id(beginning.session_id()) if beginning is not None else None
        for live in [known[named]] if named in known else list(known.values()) if not named else []:
            try:
                plaintext = live.session.decrypt(message)
            except ValueError:
                continue  # of another session with the same device, or of none
            used_ms = self._newest_ms(peer.id, now_ms)
            self._step(live, replace(live.row, is_answered=True, used_ms=used_ms))
            return Opened(_behind(head, plaintext), (live.row,), live.row.session)
        if beginning is None or named is None or named in known or named in self._spent:
            raise BadSignature("a sealed message that no session opens")
        if keeps and not self._has_room_for(peer.party.account):
            raise BadSignature("a message that begins one session too many")
        try:
            key = Curve25519PublicKey.from_bytes(peer.identity_key)
            session, plaintext = self._account.create_inbound_session(key, beginning)
        except ValueError as error:
            raise BadSignature(f"a message that begins no session: {error}") from error
        letter = _behind(head, plaintext)
        if not keeps:
            return Opened(letter, ())
        # The account stays as it is: a fallback key is not used up.
        spent = self._spent[named] = SpendSession(named, self._generation, peer.party.account)
        kept = self._keep(peer.id, session, now_ms, is_answered=True)
        return Opened(letter, (spent, *kept), named)

    def forget(self, peer: bytes) -> tuple[DropRatchet, ...]:
        """Sessions with somebody who is nobody to us any more."""
        return tuple(DropRatchet(peer, id) for id in self._sessions.pop(peer, {}))

    def bar(self, peer: bytes, but: bytes) -> tuple[PutRatchet, ...]:
        """Seal nothing more with the answered sessions, but one."""
        barred: list[PutRatchet] = []
        for live in self._of(peer):
            row = live.row
            if row.is_answered and not row.is_barred and row.session != but:
                live.row = replace(row, is_barred=True)
                barred.append(live.row)
        return tuple(barred)

    @property
    def peers(self) -> frozenset[bytes]:
        """Whom there are sessions with."""
        return frozenset(self._sessions)

    def _has_room_for(self, account: AccountId) -> bool:
        """Whether one more session that this account begins can be remembered."""
        own = sum(row.account == account for row in self._spent.values())
        return len(self._spent) < SPENT_MAX and own < SPENT_OF_ONE_MAX

    def _of(self, peer: bytes) -> Iterable[_Live]:
        return self._sessions.get(peer, {}).values()

    def _chosen(self, peer: bytes) -> _Live:
        sessions = [live for live in self._of(peer) if not live.row.is_barred]
        answered = [live for live in sessions if live.row.is_answered]
        return max(answered or sessions, key=lambda live: (live.row.used_ms, live.row.session))

    def _newest_ms(self, peer: bytes, now_ms: int) -> int:
        """Later than what was done before, whatever the clock says."""
        return max((now_ms, *(live.row.used_ms + 1 for live in self._of(peer))))

    def _keep(
        self, peer: bytes, session: Session, now_ms: int, *, is_answered: bool
    ) -> tuple[RatchetChange, ...]:
        id = _session_id(session.session_id)
        pickled = session.pickle(self._pickle_key)
        used_ms = self._newest_ms(peer, now_ms)
        row = PutRatchet(peer, id, pickled, 0, is_answered, used_ms)
        known = self._sessions.setdefault(peer, {})
        known[id] = _Live(session, row)
        if len(known) <= SESSIONS_MAX:
            return (row,)
        rows = [live.row for live in known.values()]
        gone = min(rows, key=lambda row: (not row.is_barred, row.used_ms, row.session)).session
        del known[gone]
        return row, DropRatchet(peer, gone)

    def _step(self, live: _Live, row: PutRatchet) -> None:
        live.row = replace(row, pickle=live.session.pickle(self._pickle_key))


class _WithFallbackKey(Protocol):
    """What an `Account` has and its type stub does not say."""

    @property
    def fallback_key(self) -> Mapping[str, Curve25519PublicKey]: ...

    def generate_fallback_key(self) -> None: ...


@dataclass(slots=True)
class _Live:
    session: Session
    row: PutRatchet


def _behind(head: bytes, plaintext: bytes) -> bytes:
    """What follows the names of both ends. Raises `MalformedMessage` where others are named."""
    if not plaintext.startswith(head, SALT_BYTES):
        raise MalformedMessage("sealed for others, or in another's name")
    return plaintext[SALT_BYTES + len(head) :]


def _parsed(box: OlmBox) -> tuple[AnyOlmMessage, PreKeyMessage | None]:
    """Raises `MalformedMessage`."""
    try:
        message = AnyOlmMessage.from_parts(box.kind, box.ciphertext)
        return message, message.to_pre_key() if box.kind == 0 else None
    except (ValueError, OverflowError) as error:
        raise MalformedMessage(f"a sealed message does not decode: {error}") from error


def _session_id(text: str) -> bytes:
    try:
        raw = b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError) as error:
        raise MalformedMessage("a session has no id") from error
    if len(raw) != SESSION_BYTES:
        raise MalformedMessage("a session's id has 32 bytes")
    return raw
