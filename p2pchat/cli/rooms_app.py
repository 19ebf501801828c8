"""`p2pchat rooms`: the commands about rooms, their parameters and their help."""

from __future__ import annotations

from collections.abc import Awaitable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from p2pchat.cli.options import Options
from p2pchat.cli.running import WAIT_S, Json, Timeout, in_command, run_command

if TYPE_CHECKING:
    from p2pchat.cli.settings import Settings

__all__ = ["rooms_app"]

rooms_app = typer.Typer(
    name="rooms",
    help="Rooms: make one, enter or leave one, say who is in it and what they may do.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

RoomName = Annotated[str, typer.Argument(metavar="ROOM", help="Name or id of the room.")]
Member = Annotated[str, typer.Argument(metavar="WHO", help="Name or account of the member.")]
RequestedRoom = Annotated[
    str, typer.Argument(metavar="ROOM", help="Name or id of a room under `rooms requests`.")
]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask before what cannot be undone.")]
Agreed = Annotated[bool, typer.Option("--yes", help="Do not ask before members are dialled.")]
Contacts = Annotated[
    list[str], typer.Argument(metavar="WHO...", help="Names or accounts of contacts.")
]
Owners = Annotated[
    list[str] | None,
    typer.Option(
        "--owner",
        metavar="WHO",
        help="Name or account of a contact who shall own it with you; two at most. Repeatable.",
    ),
]


@rooms_app.command("list")
@in_command
def list_rooms(options: Options, json: Json = False) -> None:
    """List the rooms you are in."""
    from p2pchat.cli import gathering

    run_command(options, lambda settings: gathering.rooms(settings, json))


@rooms_app.command("requests")
@in_command
def room_requests(options: Options, json: Json = False) -> None:
    """List the rooms that somebody took you into, and that wait for your word."""
    from p2pchat.cli import admitting

    run_command(options, lambda settings: admitting.requests(settings, json))


@rooms_app.command()
@in_command
def accept(options: Options, room: RequestedRoom, json: Json = False) -> None:
    """Go into a room that somebody took you into."""
    from p2pchat.cli import admitting

    run_command(options, lambda settings: admitting.accept(settings, room, json))


@rooms_app.command()
@in_command
def reject(options: Options, room: RequestedRoom) -> None:
    """Stay out of a room that somebody took you into; its members are told."""
    from p2pchat.cli import admitting

    run_command(options, lambda settings: admitting.reject(settings, room))


@rooms_app.command("from")
@in_command
def rooms_from(
    options: Options,
    whose: Annotated[
        Literal["contacts", "ask", "nobody"] | None,
        typer.Argument(
            metavar="[WHOSE]",
            help="contacts, ask or nobody. Without it, the present setting is shown.",
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Say into whose rooms you go without being asked.

    With contacts, a room of a contact appears by itself. With ask, each one waits under
    `rooms requests`. With nobody, you stay out of all of them. Rooms you are in stay.

    \b
    Example:
      p2pchat rooms from ask
    """
    from p2pchat.cli import admitting

    run_command(options, lambda settings: admitting.rooms_from(settings, whose, json))


@rooms_app.command()
@in_command
def rename(
    options: Options,
    room: RoomName,
    called: Annotated[
        str, typer.Argument(metavar="NAME", help="What it is called, 64 characters at most.")
    ],
    timeout: Timeout = WAIT_S,
) -> None:
    """Give a room by invitation another name. Its owners and admins do this."""
    _describe(options, room, "NAME", called, timeout)


@rooms_app.command()
@in_command
def describe(
    options: Options,
    room: RoomName,
    text: Annotated[
        str, typer.Argument(metavar="TEXT", help="500 characters at most; empty for nothing.")
    ],
    timeout: Timeout = WAIT_S,
) -> None:
    """Say what a room by invitation is about. Its owners and admins do this."""
    _describe(options, room, "DESCRIPTION", text, timeout)


@rooms_app.command()
@in_command
def announce(
    options: Options,
    room: RoomName,
    text: Annotated[
        str, typer.Argument(metavar="TEXT", help="1,000 characters at most; empty for nothing.")
    ],
    timeout: Timeout = WAIT_S,
) -> None:
    """Say what all in a room by invitation shall know. Its owners and admins do this.

    It stays until something else is announced. An empty text takes it away.

    \b
    Example:
      p2pchat rooms announce Crew "We meet on Friday at eight."
    """
    _describe(options, room, "ANNOUNCEMENT", text, timeout)


@rooms_app.command()
@in_command
def pins(options: Options, room: RoomName, json: Json = False) -> None:
    """List the messages that a room keeps in sight."""
    from p2pchat.cli import describing

    run_command(options, lambda settings: describing.pins(settings, room, json))


def _describe(options: Options, room: str, what: str, text: str, timeout_s: float) -> None:
    from p2pchat.cli import describing
    from p2pchat.model.control import Detail

    run_command(
        options,
        lambda settings: describing.describe(settings, room, Detail[what], text, timeout_s),
    )


@rooms_app.command()
@in_command
def create(
    options: Options,
    room: Annotated[
        str, typer.Argument(metavar="NAME", help="What it is called, 64 characters at most.")
    ],
    owner: Owners = None,
    history: Annotated[
        str,
        typer.Option(
            metavar="none|joining|last:N|all",
            help="What newcomers may read of what was said before; fixed for good.",
        ),
    ] = "all",
    json: Json = False,
) -> None:
    """Make a room by invitation.

    Nobody gets in whom its owners or admins do not admit. Owners are fixed for good, and a room
    whose only owner is lost gets no other: name a second one. Two rooms of one name are two rooms.

    With --history newcomers read less than all that was said before they came: the last N messages,
    what is said from their joining on, or only what is said by those who know that they are in.

    \b
    Examples:
      p2pchat rooms create Crew
      p2pchat rooms create Council --history joining
      p2pchat rooms create Board --owner Bob
    """
    from p2pchat.cli import gathering

    plan = gathering.Plan(room, tuple(owner or ()), history)
    run_command(
        options,
        lambda settings: gathering.create(settings, plan, WAIT_S, json),
    )


@rooms_app.command()
@in_command
def join(
    options: Options,
    room: Annotated[
        str, typer.Argument(metavar="NAME|LINK", help="Name of the room, or a link into it.")
    ],
    password: Annotated[
        bool,
        typer.Option("--password", help="It is a room by password; the password is asked for."),
    ] = False,
    password_file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The password of the room stands in this file."),
    ] = None,
    json: Json = False,
) -> None:
    """Enter an open room, a room by password, or a room by invitation with a link.

    An open room is public: whoever knows its name reads and writes there. A room by password is for
    all who know its name and password. A wrong password is not noticed by anybody: it leads to
    another room, where nobody is. A link says which room it leads to before anybody is asked.

    \b
    Examples:
      p2pchat rooms join lounge
      p2pchat rooms join dchat://j/...
      p2pchat rooms join cellar --password
    """
    from p2pchat.cli import gathering, inviting

    def enter(settings: Settings) -> Awaitable[int]:
        if room.strip().startswith("dchat://"):
            return inviting.join(settings, room, WAIT_S, json, is_sure=False)
        if not password and password_file is None:
            return gathering.join(settings, room, json)
        return gathering.join_with_password(settings, room, password_file, json)

    run_command(options, enter)


@rooms_app.command()
@in_command
def enter(
    options: Options,
    link: Annotated[str, typer.Argument(metavar="LINK", help="A link into a room.")],
    yes: Agreed = False,
    timeout: Timeout = WAIT_S,
    json: Json = False,
) -> None:
    """Enter a room by invitation with a link, as `join` does; for scripts with --yes."""
    from p2pchat.cli import inviting

    run_command(options, lambda settings: inviting.join(settings, link, timeout, json, is_sure=yes))


@rooms_app.command()
@in_command
def invite(
    options: Options,
    room: RoomName,
    uses: Annotated[int, typer.Option(min=1, max=1000, help="How many accounts it lets in.")] = 1,
    days: Annotated[int, typer.Option(min=1, max=3650, help="How long it is good for.")] = 7,
    json: Json = False,
) -> None:
    """Give a link that lets whoever has it into a room.

    It takes an owner or an admin. Any member lets them in, also when no admin is there.

    \b
    Examples:
      p2pchat rooms invite Crew
      p2pchat rooms invite Crew --uses 20 --days 2
    """
    from p2pchat.cli import inviting

    run_command(options, lambda settings: inviting.invite(settings, room, uses, days, json))


@rooms_app.command()
@in_command
def invitations(options: Options, room: RoomName, json: Json = False) -> None:
    """List the invitations to a room that are still good for somebody."""
    from p2pchat.cli import inviting

    run_command(options, lambda settings: inviting.invitations(settings, room, json))


@rooms_app.command()
@in_command
def revoke(
    options: Options,
    room: RoomName,
    invitation: Annotated[
        str, typer.Argument(metavar="ID", help="Its id, or how that begins; see `invitations`.")
    ],
) -> None:
    """Take an invitation back: its link lets nobody in any more."""
    from p2pchat.cli import inviting

    run_command(options, lambda settings: inviting.revoke(settings, room, invitation))


@rooms_app.command()
@in_command
def withdraw(
    options: Options,
    room: Annotated[
        str, typer.Argument(metavar="ROOM", help="Name or id of a room that you wait to enter.")
    ],
) -> None:
    """Ask no more to be let into a room by its link."""
    from p2pchat.cli import inviting

    run_command(options, lambda settings: inviting.withdraw(settings, room))


@rooms_app.command()
@in_command
def admit(
    options: Options,
    room: RoomName,
    who: Contacts,
    timeout: Timeout = WAIT_S,
    json: Json = False,
) -> None:
    """Take contacts into a room by invitation.

    They get what was said before, too. It takes an owner or an admin. If one of them is no contact
    of yours, nobody is taken in.

    \b
    Example:
      p2pchat rooms admit Crew Bob Carol
    """
    from p2pchat.cli import gathering

    run_command(options, lambda settings: gathering.admit(settings, room, who, timeout, json))


@rooms_app.command()
@in_command
def role(
    options: Options,
    room: RoomName,
    who: Member,
    role: Annotated[
        Literal["admin", "member", "read-only"],
        typer.Argument(metavar="ROLE", help="admin, member or read-only."),
    ],
    timeout: Timeout = WAIT_S,
) -> None:
    """Say what a member may do.

    Owners make and unmake admins. Owners and admins admit, remove and ban, and say who may only
    read. Nobody changes an owner.

    \b
    Examples:
      p2pchat rooms role Crew Bob admin
      p2pchat rooms role Crew Carol read-only
    """
    from p2pchat.cli import gathering

    change = gathering.Change(room, who, role)
    run_command(options, lambda settings: gathering.change_role(settings, change, timeout))


@rooms_app.command()
@in_command
def remove(options: Options, room: RoomName, who: Member, timeout: Timeout = WAIT_S) -> None:
    """Remove a member.

    They read nothing that is said from then on, and keep what they could read before. They may be
    admitted again.
    """
    from p2pchat.cli import gathering

    run_command(options, lambda settings: gathering.remove(settings, room, who, timeout))


@rooms_app.command()
@in_command
def ban(options: Options, room: RoomName, who: Member, timeout: Timeout = WAIT_S) -> None:
    """Remove an account and keep it out, until `unban`."""
    from p2pchat.cli import gathering

    run_command(options, lambda settings: gathering.ban(settings, room, who, timeout))


@rooms_app.command()
@in_command
def unban(
    options: Options,
    room: RoomName,
    who: Annotated[str, typer.Argument(metavar="ACCOUNT", help="Account of who is banned.")],
    timeout: Timeout = WAIT_S,
) -> None:
    """Lift a ban; that admits nobody yet."""
    from p2pchat.cli import gathering

    run_command(options, lambda settings: gathering.unban(settings, room, who, timeout))


@rooms_app.command()
@in_command
def members(options: Options, room: RoomName, json: Json = False) -> None:
    """List who is in a room, and what they may do."""
    from p2pchat.cli import gathering

    run_command(options, lambda settings: gathering.members(settings, room, json))


@rooms_app.command()
@in_command
def leave(options: Options, room: RoomName, timeout: Timeout = WAIT_S, yes: Yes = False) -> None:
    """Leave a room and forget what others said in it.

    What you said stays on this device, is shown nowhere, and is there again when you come back: the
    others may not have all of it yet.
    """
    from p2pchat.cli import gathering

    run_command(options, lambda settings: gathering.leave(settings, room, timeout, is_sure=yes))
