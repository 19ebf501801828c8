"""The chat as lines of a terminal: pure text of a given width, Chinese and emoji counted as two.

What others wrote draws on nobody's screen, and costs no more than the window is large: of a long
message the first lines are shown, and what was once broken into lines is kept.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from itertools import islice

from prompt_toolkit.utils import get_cwidth

from p2pchat.cli.chat.model import HELD_MESSAGES_MAX, Chat, Place
from p2pchat.cli.chat.wrapping import cut, excerpt, tame, wrapped
from p2pchat.cli.language import Language, translate
from p2pchat.cli.showing import local_time, words
from p2pchat.model.ids import AccountId, OpId
from p2pchat.model.mentions import with_names
from p2pchat.model.message import Message, Reaction

__all__ = [
    "HEARD_LINES_MAX",
    "MESSAGE_LINES_MAX",
    "REACTIONS_COUNTED_MAX",
    "Line",
    "bar",
    "body",
    "depth",
    "side",
]

Line = tuple[tuple[str, str], ...]
"""Pieces of text, each with its style."""

INDENT, MARK = "  ", "▸"
MORE = "… {count} characters more: `p2pchat history` has them"
MESSAGE_LINES_MAX = 40
"""Of one message, before the line that says how much more there is."""
HEARD_LINES_MAX = 3
"""Of one thing that others did."""
REACTIONS_COUNTED_MAX = 500
"""Of those that were put to one message."""


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
    command said, what others did, and what the person is warned of."""
    said, alarms = _notes(chat, width), _alarms(chat, width, language)
    heard = _heard(chat, width, height - len(said) - len(alarms))
    notes = [*said, *heard, *alarms][-height:]
    room = height - len(notes)
    back = _back(chat, width, room, language)
    seen = list(islice(_upwards(chat, width, language), room + back))
    shown = seen[min(back, max(0, len(seen) - room)) :][:room]
    return [*([()] * (room - len(shown))), *reversed(shown), *notes]


def _notes(chat: Chat, width: int) -> list[Line]:
    return [(("class:note", piece),) for note in chat.notes for piece in wrapped(tame(note), width)]


def _heard(chat: Chat, width: int, room: int) -> list[Line]:
    """The beginning of each, of the latest where there is no room for all; one line at least."""
    lines = list[Line]()
    for heard in chat.heard:
        pieces, rest = excerpt(tame(heard.line), width, INDENT, HEARD_LINES_MAX)
        last = cut(f"{pieces.pop()[: width - 2]} …", width) if rest else pieces.pop()
        lines += [(("class:note", piece),) for piece in (*pieces, last)]
    return lines[-max(room, 1) :]


def _alarms(chat: Chat, width: int, language: Language) -> list[Line]:
    if not chat.alarms:
        return []
    first, *others = chat.alarms
    lines = wrapped(f"! {tame(first.line)}", width, INDENT)
    seen = translate("Enter on an empty line takes this away.", language)
    if others:
        seen = translate("Enter on an empty line shows the next of {count} more.", language)
        seen = seen.format(count=len(others))
    return [*((("class:alarm", line),) for line in lines), (("class:note", cut(seen, width)),)]


def depth(chat: Chat, width: int, language: Language, most: int) -> int:
    """How many lines there are to be scrolled through; counted up to this many."""
    return sum(1 for _ in islice(_upwards(chat, width, language), most))


def _upwards(chat: Chat, width: int, language: Language) -> Iterator[Line]:
    """All lines of the open conversation, the lowest first."""
    for _, lines in _blocks(chat, width, language):
        yield from reversed(lines)


def _back(chat: Chat, width: int, room: int, language: Language) -> int:
    """How far to scroll so that the marked message is in sight, and no further."""
    if chat.marked is None:
        return chat.back
    below = 0
    for message, lines in _blocks(chat, width, language):
        if message is not None and message.id == chat.marked:
            return min(below, max(chat.back, below + len(lines) - room))
        below += len(lines)
    return chat.back


