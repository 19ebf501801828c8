"""LAN mode between real programs on a network of their own: no internet, no relay, no lists."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest
import trio

from p2pchat.config import LanConfig
from p2pchat.testing.processes import Launch, Processes, RpcError, RpcPeer, befriend, open_processes
from tests.netns.ns import Host, Namespaces
from tests.process.polling import until

pytestmark = [pytest.mark.netns, pytest.mark.process]

FIND_S = LanConfig().heartbeat_s - 3
"""At once: before anybody says again that he is there."""
PATIENCE_S = 60.0
STORY_S_MAX = 280.0


class House:
    """A network in a house: one switch, a host for each person."""

    def __init__(self, net: Namespaces, processes: Processes) -> None:
        self.net = net
        self.switch = net.bridge("switch")
        self._processes = processes
        self._count = 0

    def host(self, name: str) -> Host:
        self._count += 1
        host = self.net.add(name)
        host.plug(self.switch, f"10.77.0.{self._count}/24")
        return host

    async def person(
        self, name: str, *, secret: str = "", settings: str = "", host: Host | None = None
    ) -> RpcPeer:
        """A client in LAN mode, on a host of its own."""
        host = host or self.host(name)
        launch = Launch(
            listen=(),
            options=("--lan", "--log-level", "info"),
            prefix=host.prefix,
            environment={"P2PCHAT_LAN_SECRET": secret},
        )
        peer = self._processes.unstarted(name, launch=launch)
        peer.home.mkdir(mode=0o700)
        configure(peer, settings)
        await peer.start()
        return peer


def configure(person: RpcPeer, settings: str) -> None:
    (person.home / "config.toml").write_text(settings)


def in_house(tmp_path: Path, net: Namespaces, story) -> None:
    """Live through a story in a house."""

    async def main() -> None:
        with trio.fail_after(STORY_S_MAX):
            async with open_processes(tmp_path) as processes:
                house = House(net, processes)
                await story(house)

    trio.run(main)


async def peer_id(person: RpcPeer) -> str:
    return (await person.call("account"))["peer_id"]


async def lan_peers(person: RpcPeer) -> set[str]:
    return {peer["peer_id"] for peer in (await person.call("status"))["lan"]["peers"]}


def test_two_find_each_other_at_once_and_talk(tmp_path, net):
    async def story(house: House) -> None:
        alice, bob = await house.person("alice"), await house.person("bob")
        ids = await peer_id(alice), await peer_id(bob)
        await alice.heard("LanPeerFound", peer_id=ids[1], timeout_s=FIND_S)
        await bob.heard("PeerConnected", peer_id=ids[0], timeout_s=FIND_S)

        conversation = await befriend(alice, bob)
        await alice.call("send", conversation=conversation, text="nobody else heard this")
        said = await bob.heard("MessageReceived")
        assert said["message"]["text"] == "nobody else heard this"

        rooms = [(await one.call("join_open", name="kitchen"))["id"] for one in (alice, bob)]
        for one in (alice, bob):
            await one.call("send", conversation=rooms[0], text=f"{one.name} is here")
        for one in (alice, bob):
            await until(partial(has_both, one, rooms[0]), PATIENCE_S)

        status = await alice.call("status")
        assert status["lan"]["is_open"]
        assert status["lan"]["listen_port"] == 19123
        assert [peer["path"] for peer in status["peers"]] == ["lan"]
        assert "LAN mode has no secret" in alice.log.read_text()

    in_house(tmp_path, net, story)


async def has_both(person: RpcPeer, room: str) -> bool:
    history = await person.call("history", conversation=room, limit=10)
    return sorted(one["text"] for one in history) == ["alice is here", "bob is here"]


def test_another_secret_sees_nothing_and_is_served_nothing(tmp_path, net):
    """Mallory, and Eve without a secret, know where Alice is and dial her: nothing comes of it."""

    async def story(house: House) -> None:
        alice = await house.person("alice", secret="open sesame")
        bob = await house.person("bob", secret="open sesame")
        mallory = await house.person("mallory", secret="open barley")
        eve = await house.person("eve")
        await alice.heard("PeerConnected", peer_id=await peer_id(bob), timeout_s=FIND_S)
        await befriend(alice, bob)

        for address in (await alice.call("account"))["addresses"]:
            with pytest.raises(RpcError, match="PeerUnreachable"):
                await mallory.call("connect", address=address)
            with suppress(RpcError):
                await eve.call("connect", address=address)  # up for her until Alice hangs up
        for stranger in (mallory, eve):
            await until(partial(is_alone, stranger), PATIENCE_S)
            assert await lan_peers(stranger) == set()
            assert (await stranger.call("status"))["known_peers"] <= 1  # whom it was told to dial
        assert [event for event in mallory.events if "peer_id" in event] == []
        assert {event["peer_id"] for event in alice.events if "peer_id" in event} == {
            await peer_id(bob)
        }
        assert await lan_peers(alice) == {await peer_id(bob)}
        assert "open sesame" not in command_line(alice) + alice.log.read_text()

    in_house(tmp_path, net, story)


async def is_alone(person: RpcPeer) -> bool:
    return (await person.call("status"))["peers"] == []


def command_line(person: RpcPeer) -> str:
    """What everybody on the machine can see of a program."""
    return Path(f"/proc/{person.pid}/cmdline").read_bytes().decode()


@pytest.mark.parametrize("times", [1, pytest.param(5, marks=pytest.mark.slow)])
def test_who_plugs_in_comes_and_goes_is_found_each_time_and_once(tmp_path, net, times):
    """Its cable is plugged in late; it leaves with a goodbye, and without one."""

    async def story(house: House) -> None:
        alice = await house.person("alice")
        hermit = net.add("hermit")
        bob = await house.person("bob", host=hermit)
        bobs = await peer_id(bob)
        assert await lan_peers(bob) == set()
        hermit.plug(house.switch, "10.77.0.99/24")
        await alice.heard("LanPeerFound", peer_id=bobs)
        await alice.heard("PeerConnected", peer_id=bobs)
        for leave in (bob.stop, bob.kill) * times:
            await leave()
            await alice.heard("PeerDisconnected", peer_id=bobs)
            if leave == bob.stop:
                await alice.heard("LanPeerLost", peer_id=bobs)
            assert told_of(alice, bobs).count("PeerDisconnected") == 1
            alice.events.clear()
            await bob.start()
            await alice.heard("PeerConnected", peer_id=bobs)
            assert await lan_peers(alice) == {bobs}
            assert told_of(alice, bobs).count("PeerConnected") == 1

    in_house(tmp_path, net, story)


def told_of(person: RpcPeer, other: str) -> list[str]:
    """The kinds of events about another."""
    return [event["type"] for event in person.events if event.get("peer_id") == other]


def test_who_is_blocked_by_subnet_or_not_allowed_is_not_found_and_a_block_counts_more(
    tmp_path, net
):
    """Bob is allowed and blocked, dave is neither; carol alone is left, and sees them all."""

    async def story(house: House) -> None:
        settings = """
            [lan]
            allowed_subnets = ["10.77.0.0/29"]
            [blocks]
            subnets = ["10.77.0.2/32"]
        """
        alice = await house.person("alice", settings=settings)
        bob, carol = await house.person("bob"), await house.person("carol")
        far = net.add("dave")
        far.plug(house.switch, "10.77.0.50/24")
        dave = await house.person("dave", host=far)
        ids = {one.name: await peer_id(one) for one in (alice, bob, carol, dave)}
        others = {ids[name] for name in ("alice", "bob", "dave")}
        await until(partial(sees, carol, others), PATIENCE_S)
        await until(partial(sees, bob, others - {ids["bob"]} | {ids["carol"]}), PATIENCE_S)
        await until(partial(sees, alice, {ids["carol"]}), PATIENCE_S)
        assert told_of(alice, ids["bob"]) == []
        assert "LanPeerFound" not in told_of(alice, ids["dave"])

        configure(alice, settings.replace("10.77.0.0/29", "10.77.0.0/24"))
        assert (await alice.call("reload_config"))["applied"] == ["lan.allowed_subnets"]
        await alice.heard("LanPeerFound", peer_id=ids["dave"])
        configure(alice, settings)
        await alice.call("reload_config")
        await alice.heard("LanPeerLost", peer_id=ids["dave"])
        assert await lan_peers(alice) == {ids["carol"]}
        assert told_of(alice, ids["bob"]) == []

    in_house(tmp_path, net, story)


async def sees(person: RpcPeer, others: set[str]) -> bool:
    return await lan_peers(person) == others


def test_who_is_blocked_is_gone_at_once_and_stays_gone(tmp_path, net):
    async def story(house: House) -> None:
        shared = house.host("shared")
        alice, bob = await house.person("alice"), await house.person("bob", host=shared)
        bobs = await peer_id(bob)
        await alice.heard("PeerConnected", peer_id=bobs, timeout_s=FIND_S)
        await alice.call("block", target=bobs)
        await alice.heard("LanPeerLost", peer_id=bobs, timeout_s=FIND_S)
        await alice.heard("PeerDisconnected", peer_id=bobs, timeout_s=FIND_S)
        await alice.restart()
        await bob.restart()  # and says hello again
        carol = await house.person("carol", host=shared)  # what she says comes after that
        await alice.heard("LanPeerFound", peer_id=await peer_id(carol), timeout_s=FIND_S)
        assert await lan_peers(alice) == {await peer_id(carol)}
        assert [event for event in alice.events if event.get("peer_id") == bobs] == []
        assert (await carol.call("status"))["lan"]["listen_port"] != 19123, "which Bob has"
        assert bobs in await lan_peers(carol), "on the same machine"

    in_house(tmp_path, net, story)


@pytest.mark.slow
def test_a_subnet_behind_a_router_is_searched_when_it_is_named(tmp_path, net):
    """No broadcast gets there: each address in it is asked."""

    async def story(house: House) -> None:
        router, there = net.add("router"), net.bridge("there")
        router.plug(house.switch, "10.77.0.254/24")
        router.plug(there, "10.78.0.30/27")
        router.exec("sysctl", "-qw", "net.ipv4.ip_forward=1")
        near, far = house.host("near"), net.add("far")
        far.plug(there, "10.78.0.20/27")
        near.ip("route", "add", "10.78.0.0/27", "via", "10.77.0.254")
        far.ip("route", "add", "10.77.0.0/24", "via", "10.78.0.30")
        settings = '[lan]\nallowed_subnets = ["10.78.0.0/27", "10.77.0.1"]\n'
        alice = await house.person("alice", host=near, settings=settings)
        bob = await house.person("bob", host=far, settings=settings)
        await alice.heard("PeerConnected", peer_id=await peer_id(bob), timeout_s=PATIENCE_S)
        assert await lan_peers(bob) == {await peer_id(alice)}

    in_house(tmp_path, net, story)


def test_multicast_dns_finds_who_broadcasts_elsewhere(tmp_path, net):
    """Their discovery ports differ, so that nothing but multicast DNS can bring them together."""

    async def story(house: House) -> None:
        alice = await house.person("alice", settings="[lan]\ndiscovery_port = 20001\n")
        bob = await house.person("bob", settings="[lan]\ndiscovery_port = 20002\n")
        await alice.heard("PeerConnected", peer_id=await peer_id(bob), timeout_s=PATIENCE_S)
        await befriend(alice, bob)
        assert (
            await lan_peers(alice) == set()
        )  # a place there is for those who speak for themselves
        assert [peer["path"] for peer in (await alice.call("status"))["peers"]] == ["lan"]
        assert await bob.stop() == 0

    in_house(tmp_path, net, story)
