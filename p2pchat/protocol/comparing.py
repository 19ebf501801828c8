"""Comparing keys by pictures: two people see the same seven, or somebody stands between them.

    COMMIT   hash of the asker's one-time key      ->
                                                   <-   KEY   the other's one-time key
    KEY      the asker's, which the hash was of    ->

Both sides then make seven pictures of what X25519 gives for the two keys, bound to both accounts,
both devices and both keys as each side knows them. Seven pictures are 42 bits, so whoever could
choose a key after having seen the other's would find one that fits. Nobody can: the asker is bound
by its hash before it sees a key, and the other answers before it sees one. One guess is left.

The pictures are compared by the people. What they say counts here and is not sent.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum, auto
from hashlib import blake2b

from p2pchat.errors import LocalProtocolError, MalformedMessage, UnknownContact
from p2pchat.events import ComparisonEnded, ComparisonRequested, PicturesShown, SecurityAlert
from p2pchat.model.contact import ContactState
from p2pchat.model.emoji import EMOJI
from p2pchat.model.ids import HASH_BYTES, AccountId, DeviceId
from p2pchat.model.machine import Now, Reply
from p2pchat.protocol.machine import (
    CompareKeys,
    Effect,
    Emit,
    Exchange,
    FinishComparison,
    Lane,
    Send,
    VerifyContact,
)
from p2pchat.protocol.state import State
from p2pchat.protocol.trust import Trust
from p2pchat.wire.frames import Compare, Step

__all__ = ["Comparing"]

COMPARISON_S_MAX = 600.0
"""People look at pictures, ask on the telephone, and are called away."""
_DOMAIN = b"dchat/sas/1\0"


class Stage(Enum):
    """How far a comparison has come."""

    COMMITTED = auto()
    """We asked, and wait for their key."""
    ASKED = auto()
    """They asked, and our user has not answered."""
    ANSWERED = auto()
    """They have our key, and we wait for theirs."""
    SHOWN = auto()


class Turn(Enum):
    """What moves a comparison on."""

    WE_ASK = auto()
    THEY_ASK = auto()
    WE_ANSWER = auto()
    THEIR_KEY = auto()


TRANSITIONS: dict[tuple[Stage | None, Turn], Stage] = {
    (None, Turn.WE_ASK): Stage.COMMITTED,
    (None, Turn.THEY_ASK): Stage.ASKED,
    (Stage.COMMITTED, Turn.THEY_ASK): Stage.ANSWERED,
    (Stage.COMMITTED, Turn.THEIR_KEY): Stage.SHOWN,
    (Stage.ASKED, Turn.WE_ANSWER): Stage.ANSWERED,
    (Stage.ANSWERED, Turn.THEIR_KEY): Stage.SHOWN,
}


@dataclass(frozen=True, slots=True)
class Comparison:
    """One comparison with one device of a contact."""

    account: AccountId
    peer: DeviceId
    session: bytes
    stage: Stage
    since_s: float
    exchange: Exchange | None = None
    commitment: bytes = b""
    """What the other side bound itself to, where it asked."""


class Comparing:
    """All comparisons under way: one a contact at most."""

    def __init__(self, state: State, trust: Trust) -> None:
        self._state = state
        self._trust = trust
        self._running: dict[AccountId, Comparison] = {}

    # What our user does

    def compare(self, command: CompareKeys, now: Now) -> list[Effect]:
        """Ask a contact, or answer one that asks."""
        running = self._get(command.account, now)
        if running is not None and running.stage is Stage.ASKED:
            known = replace(running, exchange=command.exchange)
            return [*self._answer(known), Reply(command.id)]
        peer = self._peer(command.account)
        if isinstance(peer, LocalProtocolError):
            return [Reply(command.id, error=peer)]
        stage = TRANSITIONS[None, Turn.WE_ASK]
        asked = Comparison(
            command.account, peer, command.session, stage, now.monotonic_s, command.exchange
        )
        self._running[command.account] = asked
        commitment = self._commitment(asked, command.exchange.public_key, is_ours=True)
        return [_send(asked, Step.COMMIT, commitment), Reply(command.id)]

    def finish(self, command: FinishComparison, now: Now) -> list[Effect]:
        """The user says whether the pictures are the same, or gives up before they are shown."""
        running = self._get(command.account, now)
        if running is None:
            error = LocalProtocolError("no comparison with this contact is under way")
            return [Reply(command.id, error=error)]
        if command.is_same and running.stage is not Stage.SHOWN:
            error = LocalProtocolError("nothing was shown yet that could be the same")
            return [Reply(command.id, error=error)]
        del self._running[command.account]
        if command.is_same:
            verify = VerifyContact(command.id, command.account, is_verified=True)
            return self._trust.verify(verify, now)
        effects: list[Effect] = [_send(running, Step.END), Reply(command.id)]
        return effects + (_alarm(running) if running.stage is Stage.SHOWN else [])

    # What others do

    def heard(self, peer: DeviceId, frame: Compare, now: Now) -> list[Effect]:
        """A step of the other side."""
        account = self._state.acquainted(peer)
        if account is None:
            self._state.refuse("comparison with a stranger")
            return []
        running = self._get(account, now)
        if frame.step is Step.COMMIT:
            asked = Comparison(
                account, peer, frame.session, Stage.ASKED, now.monotonic_s, None, frame.value
            )
            return self._asked(running, asked)
        if running is None or (running.peer, running.session) != (peer, frame.session):
            self._state.refuse("comparison out of place")
            return []
        if frame.step is Step.END:
            return self._end(running, "they ended it")
        return self._their_key(running, frame.value)

    def peer_down(self, peer: DeviceId) -> list[Effect]:
        """A device is gone, and what was under way with it, unless both have the pictures: people
        who see the same may say so when one of them has gone."""
        mine = [running for running in self._running.values() if running.peer == peer]
        lost = [running for running in mine if running.stage is not Stage.SHOWN]
        return [e for running in lost for e in self._end(running, "the connection is lost")]

    # Steps

    def _asked(self, running: Comparison | None, asked: Comparison) -> list[Effect]:
        """They ask. Where both ask at once the smaller device id has asked, the other answers."""
        after = TRANSITIONS.get((running.stage if running else None, Turn.THEY_ASK))
        is_second = running is not None and self._state.me.device < asked.peer
        if after is None or is_second:
            self._state.refuse("comparison under way")
            return []
        if running is not None:
            return self._answer(replace(asked, exchange=running.exchange))
        self._running[asked.account] = asked
        return [Emit(ComparisonRequested(asked.account))]

    def _answer(self, asked: Comparison) -> list[Effect]:
        """Send our key; theirs was fixed before."""
        assert asked.exchange is not None, "who answers has a key"
        stage = TRANSITIONS[Stage.ASKED, Turn.WE_ANSWER]
        answered = self._running[asked.account] = replace(asked, stage=stage)
        return [_send(answered, Step.KEY, asked.exchange.public_key)]

    def _their_key(self, running: Comparison, theirs: bytes) -> list[Effect]:
        after = TRANSITIONS.get((running.stage, Turn.THEIR_KEY))
        if after is None or running.exchange is None:
            self._state.refuse("comparison out of place")
            return []
        is_ours = running.stage is Stage.COMMITTED
        if not is_ours and self._commitment(running, theirs, is_ours=False) != running.commitment:
            return self._tampered(running)
        keys = (running.exchange.public_key, theirs)
        try:
            pictures = running.exchange.pictures(theirs, self._info(running, keys, is_ours))
        except MalformedMessage:
            return self._tampered(running)
        self._running[running.account] = replace(running, stage=after)
        shown = Emit(PicturesShown(running.account, tuple(EMOJI[number] for number in pictures)))
        return [_send(running, Step.KEY, keys[0]), shown] if is_ours else [shown]

    def _tampered(self, running: Comparison) -> list[Effect]:
        """Another key than was promised, or none: nobody honest does that."""
        self._state.refuse("comparison with another key")
        ended = self._end(running, "the other side changed its key")
        return [_send(running, Step.END), *ended, *_alarm(running)]

    def _end(self, running: Comparison, reason: str) -> list[Effect]:
        del self._running[running.account]
        return [Emit(ComparisonEnded(running.account, reason))]

    # What is bound

    def _parties(self, running: Comparison, is_ours: bool) -> tuple[bytes, bytes]:
        """Account and device of who asked, then of who answered."""
        me = self._state.me
        ours, theirs = me.account + me.device, running.account + running.peer
        return (ours, theirs) if is_ours else (theirs, ours)

    def _commitment(self, running: Comparison, key: bytes, *, is_ours: bool) -> bytes:
        bound = b"".join(self._parties(running, is_ours))
        content = _DOMAIN + running.session + key + bound
        return blake2b(content, digest_size=HASH_BYTES).digest()

    def _info(self, running: Comparison, keys: tuple[bytes, bytes], is_ours: bool) -> str:
        asker, answerer = self._parties(running, is_ours)
        first, second = keys if is_ours else keys[::-1]
        parts = (running.session, asker, first, answerer, second)
        return "|".join(("dchat/sas/1", *(part.hex() for part in parts)))

    # Who

    def _get(self, account: AccountId, now: Now) -> Comparison | None:
        """What is under way with a contact; what is too old is over."""
        running = self._running.get(account)
        if running is not None and running.since_s + COMPARISON_S_MAX < now.monotonic_s:
            del self._running[account]
            return None
        return running

    def _peer(self, account: AccountId) -> DeviceId | LocalProtocolError:
        """The device of a contact to ask."""
        state = self._state
        if state.contact_state(account) is not ContactState.ACCEPTED:
            return UnknownContact(f"{account} is not a contact; see `contacts`")
        here = state.devices_here(account)
        if not here:
            return LocalProtocolError("they are not connected: to compare, both have to be there")
        return here[0]


def _send(running: Comparison, step: Step, value: bytes = b"") -> Send:
    return Send(running.peer, Lane.LIVE, Compare(running.session, step, value))


def _alarm(running: Comparison) -> list[Effect]:
    reason = "the keys that were compared are not the same: somebody may stand between you"
    return [Emit(SecurityAlert(running.account, reason))]
