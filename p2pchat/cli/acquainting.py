"""Commands about people beyond asking and answering: links, removal, and what is odd about names.

All of them open the home offline: none needs anybody else.
"""

from __future__ import annotations

from p2pchat.cli.commands import Console, offline
from p2pchat.cli.finding import find_contact
from p2pchat.cli.settings import Settings
from p2pchat.cli.showing import plain

__all__ = ["look", "remove", "renew_link"]


async def remove(settings: Settings, who: str) -> int:
    """Take a contact back, or a question."""
    async with offline(settings) as client:
        contact = find_contact(client, who)
        name = contact.name
        await client.remove_contact(contact.account)
    Console(settings, as_json=False).say("Removed {name}.", name=plain(name))
    return 0


async def look(settings: Settings, link: str, as_json: bool) -> int:
    """Say whom a link leads to."""
    console = Console(settings, as_json)
    async with offline(settings) as client:
        found = client.read_link(link)
    console.give(found)
    console.say("account       {account}", account=found.account)
    console.say("peer id       {peer_id}", peer_id=found.peer_id)
    for address in found.addresses:
        console.say("address       {address}", address=address)
    console.say("Nobody was dialled. `p2pchat contacts add LINK` asks them.")
    return 0


async def renew_link(settings: Settings, as_json: bool) -> int:
    """Make another contact link."""
    console = Console(settings, as_json)
    async with offline(settings) as client:
        link = await client.renew_contact_link()
    console.give({"contact_link": link})
    console.say("contact link  {link}", link=link)
    console.say("The last one leads to nothing any more. Requests that are here stay.")
    return 0
