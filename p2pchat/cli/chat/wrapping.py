"""Words of others in lines of a terminal, at a price that the reader sets and not the writer.

A text is measured once from its beginning to the last line that is wanted, whatever it is made of.
Marks that stand on one character are thinned out: the terminal's library keeps each of them with
all that went before it, so that a text of nothing else would cost the square of its length.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from prompt_toolkit.utils import get_cwidth

from p2pchat.cli.showing import JOINER, plain

__all__ = ["MARKS_MAX", "cut", "excerpt", "tame", "wrapped"]

MARKS_MAX = 6
"""On one character; Hebrew with its points and accents has five. Others are left out."""
NARROWEST = 8
"""Lines are not broken into less, however narrow the window is."""


def tame(text: str) -> str:
    """Text that moves no cursor and grows on nobody; pictures that are joined into one stand beside
    each other, since no terminal agrees with another on how wide the one is."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_thinned(plain(text)))


def _thinned(text: str) -> Iterator[str]:
    marks = 0
    for character in text:
        marks = 0 if get_cwidth(character) else marks + 1
        if marks <= MARKS_MAX and character != JOINER:
            yield character


def wrapped(text: str, width: int, indent: str = "") -> list[str]:
    """The text in lines of at most this width, broken at spaces where there are any; all but the
    first are indented."""
    return [line for line, _ in _lines(text, width, indent)]


def excerpt(text: str, width: int, indent: str, most: int) -> tuple[list[str], int]:
    """The first lines of it, and how many characters come after them."""
    lines, end = list[str](), 0
    for line, following in islice(_lines(text, width, indent), most):
        lines.append(line)
        end = following
    return lines, len(text) - end


def _lines(text: str, width: int, indent: str) -> Iterator[tuple[str, int]]:
    """Each line with where the next one begins."""
    start, lead, is_over = 0, "", False
    while not is_over:
        end, following = _line(text, start, max(width, NARROWEST) - len(lead))
        yield lead + text[start:end], following
        is_over = following == len(text) and not text.endswith("\n", end, following)
        start, lead = following, indent


def _line(text: str, start: int, room: int) -> tuple[int, int]:
    """Where the line that begins here ends, and where the next one begins."""
    used, space = 0, start
    for place in range(start, len(text)):
        character = text[place]
        if character == "\n":
            return place, place + 1
        used += get_cwidth(character)
        if used > room:
            end = place if character == " " or space == start else space
            return _broken(text, start, end)
        if character == " ":
            space = place
    return len(text), len(text)


def _broken(text: str, start: int, end: int) -> tuple[int, int]:
    """A line that is broken here, without the spaces around the break."""
    following = end
    while text.startswith(" ", following):
        following += 1
    while end > start and text[end - 1] == " ":
        end -= 1
    return end, following + text.startswith("\n", following)


def cut(text: str, width: int) -> str:
    """As much of it as fits."""
    used = 0
    for place, character in enumerate(text):
        used += get_cwidth(character)
        if used > width:
            return text[:place]
    return text
