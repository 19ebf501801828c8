"""Commands about rooms: making them, entering and leaving them, and who may do what there.

What changes a room by invitation is written to disk first. Then the command waits a while for
somebody of the room, since until they know a removed member reads on; and says if nobody came.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import trio

from p2pchat.cli.asking import is_meant
from p2pchat.cli.commands import (
    REACHED_GRACE_S,
    WAITING_FOR_THE_ROOM,
    WAITING_FOR_THEM,
    Console,
    offline,
    online,
    patience,
    progress,
    reach,
    shown_seconds,
)
from p2pchat.cli.failing import FAILED
from p2pchat.cli.finding import find_contacts, find_member, find_room
from p2pchat.cli.passphrases import room_password
from p2pchat.cli.settings import Settings
from p2pchat.cli.showing import plain, words
from p2pchat.client.client import Client
from p2pchat.client.handles import Room
from p2pchat.errors import LocalProtocolError, PermissionDenied
from p2pchat.model.ids import AccountId
from p2pchat.model.lookalikes import mixes_scripts
from p2pchat.model.room import Member, Role, RoomInfo, RoomKind

__all__ = [
    "KINDS",
    "ODD_ROOM",
    "Change",
    "Plan",
    "admit",
    "ban",
    "change_role",
    "create",
    "join",
    "join_with_password",
    "leave",
    "members",
    "remove",
    "rooms",
    "say_if_nobody_heard",
    "told_somebody",
    "unban",
]

KINDS = {
    RoomKind.INVITED: "by invitation",
    RoomKind.OPEN: "public",
    RoomKind.PASSWORD: "by password",
}
END_OF_ROOM = (
    "You own this room, and nobody else is in it: leaving ends it for good, for you as well. Leave?"
    " [y/N] "
)
ODD_ROOM = (
    "Careful: {name} mixes letters of several alphabets. A name that looks the same may be another"
    " room."
)


@dataclass(frozen=True, slots=True)
class Plan:
    """A room that shall be made, as it was typed."""

    name: str
    owners: Sequence[str]
    history: str


@dataclass(frozen=True, slots=True)
class Change:
    """Who shall be what in which room, as it was typed."""

    room: str
    who: str
    role: str


async def rooms(settings: Settings, as_json: bool) -> int:
    """List the rooms we are in."""
    console = Console(settings, as_json)
    async with offline(settings) as client:
        found = [*(room.info for room in client.rooms()), *client.joining()]
    console.give(found)
    rows = [
        (
            plain(info.name),
            words(KINDS[info.kind], settings.language),
            words(info.role, settings.language),
            str(info.members_count),
            str(info.id),
        )
        for info in found
    ]
    console.rows(rows, "No rooms yet. `p2pchat rooms create NAME` makes one.")
    return 0


async def create(settings: Settings, plan: Plan, timeout_s: float, as_json: bool) -> int:
    """Make a room by invitation."""
    console = Console(settings, as_json)
    opened = online if plan.owners else offline
    async with opened(settings) as client, progress(client, console):
        found = [contact.account for contact in find_contacts(client, plan.owners)]
        room = await client.create_room(plan.name, owners=found, history=plan.history)
        is_told = await _all_told(client, console, found, timeout_s)
        info = room.info
    console.give(info)
    console.say("{name} is made, and you own it. Its id is {id}", name=info.name, id=info.id)
    if plan.history != "all":
        console.say("Newcomers may read of its history: {history}.", history=plan.history)
    say_if_nobody_heard(console, is_told)
    if mixes_scripts(info.name):
        console.say(ODD_ROOM, name=info.name)
    return 0


async def join(settings: Settings, name: str, as_json: bool) -> int:
    """Enter an open room."""
    console = Console(settings, as_json)
    async with offline(settings) as client:
        info = (await client.join_open(name)).info
    _entered(console, info)
    console.say("It is public: whoever knows its name reads and writes there.")
    return 0


async def join_with_password(
    settings: Settings, name: str, file: Path | None, as_json: bool
) -> int:
    """Enter the room of a name and a password."""
    console = Console(settings, as_json)
    password = room_password(file, settings.language)
    async with offline(settings) as client:
        others = {room.info.id for room in client.rooms() if room.info.kind is RoomKind.PASSWORD}
        info = (await client.join_with_password(name, password)).info
        others = {id for id in others - {info.id} if client.room(id).name == info.name}
    _entered(console, info)
    console.say("Who types another password is in another room, and nobody can tell them.")
    if others:
        console.say("Careful: you are in another room of this name, with another password.")
    return 0


def _entered(console: Console, info: RoomInfo) -> None:
    console.give(info)
    console.say(
        "You are in {name}. What was written there comes when a node runs here.", name=info.name
    )
    if mixes_scripts(info.name):
        console.say(ODD_ROOM, name=info.name)


async def admit(
    settings: Settings, room: str, who: Sequence[str], timeout_s: float, as_json: bool
) -> int:
    """Take contacts into a room."""
    console = Console(settings, as_json)
    async with online(settings) as client, progress(client, console):
        found = find_room(client, room)
        accounts = [contact.account for contact in find_contacts(client, who)]
        _refuse_members(found, accounts)
        for account in accounts:
            await found.set_role(account, Role.MEMBER)
        is_told = await _all_told(client, console, accounts, timeout_s)
        admitted = [member for member in found.members() if member.account in accounts]
        name = found.name
    console.give(admitted)
    for member in admitted:
        console.say("{name} is in {room} now.", name=member.name, room=name)
    say_if_nobody_heard(console, is_told)
    return 0


def _refuse_members(room: Room, accounts: Collection[AccountId]) -> None:
    """Who is in it already would lose the role that they have."""
    for member in room.members():
        if member.account in accounts:
            raise LocalProtocolError(f"{member.name} is in this room already")


async def change_role(settings: Settings, change: Change, timeout_s: float) -> int:
    """Say what a member may do."""
    console = Console(settings, as_json=False)
    async with online(settings) as client, progress(client, console):
        room = find_room(client, change.room)
        account = find_member(room, change.who)
        await room.set_role(account, Role(change.role))
        is_told = await told_somebody(client, console, room, timeout_s)
        member, name = _member(room, account), room.name
    role = words(member.role, settings.language)
    console.say("{name} is {role} in {room} now.", name=member.name, role=role, room=name)
    say_if_nobody_heard(console, is_told)
    return 0


async def remove(settings: Settings, room: str, who: str, timeout_s: float) -> int:
    """Remove a member."""
    return await _exclude(settings, room, who, timeout_s, Room.remove)


async def ban(settings: Settings, room: str, who: str, timeout_s: float) -> int:
    """Remove an account and keep it out."""
    return await _exclude(settings, room, who, timeout_s, Room.ban)


async def unban(settings: Settings, room: str, who: str, timeout_s: float) -> int:
    """Lift a ban."""
    console = Console(settings, as_json=False)
    async with online(settings) as client, progress(client, console):
        found = find_room(client, room)
        account = find_member(found, who)
        if any(member.account == account for member in found.members()):
            raise LocalProtocolError(f"{who[:100]!a} is in this room, and not banned")
        await found.remove(account)
        is_told = await told_somebody(client, console, found, timeout_s)
        name = found.name
    console.say("{account} is not banned from {room} any more.", account=account, room=name)
    say_if_nobody_heard(console, is_told)
    return 0


async def members(settings: Settings, room: str, as_json: bool) -> int:
    """List who is in a room."""
    console = Console(settings, as_json)
    async with offline(settings) as client:
        found = find_room(client, room).members()
    console.give(found)
    rows = [
        (plain(member.name), words(member.role, settings.language), str(member.account))
        for member in found
    ]
    console.rows(rows, "Nobody is known to be in this room.")
    return 0


async def leave(settings: Settings, room: str, timeout_s: float, *, is_sure: bool) -> int:
    """Say so to who is in a room by invitation, and forget what others said in it. The last owner
    ends it, and is asked first."""
    console = Console(settings, as_json=False)
    async with online(settings) as client, progress(client, console):
        found = find_room(client, room)
        info = found.info
        is_end = info.role is Role.OWNER and info.members_count == 1
        if is_end and not is_sure and not is_meant(END_OF_ROOM, settings.language):
            console.say("You have not left {name}.", name=info.name)
            return FAILED
        has_others = info.kind is RoomKind.INVITED and bool(_others(client, found))
        is_told = not has_others or await told_somebody(client, console, found, timeout_s)
        await found.leave()
        if has_others and is_told:
            await trio.sleep(REACHED_GRACE_S)
    console.say("You have left {name}.", name=info.name)
    if not is_told:
        console.say("Nobody of the room was reached, so they do not know that you left.")
    return 0


async def _exclude(
    settings: Settings,
    room: str,
    who: str,
    timeout_s: float,
    verb: Callable[[Room, AccountId], Awaitable[None]],
) -> int:
    console = Console(settings, as_json=False)
    async with online(settings) as client, progress(client, console):
        found = find_room(client, room)
        account = find_member(found, who)
        if account == client.account:
            raise PermissionDenied("that is you; `p2pchat rooms leave` is how one goes")
        known = {member.account: member.name for member in found.members()}
        await verb(found, account)
        is_told = await told_somebody(client, console, found, timeout_s)
        name = found.name
    console.say(
        "{name} is out of {room}, and reads nothing that is said there from now on.",
        name=known.get(account, str(account)),
        room=name,
    )
    say_if_nobody_heard(console, is_told)
    return 0


def _others(client: Client, room: Room) -> set[AccountId]:
    return {member.account for member in room.members()} - {client.account}


def _member(room: Room, account: AccountId) -> Member:
    return next(member for member in room.members() if member.account == account)


async def told_somebody(client: Client, console: Console, room: Room, timeout_s: float) -> bool:
    """Whether one of a room is there to hear of it, who tells the others; none has to be where
    there is nobody."""
    others = _others(client, room)
    values = {"name": room.name, "seconds": shown_seconds(timeout_s)}
    async with patience(console, WAITING_FOR_THE_ROOM, **values):
        return not others or await reach(client, lambda peer: peer.account in others, timeout_s)


async def _all_told(
    client: Client, console: Console, accounts: Collection[AccountId], timeout_s: float
) -> bool:
    """Whether all of them are there: who comes into a room hears of it from us alone."""
    names = ", ".join(client.contact(account).name for account in accounts)
    values = {"name": names, "seconds": shown_seconds(timeout_s)}
    async with patience(console, WAITING_FOR_THEM, **values):
        with trio.move_on_after(timeout_s):
            for account in accounts:
                await reach(client, lambda peer, one=account: peer.account == one, math.inf)
            return True
    return False


def say_if_nobody_heard(console: Console, is_told: bool) -> None:
    if not is_told:
        console.say("Not reached yet: they learn of it when a node runs here.")
