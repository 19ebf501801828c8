"""Rooms by invitation among whole clients in virtual time."""

from __future__ import annotations

from itertools import combinations

import trio

from p2pchat.client.client import Client
from p2pchat.client.handles import Room
from p2pchat.model.ids import ConversationId
from p2pchat.model.room import Role
from p2pchat.testing.crew import befriend, until
from p2pchat.testing.world import World, run_world

NAMES = ("alice", "bob", "carol", "dave")


async def everybody(world: World) -> list[Client]:
    await world.open_relay("relay")
    clients = [await world.start(name, knows=("relay",)) for name in NAMES]
    with trio.fail_after(60):
        for one, other in combinations(clients, 2):
            await befriend(one, other)
    return clients


async def texts(room: Room) -> list[str]:
    return sorted(message.text for message in await room.history())


async def wait_for(clients: list[Client], id: ConversationId, expected: list[str]) -> None:
    for client in clients:
        await until(lambda client=client: any(room.id == id for room in client.rooms()))
        with trio.fail_after(90):
            async with client.room(id).messages() as messages:
                missing = set(expected)
                async for message in messages:
                    missing.discard(message.text)
                    if not missing:
                        break
        assert await texts(client.room(id)) == sorted(expected)


async def wait_for_role(client: Client, id: ConversationId, role: Role) -> None:
    await until(lambda: any(room.id == id and room.info.role is role for room in client.rooms()))


def test_a_room_appears_is_talked_in_and_goes_on_without_who_was_removed():
    async def scenario(world: World) -> None:
        clients = await everybody(world)
        alice, bob, carol, dave = clients
        room = await alice.create_room("crew", [c.account for c in clients[1:]])
        for client in clients[1:]:
            await wait_for_role(client, room.id, Role.MEMBER)
        for client in clients:
            await client.room(room.id).send(f"{client.profile.name} is here")
        said = [f"{name} is here" for name in NAMES]
        await wait_for(clients, room.id, said)
        await room.remove(dave.account)
        await room.send("without Dave")
        await wait_for([bob], room.id, [*said, "without Dave"])
        await bob.room(room.id).send("indeed")
        await wait_for([alice, bob, carol], room.id, [*said, "without Dave", "indeed"])
        await wait_for_role(dave, room.id, Role.REMOVED)
        await trio.sleep(120)
        assert await texts(dave.room(room.id)) == sorted(said)
        members = {member.name: member.role for member in carol.room(room.id).members()}
        assert members == {"alice": Role.OWNER, "bob": Role.MEMBER, "carol": Role.MEMBER}

    run_world(scenario, 21)


def test_who_crashes_is_back_in_the_room():
    async def scenario(world: World) -> None:
        clients = await everybody(world)
        alice, bob, carol, _ = clients
        room = await alice.create_room("crew", [bob.account, carol.account])
        for client in (bob, carol):
            await wait_for_role(client, room.id, Role.MEMBER)
        await room.send("before")
        await wait_for([alice, bob, carol], room.id, ["before"])
        world.crash("bob")
        await room.send("meanwhile")
        await trio.sleep(5)
        bob = await world.open("bob")
        await wait_for([alice, bob, carol], room.id, ["before", "meanwhile"])
        await bob.room(room.id).send("back")
        await wait_for([alice, bob, carol], room.id, ["before", "meanwhile", "back"])

    run_world(scenario, 22)


def test_who_comes_later_reads_what_the_room_gives_and_misses_nothing():
    async def scenario(world: World) -> None:
        clients = await everybody(world)
        alice, bob, carol, dave = clients
        room = await alice.create_room("council", [bob.account], history="last:1")
        await wait_for_role(bob, room.id, Role.MEMBER)
        for text in ("one", "two"):
            await room.send(text)
        await wait_for([bob], room.id, ["one", "two"])
        world.crash("alice")
        await bob.room(room.id).send("three")
        alice = await world.open("alice")
        await wait_for([alice], room.id, ["one", "two", "three"])
        await alice.room(room.id).set_role(carol.account, Role.MEMBER)
        await wait_for([carol], room.id, ["three"])
        await carol.room(room.id).send("four")
        link = await alice.room(room.id).invite()
        await dave.join(link)
        await wait_for([dave], room.id, ["four"])
        await dave.room(room.id).send("five")
        await wait_for([alice, bob], room.id, ["one", "two", "three", "four", "five"])
        await wait_for([carol], room.id, ["three", "four", "five"])
        for client in (alice, bob, carol, dave):
            assert client.room(room.id).info.history == "last:1"
            assert client.room(room.id).completeness().is_complete

    run_world(scenario, 23)
