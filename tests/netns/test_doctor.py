"""Networks that are broken for real, and three that are not: what the doctor of a client says."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import trio

from p2pchat.testing.processes import Launch, Processes, RpcPeer, open_processes
from tests.netns.internet import Internet, Nat, on_the_internet
from tests.netns.ns import Host, Namespaces
from tests.process.polling import until
from tests.process.test_clocks import Clock

pytestmark = [pytest.mark.netns, pytest.mark.process]

ASKED_MAX = 4

NOBODY = "12D3KooWGRUaqEyPiMYQLbmBJwFJ8ZGkZVWmTRZ7Q3XzRPVDdqcR"
FAR_RELAY = f"/ip4/45.33.1.1/tcp/4001/p2p/{NOBODY}"
NAMED_RELAY = f"/dns4/relay.example/tcp/4001/p2p/{NOBODY}"
STORY_S_MAX = 280


async def causes(person: RpcPeer) -> list[str]:
    """What the doctor finds, in its order."""
    return [finding["cause"] for finding in (await person.call("doctor"))["findings"]]


async def told(*people: RpcPeer) -> dict[str, list[str]]:
    """What the doctors of several people find."""
    found: dict[str, list[str]] = {}

    async def examine(person: RpcPeer) -> None:
        found[person.name] = await causes(person)

    async with trio.open_nursery() as nursery:
        for person in people:
            nursery.start_soon(examine, person)
    return found


ASKED_MAX = 4


def alone(tmp_path: Path, net: Namespaces, story: Callable[[Processes], Awaitable[None]]) -> None:
    """Live through a story in which nobody else answers."""

    async def main() -> None:
        with trio.fail_after(STORY_S_MAX):
            async with open_processes(tmp_path) as processes:
                await story(processes)

    trio.run(main)


async def person_on(processes: Processes, host: Host, knows: str) -> RpcPeer:
    launch = Launch(listen=("/ip4/0.0.0.0/tcp/0",), prefix=host.prefix)
    return await processes.peer(host.space.rpartition("-")[2], knows=[knows], launch=launch)


def test_machines_that_nothing_leads_out_of(tmp_path, net):
    """Without a cable; with a cable and no router; with a router and no name server."""
    switch = net.bridge("switch")
    unplugged, inland, nameless = (net.add(name) for name in ("unplugged", "inland", "nameless"))
    inland.plug(switch, "10.77.0.1/24")
    nameless.plug(switch, "10.77.0.2/24")
    nameless.ip("route", "add", "default", "via", "10.77.0.1")

    async def story(processes: Processes) -> None:
        found: dict[str, list[str]] = {}

        async def examine(host: Host, knows: str) -> None:
            person = await person_on(processes, host, knows)
            found[person.name] = await causes(person)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(examine, unplugged, FAR_RELAY)
            nursery.start_soon(examine, inland, FAR_RELAY)
            nursery.start_soon(examine, nameless, NAMED_RELAY)
        assert found == {
            "unplugged": ["no_interface"],
            "inland": ["no_route"],
            "nameless": ["dns_down"],
        }

    alone(tmp_path, net, story)


def test_people_everywhere_on_an_internet(tmp_path, net):
    """A public pair with relays is well, and so is a pair behind routers that keep ports; a
    firewall and a symmetric router are told, and relays that have died."""

    async def story(internet: Internet) -> None:
        relays = [await internet.relay(name) for name in ("first", "second")]
        walled = internet.public("walled")[0]
        walled.exec("iptables", "-A", "INPUT", "-i", "lo", "-j", "ACCEPT")
        known = ("-m", "conntrack", "--ctstate", "ESTABLISHED", "-j", "ACCEPT")
        walled.exec("iptables", "-A", "INPUT", *known)
        walled.exec("iptables", "-P", "INPUT", "DROP")
        hosts = {
            "alice": internet.public("alice")[0],
            "bob": internet.public("bob")[0],
            "walled": walled,
            "carol": internet.home("carol", Nat.PRESERVING),
            "dave": internet.home("dave", Nat.PRESERVING),
            "erin": internet.home("erin", Nat.SYMMETRIC),
        }
        people: dict[str, RpcPeer] = {}

        async def move_in(name: str, host: Host) -> None:
            people[name] = await internet.person(name, host, *relays)

        async with trio.open_nursery() as nursery:
            for name, host in hosts.items():
                nursery.start_soon(move_in, name, host)
        assert await told(*people.values()) == {
            "alice": [],
            "bob": [],
            "walled": ["inbound_blocked"],
            "carol": [],
            "dave": [],
            "erin": ["symmetric_nat"],
        }
        for relay in relays:
            await relay.kill()
        assert (await causes(people["alice"]))[0] == "relay_dead"

    on_the_internet(tmp_path, net, story)


def test_a_lan_is_well_and_a_wrong_secret_on_it_is_told(tmp_path, net):
    switch = net.bridge("switch")

    async def story(processes: Processes) -> None:
        async def person(name: str, number: int, secret: str) -> RpcPeer:
            host = net.add(name)
            host.plug(switch, f"10.77.0.{number}/24")
            home = processes.directory / name
            home.mkdir(mode=0o700)
            (home / "config.toml").write_text("[lan]\nheartbeat_s = 1\n")
            launch = Launch(
                listen=(),
                options=("--lan",),
                prefix=host.prefix,
                environment={"P2PCHAT_LAN_SECRET": secret},
            )
            return await processes.peer(name, launch=launch)

        alice, bob = await person("alice", 1, "sesame"), await person("bob", 2, "sesame")
        mallory = await person("mallory", 3, "canary barley")
        await alice.heard("PeerConnected")

        async def is_refused() -> bool:
            return "LAN: wrong secret" in (await mallory.call("statistics"))["refused"]

        await until(is_refused, timeout_s=60)
        assert await causes(mallory) == ["lan_secret_wrong"]
        assert "canary" not in json.dumps(await mallory.call("doctor"))
        assert await told(alice, bob) == {"alice": [], "bob": []}

    alone(tmp_path, net, story)


def test_a_neighbour_on_a_lan_who_lets_nobody_in_is_told(tmp_path, net):
    """She is heard, and her firewall drops every call."""
    switch = net.bridge("switch")

    async def story(processes: Processes) -> None:
        hosts = [net.add(name) for name in ("alice", "bob")]
        for number, host in enumerate(hosts, 1):
            host.plug(switch, f"10.77.0.{number}/24")
        hosts[1].exec("iptables", "-A", "INPUT", "-i", "eth0", "-p", "tcp", "-j", "DROP")
        alice, bob = [
            await processes.peer(
                name, launch=Launch(listen=(), options=("--lan",), prefix=host.prefix)
            )
            for name, host in zip(("alice", "bob"), hosts, strict=True)
        ]
        await alice.heard("LanPeerFound", peer_id=(await bob.call("account"))["peer_id"])

        async def is_told() -> bool:
            return await causes(alice) == ["lan_peers_silent"]

        await until(is_told, timeout_s=60)

    alone(tmp_path, net, story)


def test_single_commands_on_a_lan_see_who_is_there_and_what_keeps_them_out(tmp_path, net):
    """Each is a client of its own, over before the next heartbeat of the others is due."""
    switch = net.bridge("switch")
    guest = net.add("guest")
    guest.plug(switch, "10.77.0.9/24")
    desert = net.add("desert")
    desert.plug(switch, "10.99.0.1/24")

    async def story(processes: Processes) -> None:
        people: dict[str, RpcPeer] = {}
        for number, name in enumerate(("alice", "bob"), 1):
            host = net.add(name)
            host.plug(switch, f"10.77.0.{number}/24")
            people[name] = await processes.peer(name, launch=on_lan(host, "sesame"))
        alice, bob = people.values()
        ids = {name: (await one.call("account"))["peer_id"] for name, one in people.items()}
        await alice.heard("PeerConnected", peer_id=ids["bob"])

        async def asked(words: str, secret: str = "", host: Host = guest, **environment: str):
            """What a command of a client that is new says as JSON, or in words."""
            home = processes.directory / f"{len(list(processes.directory.iterdir()))}"
            program = (*host.prefix, sys.executable, "-m", "p2pchat", "--lan", "--no-fetch")
            ended = await trio.run_process(
                [*program, "--home", str(home), "--name", "guest", *words.split()],
                env={**os.environ, **environment, "P2PCHAT_LAN_SECRET": secret},
                capture_stdout=True,
            )
            return ended.stdout.decode()

        async def says(words: str, is_it: Callable[[str], bool]) -> None:
            """A busy machine may be late with a neighbour: who just missed him asks again."""
            said = [await asked(words, "sesame")]
            while not is_it(said[-1]) and len(said) < ASKED_MAX:
                said.append(await asked(words, "sesame"))
            assert is_it(said[-1]), said

        def has_both(status: str) -> bool:
            return {one["peer_id"] for one in json.loads(status)["peers"]} == set(ids.values())

        await says("status --json", has_both)
        await says("status", lambda status: "closed LAN     2 found, port 19123" in status)

        async def found(*case: object, **environment: str) -> list[str]:
            diagnosis = json.loads(await asked("doctor --json", *case, **environment))
            return [one["cause"] for one in diagnosis["findings"]]

        ahead = Clock(processes.directory / "clock", "+5m").environment

        async def finds(causes: list[str], *case: object, **environment: str) -> None:
            """Who refuses somebody says so every few seconds, and a busy machine is late with it:
            who just missed it asks again."""
            told = [await found(*case, **environment)]
            while told[-1] != causes and len(told) < ASKED_MAX:
                told.append(await found(*case, **environment))
            assert told[-1] == causes, told

        await finds([], "sesame")
        await finds(["lan_secret_wrong"], "barley")
        await finds(["lan_secret_wrong"], "")
        await finds(["clock_wrong"], "sesame", **ahead)  # both of them say so
        await finds(["lan_nobody"], "sesame", desert)

        await alice.call("block", target="10.77.0.2/32")
        assert await told(alice, bob) == {"alice": ["blocked_by_us"], "bob": ["turned_away"]}

    alone(tmp_path, net, story)


def on_lan(host: Host, secret: str) -> Launch:
    environment = {"P2PCHAT_LAN_SECRET": secret}
    return Launch(listen=(), options=("--lan",), prefix=host.prefix, environment=environment)
