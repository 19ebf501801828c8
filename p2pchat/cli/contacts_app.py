"""`p2pchat contacts`: the commands about people, their parameters and their help."""

from __future__ import annotations

from typing import Annotated

import typer

from p2pchat.cli.options import Options
from p2pchat.cli.running import WAIT_S, Json, Timeout, in_command, run_command

__all__ = ["contacts_app"]

contacts_app = typer.Typer(
    name="contacts",
    help="People: list them, ask them, accept or reject who asks.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
Requester = Annotated[str, typer.Argument(metavar="WHO", help="Account of who asks.")]
Contact = Annotated[
    str, typer.Argument(metavar="WHO", help="Name or account of the contact, or of whom you asked.")
]
Introduced = Annotated[
    str, typer.Argument(metavar="ACCOUNT", help="Account of whom the introduction is about.")
]
Link = Annotated[str, typer.Argument(metavar="LINK", help="Their contact link, dchat://u/…")]


@contacts_app.command("list")
@in_command
def list_contacts(options: Options, json: Json = False) -> None:
    """List contacts, and those you asked."""
    from p2pchat.cli import commands

    run_command(options, lambda settings: commands.contacts(settings, json))


@contacts_app.command("requests")
@in_command
def contact_requests(options: Options, json: Json = False) -> None:
    """List who asks to be a contact."""
    from p2pchat.cli import commands

    run_command(options, lambda settings: commands.contact_requests(settings, json))


@contacts_app.command("add")
@in_command
def add_contact(
    options: Options,
    link: Link,
    timeout: Timeout = WAIT_S,
    json: Json = False,
) -> None:
    """Ask the owner of a contact link to be a contact.

    \b
    Example:
      p2pchat contacts add dchat://u/ASABEiA…
    """
    from p2pchat.cli import commands

    run_command(
        options,
        lambda settings: commands.add_contact(settings, link, timeout, json),
    )


@contacts_app.command()
@in_command
def accept(options: Options, who: Requester, timeout: Timeout = WAIT_S, json: Json = False) -> None:
    """Accept who asks to be a contact."""
    from p2pchat.cli import commands

    run_command(options, lambda settings: commands.accept(settings, who, timeout, json))


@contacts_app.command()
@in_command
def reject(options: Options, who: Requester) -> None:
    """Reject who asks; asking again does not reach you."""
    from p2pchat.cli import commands

    run_command(options, lambda settings: commands.reject(settings, who))


@contacts_app.command("remove")
@in_command
def remove_contact(options: Options, who: Contact) -> None:
    """Remove a contact, or take back that you asked; they are not told.

    Nothing of theirs reaches you until you add them again.
    """
    from p2pchat.cli import acquainting

    run_command(options, lambda settings: acquainting.remove(settings, who))


@contacts_app.command("look")
@in_command
def look_at_link(options: Options, link: Link, json: Json = False) -> None:
    """Show whom a contact link leads to; nothing is dialled, and nobody learns of it."""
    from p2pchat.cli import acquainting

    run_command(options, lambda settings: acquainting.look(settings, link, json))


@contacts_app.command("new-link")
@in_command
def new_link(options: Options, json: Json = False) -> None:
    """Make another contact link of yours; the last one leads to nothing any more."""
    from p2pchat.cli import acquainting

    run_command(options, lambda settings: acquainting.renew_link(settings, json))


@contacts_app.command("introduce")
@in_command
def introduce(
    options: Options,
    who: Contact,
    to: Annotated[str, typer.Argument(metavar="TO", help="The contact who shall be told of them.")],
    timeout: Timeout = WAIT_S,
) -> None:
    """Introduce one contact to another, if the first agrees."""
    from p2pchat.cli import acquainting

    run_command(options, lambda settings: acquainting.introduce(settings, who, to, timeout))


@contacts_app.command("introductions")
@in_command
def introductions(options: Options, json: Json = False) -> None:
    """List introductions: who introduces whom, and how far it has come."""
    from p2pchat.cli import acquainting

    run_command(options, lambda settings: acquainting.introductions(settings, json))


@contacts_app.command("agree")
@in_command
def agree(options: Options, account: Introduced) -> None:
    """Agree to be introduced to somebody, or ask who was introduced to you."""
    from p2pchat.cli import acquainting

    run_command(options, lambda settings: acquainting.agree(settings, account))


@contacts_app.command("decline")
@in_command
def decline(options: Options, account: Introduced) -> None:
    """Decline an introduction; nobody is told."""
    from p2pchat.cli import acquainting

    run_command(options, lambda settings: acquainting.decline(settings, account))
