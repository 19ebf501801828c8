"""Composing: contacts see that one is writing to them, if both want that.

It is said on the direct stream to who is connected, and kept by nobody. When and how long somebody
writes is theirs to tell, so nothing is said before the person has chosen to; and who does not tell
is not told.
"""

from __future__ import annotations

from collections.abc import Mapping

from p2pchat.errors import UnknownContact
from p2pchat.events import TypingChanged
from p2pchat.model.change import PutSetting
from p2pchat.model.contact import ContactState
from p2pchat.model.conversation import direct_id
from p2pchat.model.ids import AccountId, DeviceId
from p2pchat.model.machine import Now, Reply, SetTimer
from p2pchat.protocol.composing_vocabulary import ComposingCommand, SayTyping, TellTyping
from p2pchat.protocol.machine import Effect, Emit, Lane, Persist, Send
from p2pchat.protocol.pace import Buckets, Rate
from p2pchat.protocol.state import State
from p2pchat.wire.frames import Typing

__all__ = ["TIMER", "Composing"]

TIMER = "typing"
SETTING = "typing"
TYPING_AGAIN_S = 4.0
"""Who goes on writing says so again after that."""
TYPING_S = 10.0
"""Who was said to be writing, and of whom nothing more is heard, is so no longer."""
TYPING_RATE = Rate(per_s=1, burst=4)
"""Of one contact: what is said more often is not listened to."""


class Composing:
    """Who is writing to us, and whom we have told that we are."""

    def __init__(self, state: State) -> None:
        self._state = state
        self.is_told = False
        """Whether contacts are told, and we are."""
        self._said = dict[AccountId, float]()
        self._heard = dict[AccountId, float]()
        self._pace = Buckets[AccountId](TYPING_RATE)

    def restore(self, settings: Mapping[str, bytes]) -> None:
        """As of the last commit."""
        self.is_told = bool(settings.get(SETTING))

    def handle(self, command: ComposingCommand, now: Now) -> list[Effect]:
        """What our person does."""
        match command:
            case TellTyping(id, is_on):
                effects: list[Effect] = [] if is_on else self._silence(now)
                self.is_told = is_on
                kept = Persist(PutSetting(SETTING, b"on" if is_on else b""))
                return [*effects, kept, Reply(id)]
            case SayTyping(id, account, is_typing):
                if self._state.contact_state(account) is not ContactState.ACCEPTED:
                    error = UnknownContact(f"{account} is not a contact; see `contacts`")
                    return [Reply(id, error=error)]
                return [*self._say(account, now, is_typing=is_typing), Reply(id)]

    def heard(self, peer: DeviceId, frame: Typing, now: Now) -> list[Effect]:
        """A contact writes, or has stopped."""
        account = self._state.acquainted(peer)
        if account is None:
            self._state.refuse("typing of a stranger")
            return []
        is_end = account in self._heard and not frame.is_typing  # one for each that was taken
        if not is_end and not self._pace.of(account, now.monotonic_s).take(1, now.monotonic_s):
            self._state.refuse("typing told too often")
            return []
        if not self.is_told:
            return []
        was_typing = self._heard.pop(account, None) is not None
        if not frame.is_typing:
            return self._changed(account, is_typing=False) if was_typing else []
        self._heard[account] = now.monotonic_s + TYPING_S
        told = [] if was_typing else self._changed(account, is_typing=True)
        return [*told, *self._timer(now)]

    def fired(self, now: Now) -> list[Effect]:
        """Nothing more was heard of some."""
        over = [account for account, until in self._heard.items() if until <= now.monotonic_s]
        effects: list[Effect] = []
        for account in over:
            del self._heard[account]
            effects += self._changed(account, is_typing=False)
        return effects + self._timer(now)

    def _say(self, account: AccountId, now: Now, *, is_typing: bool) -> list[Effect]:
        said_s = self._said.get(account)
        if not self.is_told or (said_s is None and not is_typing):
            return []
        if is_typing and said_s is not None and now.monotonic_s < said_s + TYPING_AGAIN_S:
            return []
        self._said.pop(account, None)
        if is_typing:
            self._said[account] = now.monotonic_s
        state, frame = self._state, Typing(is_typing)
        conversation = state.conversations[direct_id(state.me.account, account)]
        here = state.devices_here(account)
        return [Send(one, Lane.LIVE, frame) for one in here if state.may_read(conversation, one)]

    def _silence(self, now: Now) -> list[Effect]:
        """Nobody is told from here on: who was told last that we write is told that we stopped."""
        effects: list[Effect] = []
        for account in tuple(self._said):
            effects += self._say(account, now, is_typing=False)
        for account in tuple(self._heard):
            del self._heard[account]
            effects += self._changed(account, is_typing=False)
        return effects

    def _changed(self, account: AccountId, *, is_typing: bool) -> list[Effect]:
        return [Emit(TypingChanged(account, is_typing))]

    def _timer(self, now: Now) -> list[Effect]:
        if not self._heard:
            return []
        return [SetTimer(TIMER, max(0.0, min(self._heard.values()) - now.monotonic_s))]
