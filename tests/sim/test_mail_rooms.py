"""A room whose members are never there at once, and a relay that is: it goes on by mail."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import trio

from p2pchat.client.client import Client
from p2pchat.model.ids import ConversationId
from p2pchat.model.room import Role
from p2pchat.testing.mailboxes import MailRelays
from p2pchat.testing.world import World, run_world

VISIT_S = 180


@asynccontextmanager
async def visit(world: World, name: str) -> AsyncGenerator[Client]:
    """Somebody is there, and nobody else but the relay: first their mail comes, at last theirs
    goes."""
    client = await world.start(name, knows=("relay",), listening=False)
    assert [peer.name for peer in world.up()] == [name]
    await trio.sleep(VISIT_S)
    yield client
    await trio.sleep(VISIT_S)
    await world.stop(name)


async def texts(client: Client, room: ConversationId) -> list[str]:
    return [message.text for message in await client.room(room).history()]


def role(client: Client, room: ConversationId) -> Role:
    return client.room(room).info.role


def test_a_room_whose_members_never_meet_begins_is_talked_in_and_loses_one():
    async def scenario(world: World) -> None:
        world.mail = MailRelays()
        await world.open_relay("relay")
        links: list[str] = []
        for name in ("bob", "carol"):
            async with visit(world, name) as client:
                links.append(client.contact_link)
        async with visit(world, "alice") as alice:
            for link in links:
                await alice.add_contact(link)
        accounts = []
        for name in ("bob", "carol"):
            async with visit(world, name) as client:
                [request] = client.contact_requests()
                await client.accept(request.account)
                accounts.append(client.account)
        async with visit(world, "alice") as alice:
            room = (await alice.create_room("crew", accounts)).id
            await alice.room(room).send("first")
        async with visit(world, "bob") as bob:
            assert await texts(bob, room) == ["first"]
            await bob.room(room).send("from Bob")
        async with visit(world, "carol") as carol:
            assert (role(carol, room), await texts(carol, room)) == (Role.MEMBER, ["first"])
        async with visit(world, "alice") as alice:
            assert await texts(alice, room) == ["first", "from Bob"]
            await alice.room(room).remove(accounts[1])
            await alice.room(room).send("second")
        async with visit(world, "carol") as carol:
            assert (role(carol, room), await texts(carol, room)) == (Role.REMOVED, ["first"])
        async with visit(world, "bob") as bob:
            assert await texts(bob, room) == ["first", "from Bob", "second"]
            assert len(bob.room(room).members()) == 2
            await bob.room(room).leave()
        async with visit(world, "alice") as alice:
            assert [member.name for member in alice.room(room).members()] == ["alice"]

    run_world(scenario, 8)
