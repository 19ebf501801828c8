"""Commands about the home itself: how it is locked."""

from __future__ import annotations

from pathlib import Path

from p2pchat.cli.commands import Console
from p2pchat.cli.passphrases import home_passphrase, new_passphrase
from p2pchat.cli.settings import Settings
from p2pchat.client.locking import change_lock, needs_passphrase
from p2pchat.crypto.vault import Bare, InKeyring, WithPassphrase
from p2pchat.errors import WrongPassphrase

__all__ = ["change_passphrase", "remove_passphrase", "set_passphrase", "use_keyring"]

NEW_OPTION = "--new-passphrase-file"


async def set_passphrase(settings: Settings, new_file: Path | None) -> int:
    """Lock a home that is locked by no passphrase."""
    if needs_passphrase(settings.home):
        raise WrongPassphrase(
            f"{settings.home} is locked by a passphrase already: `p2pchat passphrase change`"
        )
    new = new_passphrase(new_file or settings.passphrase_file, settings.language, NEW_OPTION)
    await change_lock(settings.home, None, WithPassphrase(new))
    Console(settings, as_json=False).say(
        "Locked. Whoever forgets the passphrase has lost the home: keep an export, too."
    )
    return 0


async def change_passphrase(settings: Settings, new_file: Path | None) -> int:
    """Lock a home by another passphrase."""
    old = _old(settings)
    new = new_passphrase(new_file, settings.language, NEW_OPTION)
    await change_lock(settings.home, old, WithPassphrase(new))
    Console(settings, as_json=False).say("The passphrase is another now.")
    return 0


async def remove_passphrase(settings: Settings) -> int:
    """Leave a home to the permissions of its files."""
    await change_lock(settings.home, home_passphrase(settings), Bare())
    Console(settings, as_json=False).say(
        "The home is locked no more: whoever can read its files can open it."
    )
    return 0


async def use_keyring(settings: Settings) -> int:
    """Have the system's keyring lock a home."""
    await change_lock(settings.home, home_passphrase(settings), InKeyring())
    Console(settings, as_json=False).say(
        "The system's keyring locks the home now; a copy of it opens nowhere else."
    )
    return 0


def _old(settings: Settings) -> str:
    passphrase = home_passphrase(settings)
    if passphrase is None:
        raise WrongPassphrase(
            f"{settings.home} is locked by no passphrase: `p2pchat passphrase set`"
        )
    return passphrase
