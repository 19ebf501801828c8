"""Our profile, and who is told of it.

Contacts get all of it as an op of the direct conversation. Open rooms get the name alone: whoever
names such a room reads it, and a face is not for everybody.
"""

from __future__ import annotations

from collections.abc import Callable

from p2pchat.model.contact import ContactState
from p2pchat.model.ids import AccountId
from p2pchat.model.machine import Now, Reply
from p2pchat.protocol.intake import Intake
from p2pchat.protocol.machine import Effect, SetProfile
from p2pchat.protocol.state import State
from p2pchat.wire.contents import Content, Profile

__all__ = ["Profiles"]

Write = Callable[[AccountId, Content, Now], list[Effect]]
"""Writes into the direct conversation with an account."""


class Profiles:
    """What we say of ourselves."""

    def __init__(self, state: State, intake: Intake, write: Write) -> None:
        self._state = state
        self._intake = intake
        self._write = write

    def change(self, command: SetProfile, now: Now) -> list[Effect]:
        """Take a new profile and tell all contacts; saying the same again says nothing."""
        state, profile = self._state, command.profile
        if profile == state.profile:
            return [Reply(command.id)]
        hlc = state.clock.tick(now)
        effects = self._intake.consequences.rename(state.me.account, profile.name, hlc)
        effects += self._intake.consequences.describe(state.me.account, profile, hlc)
        for account in state.contacts:
            if state.contact_state(account) is ContactState.ACCEPTED:
                effects += self._write(account, profile, now)
        return [*effects, Reply(command.id)]

    def introduce(self, account: AccountId, now: Now) -> list[Effect]:
        """A new contact gets what its request or answer did not say."""
        profile = self._state.profile
        is_named = profile == Profile(profile.name)
        return [] if is_named else self._write(account, profile, now)
