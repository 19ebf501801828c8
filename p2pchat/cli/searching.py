"""The command that finds messages."""

from __future__ import annotations

import typer

from p2pchat.cli.commands import Console, offline
from p2pchat.cli.finding import conversation_named
from p2pchat.cli.settings import Settings
from p2pchat.cli.showing import message_line, plain

__all__ = ["search"]


async def search(settings: Settings, text: str, within: str, limit: int, as_json: bool) -> int:
    """Show the messages with these words, each with where it stands."""
    console = Console(settings, as_json)
    async with offline(settings) as client:
        place = conversation_named(client, within).id if within else None
        found = await client.search(text, place, limit)
        places = {message.conversation for message in found}
        names = {id: client.conversation(id).name for id in places}
    console.give(found)
    if not as_json:
        for message in found:
            where = plain(names[message.conversation])
            typer.echo(f"{where}  {message_line(message, client.account, settings.language)}")
        if not found:
            console.say("Nothing was found.")
    return 0
