"""How far our messages have come, as far as events told.

What is read from the store may be older than an event that came while it was read: the state that
is further counts.
"""

from __future__ import annotations

from p2pchat_qt.values import Row, text

__all__ = ["STATES_MAX", "States"]

STATES_MAX = 1_000
"""Messages whose state is remembered, the newest to be told of."""
_ORDER = ("queued", "sent", "delivered", "read")


class States:
    """The newest word on each message."""

    def __init__(self) -> None:
        self._told = dict[str, str]()

    def hear(self, message: str, state: str) -> None:
        """An event told it."""
        self._told.pop(message, None)
        self._told[message] = state
        if len(self._told) > STATES_MAX:
            del self._told[next(iter(self._told))]

    def newest(self, message: Row) -> Row:
        """The message in the state that is further: as it was read, or as an event told."""
        told, read = self._told.get(text(message, "id")), text(message, "state")
        if told in _ORDER and read in _ORDER and _ORDER.index(told) > _ORDER.index(read):
            return {**message, "state": told}
        return message
