"""Relayed connections end, and change into others: what is on its way arrives all the same."""

from __future__ import annotations

import pytest
import trio

from p2pchat.testing.processes import RpcPeer, befriend
from tests.netns.internet import Internet, Nat, on_the_internet, path
from tests.process.polling import until

pytestmark = [pytest.mark.netns, pytest.mark.process]

SETTLE_S = 60.0


async def require_said(peers: list[RpcPeer], conversation: str, said: list[str]) -> None:
    """Each of them soon has exactly this, in this order."""

    async def is_said() -> bool:
        limit = len(said) + 10
        found = [
            await peer.call("history", conversation=conversation, limit=limit) for peer in peers
        ]
        return all([message["text"] for message in one] == said for one in found)

    await until(is_said, SETTLE_S)


async def behind_symmetric_routers(internet: Internet, settings: str) -> tuple[list[RpcPeer], str]:
    """Two contacts who have nothing but a relay with these settings."""
    relay = await internet.relay("relay", settings)
    homes = [(name, internet.home(name, Nat.SYMMETRIC)) for name in ("alice", "bob")]
    peers = [await internet.person(name, home, relay) for name, home in homes]
    return peers, await befriend(*peers)


@pytest.mark.parametrize(
    ("settings", "size", "pause_s"),
    [
        ("circuit_bytes_max = 300000", 20_000, 0.0),
        pytest.param("circuit_s_max = 3", 100, 0.25, marks=pytest.mark.slow),
    ],
    ids=["bytes", "seconds"],
)
def test_people_talk_on_when_the_relay_ends_their_connection(
    tmp_path, net, settings, size, pause_s
):
    async def story(internet: Internet) -> None:
        peers, conversation = await behind_symmetric_routers(internet, f"[limits]\n{settings}\n")
        alice, bob = peers
        account = (await bob.call("account"))["peer_id"]
        said = [f"{number} ".ljust(size, "x") for number in range(60)]
        for text in said:
            await alice.call("send", conversation=conversation, text=text)
            await trio.sleep(pause_s)
        await require_said(peers, conversation, said)
        lost = [
            event
            for event in alice.events
            if event["type"] == "PeerDisconnected" and event["peer_id"] == account
        ]
        assert len(lost) >= 2, "the relay has ended some"

    on_the_internet(tmp_path, net, story)


def test_nothing_is_lost_while_talk_moves_from_the_relay_to_a_punched_hole(tmp_path, net):
    async def story(internet: Internet) -> None:
        relay = await internet.relay("relay")
        homes = [(name, internet.home(name, Nat.PRESERVING)) for name in ("alice", "bob")]
        peers = [await internet.person(name, home, relay) for name, home in homes]
        conversation, (alice, bob) = await befriend(*peers), peers
        said = list[str]()

        async def talk_on() -> None:
            while True:
                said.append(f"text {len(said)}")
                await alice.call("send", conversation=conversation, text=said[-1])
                await trio.sleep(0.02)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(talk_on)
            await alice.heard("PathChanged", path="punched")
            await trio.sleep(8)  # the relayed connection goes some seconds later
            nursery.cancel_scope.cancel()
        await require_said(peers, conversation, said)
        assert await path(alice, bob) == "punched"

    on_the_internet(tmp_path, net, story)
