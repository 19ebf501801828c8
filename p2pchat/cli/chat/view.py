"""The chat as lines of a terminal: pure text of a given width, Chinese and emoji counted as two.

What others wrote draws on nobody's screen, and costs no more than the window is large: of a long
message the first lines are shown, and what was once broken into lines is kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from functools import lru_cache
from itertools import islice

from prompt_toolkit.utils import get_cwidth

from p2pchat.cli.chat.model import HELD_MESSAGES_MAX, Chat, Place
from p2pchat.cli.chat.wrapping import cut, excerpt, tame, wrapped
from p2pchat.cli.language import Language, translate
from p2pchat.cli.showing import local_time, words
from p2pchat.model.ids import AccountId
from p2pchat.model.message import Message

__all__ = ["MESSAGE_LINES_MAX", "Line", "bar", "body", "depth", "side"]

Line = tuple[tuple[str, str], ...]
"""Pieces of text, each with its style."""

INDENT = "  "
MORE = "… {count} characters more: `p2pchat history` has them"
MESSAGE_LINES_MAX = 40
"""Of one message, before the line that says how much more there is."""


def side(chat: Chat, width: int) -> list[Line]:
    """The list of conversations, the open one marked, with how much is unread in each."""
    return [_entry(place, width, is_open=place.id == chat.open) for place in chat.places]


def _entry(place: Place, width: int, *, is_open: bool) -> Line:
    count = f" {place.unread}" if place.unread else ""
    name = cut(tame(place.name), width - 2 - get_cwidth(count))
    gap = " " * (width - 2 - get_cwidth(name) - get_cwidth(count))
    style = "class:open" if is_open else "class:unread" if place.unread else ""
    return ((style, f"{'›' if is_open else ' '} {name}{gap}"), ("class:unread", count))


def body(chat: Chat, width: int, height: int, language: Language) -> list[Line]:
    """What is seen of the open conversation, the newest at the bottom; below it what the last
    command said, and what the person is warned of."""
    notes = [*_notes(chat, width), *_alarms(chat, width, language)][-height:]
    room = height - len(notes)
    seen = list(islice(_upwards(chat, width, language), room + chat.back))
    shown = seen[min(chat.back, max(0, len(seen) - room)) :][:room]
    return [*([()] * (room - len(shown))), *reversed(shown), *notes]


def _notes(chat: Chat, width: int) -> list[Line]:
    return [(("class:note", piece),) for note in chat.notes for piece in wrapped(tame(note), width)]


def _alarms(chat: Chat, width: int, language: Language) -> list[Line]:
    if not chat.alarms:
        return []
    lines = [piece for alarm in chat.alarms for piece in wrapped(f"! {tame(alarm)}", width, INDENT)]
    seen = translate("Enter on an empty line takes this away.", language)
    return [*((("class:alarm", line),) for line in lines), (("class:note", cut(seen, width)),)]


def depth(chat: Chat, width: int, language: Language, most: int) -> int:
    """How many lines there are to be scrolled through; counted up to this many."""
    return sum(1 for _ in islice(_upwards(chat, width, language), most))


def _upwards(chat: Chat, width: int, language: Language) -> Iterator[Line]:
    """All lines of the open conversation, the lowest first."""
    for number in range(len(chat.messages) - 1, -1, -1):
        message = chat.messages[number]
        yield from reversed(_message(message, chat.me, width, language))
        before = chat.messages[number - 1] if number else None
        if before is None or _day(before) != _day(message):
            yield (("class:rule", f"── {_day(message)} ──"),)
    if chat.place is not None:
        top = "Page up for what was said before" if chat.has_earlier else "This is the beginning."
        yield (("class:rule", translate(top, language)),)


@lru_cache(HELD_MESSAGES_MAX)
def _message(message: Message, me: AccountId, width: int, language: Language) -> tuple[Line, ...]:
    is_own = message.author == me
    name = tame(message.author_name or str(message.author))
    first = f"{local_time(message.sent_at)[11:16]} {name}: "
    lines = _text(message, first, width, language, is_own=is_own)
    style = "class:own" if is_own else "class:other"
    head = len(first) if lines[0].startswith(first) else 0
    return (
        ((style, lines[0][:head]), ("", lines[0][head:])),
        *((("", line),) for line in lines[1:]),
    )


def _text(
    message: Message, first: str, width: int, language: Language, *, is_own: bool
) -> list[str]:
    """The beginning of what it says, and how much more there is or how far it came."""
    state = f" [{translate(message.state, language)}]" if is_own else ""
    taken = message.text[: MESSAGE_LINES_MAX * max(width, 1) * 2]
    text = "\n".join(map(tame, taken.split("\n")))
    lines, rest = excerpt(f"{first}{text}", width, INDENT, MESSAGE_LINES_MAX)
    rest += len(message.text) - len(taken)
    last = f"{INDENT}{words(MORE, language, count=rest)}" if rest else lines.pop()
    return [*lines, *wrapped(f"{last}{state}", width, INDENT)]


def _day(message: Message) -> str:
    return f"{datetime.fromisoformat(local_time(message.sent_at)):%Y-%m-%d}"


def bar(chat: Chat, width: int, language: Language) -> Line:
    """Where one is, and how the network does."""
    place = chat.place
    here = tame(place.name) if place else translate("No conversation is open", language)
    kind = f" ({translate(place.kind, language)})" if place else ""
    unread = words("{count} unread", language, count=chat.unread) if chat.unread else ""
    parts = [f"{here}{kind}", unread, tame(chat.progress)]
    if chat.back:
        parts.append(translate("Page down for the newest", language))
    return (("class:bar", cut("  ".join(part for part in parts if part), width)),)
