"""`p2pchat reading`: the commands about what was read, their parameters and their help."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from p2pchat.cli.options import Options
from p2pchat.cli.running import Json, in_command, run_command

__all__ = ["reading_app"]

reading_app = typer.Typer(
    name="reading",
    help="What you have read, and who is told of it.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@reading_app.command("list")
@in_command
def list_unread(options: Options, json: Json = False) -> None:
    """List the contacts and rooms where something is unread."""
    from p2pchat.cli import unread

    run_command(options, lambda settings: unread.list_unread(settings, json))


@reading_app.command()
@in_command
def mark(
    options: Options,
    message: Annotated[
        str,
        typer.Argument(metavar="MESSAGE", help="Its id; `p2pchat history --json` shows it."),
    ],
) -> None:
    """Say that you have read everything up to a message."""
    from p2pchat.cli import unread

    run_command(options, lambda settings: unread.mark(settings, message))


@reading_app.command()
@in_command
def tell(
    options: Options,
    value: Annotated[
        Literal["on", "off", "usual"] | None,
        typer.Argument(
            metavar="[VALUE]",
            help="on, off, or usual: as everywhere. Without it, the present setting is shown.",
        ),
    ] = None,
    conversation: Annotated[
        str,
        typer.Option(
            "--in", metavar="CONVERSATION", help="Only there: name or id of a contact or room."
        ),
    ] = "",
    json: Json = False,
) -> None:
    """Say whether others are told what you have read. At first nobody is.

    With on, contacts and the members of rooms by invitation see that you have read what they
    wrote. In open rooms and rooms by password nobody is told, unless you say so for that room.

    \b
    Examples:
      p2pchat reading tell on
      p2pchat reading tell off --in Bob
    """
    from p2pchat.cli import unread

    run_command(options, lambda settings: unread.tell(settings, value, conversation, json))
