"""People behind routers: holes are punched where routers allow it, and relays carry the rest."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping

import pytest
import trio

from p2pchat.config import Limits
from p2pchat.testing.processes import Fields, RelayProcess, RpcPeer, befriend
from tests.netns.internet import Internet, Nat, on_the_internet, path, talk
from tests.process.polling import until
from tests.process.yardstick import slowness

pytestmark = [pytest.mark.netns, pytest.mark.process]

SWITCH_S = 10.0
"""What the design promises, on a machine that does nothing else meanwhile."""
PATIENCE_S = 60.0
TALK_S, PAUSE_S = 1.0, 0.05
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


def test_a_whole_household_behind_one_router_reaches_a_relay_and_a_client(tmp_path, net):
    """As many as a client keeps a full mesh with; all that is seen of them is one address."""

    async def story(internet: Internet) -> None:
        relay = await internet.relay("relay")
        carol = await internet.person("carol", internet.public("carol")[0], relay)
        router = internet.home("household", Nat.PRESERVING)
        address = next(
            one for one in (await carol.call("account"))["addresses"] if "/p2p-circuit" not in one
        )
        count = Limits().mesh_peers_max
        words = ("tests.netns.household", str(count), relay.addresses[0], address)
        household = await trio.lowlevel.open_process(
            [*router.prefix, sys.executable, "-m", *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        async with household.stdin, household.stdout:
            told = b""
            while not told.endswith(b"\n"):
                told += await household.stdout.receive_some()
            assert json.loads(told) == {"relay": count, "client": count, "refused": {}}
            peers = (await carol.call("status"))["peers"]
            assert len([one for one in peers if one["path"] == "direct"]) == count + 1
        await household.wait()

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


def test_when_the_relay_in_use_dies_another_carries_on_and_a_third_takes_its_place(
    tmp_path, net, figure
):
    on_the_internet(tmp_path, net, lambda internet: lose_a_relay(internet, kill, figure))


@pytest.mark.slow
@pytest.mark.parametrize("die", [freeze, kill, cut_power], ids=["frozen", "killed", "no power"])
def test_a_relay_that_died_is_replaced_within_ten_seconds(tmp_path, net, figure, die):
    """The design's figure, for a machine to itself. On a busy one it is stretched by how long
    work takes there, because all programs stand still for that share of the time."""

    async def story(internet: Internet) -> None:
        took_s = await lose_a_relay(internet, die, figure)
        assert took_s <= SWITCH_S * slowness()

    on_the_internet(tmp_path, net, story)


async def lose_a_relay(internet: Internet, die: Die, figure: Callable[[str], None]) -> float:
    """Two talk through one relay of three, without a pause, and it dies: how long until both have
    been heard again. Both sides notice by themselves: the one that dialled and the one that was
    called. Nothing that either said is lost, and both hold two places again."""
    relays = {name: await internet.relay(name) for name in ("first", "second", "third")}
    knows = relays.values()
    alice = await internet.person("alice", internet.home("alice", Nat.SYMMETRIC), *knows)
    bob = await internet.person("bob", internet.home("bob", Nat.SYMMETRIC), *knows)
    conversation = await befriend(alice, bob)
    await talk(alice, bob, conversation, "before")
    said: dict[str, list[str]] = {"alice": ["before"], "bob": []}
    for one in (alice, bob):
        await until(lambda one=one: holds_two(one), PATIENCE_S)
    carrying = await relay_between(alice, bob)
    dying = next(name for name, relay in relays.items() if relay.peer_id == carrying)
    with trio.fail_after(2 * PATIENCE_S):
        async with trio.open_nursery() as talking:
            for one in (alice, bob):
                talking.start_soon(talk_on, one, conversation, said[one.name])
            await trio.sleep(TALK_S)
            die(internet, dying, relays[dying])
            began_s = time.perf_counter()
            async with trio.open_nursery() as nursery:
                nursery.start_soon(talk_somehow, alice, conversation, said["alice"])
                nursery.start_soon(talk_somehow, bob, conversation, said["bob"])
            took_s = time.perf_counter() - began_s
            figure(f"a new path after {took_s:.1f} s")
            for one in (alice, bob):
                await one.heard("PeerDisconnected", peer_id=carrying, timeout_s=PATIENCE_S)
                await until(lambda one=one: holds_two(one), PATIENCE_S)
            talking.cancel_scope.cancel()
    assert await relay_between(alice, bob) != carrying
    await until(lambda: both_have([alice, bob], conversation, said), PATIENCE_S)
    return took_s


async def holds_two(one: RpcPeer) -> bool:
    return (await one.call("status"))["relays"] == 2


async def talk_on(one: RpcPeer, conversation: str, said: list[str]) -> None:
    """Talk without a pause."""
    while True:
        said.append(f"{one.name} {len(said)}")
        await one.call("send", conversation=conversation, text=said[-1])
        await trio.sleep(PAUSE_S)


async def both_have(
    people: list[RpcPeer], conversation: str, said: Mapping[str, list[str]]
) -> bool:
    """Whether each has what each of them said, once, in the order in which it was said."""
    count = sum(map(len, said.values()))
    for one in people:
        history = await one.call("history", conversation=conversation, limit=count + 10)
        texts = [message["text"] for message in history]
        parts = [[text for text in texts if text in own] for own in map(set, said.values())]
        if len(texts) != count or parts != list(said.values()):
            return False
    return True


async def talk_somehow(one: RpcPeer, conversation: str, said: list[str]) -> None:
    """A message that the other confirms."""
    said.append(f"{one.name} asks for a sign")
    message = await one.call("send", conversation=conversation, text=said[-1])
    await one.call("wait_delivered", message_id=message["id"])


async def relay_between(one: RpcPeer, other: RpcPeer) -> str:
    """The peer id of the relay that carries for the two."""
    account = (await other.call("account"))["account"]
    peers = (await one.call("status"))["peers"]
    addresses = next(peer["addresses"] for peer in peers if peer["account"] == account)
    circuit = next(address for address in addresses if address.endswith("/p2p-circuit"))
    return circuit.split("/")[-2]
