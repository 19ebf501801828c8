"""One line for whoever made a mistake or met a fault, and an exit status; never a traceback.

A task that fails ends the others, so errors arrive in groups; the one that says what to do is taken
out of its group. An error that nobody foresaw is a fault of ours and keeps its traceback.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Awaitable, Callable, Iterator
from typing import cast

import trio

from p2pchat.cli.language import Language, translate_error
from p2pchat.errors import P2PChatError

__all__ = ["FAILED", "WrongUsage", "complain", "complain_in", "foreseen", "run"]

FAILED = 1
WRONG_USAGE = 2
INTERRUPTED = 130


class WrongUsage(P2PChatError):
    """The command line asks for what cannot be."""


Complain = Callable[[str, str], None]
"""Given the program and one line."""

Failure = P2PChatError | OSError | KeyboardInterrupt


def run(program: str, main: Callable[[], Awaitable[int]], tell: Complain | None = None) -> int:
    """Run `main` to its exit status, or say in one line why it failed; `tell` says it."""
    try:
        return trio.run(main)
    except (P2PChatError, OSError, KeyboardInterrupt, BaseExceptionGroup) as error:
        failure = foreseen(error)
        if failure is None:
            raise
        return _report(program, failure, tell or complain)


def complain(program: str, message: str) -> None:
    """Write one line to standard error; whatever would break the line is written out."""
    line = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in message)
    sys.stderr.write(f"{program}: {line}\n")


def complain_in(language: Language) -> Complain:
    """The same in a language."""
    return lambda program, message: complain(program, translate_error(message, language))


def foreseen(error: BaseException) -> Failure | None:
    """The failure to tell of, or None when something unforeseen is among the errors."""
    leaves = [leaf for leaf in _leaves(error) if not isinstance(leaf, trio.Cancelled)]
    failures = [leaf for leaf in leaves if isinstance(leaf, Failure)]
    if not failures or len(failures) < len(leaves):
        return None
    return min(failures, key=_rank)


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if not isinstance(error, BaseExceptionGroup):
        yield error
        return
    for inner in cast("BaseExceptionGroup[BaseException]", error).exceptions:
        yield from _leaves(inner)


def _rank(failure: Failure) -> int:
    """Ctrl-C explains what it interrupted; our own errors explain the system's."""
    match failure:
        case KeyboardInterrupt():
            return 0
        case P2PChatError():
            return 1
        case OSError():
            return 2


def _report(program: str, failure: Failure, tell: Complain) -> int:
    match failure:
        case KeyboardInterrupt():
            return INTERRUPTED
        case BrokenPipeError():
            # Whoever read our output has gone, and the interpreter must not stumble over it again.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return FAILED
        case OSError(errno=errno.ENOSPC):
            tell(program, "the disk is full: free some space")
        case OSError():
            tell(program, f"the system refused: {failure}")
        case P2PChatError():
            tell(program, str(failure))
            return WRONG_USAGE if isinstance(failure, WrongUsage) else FAILED
    return FAILED
