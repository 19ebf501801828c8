"""Asking before what cannot be undone.

Whoever sits before a terminal is asked; a program says in its arguments that it means it, since a
question that nobody reads would stop it for good.
"""

from __future__ import annotations

import sys

from p2pchat.cli.failing import WrongUsage
from p2pchat.cli.language import Language
from p2pchat.cli.showing import words
from p2pchat.cli.signals import at_the_keyboard

__all__ = ["is_meant"]

YES = frozenset({"y", "yes", "是"})


def is_meant(question: str, language: Language) -> bool:
    """Whether the user says yes. Raises `WrongUsage` where nobody can be asked."""
    if not sys.stdin.isatty():
        raise WrongUsage("this cannot be undone: add --yes if you mean it")
    sys.stderr.write(words(question, language))
    sys.stderr.flush()
    with at_the_keyboard():
        answer = sys.stdin.readline()
    return answer.strip().lower() in YES
