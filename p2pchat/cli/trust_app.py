"""`p2pchat devices`, `p2pchat profile`, and what `p2pchat contacts` says of keys."""

from __future__ import annotations

from typing import Annotated

import typer

from p2pchat.cli.contacts_app import contacts_app
from p2pchat.cli.options import Options
from p2pchat.cli.running import Json, Timeout, in_command, run_command

__all__ = ["devices_app", "profile_app"]

COMPARE_S = 120.0
"""For the other person to type the same."""

profile_app = typer.Typer(rich_markup_mode=None)
devices_app = typer.Typer(name="devices", invoke_without_command=True, rich_markup_mode=None)

Who = Annotated[str, typer.Argument(metavar="WHO", help="Name or account of the contact.")]


@contacts_app.command()
@in_command
def safety(options: Options, who: Who, json: Json = False) -> None:
    """Show the safety number with a contact, and a code for them to scan.

    It is the same on both sides as long as nobody stands in between. Compare it by another way: a
    call, or face to face.
    """
    from p2pchat.cli import trusting

    run_command(options, lambda settings: trusting.safety(settings, who, json))


@contacts_app.command()
@in_command
def verify(
    options: Options,
    who: Who,
    code: Annotated[
        str,
        typer.Option(
            metavar="CODE",
            help="The code that they showed, dchat://v/…; it is checked instead of your word.",
        ),
    ] = "",
    json: Json = False,
) -> None:
    """Say that a contact's safety number is the same on their side."""
    from p2pchat.cli import trusting

    run_command(options, lambda settings: trusting.verify(settings, who, code, json))


@contacts_app.command()
@in_command
def compare(options: Options, who: Who, timeout: Timeout = COMPARE_S) -> None:
    """Compare keys with a contact by seven pictures.

    Both of you type it at the same time and tell each other, by a call or face to face, what you
    see. If it is the same, nobody stands between you, and the contact is verified.

    \b
    Example:
      p2pchat contacts compare Bob
    """
    from p2pchat.cli import comparing

    run_command(options, lambda settings: comparing.compare(settings, who, timeout))


@contacts_app.command()
@in_command
def unverify(options: Options, who: Who) -> None:
    """Take the verification of a contact back."""
    from p2pchat.cli import trusting

    run_command(options, lambda settings: trusting.unverify(settings, who))


@contacts_app.command()
@in_command
def confirm(options: Options, who: Who) -> None:
    """Go on writing to a contact one of whose devices speaks for another account.

    Ask them by another way first: a device in foreign hands would say the same.
    """
    from p2pchat.cli import trusting

    run_command(options, lambda settings: trusting.confirm(settings, who))


@devices_app.callback()
@in_command
def devices(options: Options, context: typer.Context, json: Json = False) -> None:
    """Your devices: list them, revoke one that is lost.

    Without a command it lists them.
    """
    from p2pchat.cli import trusting

    if context.invoked_subcommand is None:
        run_command(options, lambda settings: trusting.devices(settings, json))


@devices_app.command()
@in_command
def revoke(
    options: Options,
    device: Annotated[
        str,
        typer.Argument(
            metavar="PEER_ID", help="Peer id of the device, as `p2pchat devices` shows it."
        ),
    ],
) -> None:
    """Revoke a device of yours for good: nothing new of it is taken any more.

    What it wrote before stays. It cannot be taken back: the device needs a new home.
    """
    from p2pchat.cli import trusting

    run_command(options, lambda settings: trusting.revoke(settings, device))


@profile_app.command()
@in_command
def profile(
    options: Options,
    nickname: Annotated[
        str | None, typer.Option(metavar="NAME", help="Your name from now on.")
    ] = None,
    bio: Annotated[
        str | None,
        typer.Option(metavar="TEXT", help="A few words about you, 500 characters at most."),
    ] = None,
    avatar: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="A picture of you: JPEG, PNG, WebP or GIF. It is made small, without place or"
            " camera. An empty FILE takes it away.",
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Show what others see of you, and change it.

    Contacts get all of it, open rooms the name alone.
    """
    from p2pchat.cli import trusting

    new = trusting.NewProfile(nickname, bio, avatar)
    run_command(options, lambda settings: trusting.profile(settings, new, json))
