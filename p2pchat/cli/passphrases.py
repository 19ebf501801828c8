"""Where passphrases come from: a file that is named, or the keyboard, unseen.

Never an argument, which every program on the machine may read, and never the environment, which
children inherit and crash reports carry. A program that nobody sits before is given a file, which
may be a pipe.
"""

from __future__ import annotations

import sys
from getpass import getpass
from pathlib import Path
from unicodedata import category

import typer

from p2pchat.cli.failing import WrongUsage
from p2pchat.cli.language import Language
from p2pchat.cli.settings import Settings
from p2pchat.cli.showing import words
from p2pchat.cli.signals import at_the_keyboard
from p2pchat.client.locking import needs_passphrase
from p2pchat.crypto.stretching import PASSPHRASE_BYTES_MAX, checked_passphrase
from p2pchat.errors import PassphraseNeeded, WrongPassphrase

__all__ = [
    "home_passphrase",
    "new_passphrase",
    "old_passphrase",
    "passphrase_in",
    "room_password",
]

BYTE_ORDER_MARK = "\ufeff"
_FILE_BYTES = PASSPHRASE_BYTES_MAX + len(f"{BYTE_ORDER_MARK}\r\n".encode())
"""Of a file, what is read. More is no passphrase, whatever it is."""


def home_passphrase(settings: Settings, *, may_ask: bool = True) -> str | None:
    """What opens the home; None when it needs nothing. Raises `PassphraseNeeded`, `WrongUsage`."""
    passphrase = None
    is_locked = needs_passphrase(settings.home)
    if settings.passphrase_file is not None:
        passphrase = passphrase_in(settings.passphrase_file)
    elif is_locked:
        passphrase = _ask("Passphrase: ", settings.language, "--passphrase-file", may_ask)
    if is_locked and sys.stderr.isatty():
        typer.echo(words("Unlocking…", settings.language), err=True)
    return passphrase


def old_passphrase(given: Path | None, language: Language, prompt: str, option: str) -> str:
    """One that somebody knows already: from a file, else asked for once."""
    if given is not None:
        return passphrase_in(given)
    return _ask(prompt, language, option, may_ask=True)


def new_passphrase(given: Path | None, language: Language, option: str) -> str:
    """One that is chosen now: from a file, else asked for twice. Raises `WrongPassphrase` when the
    two differ."""
    if given is not None:
        return passphrase_in(given)
    chosen = _ask("New passphrase: ", language, option, may_ask=True)
    checked_passphrase(chosen)
    if _ask("Once more: ", language, option, may_ask=True) != chosen:
        raise WrongPassphrase("the two are not the same: nothing has changed")
    return chosen


def room_password(given: Path | None, language: Language) -> str:
    """The password of a room: from a file, else asked for once. Nobody can say that it is wrong."""
    return old_passphrase(given, language, "Password of the room: ", "--password-file")


def passphrase_in(file: Path) -> str:
    """What stands in a file, without the end of its line and what editors put before it: nothing
    that its writer does not see is part of a passphrase. Raises `WrongUsage`."""
    try:
        with file.open("rb") as opened:
            text = opened.read(_FILE_BYTES + 1).decode()
    except OSError as error:
        raise WrongUsage(f"{file} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise WrongUsage(f"{file} holds no text in UTF-8") from error
    text = text.removeprefix(BYTE_ORDER_MARK).removesuffix("\n").removesuffix("\r")
    if any(category(character) == "Cc" for character in text):
        raise WrongUsage(f"{file} holds more than one line, or characters that nobody sees")
    return text


def _ask(prompt: str, language: Language, option: str, may_ask: bool) -> str:
    """Ask on the terminal, without echo."""
    if not (may_ask and sys.stdin.isatty()):
        raise PassphraseNeeded(f"a passphrase is needed: name a file that holds it with {option}")
    try:
        with at_the_keyboard():
            return getpass(words(prompt, language))
    except EOFError as error:
        raise PassphraseNeeded("no passphrase was given") from error
