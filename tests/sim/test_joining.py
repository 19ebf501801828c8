"""Rooms joined by links among whole clients in virtual time, while members crash and come back."""

from __future__ import annotations

import trio

from p2pchat.client.client import Client
from p2pchat.model.ids import ConversationId
from p2pchat.model.room import Role
from p2pchat.testing.crew import befriend, until
from p2pchat.testing.world import World, run_world
from tests.sim.test_invited_rooms import wait_for, wait_for_role


def roles(client: Client, id: ConversationId) -> dict[str, Role]:
    return {str(member.account): member.role for member in client.room(id).members()}


def test_who_joins_while_members_crash_is_in_for_everybody_and_reads_what_is_said_after():
    async def scenario(world: World) -> None:
        await world.open_relay("relay")
        names = ("alice", "bob", "dave", "erin")
        alice, bob, dave, erin = [await world.start(name, knows=("relay",)) for name in names]
        with trio.fail_after(60):
            await befriend(alice, bob)
        room = await alice.create_room("crew", [bob.account])
        await wait_for_role(bob, room.id, Role.MEMBER)
        link = await room.invite(uses=2)
        await dave.join(link)
        await wait_for_role(dave, room.id, Role.MEMBER)
        world.crash("bob")
        world.crash("alice")
        await erin.join(link)  # nobody is there whom the link names
        world.crash("erin")
        erin = await world.open("erin")
        alice = await world.open("alice")
        await wait_for_role(erin, room.id, Role.MEMBER)
        world.crash("alice")
        alice, bob = await world.open("alice"), await world.open("bob")
        everybody = [alice, bob, dave, erin]
        for client in everybody:
            await until(lambda client=client: len(roles(client, room.id)) == len(everybody))
        await alice.room(room.id).send("all are here")
        await wait_for(everybody, room.id, ["all are here"])
        assert all(roles(client, room.id) == roles(alice, room.id) for client in everybody)
        assert [row.used for row in alice.room(room.id).invitations()] == []

    run_world(scenario, 31)
