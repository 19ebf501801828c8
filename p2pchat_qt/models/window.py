"""The part of a conversation that is held for the view: pages around where one reads, no pixels.

Messages stand in the order in which the store has them. At either end there may be more, which is
read when the view comes near; what is far away then goes, so that a conversation of any length
costs the same.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from p2pchat_qt.values import Row, text

__all__ = ["PAGE", "WINDOW_MAX", "Cut", "Window"]

PAGE = 60
"""Messages read at once."""
WINDOW_MAX = 300
"""Messages held at most."""


@dataclass(frozen=True, slots=True)
class Cut:
    """What was taken away: so many of the oldest, so many of the newest."""

    oldest: int = 0
    newest: int = 0


class Window:
    """Messages in order, the oldest first."""

    def __init__(self) -> None:
        self.messages = list[Row]()
        self.has_older = False
        """More was said before the first."""
        self.has_newer = False
        """More was said after the last."""

    def show(self, messages: Sequence[Row], *, has_older: bool, has_newer: bool) -> None:
        """Hold these instead."""
        self.messages = list(messages)
        self.has_older, self.has_newer = has_older, has_newer

    @property
    def first(self) -> str | None:
        """The id of the oldest."""
        return text(self.messages[0], "id") if self.messages else None

    @property
    def last(self) -> str | None:
        """The id of the newest."""
        return text(self.messages[-1], "id") if self.messages else None

    def place(self, id: str) -> int | None:
        """Where a message stands."""
        newest_first = range(len(self.messages) - 1, -1, -1)
        return next((n for n in newest_first if self.messages[n]["id"] == id), None)

    def unknown(self, messages: Sequence[Row]) -> list[Row]:
        """Those of them that are not here."""
        known = {message["id"] for message in self.messages}
        return [message for message in messages if message["id"] not in known]

    def too_many(self, *, keep_newest: bool) -> Cut:
        """What has to go at the far end."""
        over = max(0, len(self.messages) - WINDOW_MAX)
        return Cut(oldest=over) if keep_newest else Cut(newest=over)

    def change(self, id: str, change: Callable[[Row], Row]) -> int | None:
        """Have a message say something else; where it stands, if it is here and is different."""
        place = self.place(id)
        if place is None:
            return None
        changed = change(self.messages[place])
        if changed == self.messages[place]:
            return None
        self.messages[place] = changed
        return place
