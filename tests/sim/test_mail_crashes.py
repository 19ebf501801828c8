"""Crashes anywhere around a step of a ratchet lose nothing, and no state seals two plaintexts."""

from __future__ import annotations

from contextlib import suppress

import pytest
import trio

from p2pchat.client.client import Client
from p2pchat.errors import NodeClosed
from p2pchat.testing.fate import Moment
from p2pchat.testing.mailboxes import MailRelays
from p2pchat.testing.world import World, run_world

LIVES = 8


async def friends(world: World) -> None:
    """Two contacts who have gone, and a relay that has not."""
    world.mail = MailRelays()
    await world.open_relay("relay")
    alice = await world.start("alice", knows=("relay",), listening=False)
    bob = await world.start("bob", knows=("relay",), listening=False)
    contact = await alice.add_contact(bob.contact_link)
    await trio.sleep(10)
    await bob.accept(alice.account)
    await trio.sleep(60)
    assert [one.id for one in bob.contacts()] == [contact.id]
    await world.stop("alice")
    await world.stop("bob")


async def doomed(world: World, name: str, moment: Moment, count: int) -> Client | None:
    """A life that ends at a moment, perhaps before its client can be used."""
    try:
        client = await world.open(name)
        world.doom(name, moment, count)
    except NodeClosed:
        return None
    return client


async def texts(client: Client) -> list[str]:
    [contact] = client.contacts()
    return [message.text for message in await contact.history(limit=1_000)]


@pytest.mark.parametrize("moment", list(Moment))
def test_whoever_crashes_where_it_likes_everything_arrives_once(moment: Moment):
    async def scenario(world: World) -> None:
        await friends(world)
        said: list[str] = []
        for life in range(LIVES):
            alice = await doomed(world, "alice", moment, 1 + life)
            text = f"in life {life}"
            if alice is not None:
                with trio.move_on_after(60):
                    [contact] = alice.contacts()
                    with suppress(NodeClosed):  # nothing was promised
                        await contact.send(text)
                        said.append(text)
            await trio.sleep(120)
            if world.peers["alice"].is_up:
                await world.stop("alice")
            await doomed(world, "bob", moment, 1 + life)
            await trio.sleep(120)
            if world.peers["bob"].is_up:
                await world.stop("bob")
        await world.open("alice")
        await trio.sleep(300)
        await world.stop("alice")
        bob = await world.open("bob")
        await trio.sleep(300)
        found = await texts(bob)
        assert len(found) == len(set(found))
        assert set(said) <= set(found)

    run_world(scenario, 11)
