"""Commands about who is writing (`protocol.composing`)."""

from __future__ import annotations

from dataclasses import dataclass

from p2pchat.model.ids import AccountId

__all__ = ["ComposingCommand", "SayTyping", "TellTyping"]


@dataclass(frozen=True, slots=True)
class SayTyping:
    """The person is writing to a contact, or has stopped; answered by None."""

    id: int
    account: AccountId
    is_typing: bool


@dataclass(frozen=True, slots=True)
class TellTyping:
    """Whether contacts are told when the person writes to them, and the person when they do;
    answered by None."""

    id: int
    is_on: bool


ComposingCommand = SayTyping | TellTyping
