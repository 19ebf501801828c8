"""The commands about what was read. What others are told of it leaves when a node runs here."""

from __future__ import annotations

from p2pchat.cli.commands import Console, offline
from p2pchat.cli.finding import conversation_named, find_message
from p2pchat.cli.reading import TOLD, ReadReceipts, Unread, set_read_receipts
from p2pchat.cli.settings import Settings
from p2pchat.cli.showing import plain

__all__ = ["list_unread", "mark", "tell"]


async def list_unread(settings: Settings, as_json: bool) -> int:
    """List where something is unread."""
    console = Console(settings, as_json)
    async with offline(settings) as client:
        counts = await client.unread()
        found = [(Unread(id, count), client.conversation(id)) for id, count in counts.items()]
        rows = [(plain(where.name), str(one.count), str(where.id)) for one, where in found]
    console.give([one for one, _ in found])
    console.rows(rows, "Everything is read.")
    return 0


async def mark(settings: Settings, of: str) -> int:
    """Say that everything up to a message was read."""
    id = find_message(of)
    async with offline(settings) as client:
        where = client.conversation((await client.message(id)).conversation)
        await where.mark_read(id)
        is_told = where.read_receipts
    console = Console(settings, as_json=False)
    console.say("Marked as read.")
    if is_told:
        console.say("They learn of it when a node runs here.")
    return 0


async def tell(settings: Settings, value: str | None, of: str, as_json: bool) -> int:
    """Show, after changing it, whether others are told what we have read."""
    console = Console(settings, as_json)
    async with offline(settings) as client:
        where = conversation_named(client, of) if of else client
        if value is not None:
            await set_read_receipts(where, ReadReceipts(value))
        is_told = where.read_receipts
    console.give({"read_receipts": is_told})
    console.say(TOLD[is_told])
    return 0
