"""Plain values as JSON-RPC gives them, read with their types."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

__all__ = ["Row", "flag", "number", "row", "rows", "shown_ms", "text", "texts"]

Row = dict[str, object]
"""One thing that is shown, by the names of its parts."""


def row(value: object) -> Row:
    """An object."""
    assert isinstance(value, dict), value
    return cast("Row", value)


def rows(value: object) -> list[Row]:
    """A list of objects."""
    assert isinstance(value, list), value
    return [row(each) for each in cast("list[object]", value)]


def text(of: Mapping[str, object], name: str) -> str:
    """A text; empty for what is null or missing."""
    return str(of.get(name) or "")


def texts(value: object) -> list[str]:
    """A list of texts."""
    return [str(each) for each in cast("list[object]", value or [])]


def number(of: Mapping[str, object], name: str) -> int:
    """A whole number; 0 for what is null or missing."""
    return int(cast("float", of.get(name) or 0))


def flag(of: Mapping[str, object], name: str) -> bool:
    """Yes or no."""
    return bool(of.get(name))


def shown_ms(message: Mapping[str, object]) -> int:
    """When a message was written; of a clock that is ahead of ours, when it came."""
    sent, received = number(message, "sent_at"), number(message, "received_at")
    return min(sent, received) if received and sent > 0 else received or sent
