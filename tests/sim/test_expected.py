"""What is called delivered in a room by invitation every member has who should: people come and go,
are away and crash, and the checkers look on."""

from __future__ import annotations

from itertools import combinations

import pytest
import trio

from p2pchat.client.client import Client
from p2pchat.client.handles import Room
from p2pchat.errors import NodeClosed
from p2pchat.model.ids import OpId
from p2pchat.model.message import MessageState
from p2pchat.model.room import Role
from p2pchat.testing.crew import befriend, until
from p2pchat.testing.fate import Moment
from p2pchat.testing.world import World, run_world
from tests.sim.test_invited_rooms import NAMES, wait_for_role

SETTLING_S = 150


async def crew(world: World) -> tuple[Room, Client, Client]:
    """Alice's room with Bob in it, who has signed for something, and Carol, who was away from the
    beginning."""
    await world.open_relay("relay")
    alice, bob, carol = [await world.start(name, knows=("relay",)) for name in NAMES[:3]]
    with trio.fail_after(60):
        for one, other in combinations((alice, bob, carol), 2):
            await befriend(one, other)
    await world.stop("carol")
    room = await alice.create_room("crew", [bob.account, carol.account])
    await wait_for_role(bob, room.id, Role.MEMBER)
    return room, alice, bob


async def state(client: Client, id: OpId) -> MessageState:
    return (await client.message(id)).state


async def has_it(client: Client, room: Room, text: str) -> bool:
    known = [one for one in client.rooms() if one.id == room.id]
    return bool(known) and text in [m.text for m in await client.room(room.id).history()]


async def until_it_has(client: Client, room: Room, text: str) -> None:
    with trio.fail_after(120):
        while not await has_it(client, room, text):  # noqa: ASYNC110 -- by any way
            await trio.sleep(0.5)


def test_who_was_never_there_holds_a_message_back_through_a_crash_of_its_author():
    async def scenario(world: World) -> None:
        room, alice, bob = await crew(world)
        message = await room.send("hello")
        await until_it_has(bob, room, "hello")
        await trio.sleep(30)
        assert await state(alice, message.id) is MessageState.SENT
        world.crash("alice")
        alice = await world.open("alice")
        await trio.sleep(60)
        assert await state(alice, message.id) is MessageState.SENT
        carol = await world.open("carol")
        await until_it_has(carol, room, "hello")
        with trio.fail_after(120):
            told = await alice.wait_delivered(message.id)
        assert told.state is MessageState.DELIVERED

    run_world(scenario, 31)


@pytest.mark.parametrize("moment", [Moment.BEFORE_COMMIT, Moment.AFTER_COMMIT])
def test_a_crash_in_the_commit_that_lets_somebody_in_or_out(moment: Moment):
    async def scenario(world: World) -> None:
        room, alice, bob = await crew(world)
        first = await room.send("first")
        await until_it_has(bob, room, "first")
        world.doom("alice", moment)
        with pytest.raises(NodeClosed):
            await room.remove(next(m.account for m in room.members() if m.name == "carol"))
        await until(lambda: not world.peers["alice"].is_up)
        alice = await world.open("alice")
        is_out = len(alice.room(room.id).members()) == 2
        assert is_out is (moment is Moment.AFTER_COMMIT)
        second = await alice.room(room.id).send("second")
        await until_it_has(bob, room, "second")
        await trio.sleep(60)
        expected = MessageState.DELIVERED if is_out else MessageState.SENT
        assert [await state(alice, one.id) for one in (first, second)] == [expected] * 2

    run_world(scenario, 32)
