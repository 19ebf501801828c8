"""What was read of a conversation, and begun to be written in it, in memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from p2pchat.model.change import AddMessage, Counting, PutDraft, PutReadMark, SetTelling
from p2pchat.model.ids import ConversationId, DeviceId
from p2pchat.model.snapshot import ReadingSnapshot

__all__ = ["Reading", "reading_snapshot"]


@dataclass(slots=True)
class Reading:
    """Of one conversation."""

    marks: dict[DeviceId, int] = field(default_factory=dict[DeviceId, int])
    tells: bool | None = None
    draft: str = ""

    def apply(self, change: PutReadMark | SetTelling | PutDraft) -> None:
        match change:
            case PutReadMark(_, device, below):
                self.marks[device] = max(below, self.marks.get(device, 0))
            case SetTelling(_, is_on):
                self.tells = is_on
            case PutDraft(_, text):
                self.draft = text

    def is_unread(self, message: AddMessage) -> bool:
        """Whether somebody else wrote it, above what was read."""
        is_ours = message.own is not Counting.NOBODY
        return not is_ours and message.seq >= self.marks.get(message.device, 0)

    def copy(self) -> Reading:
        return Reading(dict(self.marks), self.tells, self.draft)


def reading_snapshot(readings: Mapping[ConversationId, Reading]) -> ReadingSnapshot:
    """All of it, as of the last commit."""
    known = sorted(readings.items())
    return ReadingSnapshot(
        tuple(
            PutReadMark(id, device, below)
            for id, reading in known
            for device, below in sorted(reading.marks.items())
        ),
        tuple(SetTelling(id, one.tells) for id, one in known if one.tells is not None),
        tuple(PutDraft(id, one.draft) for id, one in known if one.draft),
    )
