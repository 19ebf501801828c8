"""What was said last in each conversation, and the words that its row shows of it.

The words of others are made fit to be shown once for each message, and not each time the list is
sorted.
"""

from __future__ import annotations

from p2pchat_qt.shown import name_text, preview_text
from p2pchat_qt.values import Row, number, text

__all__ = ["Lasts"]


class Lasts:
    """One message for each conversation, found by either."""

    def __init__(self) -> None:
        self._said = dict[str, Row]()
        self._where = dict[str, str]()
        self._words = dict[str, tuple[str, str]]()

    def __contains__(self, conversation: str) -> bool:
        return conversation in self._said

    def find(self, conversation: str) -> Row | None:
        """What was said there last."""
        return self._said.get(conversation)

    def words(self, conversation: str) -> tuple[str, str]:
        """Of what was said there last: how it begins, and its author's name."""
        if conversation not in self._words:
            said = self._said[conversation]
            author = name_text(text(said, "author_name"))
            self._words[conversation] = preview_text(text(said, "text")), author
        return self._words[conversation]

    def put(self, message: Row) -> None:
        """This is the last of its conversation."""
        conversation = text(message, "conversation")
        before = self._said.get(conversation)
        if before is not None:
            self._where.pop(text(before, "id"), None)
        self._said[conversation] = message
        self._where[text(message, "id")] = conversation
        self._words.pop(conversation, None)

    def say(self, message: Row) -> None:
        """This was said: it is the last if none came later."""
        before = self._said.get(text(message, "conversation"))
        if before is None or number(message, "received_at") >= number(before, "received_at"):
            self.put(message)

    def change(self, message: str, **parts: object) -> None:
        """A message says something else now, if it is a last one."""
        conversation = self._where.get(message)
        if conversation is not None:
            self.put({**self._said[conversation], **parts})
