"""The commands that say what a room is called, what it is about, and what all in it shall know."""

from __future__ import annotations

from contextlib import suppress

from p2pchat.cli.commands import Console, offline, online, progress
from p2pchat.cli.finding import find_room
from p2pchat.cli.gathering import say_if_nobody_heard, told_somebody
from p2pchat.cli.language import Language
from p2pchat.cli.settings import Settings
from p2pchat.cli.showing import message_line
from p2pchat.client.client import Client
from p2pchat.errors import UnknownMessage
from p2pchat.model.control import Detail
from p2pchat.model.ids import OpId

__all__ = ["SAID", "describe", "pins"]

SAID = {
    Detail.NAME: "The room is called {name} now.",
    Detail.DESCRIPTION: "What {name} is about is said anew.",
    Detail.ANNOUNCEMENT: "Announced in {name}.",
}


async def describe(
    settings: Settings, room: str, detail: Detail, text: str, timeout_s: float
) -> int:
    """Say one of these anew."""
    console = Console(settings, as_json=False)
    async with online(settings) as client, progress(client, console):
        found = find_room(client, room)
        match detail:
            case Detail.NAME:
                info = await found.rename(text)
            case Detail.DESCRIPTION:
                info = await found.describe(text)
            case Detail.ANNOUNCEMENT:
                info = await found.announce(text)
        is_told = await told_somebody(client, console, found, timeout_s)
    console.say(SAID[detail], name=info.name)
    say_if_nobody_heard(console, is_told)
    return 0


async def pins(settings: Settings, room: str, as_json: bool) -> int:
    """The messages that a room keeps in sight; of one that is not here, its id."""
    console = Console(settings, as_json)
    async with offline(settings) as client:
        ids = find_room(client, room).pins()
        lines = [await _line(client, id, settings.language) for id in ids]
    console.give(ids)
    console.rows([(line,) for line in lines], "Nothing is pinned.")
    return 0


async def _line(client: Client, id: OpId, language: Language) -> str:
    with suppress(UnknownMessage):
        return message_line(await client.message(id), client.account, language)
    return str(id)
