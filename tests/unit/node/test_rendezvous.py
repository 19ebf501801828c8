"""Members of a room who share no connection find each other."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from itertools import pairwise
from random import Random

import pytest
import trio
from trio.testing import MockClock

from p2pchat.config import DhtConfig
from p2pchat.kad.vocabulary import (
    FindProviders,
    FoundProviders,
    KadEffect,
    KadInput,
    Provide,
    Withdraw,
)
from p2pchat.model.conversation import open_room_id, open_room_key, room_rendezvous, room_topic
from p2pchat.model.ids import DeviceId, PeerId
from p2pchat.model.machine import Now, Reply
from p2pchat.node.ambient import SimulatedAmbient
from p2pchat.node.driver import Driver, DriverConfig
from p2pchat.node.publishing import Directory
from p2pchat.node.rendezvous import (
    DIALS_MAX,
    ENOUGH,
    LOOK_S_MAX,
    MORE_DIALS_MAX,
    Rendezvous,
)
from p2pchat.protocol.sealing import open_room_secret
from p2pchat.testing.faults import Nat
from p2pchat.testing.lives import CONFIG
from p2pchat.testing.network import SimulatedNetwork, open_network
from p2pchat.testing.world import World, run_world
from p2pchat.wire.kad_codec import KadPeer

SHY = replace(CONFIG, dht=DhtConfig(mode="client"), limits=replace(CONFIG.limits, mesh_peers_max=1))
"""Serves nobody, so that no table names it, and seeks nobody on its own account."""
ROOM = open_room_id("square")
SECRET = open_room_secret("square")
KEY = room_rendezvous(open_room_key("square"))


class Board:
    """A DHT of one holder: notes commands with their time, and tells of `providers`."""

    def __init__(self) -> None:
        self.said: list[tuple[str, float]] = []
        self.providers: tuple[KadPeer, ...] = ()
        self.holders = 1
        self.meanwhile: Callable[[], None] = lambda: None
        """Happens once, while an announcement is under way."""

    def start(self, now: Now) -> list[KadEffect]:
        return []

    def handle(self, input: KadInput, now: Now) -> list[KadEffect]:
        assert isinstance(input, Provide | FindProviders | Withdraw)
        assert input.key == KEY
        self.said.append((type(input).__name__, now.monotonic_s))
        match input:
            case Provide(id):
                happens, self.meanwhile = self.meanwhile, lambda: None
                happens()
                return [Reply(id, self.holders)]
            case FindProviders(id):
                return [Reply(id, FoundProviders(KEY, self.providers, 1, 1))]
            case Withdraw():
                return []

    def settle(self, now: Now) -> list[KadEffect]:
        return []

    async def carry(self, effects: Sequence[KadEffect]) -> None:
        """Replies are the driver's."""

    def times(self, command: type) -> list[float]:
        return [at_s for name, at_s in self.said if name == command.__name__]


Story = Callable[[Rendezvous, Board, SimulatedNetwork], Awaitable[None]]


def play(story: Story) -> None:
    """A rendezvous of the host `alice`, in virtual time."""

    async def main() -> None:
        ambient = SimulatedAmbient(1, "alice")
        board = Board()
        async with (
            open_network(Random(1)) as network,
            network.host("alice") as host,
            trio.open_nursery() as nursery,
        ):
            driver = Driver[KadInput, KadEffect](board, board, ambient, DriverConfig())
            await nursery.start(driver.run)
            directory = Directory(driver, ambient, lambda: host.addresses)
            rendezvous = Rendezvous(host, directory, Random(1))
            nursery.start_soon(rendezvous.run)
            await story(rendezvous, board, network)
            nursery.cancel_scope.cancel()

    trio.run(main, clock=MockClock(autojump_threshold=0))


async def meet_behind_a_relay(world: World) -> str:
    """Two who know one relay and cannot be dialled; what the second reads."""
    await world.open_relay("relay")
    alice, bob = [
        await world.start(name, knows=("relay",), nat=Nat.CLOSED, config=SHY)
        for name in ("alice", "bob")
    ]
    await (await alice.join_open("square")).send("anybody here?")
    room = await bob.join_open("square")
    with trio.fail_after(20):
        async with room.messages() as messages:
            async for message in messages:
                return message.text
    raise AssertionError


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_two_who_know_only_the_same_relay_meet_in_a_room(seed):
    assert run_world(meet_behind_a_relay, seed=seed) == "anybody here?"


def test_the_key_tells_nothing_of_name_room_or_topic_and_is_a_multihash():
    assert KEY[:4] == bytes.fromhex("a0e40220")
    assert len(KEY) == 36
    topic = bytes.fromhex(room_topic(open_room_key("square")).rpartition("/")[2])
    assert KEY[4:] not in (topic, bytes(ROOM), open_room_key("square"))
    assert room_rendezvous(open_room_key("circle")) != KEY


def test_a_room_is_announced_once_and_looked_into_ever_less_often():
    async def story(rendezvous: Rendezvous, board: Board, network: SimulatedNetwork) -> None:
        rendezvous.enter(ROOM, SECRET)
        rendezvous.enter(ROOM, SECRET)
        await trio.sleep(3 * 3600)
        assert len(board.times(Provide)) == 1, "the DHT machine keeps it announced"
        looks = board.times(FindProviders)
        waits = [later - earlier for earlier, later in pairwise(looks)]
        assert looks[0] < 0.1
        assert waits[0] < 3
        assert LOOK_S_MAX * 0.8 <= waits[-1] <= LOOK_S_MAX * 1.2
        assert len(looks) < 35

    play(story)


