"""How much of what was said before they came members may have, as people write it.

`none`, `joining`, `last:500`, `all`: what a room by invitation is begun with, for good.
"""

from __future__ import annotations

from dataclasses import dataclass

from p2pchat.model.control import History

__all__ = ["ALL", "HISTORY_LAST_MAX", "HistoryRule", "parse_history"]

HISTORY_LAST_MAX = 100_000
_WORDS = {History.NONE: "none", History.SINCE_JOINING: "joining", History.ALL: "all"}


@dataclass(frozen=True, slots=True)
class HistoryRule:
    """What a room's genesis says of it."""

    history: History
    last: int = 0
    """How many messages, for `History.LAST`; else 0."""

    def __str__(self) -> str:
        if self.history is History.LAST:
            return f"last:{self.last}"
        return _WORDS[self.history]


ALL = HistoryRule(History.ALL)


def parse_history(text: str) -> HistoryRule:
    """Read one. Raises `ValueError` with what is wrong."""
    for history, word in _WORDS.items():
        if text == word:
            return HistoryRule(history)
    word, _, number = text.partition(":")
    is_number = number.isascii() and number.isdigit() and len(number) <= len(str(HISTORY_LAST_MAX))
    if word == "last" and is_number and 0 < int(number) <= HISTORY_LAST_MAX:
        return HistoryRule(History.LAST, int(number))
    raise ValueError(
        f"a room's history is none, joining, all or last:N with N from 1 to {HISTORY_LAST_MAX:,}"
    )
