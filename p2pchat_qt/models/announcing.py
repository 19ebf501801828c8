"""What the desktop is told while nobody looks at the window: seldom enough to be read.

Batches of events become one notice, however many there are; who shows it makes a pause between two.
"""

from __future__ import annotations

from dataclasses import dataclass

from p2pchat_qt.shown import name_text, preview_text
from p2pchat_qt.values import Row, row, text

__all__ = ["Announcing", "Notice"]

_KINDS = {
    "MessageReceived": "message",
    "ContactRequested": "request",
    "RoomRequested": "request",
    "KeyChanged": "alarm",
}
_RANKS = ("message", "request", "alarm")


@dataclass(frozen=True, slots=True)
class Notice:
    """What is said: `kind` is "message", "request" or "alarm"."""

    kind: str
    name: str = ""
    words: str = ""
    more: int = 0
    """So many other messages came with it."""
    conversation: str = ""
    """What a click on it opens."""


class Announcing:
    """Folds events until what they come to is told."""

    def __init__(self) -> None:
        self._waiting: Notice | None = None

    def hear(self, batch: list[Row]) -> None:
        """What happened."""
        for event in batch:
            kind = _KINDS.get(text(event, "type"))
            if kind is not None:
                self._waiting = _joined(self._waiting, _notice(kind, event))

    def forget(self) -> None:
        """Somebody looks: nothing is told."""
        self._waiting = None

    def take(self) -> Notice | None:
        """What is told now, if there is something."""
        notice, self._waiting = self._waiting, None
        return notice


def _notice(kind: str, event: Row) -> Notice:
    if kind == "message":
        message = row(event["message"])
        name, words = name_text(text(message, "author_name")), preview_text(text(message, "text"))
        return Notice(kind, name, words, conversation=text(message, "conversation"))
    asking = event if kind == "request" and "room" not in event else row(event.get("room") or {})
    return Notice(kind, name_text(text(asking, "name")))


def _joined(waiting: Notice | None, new: Notice) -> Notice:
    """The newest of the weightiest kind, with how many messages there are beside it."""
    if waiting is None:
        return new
    count = waiting.more + (waiting.kind == "message")
    first = waiting if _RANKS.index(waiting.kind) > _RANKS.index(new.kind) else new
    if first is waiting:
        count = waiting.more + (new.kind == "message")
    return Notice(first.kind, first.name, first.words, count, first.conversation)
