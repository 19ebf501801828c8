"""Values as a person reads them in a terminal.

Names and texts are somebody else's words: what could move the cursor or change a colour is written
out, so that nobody draws on the reader's screen.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import fields
from datetime import datetime
from typing import cast
from unicodedata import category

from p2pchat.cli import shapes
from p2pchat.cli.language import Language, translate, translate_error
from p2pchat.events import StartupProgress
from p2pchat.model.diagnosis import Saying
from p2pchat.model.ids import AccountId
from p2pchat.model.message import Message

__all__ = [
    "JOINER",
    "local_time",
    "message_line",
    "plain",
    "progress_line",
    "said",
    "step_name",
    "table",
    "words",
]

JOINER = "\u200d"
"""Makes one picture of two, such as a family of people."""
_IDEOGRAPHIC_SPACE = "\u3000"
_PICTURE_ENDS = frozenset("\ufe0f↔\U0001f3fb\U0001f3fc\U0001f3fd\U0001f3fe\U0001f3ff")
"""What asks for a picture, what is no symbol otherwise, and the colours of skin."""

_LATEST_MS = 253_370_764_800_000
"""The year 9999: what an author claims may be beyond any calendar."""


def words(text: str, language: Language, **values: object) -> str:
    """A sentence in the user's language, its values made plain."""
    shown = {name: plain(str(value)) for name, value in values.items()}
    return translate(text, language).format(**shown)


def said(saying: Saying, language: Language) -> str:
    """A sentence, and what stands in its blanks where that is one of our own phrases."""
    values = {
        name: translate_error(translate(value, language), language)
        for name, value in saying.values.items()
    }
    return words(saying.text, language, **values)


def plain(text: str) -> str:
    """Text without control characters; nothing in it but spaces and what joins pictures is
    invisible."""
    if text.isprintable():
        return text
    return "".join(map(_plain, text, ("", *text), (*text[1:], "")))


def _plain(character: str, before: str, after: str) -> str:
    if character.isprintable() or character == _IDEOGRAPHIC_SPACE:
        return character
    if character == JOINER and _is_picture(before) and _is_picture(after):
        return character
    return " " if category(character) == "Zs" else ascii(character)[1:-1]


def _is_picture(character: str) -> bool:
    """Whether it is an emoji, or the end of one."""
    return character in _PICTURE_ENDS or category(character or " ") == "So"


def table(rows: Sequence[tuple[str, ...]]) -> Iterable[str]:
    """The rows with their columns below each other."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        yield "  ".join(cells).rstrip()


def message_line(message: Message, me: AccountId, language: Language) -> str:
    """Who wrote what and when, by the local clock, and of our own how far they came; further lines
    of a text are indented."""
    when = local_time(message.sent_at)
    text = "\n    ".join(plain(line) for line in message.text.split("\n"))
    text = translate("[deleted]", language) if message.deleted else text
    facts = [translate("edited", language)] if message.edited else []
    facts += [translate(message.state, language)] if message.author == me else []
    told = f"  [{', '.join(facts)}]" if facts else ""
    counts = Counter(put.emoji for put in message.reactions)
    put = "".join(f"  {plain(emoji)} {count}" for emoji, count in counts.items())
    return f"{when}  {plain(message.author_name)}: {text}{told}{put}"


def local_time(time_ms: int) -> str:
    """A moment by the local clock; one that no calendar has is moved into it."""
    when = datetime.fromtimestamp(min(max(time_ms, 0), _LATEST_MS) / 1000).astimezone()
    return f"{when:%Y-%m-%d %H:%M:%S}"


def progress_line(event: StartupProgress, language: Language) -> str:
    """A step of the start with what belongs to it."""
    details = [_detail(getattr(event, field.name)) for field in fields(event)]
    return "  ".join([f"· {step_name(event, language)}", *details]).rstrip()


def step_name(event: StartupProgress, language: Language) -> str:
    """A step of the start."""
    return translate(str(shapes.event(event)["step"]).replace("_", " "), language)


def _detail(value: object) -> str:
    if isinstance(value, tuple):
        return " ".join(map(str, cast("tuple[object, ...]", value)))
    return f"{value:.1f}" if isinstance(value, float) else str(value)
