"""What the library says, in another language: its errors, and what `explain` and `doctor` answer.

They are written in English where they are used, with blanks; a sentence is found again by the
words between its blanks. What the tables lack stays English.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Literal

__all__ = ["Language", "worded"]

Language = Literal["en", "zh"]

SENTENCE_CHARS_MAX = 4_096
"""Longer ones are nobody's sentence, and looking through them would take long."""


_BLANK = re.compile(r"\{(\w+)\}")


def worded(sentence: str, language: Language) -> str:
    """A sentence of the library (`str` of an error, `sentence` and `evidence` of `explain`,
    `problem`, `advice` and `evidence` of `doctor`) in a language, or as it is."""
    if language == "en" or len(sentence) > SENTENCE_CHARS_MAX:
        return sentence
    return _in_chinese(sentence)


def _in_chinese(sentence: str) -> str:
    whole, patterns = _tables()
    if sentence in whole:
        return whole[sentence]
    from p2pchat.cli.chinese_errors import setting_in_chinese

    of_setting = setting_in_chinese(sentence, _in_chinese)
    if of_setting is not None:
        return of_setting
    for pattern, chinese in patterns:
        if found := pattern.fullmatch(sentence):
            filled = {name: _in_blank(name, value) for name, value in found.groupdict().items()}
            return chinese.format(**filled)
    return sentence


def _in_blank(name: str, value: str) -> str:
    """What stands in a blank is a name, a number, or another sentence of ours; a reason may have
    blanks itself."""
    if name == "reason":
        return _in_chinese(value)
    whole, _ = _tables()
    return whole.get(value, value)


@cache
def _tables() -> tuple[Mapping[str, str], Sequence[tuple[re.Pattern[str], str]]]:
    """Sentences as they are, and those with blanks, the ones with more words of their own first."""
    from p2pchat.cli.chinese import CHINESE
    from p2pchat.cli.chinese_doctor import CHINESE_DOCTOR
    from p2pchat.cli.chinese_errors import CHINESE_ERRORS
    from p2pchat.cli.chinese_explaining import CHINESE_EXPLAINING

    tables = (CHINESE_ERRORS, CHINESE_EXPLAINING, CHINESE_DOCTOR)
    said = {english: chinese for table in tables for english, chinese in table.items()}
    blanks = sorted((e for e in said if "{" in e), key=lambda e: -len(_BLANK.sub("", e)))
    return {**CHINESE, **said}, [(_pattern(english), said[english]) for english in blanks]


def _pattern(english: str) -> re.Pattern[str]:
    parts = _BLANK.split(english)
    seen = set[str]()
    written = list[str]()
    for at, part in enumerate(parts):
        if at % 2 == 0:
            written.append(re.escape(part))
        elif part in seen:
            written.append(f"(?P={part})")
        else:
            seen.add(part)
            written.append(f"(?P<{part}>.+)")
    return re.compile("".join(written), re.DOTALL)
