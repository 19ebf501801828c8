"""Commands about the home itself: how it is locked, and files made of it."""

from __future__ import annotations

import sys
from contextlib import aclosing
from functools import partial
from pathlib import Path

import trio
import typer

from p2pchat.cli.commands import Console
from p2pchat.cli.finding import conversation_named
from p2pchat.cli.language import Language
from p2pchat.cli.passphrases import home_passphrase, new_passphrase, old_passphrase
from p2pchat.cli.settings import Settings
from p2pchat.cli.showing import words
from p2pchat.client.exporting import import_home, require_new_key
from p2pchat.client.locking import change_lock, needs_passphrase
from p2pchat.client.opening import open_client
from p2pchat.client.transcripts import TranscriptFormat
from p2pchat.crypto.vault import Bare, InKeyring, WithPassphrase
from p2pchat.errors import FileExists, WrongPassphrase
from p2pchat.events import ExportProgress
from p2pchat.node.hub import Subscription

__all__ = [
    "change_passphrase",
    "export",
    "import_export",
    "remove_passphrase",
    "set_passphrase",
    "transcript",
    "use_keyring",
]

EXPORT_OPTION = "--export-passphrase-file"
NEW_OPTION = "--new-passphrase-file"


async def export(
    settings: Settings, file: Path, passphrase_file: Path | None, *, overwrite: bool
) -> int:
    """Write the home to a file."""
    console = Console(settings, as_json=False)
    _require_free(file, overwrite)
    home = home_passphrase(settings)
    passphrase = new_passphrase(passphrase_file, settings.language, EXPORT_OPTION)
    async with (
        open_client(settings.home, config=settings.config, passphrase=home, offline=True) as client,
        client.subscribe(ExportProgress) as events,
        trio.open_nursery() as nursery,
    ):
        nursery.start_soon(_show, events, settings.language)
        await client.export(file, passphrase, overwrite=overwrite)
        nursery.cancel_scope.cancel()
    console.say("Exported to {file}. Keep it and its passphrase apart.", file=file)
    return 0


def _require_free(file: Path, overwrite: bool) -> None:
    """Before anybody is asked for anything."""
    if file.exists() and not overwrite:
        raise FileExists(f"{file} is there already: choose another name, or give --force")


async def _show(events: Subscription, language: Language) -> None:
    async for event in events:
        if isinstance(event, ExportProgress):
            _tell(language, event.done, event.total)


def _tell(language: Language, done: int, total: int) -> None:
    """How far it is, for somebody who watches."""
    if sys.stderr.isatty():
        text = words("{done} of {total} entries", language, done=done, total=total)
        typer.echo(f"· {text}", err=True)


async def transcript(
    settings: Settings, of: str, file: Path | None, format: str | None, *, overwrite: bool
) -> int:
    """Write a conversation out to be read, to a file or to standard output."""
    chosen = None if format is None else TranscriptFormat(format)
    if file is not None:
        _require_free(file, overwrite)
    passphrase = home_passphrase(settings)
    async with open_client(
        settings.home, config=settings.config, passphrase=passphrase, offline=True
    ) as client:
        conversation = conversation_named(client, of)
        if file is not None:
            count = await conversation.write_transcript(file, chosen, overwrite=overwrite)
            Console(settings, as_json=False).say(
                "{count} messages written to {file}.", count=count, file=file
            )
            return 0
        async with aclosing(conversation.transcript(chosen or TranscriptFormat.TEXT)) as pieces:
            async for piece in pieces:
                typer.echo(piece, nl=False)
    return 0


async def import_export(settings: Settings, file: Path, passphrase_file: Path | None) -> int:
    """Make a home from a file."""
    require_new_key(settings.config)
    console = Console(settings, as_json=False)
    home = home_passphrase(settings)
    passphrase = old_passphrase(
        passphrase_file, settings.language, "Passphrase of the export: ", EXPORT_OPTION
    )
    account = await import_home(
        settings.home,
        file,
        passphrase,
        home_passphrase=home,
        progress=partial(_tell, settings.language),
    )
    console.say(
        "{account} lives here now, as a new device. What was written here so far is to be read;"
        " contacts learn of the device when a node runs here.",
        account=account,
    )
    return 0


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
