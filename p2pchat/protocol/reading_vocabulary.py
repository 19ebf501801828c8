"""Commands about what was read, and what was begun to be written (`protocol.reading`)."""

from __future__ import annotations

from dataclasses import dataclass, field

from p2pchat.model.change import PutReadMark
from p2pchat.model.ids import ConversationId

__all__ = ["KeepDraft", "MarkRead", "ReadingCommand", "TellReading"]


@dataclass(frozen=True, slots=True)
class MarkRead:
    """The person has read so far, which is the caller's to have looked up; answered by None."""

    id: int
    conversation: ConversationId
    marks: tuple[PutReadMark, ...]


@dataclass(frozen=True, slots=True)
class TellReading:
    """Whether who writes is told what was read: in one conversation (None: as everywhere), or,
    without one, everywhere; answered by None."""

    id: int
    conversation: ConversationId | None
    is_on: bool | None


@dataclass(frozen=True, slots=True)
class KeepDraft:
    """What was begun to be written in a conversation, empty for nothing; answered by None."""

    id: int
    conversation: ConversationId
    text: str = field(repr=False)


ReadingCommand = MarkRead | TellReading | KeepDraft
