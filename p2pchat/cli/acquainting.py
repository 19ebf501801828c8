"""Commands about people beyond asking and answering: links, removal, introductions.

What they write leaves when a node runs there; only an introduction waits for somebody at once.
"""

from __future__ import annotations

from p2pchat.cli.commands import Console, offline, online, progress, reach_contact
from p2pchat.cli.finding import find_contact
from p2pchat.cli.settings import Settings
from p2pchat.cli.showing import plain, words
from p2pchat.client.client import Client
from p2pchat.errors import UnknownContact
from p2pchat.model.ids import AccountId
from p2pchat.model.introduction import Stage

__all__ = ["agree", "decline", "introduce", "introductions", "look", "remove", "renew_link"]

STAGES = {
    Stage.WAITING: "You ask {name} whether they want to be introduced",
    Stage.ASKED: "{introducer} asks whether you want to be introduced to {name}",
    Stage.AGREED: "You agreed that {introducer} introduces you to {name}, who may ask you now",
    Stage.OFFERED: "{introducer} introduces {name} to you",
    Stage.TAKEN: "{introducer} introduced {name} to you, and you asked them",
}


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


async def introduce(settings: Settings, who: str, to: str, timeout_s: float) -> int:
    """Introduce one contact to another, and say whether the question got there."""
    console = Console(settings, as_json=False)
    async with online(settings) as client, progress(client, console):
        one, other = find_contact(client, who), find_contact(client, to)
        names = {"name": one.name, "other": other.name}
        await client.introduce(one.account, other.account)
        is_reached = await reach_contact(client, console, one, timeout_s)
    console.say("{name} is asked first. {other} is told when they agree.", **names)
    if not is_reached:
        console.say("{name} was not reached: the question leaves when a node runs here.", **names)
    return 0


async def introductions(settings: Settings, as_json: bool) -> int:
    """List introductions."""
    console = Console(settings, as_json)
    async with offline(settings) as client:
        found = client.introductions()
        names = {contact.account: contact.name for contact in client.contacts()}
    console.give(found)
    rows = [
        (
            words(
                STAGES[one.stage],
                settings.language,
                introducer=names.get(one.introducer, one.introducer),
                name=one.name,
            ),
            str(one.account),
        )
        for one in found
    ]
    console.rows(rows, "Nobody is being introduced.")
    return 0


async def agree(settings: Settings, account: str) -> int:
    """Say yes to an introduction."""
    async with offline(settings) as client:
        await client.accept_introduction(*_introduction(client, account))
    Console(settings, as_json=False).say("Agreed. It leaves when a node runs here.")
    return 0


async def decline(settings: Settings, account: str) -> int:
    """Say no to an introduction."""
    async with offline(settings) as client:
        await client.reject_introduction(*_introduction(client, account))
    Console(settings, as_json=False).say("Declined. Nobody is told.")
    return 0


def _introduction(client: Client, text: str) -> tuple[AccountId, AccountId]:
    """Introducer and account of the one that waits for us and is about this account."""
    for one in client.introductions():
        if str(one.account) == text and one.stage in (Stage.ASKED, Stage.OFFERED):
            return one.introducer, one.account
    raise UnknownContact("there is no such introduction; see `introductions`")
