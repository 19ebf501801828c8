"""What a search looks for, and whether a text holds it.

A word is found by its beginning, whatever its case and accents. Chinese, Japanese and Korean are
written without spaces, so each of their characters is a word of its own, and several in a row are
found only as they stand; so are symbols, emoji among them. All terms (what spaces separate) must
occur, each with its words in a row.

The index of a store narrows the rows down (`Query.expression`), `Query.confirms` has the last word:
an index of words knows no punctuation, so it takes 你，好 for 你好. What `index_text` answers for a
text may never change, or an index could not be told what to forget: so its Unicode is of one year.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple
from unicodedata import ucd_3_2_0

__all__ = ["QUERY_CHARS_MAX", "TERMS_MAX", "Query", "index_text"]

QUERY_CHARS_MAX = 200
TERMS_MAX = 16
PIECE_CHARS = 256
"""Of a text, normalized at a time."""
PREFIX_CHARS_MIN = 3
"""Shorter words are found as they are: a letter begins most of what there is."""

_RARE = "\U00020000-\U000323af"
_IDEOGRAPHS = f"\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff{_RARE}"
_SYMBOLS = "\u2190-\u2bff\U0001f000-\U0001faff"
_SINGLE = re.compile(f"[{_IDEOGRAPHS}{_SYMBOLS}]")
_NAMELESS = re.compile(f"[{_SYMBOLS}{_RARE}]")
"""What the tokenizer takes, in part, for a gap between words."""
_TOKEN = re.compile(rf"([{_IDEOGRAPHS}{_SYMBOLS}])|[^\W_{_IDEOGRAPHS}{_SYMBOLS}]+")
_UNSPEAKABLE = re.compile('["\ud800-\udfff]')
"""What an expression cannot hold; none of it is part of a word."""
_ACCENTS = re.compile("[\u0300-\u036f]")


def index_text(text: str) -> str:
    """A text as it goes into an index of words (FTS5, `unicode61 remove_diacritics 0`)."""
    text = text.replace("\0", " ")  # where SQLite would take it to end
    return _SINGLE.sub(_spaced, _plain(text))


def _plain(text: str) -> str:
    """Without accents, and with one form for what looks alike; a piece at a time, since marks in
    a row are put in order by a sort that is quadratic, and a stranger may send thousands."""
    if text.isascii():
        return text
    pieces = range(0, len(text), PIECE_CHARS)
    return "".join(_plain_piece(text[start : start + PIECE_CHARS]) for start in pieces)


def _plain_piece(text: str) -> str:
    apart = ucd_3_2_0.normalize("NFKD", text)
    return ucd_3_2_0.normalize("NFC", _ACCENTS.sub("", apart))


def _spaced(found: re.Match[str]) -> str:
    """One character as a word; what has no letters for a tokenizer goes by its number."""
    character = found[0]
    return f" x{ord(character):x} " if _NAMELESS.match(character) else f" {character} "


class _Token(NamedTuple):
    text: str
    start: int
    end: int
    is_single: bool


def _tokens(plain: str) -> list[_Token]:
    return [
        _Token(_folded(found[0]), found.start(), found.end(), found[1] is not None)
        for found in _TOKEN.finditer(plain)
    ]


def _folded(word: str) -> str:
    """Without case, one character for one, as the tokenizer does it: ς is σ, and ß is not ss."""
    folded = word.casefold()
    return folded if len(folded) == len(word) else word.lower()


@dataclass(frozen=True, slots=True)
class _Term:
    """Words in a row."""

    source: str
    tokens: tuple[_Token, ...]

    @property
    def is_prefix(self) -> bool:
        last = self.tokens[-1]
        return not last.is_single and len(last.text) >= PREFIX_CHARS_MIN

    @property
    def is_joined(self) -> bool:
        """Whether characters stand side by side in it, which an index does not see."""
        return any(_is_joined(*pair) for pair in pairwise(self.tokens))

    def stands_in(self, text: str) -> bool:
        """Whether a text holds it as it was typed, which is quickly seen; nothing but characters
        that are words of their own, or it might be a part of a longer word."""
        return all(token.is_single for token in self.tokens) and self.source in text

    @property
    def expression(self) -> str:
        words = _UNSPEAKABLE.sub(" ", index_text(self.source)).strip()
        return f'"{words}"*' if self.is_prefix else f'"{words}"'

    def occurs(self, tokens: list[_Token]) -> bool:
        count = len(self.tokens)
        return any(
            self._is_at(tokens[start : start + count]) for start in range(len(tokens) - count + 1)
        )

    def _is_at(self, found: list[_Token]) -> bool:
        last = len(found) - 1
        for place, (mine, its) in enumerate(zip(self.tokens, found, strict=True)):
            is_same = mine.text == its.text or (
                place == last and self.is_prefix and its.text.startswith(mine.text)
            )
            if not is_same or (place and _is_torn(self.tokens, found, place)):
                return False
        return True


def _is_joined(one: _Token, other: _Token) -> bool:
    return one.is_single and other.is_single and one.end == other.start


def _is_torn(mine: tuple[_Token, ...], found: list[_Token], place: int) -> bool:
    """Whether two characters that stand side by side in the term do not in the text."""
    is_joined = _is_joined(mine[place - 1], mine[place])
    return is_joined and found[place - 1].end != found[place].start


@dataclass(frozen=True, slots=True)
class Query:
    """What somebody looks for."""

    terms: tuple[_Term, ...]

    @classmethod
    def of(cls, text: str) -> Query | None:
        """Read it; None when no word and no symbol is in it. Longer ones than `QUERY_CHARS_MAX`
        characters are the caller's to refuse; terms over `TERMS_MAX` are not asked for."""
        terms = [_Term(one, tuple(_tokens(_plain(one)))) for one in text.split()]
        asked = tuple(term for term in terms if term.tokens)
        return cls(asked[:TERMS_MAX]) if asked else None

    @property
    def expression(self) -> str:
        """For FTS5: finds what `finds` does, and texts that `confirms` denies."""
        return " AND ".join(term.expression for term in self.terms)

    def finds(self, text: str) -> bool:
        """Whether a text holds all terms."""
        tokens = _tokens(_plain(text))
        return all(term.occurs(tokens) for term in self.terms)

    def confirms(self, text: str) -> bool:
        """Whether a text that an index names for `expression` holds all terms."""
        doubtful = [term for term in self.terms if term.is_joined and not term.stands_in(text)]
        tokens = _tokens(_plain(text)) if doubtful else []
        return all(term.occurs(tokens) for term in doubtful)
