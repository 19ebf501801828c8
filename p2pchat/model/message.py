"""A message as a person sees it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from unicodedata import category

from p2pchat.model.ids import AccountId, ConversationId, OpId
from p2pchat.model.mentions import mentions

__all__ = ["REACTIONS_MAX", "Message", "MessageState", "Reaction", "is_emoji"]


class MessageState(StrEnum):
    """How far one of our messages has come; a message of others is always `DELIVERED`.

    `READ` is what every recipient has told to have read, who may not want to tell; no message is
    `FAILED` yet, for nothing is given up.
    """

    QUEUED = "queued"
    SENT = "sent"
    DELIVERED = "delivered"
    READ = "read"
    FAILED = "failed"


EMOJI_CHARS_MAX = 16
"""Enough for families and for flags with a region."""
REACTIONS_MAX = 20
"""Emoji of one account to one message that count: those that were put or taken away last."""


@dataclass(frozen=True, slots=True)
class Reaction:
    """An emoji that somebody put to a message."""

    emoji: str
    account: AccountId


def is_emoji(text: str) -> bool:
    """Whether a text may be put to a message: a sign or a few that make one, no letters, no
    spaces, nothing that cannot be seen beside what joins signs."""
    return (
        0 < len(text) <= EMOJI_CHARS_MAX
        and any(_is_sign(c) for c in text)
        and all(_is_sign(c) or category(c) in _PARTS or c in _JOINERS for c in text)
    )


def _is_sign(c: str) -> bool:
    """A symbol or a mark, also one that only later versions of Unicode know."""
    kind = category(c)
    return kind[0] in "SP" or kind in ("Me", "Cn")


_PARTS = frozenset({"Mn", "Nd"})
"""Variation selectors, and the digits of keycaps."""
_JOINERS = frozenset({"\u200d", *map(chr, range(0xE0020, 0xE0080))})
"""The joiner of families, and the tags of flags."""


@dataclass(frozen=True, slots=True)
class Message:
    """One text in a conversation. Times are milliseconds since the epoch; `sent_at` is the
    author's claim, `received_at` our own clock."""

    id: OpId
    conversation: ConversationId
    author: AccountId
    author_name: str
    type: str
    text: str
    sent_at: int
    received_at: int
    state: MessageState
    reply_to: OpId | None
    signature: bytes
    edited: bool = False
    deleted: bool = False
    reactions: tuple[Reaction, ...] = ()
    """In order of emoji and account."""

    @property
    def mentions(self) -> tuple[AccountId, ...]:
        """The accounts that it names as `@z6Mk…`."""
        return mentions(self.text)
