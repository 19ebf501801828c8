"""Two people who are never there at once, and a relay that is: everything arrives."""

from __future__ import annotations

from collections.abc import Callable

import trio

from p2pchat.client.client import Client
from p2pchat.model.message import MessageState
from p2pchat.testing.mailboxes import MailRelays
from p2pchat.testing.world import World, run_world

PATIENCE_S = 600


async def until(happened: Callable[[], bool]) -> None:
    with trio.fail_after(PATIENCE_S):
        while True:
            if happened():
                return
            await trio.sleep(1)


async def alone(world: World, name: str) -> Client:
    """Somebody is there, and nobody else but the relay."""
    client = await world.start(name, knows=("relay",), listening=False)
    assert [peer.name for peer in world.up()] == [name]
    return client


def kept(world: World) -> list[bytes]:
    assert world.mail is not None
    return world.mail.kept(world.relays["relay"].peer_id)


async def state_of(client: Client, text: str) -> MessageState:
    [contact] = client.contacts()
    [message] = [m for m in await contact.history(limit=1_000) if m.text == text]
    return message.state


async def texts(client: Client) -> list[str]:
    [contact] = client.contacts()
    return [message.text for message in await contact.history(limit=1_000)]


def test_two_who_never_meet_become_contacts_and_talk():
    async def scenario(world: World) -> None:
        world.mail = MailRelays()
        await world.open_relay("relay")
        bob = await alone(world, "bob")
        await trio.sleep(60)
        link = bob.contact_link
        await world.stop("bob")

        alice = await alone(world, "alice")
        contact = await alice.add_contact(link)
        await contact.send("first")
        await until(lambda: bool(kept(world)))
        assert len(kept(world)) == 1, "what is not allowed yet waits for the answer"
        await trio.sleep(60)
        await world.stop("alice")

        bob = await alone(world, "bob")
        await until(lambda: bool(bob.contact_requests()))
        [request] = bob.contact_requests()
        await bob.accept(request.account)
        await until(lambda: bool(kept(world)))
        await trio.sleep(120)
        await world.stop("bob")

        alice = await alone(world, "alice")
        await trio.sleep(60)
        assert await state_of(alice, "first") is MessageState.SENT
        [contact] = alice.contacts()
        for number in range(300):
            await contact.send(f"number {number}")
        await trio.sleep(120)
        assert await state_of(alice, "number 299") is MessageState.SENT
        await world.stop("alice")

        bob = await alone(world, "bob")
        await trio.sleep(60)
        assert await texts(bob) == ["first", *(f"number {n}" for n in range(300))]
        [contact] = bob.contacts()
        await contact.send("and back")
        await trio.sleep(120)
        await world.stop("bob")

        alice = await alone(world, "alice")
        await trio.sleep(120)
        assert await state_of(alice, "number 299") is MessageState.DELIVERED
        assert (await texts(alice))[-1] == "and back"
        await world.stop("alice")

        bob = await alone(world, "bob")
        await trio.sleep(60)
        assert await state_of(bob, "and back") is MessageState.DELIVERED
        assert kept(world) == [], "what was read is deleted"

    run_world(scenario, 7)
