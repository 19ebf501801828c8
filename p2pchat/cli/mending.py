"""The commands that change what was said.

What they write is on disk first. Then they wait a while for somebody who should hear of it; nothing
is lost when nobody comes.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from p2pchat.cli.commands import Console, online, progress, reach
from p2pchat.cli.finding import find_message
from p2pchat.cli.settings import Settings
from p2pchat.client.client import Client
from p2pchat.client.handles import Contact, Room
from p2pchat.errors import PermissionDenied
from p2pchat.model.ids import AccountId, OpId

__all__ = ["delete", "edit", "pin", "react"]


_Change = Callable[[Contact | Room, OpId], Awaitable[object]]


async def edit(settings: Settings, of: str, text: str, timeout_s: float, as_json: bool) -> int:
    """Give a message of ours another text."""
    return await _change(
        Console(settings, as_json), settings, of, timeout_s, lambda where, id: where.edit(id, text)
    )


async def delete(settings: Settings, of: str, timeout_s: float, as_json: bool) -> int:
    """Take a message of ours back."""
    return await _change(
        Console(settings, as_json), settings, of, timeout_s, lambda where, id: where.delete(id)
    )


async def react(settings: Settings, of: str, emoji: str, timeout_s: float, *, remove: bool) -> int:
    """Put an emoji to a message, or take it away again."""
    return await _change(
        Console(settings, as_json=False),
        settings,
        of,
        timeout_s,
        lambda where, id: where.react(id, emoji, remove=remove),
    )


async def pin(settings: Settings, of: str, timeout_s: float, *, remove: bool) -> int:
    """Keep a message of a room in sight of all, or no longer."""

    async def change(where: Contact | Room, id: OpId) -> None:
        if isinstance(where, Contact):
            raise PermissionDenied("this room has no roles")
        await where.pin(id, remove=remove)

    return await _change(Console(settings, as_json=False), settings, of, timeout_s, change)


async def _change(
    console: Console, settings: Settings, of: str, timeout_s: float, change: _Change
) -> int:
    id = find_message(of)
    async with online(settings) as client, progress(client, console):
        where = client.conversation((await client.message(id)).conversation)
        await change(where, id)
        others = _others(client, where)
        is_told = not others or await reach(client, lambda peer: peer.account in others, timeout_s)
        message = await client.message(id)
    console.give(message)
    console.say("Deleted." if message.deleted else "Changed.")
    if not is_told:
        console.say("Not reached yet: they learn of it when a node runs here.")
    return 0


def _others(client: Client, where: Contact | Room) -> set[AccountId]:
    if isinstance(where, Contact):
        return {where.account}
    return {member.account for member in where.members()} - {client.account}
