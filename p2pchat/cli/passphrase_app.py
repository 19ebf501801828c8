"""`p2pchat passphrase`: the commands about what locks the home, their parameters and their help."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from p2pchat.cli.options import Options
from p2pchat.cli.running import in_command, run_command

__all__ = ["passphrase_app"]

passphrase_app = typer.Typer(
    name="passphrase",
    help="What locks the home: a passphrase, or the system's keyring.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
NewPassphraseFile = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE", help="The new passphrase stands in this file. Default: it is asked for."
    ),
]


@passphrase_app.command("set")
@in_command
def set_passphrase(options: Options, new_passphrase_file: NewPassphraseFile = None) -> None:
    """Lock the home by a passphrase: without it nobody can open what is on this disk.

    There is no way back in without it. Opening takes about a second longer then.

    \b
    Examples:
      p2pchat passphrase set
      p2pchat --passphrase-file secret.txt rpc       open it where nobody can be asked
    """
    from p2pchat.cli import keeping

    run_command(options, lambda settings: keeping.set_passphrase(settings, new_passphrase_file))


@passphrase_app.command("change")
@in_command
def change_passphrase(options: Options, new_passphrase_file: NewPassphraseFile = None) -> None:
    """Lock the home by another passphrase; copies made before open by the old one."""
    from p2pchat.cli import keeping

    run_command(options, lambda settings: keeping.change_passphrase(settings, new_passphrase_file))


@passphrase_app.command("remove")
@in_command
def remove_passphrase(options: Options) -> None:
    """Lock the home no more; only the permissions of its files protect it then."""
    from p2pchat.cli import keeping

    run_command(options, keeping.remove_passphrase)


@passphrase_app.command("keyring")
@in_command
def use_keyring(options: Options) -> None:
    """Have the system's keyring lock the home, so that it opens when you are logged in.

    A copy of the home opens nowhere else then: keep an export.
    """
    from p2pchat.cli import keeping

    run_command(options, keeping.use_keyring)
