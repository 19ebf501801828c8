"""The command line's words in English and Chinese. JSON never changes with the language.

English is written where it is used and is the key; what the table lacks stays English, as do most
messages of exceptions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Literal

from p2pchat.cli.chinese import CHINESE
from p2pchat.cli.chinese_errors import error_in_chinese

__all__ = ["Language", "language_of", "translate", "translate_error", "translate_help"]

Language = Literal["en", "zh"]

_VARIABLES = ("LC_ALL", "LC_MESSAGES", "LANG")


def language_of(arguments: Sequence[str], environment: Mapping[str, str]) -> Language:
    """What `--language` asks for, else the locale's language.

    Read before anything is parsed, because help and usage errors are in that language too.
    """
    asked = ""
    for word, following in pairwise([*arguments, ""]):
        if word == "--language":
            asked = following
        elif word.startswith("--language="):
            asked = word.partition("=")[2]
    if asked == "en" or asked == "zh":
        return asked
    locale = next((environment[name] for name in _VARIABLES if environment.get(name)), "")
    return "zh" if locale.startswith("zh") else "en"


def translate(text: str, language: Language) -> str:
    """`text` in another language, or as it is."""
    return CHINESE.get(text, text) if language == "zh" else text


def translate_error(message: str, language: Language) -> str:
    """An error's message in another language, or as it is."""
    return error_in_chinese(message) if language == "zh" else message


def translate_help(text: str, language: Language) -> str:
    """A help text, paragraph by paragraph; examples stay as they are."""
    if language == "en":
        return text
    paragraphs = text.split("\n\n")
    return "\n\n".join(
        each if each.startswith("\b") else translate(" ".join(each.split()), language)
        for each in paragraphs
    )
