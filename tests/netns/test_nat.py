"""People behind routers: holes are punched where routers allow it, and relays carry the rest."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable

import pytest
import trio

from p2pchat.testing.processes import Fields, RelayProcess, RpcPeer
from tests.netns.internet import Internet, Nat, befriend, on_the_internet, path, talk
from tests.process.polling import until
from tests.process.yardstick import slowness

pytestmark = [pytest.mark.netns, pytest.mark.process]

SWITCH_S = 10.0
"""What the design promises, on a machine that does nothing else meanwhile."""
PATIENCE_S = 60.0
ATTEMPTS = 3
"""How often a hole is tried before it is left alone: p2pchat/protocol/routes.py."""


async def heard_path(one: RpcPeer, other: RpcPeer, wanted: str) -> None:
    """Wait until one hears that it reaches the other in this way."""
    other_id = (await other.call("account"))["peer_id"]
    await one.heard("PathChanged", peer_id=other_id, path=wanted)
    assert await path(one, other) == wanted


def test_two_routers_that_keep_ports_let_a_hole_be_punched(tmp_path, net):
    async def story(internet: Internet) -> None:
        relay = await internet.relay("relay")
        alice = await internet.person("alice", internet.home("alice", Nat.PRESERVING), relay)
        bob = await internet.person("bob", internet.home("bob", Nat.PRESERVING), relay)
        conversation = await befriend(alice, bob)
        await talk(alice, bob, conversation, "through the relay or not")
        await heard_path(alice, bob, "punched")
        await heard_path(bob, alice, "punched")
        await talk(alice, bob, conversation, "to")
        await talk(bob, alice, conversation, "fro")

        await relay.kill()  # what was punched needs nobody
        await talk(alice, bob, conversation, "still to")
        await talk(bob, alice, conversation, "still fro")

    on_the_internet(tmp_path, net, story)


@pytest.mark.parametrize(
    "attempts", [1, pytest.param(ATTEMPTS, marks=pytest.mark.slow)], ids=["once", "to the end"]
)
def test_through_a_symmetric_router_people_talk_over_the_relay(tmp_path, net, attempts):
    """To another such router, and to one that keeps ports; also after holes have been tried."""

    async def story(internet: Internet) -> None:
        relay = await internet.relay("relay")
        nats = {"alice": Nat.SYMMETRIC, "bob": Nat.SYMMETRIC, "carol": Nat.PRESERVING}
        people = [
            await internet.person(name, internet.home(name, nat), relay)
            for name, nat in nats.items()
        ]
        alice, *others = people
        conversations = [await befriend(alice, other) for other in others]
        for other in others:
            await until(lambda other=other: has_tried(alice, other, attempts), PATIENCE_S)
        for other, conversation in zip(others, conversations, strict=True):
            await talk(alice, other, conversation, "to")
            await talk(other, alice, conversation, "fro")
            assert await path(alice, other) == await path(other, alice) == "relayed"
        assert not [event for one in people for event in one.events if is_move(event)]

    on_the_internet(tmp_path, net, story)


async def has_tried(one: RpcPeer, other: RpcPeer, attempts: int) -> bool:
    """Whether that many holes were tried between two; the one who was called tells of it."""
    failed = 0
    for here, there in ((one, other), (other, one)):
        far_id = (await there.call("account"))["peer_id"]
        failed += here.log.read_text().count(f"still relayed: no hole was punched to {far_id}")
    return failed >= attempts


def is_move(event: Fields) -> bool:
    return event["type"] == "PathChanged" and event["path"] != "relayed"


def test_a_host_without_router_is_public_and_one_behind_a_router_knows_it(tmp_path, net):
    async def story(internet: Internet) -> None:
        relay = await internet.relay("relay")
        host, _ = internet.public("carol")
        carol = await internet.person("carol", host, relay)
        bob = await internet.person("bob", internet.home("bob", Nat.PRESERVING), relay)
        await carol.heard("ReachabilityChanged", reachability="public")
        await bob.heard("ReachabilityChanged", reachability="NAT")
        assert (await carol.call("status"))["reachability"] == "public"
        assert (await bob.call("status"))["reachability"] == "NAT"
        conversation = await befriend(bob, carol)
        await talk(bob, carol, conversation, "hello")
        assert await path(bob, carol) == "direct"

    on_the_internet(tmp_path, net, story)


Die = Callable[[Internet, str, RelayProcess], None]


def freeze(_internet: Internet, _name: str, relay: RelayProcess) -> None:
    """It says nothing any more, and its kernel goes on to say that all came."""
    relay.signal(signal.SIGSTOP)


def kill(_internet: Internet, _name: str, relay: RelayProcess) -> None:
    """Its kernel says goodbye for it."""
    relay.signal(signal.SIGKILL)


def cut_power(internet: Internet, name: str, _relay: RelayProcess) -> None:
    """Nothing says anything."""
    internet.hosts[name].unplug("eth0")


@pytest.mark.parametrize("die", [kill, cut_power], ids=["killed", "no power"])
def test_when_the_relay_in_use_dies_the_other_one_carries_on(tmp_path, net, figure, die):
    on_the_internet(tmp_path, net, lambda internet: lose_a_relay(internet, die, figure))


@pytest.mark.slow
@pytest.mark.parametrize("die", [freeze, kill, cut_power], ids=["frozen", "killed", "no power"])
def test_a_relay_that_died_is_replaced_within_ten_seconds(tmp_path, net, figure, die):
    """The design's figure, for a machine to itself. On a busy one it is stretched by how long
    work takes there, because all five programs stand still for that share of the time."""

    async def story(internet: Internet) -> None:
        took_s = await lose_a_relay(internet, die, figure)
        assert took_s <= SWITCH_S * slowness()

    on_the_internet(tmp_path, net, story)


async def lose_a_relay(internet: Internet, die: Die, figure: Callable[[str], None]) -> float:
    """Two talk through one relay of two, and it dies: how long until both have been heard again.
    Both sides notice by themselves: the one that dialled and the one that was called."""
    relays = {name: await internet.relay(name) for name in ("first", "second")}
    knows = relays.values()
    alice = await internet.person("alice", internet.home("alice", Nat.SYMMETRIC), *knows)
    bob = await internet.person("bob", internet.home("bob", Nat.SYMMETRIC), *knows)
    conversation = await befriend(alice, bob)
    await talk(alice, bob, conversation, "before")
    carrying = await relay_between(alice, bob)
    dying = next(name for name, relay in relays.items() if relay.peer_id == carrying)
    die(internet, dying, relays[dying])
    began_s = time.perf_counter()
    with trio.fail_after(PATIENCE_S):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(talk_somehow, alice, conversation, "to")
            nursery.start_soon(talk_somehow, bob, conversation, "fro")
    took_s = time.perf_counter() - began_s
    figure(f"a new path after {took_s:.1f} s")
    assert await relay_between(alice, bob) != carrying
    history = await bob.call("history", conversation=conversation, limit=10)
    assert sorted(message["text"] for message in history) == ["before", "fro", "to"]
    return took_s


async def talk_somehow(one: RpcPeer, conversation: str, text: str) -> None:
    """A message that the other confirms."""
    message = await one.call("send", conversation=conversation, text=text)
    await one.call("wait_delivered", message_id=message["id"])


async def relay_between(one: RpcPeer, other: RpcPeer) -> str:
    """The peer id of the relay that carries for the two."""
    account = (await other.call("account"))["account"]
    peers = (await one.call("status"))["peers"]
    addresses = next(peer["addresses"] for peer in peers if peer["account"] == account)
    circuit = next(address for address in addresses if address.endswith("/p2p-circuit"))
    return circuit.split("/")[-2]
