"""The commands that say what a room is called, what it is about, and what all in it shall know."""

from __future__ import annotations

from p2pchat.cli.commands import Console, online, progress
from p2pchat.cli.finding import find_room
from p2pchat.cli.gathering import say_if_nobody_heard, told_somebody
from p2pchat.cli.settings import Settings
from p2pchat.model.control import Detail

__all__ = ["SAID", "describe"]

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
