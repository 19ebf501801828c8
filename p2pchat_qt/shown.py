"""Texts of others made fit to be shown: always plain text, and nothing in them that turns the line
round, hides, or piles up over others.

A name stands between our own words, so nothing of it may reach beyond it: its controls and
direction overrides go. In a message directions are isolated by lines; overrides go there, too.
"""

from __future__ import annotations

import re
from unicodedata import category
from zlib import crc32

__all__ = [
    "COLOURS",
    "colour_of",
    "found_text",
    "initials",
    "links",
    "message_text",
    "name_text",
    "preview_text",
]

NAME_CHARS_MAX = 64
PREVIEW_CHARS_MAX = 140
MARKS_MAX = 4
"""Combining marks in a row: more than any language writes."""
COLOURS = 8
"""Of avatars."""
FOUND_AFTER = 16
"""Characters before what was found, at most."""

_JOINER = "\u200d"
_BLANK = frozenset("\u115f\u1160\u2800\u3164\uffa0" + _JOINER)
"""Letters and symbols that nobody sees."""
_LINK = re.compile(
    r"(?:https?://|dchat://)[^\s<>\"'\u3000-\u303f\uff00-\uffef\u4e00-\u9fff]{3,2000}"
)
_TRAILING = ".,;:!?)]}"


def name_text(name: str) -> str:
    """A display name, file name or title; empty when nothing of it would be seen."""
    shown = " ".join(_clean(name[: NAME_CHARS_MAX * 4], keep="").split())[:NAME_CHARS_MAX]
    return "" if all(c in _BLANK or c.isspace() or category(c)[0] == "M" for c in shown) else shown


def message_text(text: str) -> str:
    """What somebody wrote, with its lines."""
    return _clean(text, keep="\n\t")


def preview_text(text: str) -> str:
    """The beginning of it, on one line."""
    return " ".join(message_text(text[: PREVIEW_CHARS_MAX * 4]).split())[:PREVIEW_CHARS_MAX]


def found_text(text: str, sought: str) -> str:
    """What was found, on one line, from a little before the first of the words that were looked
    for on, so that it is in sight where a line is short."""
    folded = text.casefold()
    places = [folded.find(word) for word in sought.casefold().split()]
    place = min((place for place in places if place >= 0), default=0)
    begin = max(0, place - FOUND_AFTER)
    if begin > 0:  # from a word on, where there are words
        begin = max(begin, text.find(" ", begin, place) + 1)
    return ("…" if begin > 0 else "") + preview_text(text[begin:])


def links(text: str) -> list[tuple[int, int]]:
    """Where there are links, as begin and end."""
    found = list[tuple[int, int]]()
    for match in _LINK.finditer(text):
        link = match.group().rstrip(_TRAILING)
        found.append((match.start(), match.start() + len(link)))
    return found


def initials(name: str) -> str:
    """One or two letters for an avatar."""
    words = [word for word in name_text(name).split() if word]
    if not words:
        return "?"
    first = words[0][0]
    if len(words) == 1 or ord(first) > 0x2E80:
        return first.upper()
    return (first + words[-1][0]).upper()


def colour_of(id: str) -> int:
    """Which of the colours somebody has, on every machine and at every start."""
    return crc32(id.encode()) % COLOURS


def _clean(text: str, keep: str) -> str:
    if text.isascii() and text.isprintable():
        return text
    shown = list[str]()
    marks = 0
    for character in text.replace("\r\n", "\n"):
        kind = category(character)
        if character in keep or kind not in ("Cc", "Cf", "Cs", "Zl", "Zp", "Mn", "Me"):
            marks = 0
            shown.append(character)
        elif kind in ("Mn", "Me"):  # what is taken away between two of them parts them not
            marks += 1
            shown += [character] if marks <= MARKS_MAX else []
        elif character == _JOINER:
            shown.append(character)
        elif kind in ("Zl", "Zp", "Cc"):
            marks = 0
            shown.append(" ")
    return "".join(shown)
