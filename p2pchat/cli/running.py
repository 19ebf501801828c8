"""What every command of `p2pchat` has in common: its options, and the way it is run.

Nothing heavy is imported before a command runs, so that `p2pchat --help` answers at once.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from p2pchat.cli.language import language_of
from p2pchat.cli.options import Options, takes_options

if TYPE_CHECKING:
    from p2pchat.cli.settings import Settings

__all__ = [
    "PROGRAM",
    "WAIT_S",
    "Json",
    "Timeout",
    "in_command",
    "in_program",
    "run_command",
]

PROGRAM = "p2pchat"
WAIT_S = 15.0

Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of sentences.")]
Timeout = Annotated[
    float, typer.Option(min=0, max=600, metavar="S", help="Seconds to wait at most.")
]

in_program = takes_options(Options)
in_command = takes_options(Options, hidden=True)


def run_command(
    options: Options, command: Callable[[Settings], Awaitable[int]], *, is_quiet: bool = False
) -> NoReturn:
    """Settle the options, run a command on them, and end with its exit status. An identity that
    was made by it is told of, for the home's name may have been mistyped; not where to make one is
    what everybody expects (`is_quiet`)."""
    from p2pchat.cli.failing import complain_in, run
    from p2pchat.cli.settings import has_identity, settle
    from p2pchat.cli.showing import words
    from p2pchat.cli.signals import interruptible

    async def start() -> int:
        settings = settle(options)
        is_new = not is_quiet and not has_identity(settings.home)
        try:
            return await command(settings)
        finally:  # a name that was not found is the first sign of a mistyped home
            if is_new and has_identity(settings.home):
                told = "A new identity was made in {home}."
                typer.echo(words(told, settings.language, home=settings.home), err=True)

    language = options.language or language_of((), os.environ)
    raise typer.Exit(run(PROGRAM, interruptible(start), complain_in(language)))