def _blocks(
    chat: Chat, width: int, language: Language
) -> Iterator[tuple[Message | None, tuple[Line, ...]]]:
    """Messages and what stands between them, the lowest first."""
    known = {message.id: message for message in chat.messages}
    for number in range(len(chat.messages) - 1, -1, -1):
        message = chat.messages[number]
        yield message, _block(message, chat, known, width, language)
        before = chat.messages[number - 1] if number else None
        if before is None or _day(before) != _day(message):
            yield None, ((("class:rule", f"── {_day(message)} ──"),),)
    if chat.place is not None:
        top = "Page up for what was said before" if chat.has_earlier else "This is the beginning."
        yield None, ((("class:rule", translate(top, language)),),)


def _block(
    message: Message, chat: Chat, known: Mapping[OpId, Message], width: int, language: Language
) -> tuple[Line, ...]:
    """A message with what it answers above it, and what was put to it below."""
    plain = replace(message, reactions=(), text=with_names(message.text, chat.names))
    is_marked = message.id == chat.marked
    lines = _message(plain, chat.me, width, language, is_marked=is_marked)
    if message.reply_to is not None:
        lines = (_quoted(known.get(message.reply_to), width, language), *lines)
    if message.reactions:
        lines = (*lines, _reactions(message.reactions, width))
    return lines


def _quoted(message: Message | None, width: int, language: Language) -> Line:
    """The beginning of what a message answers."""
    if message is None:
        said = translate("an earlier message", language)
    else:
        name = tame(message.author_name or str(message.author))
        text = translate("[deleted]", language) if message.deleted else message.text[: width + 1]
        first, _, _ = text.partition("\n")
        said = f"{name}: {tame(first)}"
    return (("class:rule", cut(f"{INDENT}┌ {said}", width)),)


def _reactions(put: Sequence[Reaction], width: int) -> Line:
    """How many put which emoji, as far as there is room."""
    counts = Counter(reaction.emoji for reaction in put[:REACTIONS_COUNTED_MAX])
    shown = [f"{tame(emoji)} {count}" for emoji, count in islice(counts.items(), width)]
    rest = "  …" if len(put) > REACTIONS_COUNTED_MAX else ""
    return (("class:reactions", cut(f"{INDENT}{INDENT}{'  '.join(shown)}{rest}", width)),)


@lru_cache(HELD_MESSAGES_MAX)
def _message(
    message: Message, me: AccountId, width: int, language: Language, *, is_marked: bool
) -> tuple[Line, ...]:
    is_own = message.author == me
    name = tame(message.author_name or str(message.author))
    mark = MARK if is_marked else ""
    first = f"{mark}{local_time(message.sent_at)[11:16]} {name}: "
    lines = _text(message, first, width, language, is_own=is_own)
    style = "class:marked" if is_marked else "class:own" if is_own else "class:other"
    head = len(first) if lines[0].startswith(first) else 0
    return (
        ((style, lines[0][:head]), ("", lines[0][head:])),
        *((("", line),) for line in lines[1:]),
    )


def _text(
    message: Message, first: str, width: int, language: Language, *, is_own: bool
) -> list[str]:
    """The beginning of what it says, and how much more there is or what became of it."""
    if message.deleted:
        return wrapped(f"{first}{translate('[deleted]', language)}", width, INDENT)
    became = (["edited"] if message.edited else []) + ([message.state] if is_own else [])
    state = f" [{', '.join(translate(word, language) for word in became)}]" if became else ""
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
    writing = translate("writing…", language) if place and place.id in chat.writing else ""
    parts = [f"{here}{kind}", writing, unread, tame(chat.progress)]
    if chat.back:
        parts.append(translate("Page down for the newest", language))
    return (("class:bar", cut("  ".join(part for part in parts if part), width)),)
