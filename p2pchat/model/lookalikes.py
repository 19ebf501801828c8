"""Names that can be taken for others: letters of several alphabets, and letters that look alike.

Nobody is found by a name here, so a name that imitates another leads no message astray; yet people
read names and not keys. What this module finds is told to them and forbids nothing, because honest
people have such names too. Scripts may stand beside each other, not within one word; Chinese,
Japanese and Korean writing count as one script, with Latin letters (the highly restrictive level of
Unicode Technical Standard 39).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from enum import StrEnum
from functools import cache, lru_cache

from p2pchat.model.lookalike_table import CLASSES

__all__ = ["NameFlag", "flags_of", "looks_like", "mixes_scripts"]

NAMES_CACHED_MAX = 4_096

_WORD = re.compile(r"[^\W\d_]+")
_NO_SCRIPT = frozenset({"MODIFIER", "MASCULINE", "FEMININE", "KATAKANA-HIRAGANA"})
_WRITTEN_TOGETHER = tuple(
    frozenset({"LATIN", "CJK", "IDEOGRAPHIC", *beside})
    for beside in (("HIRAGANA", "KATAKANA"), ("BOPOMOFO",), ("HANGUL",))
)


class NameFlag(StrEnum):
    """What is odd about a name."""

    MIXED_SCRIPTS = "mixed_scripts"
    """A word of it has letters of several alphabets."""
    LIKE_CONTACT = "like_contact"
    """It looks like the name of a contact."""
    LIKE_YOU = "like_you"
    """It looks like our own name."""


def flags_of(name: str, own: str, contacts: Iterable[str]) -> tuple[NameFlag, ...]:
    """What is odd about somebody's name, beside our own and those of other contacts."""
    found = {
        NameFlag.MIXED_SCRIPTS: mixes_scripts(name),
        NameFlag.LIKE_CONTACT: any(looks_like(name, other) for other in contacts),
        NameFlag.LIKE_YOU: looks_like(name, own),
    }
    return tuple(flag for flag, is_so in found.items() if is_so)


@lru_cache(NAMES_CACHED_MAX)
def mixes_scripts(name: str) -> bool:
    """Whether a word of it has letters of scripts that are not written together."""
    words = _WORD.findall(unicodedata.normalize("NFKC", name))
    return any(not _are_written_together(frozenset(map(_script, word))) for word in words)


def looks_like(one: str, other: str) -> bool:
    """Whether a reader may take one name for the other; a name looks like itself."""
    return any(a == b for a, b in zip(_skeletons(one), _skeletons(other), strict=True))


@lru_cache(NAMES_CACHED_MAX)
def _skeletons(name: str) -> tuple[str, str]:
    """What a name looks like in small letters, and as it is written."""
    name = "".join(unicodedata.normalize("NFKC", name).split())
    return name.casefold().translate(_alike()), name.translate(_alike()).casefold()


@cache
def _alike() -> dict[int, str]:
    """What stands for each character that looks like another."""
    table: dict[int, str] = {}
    for group in CLASSES.split():
        first, _, others = group.partition(":")
        table |= {ord(other): first for other in others}
    return table


def _are_written_together(scripts: frozenset[str]) -> bool:
    scripts -= _NO_SCRIPT
    return len(scripts) <= 1 or any(scripts <= together for together in _WRITTEN_TOGETHER)


def _script(character: str) -> str:
    """The script of a letter: Unicode's names of letters begin with it."""
    return unicodedata.name(character, "?").partition(" ")[0]
