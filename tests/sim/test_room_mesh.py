"""A room by invitation in which nobody is connected with more than six: live for all of it."""

from __future__ import annotations

from collections import Counter

import trio

from p2pchat.client.client import Client
from p2pchat.model.contact import ContactState
from p2pchat.model.ids import ConversationId, PeerId
from p2pchat.model.room import Role
from p2pchat.protocol.invited import PUZZLED_S
from p2pchat.testing.faults import Partition
from p2pchat.testing.trace import Trace
from p2pchat.testing.world import World, run_world

COUNT = 20
STEPS = (1, 2, 5)
"""Each is connected with those that sit so many places to its left and right."""
SETTLED_S = 90


class Tally(Trace):
    """How many frames of each kind were sent."""

    def __init__(self) -> None:
        super().__init__()
        self.kinds: Counter[str] = Counter()

    def note(self, source: str, target: str, kind: str, *ids: object) -> None:
        self.kinds[kind] += 1
        super().note(source, target, kind, *ids)


async def befriend(one: Client, other: Client) -> None:
    await one.add_contact(other.contact_link)
    with trio.fail_after(60):
        while not other.contact_requests():  # noqa: ASYNC110 -- what brings it about is many events
            await trio.sleep(0.1)
        await other.accept(one.account)
        while one.contact(other.account).state is not ContactState.ACCEPTED:  # noqa: ASYNC110
            await trio.sleep(0.1)


def keep_apart(world: World, names: list[str]) -> None:
    """Let nothing pass between those who are not to be connected."""
    at = [_peer(world, name) for name in names]
    for place, peer in enumerate(at):
        near = {at[(place + sign * step) % len(at)] for step in STEPS for sign in (1, -1)}
        world.network.apply(Partition(frozenset({peer}), frozenset(at) - near - {peer}))


def _peer(world: World, name: str) -> PeerId:
    host = world.peers[name].host
    assert host is not None
    return host.peer_id


async def _has(client: Client, room: ConversationId, text: str) -> bool:
    return text in [message.text for message in await client.room(room).history(limit=5)]


async def heard_by_all(clients: list[Client], room: ConversationId, text: str) -> float:
    """Seconds until the last one has it on disk."""
    began_s = trio.current_time()
    with trio.fail_after(SETTLED_S):
        for client in clients:
            while not await _has(client, room, text):  # noqa: ASYNC110
                await trio.sleep(0.01)
    return trio.current_time() - began_s


def test_who_is_not_connected_with_the_sender_reads_it_at_once_and_not_by_sync(record_property):
    async def scenario(world: World) -> None:
        tally = world.watch.trace = Tally()
        await world.open_relay("relay")
        names = [f"member {number}" for number in range(COUNT)]
        clients = [await world.start(name, knows=("relay",)) for name in names]
        alice = clients[0]
        for other in clients[1:]:
            await befriend(alice, other)
        room = (await alice.create_room("crowd", [c.account for c in clients[1:]])).id
        with trio.fail_after(SETTLED_S):
            for client in clients:
                while not any(r.id == room and r.info.role in _IN for r in client.rooms()):  # noqa: ASYNC110
                    await trio.sleep(0.1)
        await trio.sleep(10)  # until all have dialled all
        tally.kinds.clear()
        await clients[3].room(room).send("where all are connected")
        await heard_by_all(clients, room, "where all are connected")
        assert tally.kinds["SignedSenderKey"] == COUNT - 1
        keep_apart(world, names)
        await trio.sleep(SETTLED_S)
        for number, client in enumerate((alice, clients[7], alice, clients[7])):
            tally.kinds.clear()
            await client.room(room).send(f"said {number}")
            assert await heard_by_all(clients, room, f"said {number}") < PUZZLED_S
            assert tally.kinds["SyncPull"] == 0
            assert tally.kinds["SignedSenderKey"] <= COUNT * (2 * len(STEPS) - 1)
            record_property(f"keys {number}", tally.kinds["SignedSenderKey"])

    run_world(scenario, 31)


_IN = (Role.OWNER, Role.MEMBER)
