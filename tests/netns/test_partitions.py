"""A network that falls apart and heals: everybody has everything soon afterwards."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
import trio

from p2pchat.testing.processes import RpcPeer, befriend
from tests.netns.internet import Internet, on_the_internet
from tests.process.polling import until
from tests.process.yardstick import slowness

pytestmark = [pytest.mark.netns, pytest.mark.process]

NAMES = ("alice", "bob", "carol", "dave")
OUTBOX_S, ROOMS_S = 10.0, 30.0
"""What the design promises after healing, on a machine that does nothing else meanwhile."""
PATIENCE_S = 90.0


async def texts(peer: RpcPeer, conversation: str) -> list[str]:
    history = await peer.call("history", conversation=conversation, limit=200)
    return [message["text"] for message in history]


async def all_have(peers: list[RpcPeer], conversation: str, messages: int) -> bool:
    """Whether each of them has the same so many messages, in the same order."""
    first, *others = [await texts(peer, conversation) for peer in peers]
    return len(set(first)) == len(first) == messages and all(one == first for one in others)


async def nobody_owes(*peers: RpcPeer) -> bool:
    return not any([(await peer.call("status"))["outbox"] for peer in peers])


async def live_apart(
    internet: Internet, apart_s: float, figure: Callable[[str], None]
) -> tuple[float, float]:
    """Alice and bob keep the relay, carol and dave have only each other; all go on talking. How
    long after healing nobody owes anything, and how long until all rooms are equal."""
    relay = await internet.relay("relay")
    places = {name: internet.public(name) for name in NAMES}
    peers = [await internet.person(name, places[name][0], relay) for name in NAMES]
    alice, _, carol, _ = peers
    conversation = await befriend(alice, carol)
    rooms = [(await peer.call("join_open", name="square"))["id"] for peer in peers]
    for number, peer in enumerate(peers):
        await peer.call("send", conversation=rooms[0], text=f"before {number}")
    await until(lambda: all_have(peers, rooms[0], 4), PATIENCE_S)

    theirs = [places[name][1] for name in ("alice", "bob")] + [relay.addresses[0].split("/")[2]]
    for name in ("carol", "dave"):
        internet.hosts[name].cut(*theirs)
    for number in range(10):
        for peer in peers:
            await peer.call("send", conversation=rooms[0], text=f"{peer.name} apart {number}")
        for peer in (alice, carol):
            await peer.call("send", conversation=conversation, text=f"{peer.name} to you {number}")
    await trio.sleep(apart_s)
    assert not await nobody_owes(alice), "the network has fallen apart"

    for name in ("carol", "dave"):
        internet.hosts[name].mend(*theirs)
    began_s = time.perf_counter()
    await until(lambda: nobody_owes(*peers), PATIENCE_S)
    outboxes_s = time.perf_counter() - began_s
    await until(lambda: all_have(peers, rooms[0], 44), PATIENCE_S)
    rooms_s = time.perf_counter() - began_s
    figure(f"outboxes empty after {outboxes_s:.1f} s, rooms equal after {rooms_s:.1f} s")
    assert await all_have([alice, carol], conversation, 20)
    return outboxes_s, rooms_s


def test_after_a_partition_of_20_seconds_everybody_has_everything(tmp_path, net, figure):
    """Long enough for all connections to be found dead, and redialled in vain."""

    async def story(internet: Internet) -> None:
        await live_apart(internet, 20, figure)

    on_the_internet(tmp_path, net, story, story_s_max=300)


@pytest.mark.slow
def test_after_a_partition_of_five_minutes_everybody_soon_has_everything(tmp_path, net, figure):
    """The design's figures, for a machine to itself; stretched on a busy one by how long work
    takes there, since five programs dial, catch up and commit at the same time."""

    async def story(internet: Internet) -> None:
        outboxes_s, rooms_s = await live_apart(internet, 300, figure)
        busy = slowness()
        assert outboxes_s <= OUTBOX_S * busy
        assert rooms_s <= ROOMS_S * busy

    on_the_internet(tmp_path, net, story, story_s_max=600)
