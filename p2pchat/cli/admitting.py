"""Commands about rooms that others take us into: which wait for our word, and which need none."""

from __future__ import annotations

from p2pchat.cli.commands import Console, offline
from p2pchat.cli.finding import find_room_request
from p2pchat.cli.gathering import KINDS
from p2pchat.cli.settings import Settings
from p2pchat.cli.showing import plain, words
from p2pchat.model.room import RoomsFrom

__all__ = ["WHOSE", "accept", "reject", "requests", "rooms_from"]

WHOSE = {
    RoomsFrom.CONTACTS: "You go into the rooms of your contacts without being asked.",
    RoomsFrom.ASK: "You are asked about each room: `p2pchat rooms requests` lists them.",
    RoomsFrom.NOBODY: "You stay out of the rooms of others.",
}


async def requests(settings: Settings, as_json: bool) -> int:
    """List the rooms that wait for our word."""
    console = Console(settings, as_json)
    async with offline(settings) as client:
        found = client.room_requests()
    console.give(found)
    rows = [
        (plain(info.name), words(KINDS[info.kind], settings.language), str(info.id))
        for info in found
    ]
    console.rows(rows, "No room waits for your word.")
    return 0


async def accept(settings: Settings, name: str, as_json: bool) -> int:
    """Go into one of them."""
    console = Console(settings, as_json)
    async with offline(settings) as client:
        room = await client.accept_room(find_room_request(client, name).id)
        info = room.info
    console.give(info)
    console.say(
        "You are in {name}. What was written there comes when a node runs here.", name=info.name
    )
    return 0


async def reject(settings: Settings, name: str) -> int:
    """Stay out of one of them."""
    async with offline(settings) as client:
        info = find_room_request(client, name)
        await client.reject_room(info.id)
    Console(settings, as_json=False).say(
        "You stay out of {name}. They learn of it when a node runs here.", name=info.name
    )
    return 0


async def rooms_from(settings: Settings, whose: str | None, as_json: bool) -> int:
    """Show, after changing it, into whose rooms we go without a question."""
    console = Console(settings, as_json)
    async with offline(settings) as client:
        if whose is not None:
            await client.set_rooms_from(RoomsFrom(whose))
        value = client.rooms_from
    console.give({"rooms_from": value})
    console.say(WHOSE[value])
    return 0
