"""Commands about links into rooms: giving one, taking it back, and going in by one.

Nobody is dialled before the user has seen what a link says and said yes.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime

from p2pchat.cli.asking import is_meant
from p2pchat.cli.commands import Console, offline, online, progress
from p2pchat.cli.failing import FAILED, WrongUsage
from p2pchat.cli.finding import find_room
from p2pchat.cli.settings import Settings
from p2pchat.cli.showing import plain
from p2pchat.client.inviting import invite_info
from p2pchat.errors import UnknownConversation
from p2pchat.model.ids import OpId
from p2pchat.model.room import Role

__all__ = ["invitations", "invite", "join", "revoke", "withdraw"]

SURE = "Ask its members to let you in? They learn your addresses. [y/N] "
DAY_S = 24 * 3600


async def invite(settings: Settings, room: str, uses: int, days: int, as_json: bool) -> int:
    """Give a link into a room."""
    console = Console(settings, as_json)
    async with online(settings) as client, progress(client, console):
        link = await find_room(client, room).invite(uses, days * DAY_S)
    console.give({"link": link})
    console.say("invitation  {link}", link=link)
    console.say("Whoever has it gets in. It is shown once: copy it now.")
    return 0


async def invitations(settings: Settings, room: str, as_json: bool) -> int:
    """List the invitations to a room."""
    console = Console(settings, as_json)
    async with offline(settings) as client:
        found = find_room(client, room).invitations()
    console.give(found)
    rows = [
        (str(one.id), f"{one.used}/{one.uses}", _day(one.expires_at), str(one.giver))
        for one in found
    ]
    console.rows(rows, "No invitations. `p2pchat rooms invite ROOM` gives one.")
    return 0


async def revoke(settings: Settings, room: str, invite: str) -> int:
    """Take an invitation back."""
    async with offline(settings) as client:
        found = find_room(client, room)
        ids = [one.id for one in found.invitations() if str(one.id).startswith(invite)]
        id = ids[0] if len(ids) == 1 else OpId.parse(invite)
        await found.revoke_invite(id)
    Console(settings, as_json=False).say("Taken back. Others hear of it when a node runs here.")
    return 0


async def join(
    settings: Settings, link: str, timeout_s: float, as_json: bool, *, is_sure: bool
) -> int:
    """Go into a room by a link, once the user has seen where it leads."""
    console = Console(settings, as_json)
    said = invite_info(link)
    console.say("{name}, a room to which {giver} invites", name=plain(said.name), giver=said.giver)
    if not is_sure and not sys.stdin.isatty():
        raise WrongUsage("nobody can be asked here: `rooms enter LINK --yes` does not ask")
    if not is_sure and not is_meant(SURE, settings.language):
        return FAILED
    async with online(settings) as client, progress(client, console):
        info = (await client.join(link, timeout_s)).info
    console.give(info)
    name = plain(info.name)
    if info.role is Role.JOINING:
        waiting = "Nobody has let you into {name} yet. Asking goes on while a node runs."
        console.say(waiting, name=name)
    else:
        console.say("You are in {name}. Its id is {id}", name=name, id=info.id)
    return 0


async def withdraw(settings: Settings, room: str) -> int:
    """Ask no more to be let in."""
    async with offline(settings) as client:
        ids = [one.id for one in client.joining() if room in (one.name, str(one.id))]
        if len(ids) != 1:
            raise UnknownConversation("you do not wait to be let into one such room; see `rooms`")
        await client.stop_joining(ids[0])
    Console(settings, as_json=False).say("Nobody is asked any more.")
    return 0


def _day(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d")