def test_while_nobody_notes_us_we_are_announced_again():
    async def story(rendezvous: Rendezvous, board: Board, network: SimulatedNetwork) -> None:
        board.holders = 0
        rendezvous.enter(ROOM, SECRET)
        await trio.sleep(10)
        before = len(board.times(Provide))
        assert before >= 3
        board.holders = 1
        await trio.sleep(600)
        assert len(board.times(Provide)) == before + 1

    play(story)


def test_strangers_that_say_they_hear_the_topic_end_no_search():
    async def story(rendezvous: Rendezvous, board: Board, network: SimulatedNetwork) -> None:
        rendezvous.enter(ROOM, SECRET)
        for n in range(2 * ENOUGH):
            rendezvous.joined(ROOM, network_peer(n))
        await trio.sleep(60)
        assert len(board.times(FindProviders)) >= 4
        await trio.sleep(7200)
        assert len(board.times(FindProviders)) >= 14

    play(story)


def test_with_enough_members_others_are_looked_for_seldom_until_one_leaves():
    async def story(rendezvous: Rendezvous, board: Board, network: SimulatedNetwork) -> None:
        members = [network_peer(n) for n in range(ENOUGH)]
        rendezvous.enter(ROOM, SECRET)
        rendezvous.spoke(ROOM, network_peer(50))
        for member in (*members, network_peer(60)):
            rendezvous.joined(ROOM, member)
            rendezvous.spoke(ROOM, member)
        await trio.sleep(LOOK_S_MAX / 2)
        assert len(board.times(FindProviders)) == 2
        await trio.sleep(LOOK_S_MAX)
        assert len(board.times(FindProviders)) == 3
        before = len(board.times(FindProviders))
        rendezvous.left(ROOM, network_peer(99))
        await trio.sleep(5)
        assert len(board.times(FindProviders)) == before
        rendezvous.left(ROOM, members[0])
        await trio.sleep(5)
        assert len(board.times(FindProviders)) == before + 1

    play(story)


def test_a_stranger_that_comes_and_goes_hastens_nothing_while_enough_are_there():
    async def story(rendezvous: Rendezvous, board: Board, network: SimulatedNetwork) -> None:
        rendezvous.enter(ROOM, SECRET)
        for n in range(ENOUGH):
            rendezvous.joined(ROOM, network_peer(n))
        await trio.sleep(3600)
        before = len(board.times(FindProviders))
        for _ in range(100):
            rendezvous.joined(ROOM, network_peer(99))
            rendezvous.left(ROOM, network_peer(99))
            await trio.sleep(1)
        assert len(board.times(FindProviders)) <= before + 1

    play(story)


def test_fewer_are_dialled_when_enough_say_that_they_hear_the_topic():
    async def story(rendezvous: Rendezvous, board: Board, network: SimulatedNetwork) -> None:
        async with AsyncExitStack() as stack:
            hosts = [await stack.enter_async_context(network.host(f"m{n}")) for n in range(20)]
            board.providers = tuple(KadPeer(h.peer_id, bare(h.addresses)) for h in hosts)
            for n in range(ENOUGH):
                rendezvous.joined(ROOM, network_peer(n))
            rendezvous.enter(ROOM, SECRET)
            for n in range(ENOUGH):
                rendezvous.joined(ROOM, network_peer(n))
            await trio.sleep(1)
            assert sum(len(host.peers) for host in hosts) == MORE_DIALS_MAX

    play(story)


def test_a_room_that_is_left_is_withdrawn_and_looked_into_no_more():
    async def story(rendezvous: Rendezvous, board: Board, network: SimulatedNetwork) -> None:
        rendezvous.enter(ROOM, SECRET)
        await trio.sleep(1)
        rendezvous.leave(ROOM)
        rendezvous.leave(ROOM)
        await trio.sleep(3600)
        assert [name for name, _ in board.said] == ["Provide", "FindProviders", "Withdraw"]

    play(story)


def test_when_our_addresses_change_we_are_announced_anew():
    async def story(rendezvous: Rendezvous, board: Board, network: SimulatedNetwork) -> None:
        rendezvous.enter(ROOM, SECRET)
        await trio.sleep(3600)
        rendezvous.moved()
        await trio.sleep(3)
        assert len(board.times(Provide)) == 2

    play(story)


def test_addresses_that_change_while_we_are_announced_are_announced_too():
    async def story(rendezvous: Rendezvous, board: Board, _: SimulatedNetwork) -> None:
        board.meanwhile = rendezvous.moved
        rendezvous.enter(ROOM, SECRET)
        await trio.sleep(LOOK_S_MAX)
        assert len(board.times(Provide)) == 2

    play(story)


def test_some_of_those_that_are_found_are_dialled_and_the_unreachable_do_no_harm():
    async def story(rendezvous: Rendezvous, board: Board, network: SimulatedNetwork) -> None:
        async with network.host("bob") as bob:
            nobody = tuple(
                KadPeer(network_peer(n), (f"/ip4/10.9.9.{n}/tcp/1",)) for n in range(DIALS_MAX - 1)
            )
            unknown = KadPeer(network_peer(90), ())
            board.providers = (*nobody, unknown, KadPeer(bob.peer_id, bare(bob.addresses)))
            rendezvous.enter(ROOM, SECRET)
            changes = bob.changes()
            with trio.fail_after(60):
                assert (await anext(aiter(changes))).state is not None

    play(story)


def bare(addresses: Sequence[str]) -> tuple[str, ...]:
    return tuple(address.rpartition("/p2p/")[0] for address in addresses)


def network_peer(number: int) -> PeerId:
    return DeviceId(bytes([number]) * 32).peer_id
