"""The chat as lines of a terminal: pure text of a given width, Chinese and emoji counted as two.

What others wrote draws on nobody's screen: control characters are written out.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from prompt_toolkit.utils import get_cwidth

from p2pchat.cli.chat.model import Chat, Place
from p2pchat.cli.language import Language, translate
from p2pchat.cli.showing import local_time, plain, words
from p2pchat.model.message import Message

__all__ = ["Line", "bar", "body", "depth", "side", "wrapped"]

Line = tuple[tuple[str, str], ...]
"""Pieces of text, each with its style."""

INDENT = "  "


def side(chat: Chat, width: int) -> list[Line]:
    """The list of conversations, the open one marked, with how much is unread in each."""
    return [_entry(place, width, is_open=place.id == chat.open) for place in chat.places]


def _entry(place: Place, width: int, *, is_open: bool) -> Line:
    count = f" {place.unread}" if place.unread else ""
    name = cut(plain(place.name), width - 2 - get_cwidth(count))
    gap = " " * (width - 2 - get_cwidth(name) - get_cwidth(count))
    style = "class:open" if is_open else "class:unread" if place.unread else ""
    return ((style, f"{'›' if is_open else ' '} {name}{gap}"), ("class:unread", count))


def body(chat: Chat, width: int, height: int, language: Language) -> list[Line]:
    """What is seen of the open conversation, the newest at the bottom; below it what the last
    command said."""
    notes = [
        (("class:note", piece),) for note in chat.notes for piece in wrapped(plain(note), width)
    ]
    notes = notes[-height:]
    room = height - len(notes)
    seen: list[Line] = []
    for line in _upwards(chat, width, language):
        if len(seen) >= room + chat.back:
            break
        seen.append(line)
    shown = seen[min(chat.back, max(0, len(seen) - room)) :][:room]
    return [*([()] * (room - len(shown))), *reversed(shown), *notes]


def depth(chat: Chat, width: int, language: Language) -> int:
    """How many lines there are to be scrolled through."""
    return sum(1 for _ in _upwards(chat, width, language))


def _upwards(chat: Chat, width: int, language: Language) -> Iterator[Line]:
    """All lines of the open conversation, the lowest first."""
    for number in range(len(chat.messages) - 1, -1, -1):
        message = chat.messages[number]
        yield from reversed(_message(message, chat, width, language))
        before = chat.messages[number - 1] if number else None
        if before is None or _day(before) != _day(message):
            yield (("class:rule", f"── {_day(message)} ──"),)
    if chat.place is not None:
        top = "Page up for what was said before" if chat.has_earlier else "This is the beginning."
        yield (("class:rule", translate(top, language)),)


def _message(message: Message, chat: Chat, width: int, language: Language) -> list[Line]:
    is_own = message.author == chat.me
    name = plain(message.author_name or str(message.author))
    first = f"{local_time(message.sent_at)[11:16]} {name}: "
    state = f" [{translate(message.state, language)}]" if is_own else ""
    text = "\n".join(plain(line) for line in message.text.split("\n"))
    lines = wrapped(f"{first}{text}{state}", width, INDENT)
    style = "class:own" if is_own else "class:other"
    head = len(first) if lines[0].startswith(first) else 0
    return [
        ((style, lines[0][:head]), ("", lines[0][head:])),
        *((("", line),) for line in lines[1:]),
    ]


def _day(message: Message) -> str:
    return f"{datetime.fromisoformat(local_time(message.sent_at)):%Y-%m-%d}"


def bar(chat: Chat, width: int, language: Language) -> Line:
    """Where one is, and how the network does."""
    place = chat.place
    here = plain(place.name) if place else translate("No conversation is open", language)
    kind = f" ({translate(place.kind, language)})" if place else ""
    unread = words("{count} unread", language, count=chat.unread) if chat.unread else ""
    parts = [f"{here}{kind}", unread, plain(chat.progress)]
    if chat.back:
        parts.append(translate("Page down for the newest", language))
    return (("class:bar", cut("  ".join(part for part in parts if part), width)),)


def wrapped(text: str, width: int, indent: str = "") -> list[str]:
    """The text in lines of at most this width, broken at spaces where there are any; all but the
    first are indented."""
    lines: list[str] = []
    for paragraph in text.split("\n"):
        rest = f"{indent if lines else ''}{paragraph}"
        while get_cwidth(rest) > max(width, 8):
            piece = _fitting(rest, max(width, 8), len(indent))
            lines.append(piece.rstrip(" "))
            rest = indent + rest[len(piece) :].lstrip(" ")
        lines.append(rest)
    return lines


def _fitting(text: str, width: int, least: int) -> str:
    """As much of the beginning as fits, up to a space if one is there."""
    whole = cut(text, width)
    at = whole.rfind(" ")
    return whole[: at + 1] if at > least and not text[len(whole) :].startswith(" ") else whole


def cut(text: str, width: int) -> str:
    """As much of it as fits."""
    used = 0
    for place, character in enumerate(text):
        used += get_cwidth(character)
        if used > width:
            return text[:place]
    return text
