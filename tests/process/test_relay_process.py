"""`python -m p2pchat.bootstrap`: what it prints, what it keeps, and how it ends."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys

import httpx
import pytest
import trio
from prometheus_client.parser import text_string_to_metric_families

from p2pchat.client.opening import open_client
from p2pchat.config import ClientConfig, RelayConfig
from p2pchat.events import ContactRequested, PeerConnected
from p2pchat.model.ids import DeviceId
from p2pchat.model.scope import Scope
from p2pchat.net.bootstrap_list import parse_list
from p2pchat.relay import open_relay
from p2pchat.testing.processes import Launch, ProgramEnded, open_processes
from p2pchat.wire.envelope import Ed25519Signer
from tests.process.polling import until

pytestmark = pytest.mark.process

PROGRAM = (sys.executable, "-m", "p2pchat.bootstrap", "--no-fetch")
LISTEN = "/ip4/127.0.0.1/tcp/0"
END_S = 20.0


async def printed(home, *words, end=signal.SIGTERM):
    """All that a relay prints when it is ended after its first line."""
    process = await trio.lowlevel.open_process(
        [*PROGRAM, "--home", str(home), "--listen", LISTEN, *words], stdout=subprocess.PIPE
    )
    with trio.fail_after(90):
        output = await process.stdout.receive_some()
        process.send_signal(end)
        with trio.fail_after(END_S):
            assert await process.wait() == 0
        return (output + b"".join([chunk async for chunk in process.stdout])).decode()


def test_a_relay_prints_its_addresses_and_nothing_else(tmp_path):
    async def main():
        first = await printed(tmp_path / "home")
        [address] = first.splitlines()
        assert address.startswith("/ip4/127.0.0.1/tcp/")
        peer_id = address.rpartition("/p2p/")[2]
        ready = json.loads(await printed(tmp_path / "home", "--json", end=signal.SIGINT))
        assert ready["event"] == "ready"
        assert ready["peer_id"] == peer_id
        assert all(each.endswith(f"/p2p/{peer_id}") for each in ready["addresses"])

    trio.run(main)


def test_a_relay_with_a_key_and_a_name_of_its_own_exports_these_and_nothing_private(tmp_path):
    (tmp_path / "key").write_text("07" * 32 + "\n")
    announced = "/dns4/relay.example.org/tcp/4001"

    async def main():
        first, *_ = (
            await printed(
                *(tmp_path / "home", "--identity", str(tmp_path / "key")),
                *("--announce", announced, "--announce", "/ip4/10.0.0.1/tcp/4001"),
                *("--export", str(tmp_path / "bootstrap.json")),
            )
        ).splitlines()
        peer_id = DeviceId(Ed25519Signer(b"\x07" * 32).public_key).peer_id
        assert first == f"{announced}/p2p/{peer_id}"
        content = await trio.Path(tmp_path / "bootstrap.json").read_bytes()
        [entry], complaints = parse_list(content, Scope.PUBLIC, 10)
        assert (str(entry), complaints) == (first, [])

    trio.run(main)


async def fetched(url: str) -> httpx.Response:
    async with httpx.AsyncClient(trust_env=False) as web:
        return await web.get(url)


def test_a_relay_shows_its_operator_what_it_does(tmp_path):
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    launch = Launch(
        options=("--metrics", str(port), "--log-format", "json", "--log-level", "debug")
    )
    pages = f"http://127.0.0.1:{port}"

    async def is_healthy() -> bool:
        return (await fetched(f"{pages}/healthz")).status_code == 200

    async def main():
        async with open_processes(tmp_path) as processes:
            relay = await processes.relay(launch=launch)
            await until(is_healthy, 10)
            alice = await processes.peer("alice", knows=relay.addresses)
            await alice.heard("PeerConnected", peer_id=relay.peer_id)
            status = (await fetched(f"{pages}/status")).json()
            assert (status["peer_id"], status["healthy"]) == (relay.peer_id, True)
            assert (status["addresses"], status["connections"]) == (list(relay.addresses), 1)
            metrics = (await fetched(f"{pages}/metrics")).text
            samples = {
                sample.name: sample.value
                for family in text_string_to_metric_families(metrics)
                for sample in family.samples
            }
            assert samples["dchat_relay_connections"] == 1
            assert samples["dchat_relay_connections_accepted_total"] == 1
            assert samples["process_resident_memory_bytes"] > 0
            assert await relay.stop() == 0
            records = [json.loads(line) for line in relay.log.read_text().splitlines()]
            assert records[-1]["message"] == "the relay ended at SIGTERM"
            assert all({"time", "level", "logger", "message"} <= each.keys() for each in records)
            said = (relay.home / "relay.key").read_text().strip()
            assert said not in relay.log.read_text()

    trio.run(main)


def test_a_relay_that_cannot_start_says_so_in_json(tmp_path):
    async def main():
        done = await trio.run_process(
            [*PROGRAM, "--home", str(tmp_path), "--metrics", "nowhere", "--log-format", "json"],
            capture_stderr=True,
            check=False,
        )
        [line] = done.stderr.decode().splitlines()
        assert (done.returncode, json.loads(line)["level"]) == (2, "error")
        assert "nowhere" in json.loads(line)["message"]

    trio.run(main)


def test_a_relay_that_was_killed_comes_back_as_itself_and_is_asked_for_a_place_again(tmp_path):
    async def main():
        async with open_processes(tmp_path) as processes:
            relay = await processes.relay()
            alice = await processes.peer("alice", knows=relay.addresses)
            await alice.heard("PeerConnected", peer_id=relay.peer_id)
            await until(lambda: holds(alice, 1), 60)
            before = relay.addresses
            with pytest.raises(ProgramEnded, match=f"process {relay.pid}"):
                await processes.relay("relay")
            await relay.kill()
            await alice.heard("PeerDisconnected", peer_id=relay.peer_id)
            assert await holds(alice, 0)
            told = len(alice.events)
            await relay.start()
            assert relay.addresses == before
            await alice.heard(
                "PeerConnected", lambda event: event in alice.events[told:], timeout_s=60
            )
            await until(lambda: holds(alice, 1), 60)

    trio.run(main)


async def holds(peer, places: int) -> bool:
    """At how many relays it can be reached."""
    return (await peer.call("status"))["relays"] == places


def test_relays_remember_whom_they_met(tmp_path):
    def config(name, knows=()):
        return RelayConfig(
            home=tmp_path / name, fetch=False, listen=(LISTEN,), bootstrap_peers=knows
        )

    async def main():
        async with open_relay(config("one")) as one:
            async with (
                open_relay(config("two", one.addresses)) as two,
                two.subscribe(PeerConnected) as connected,
            ):
                assert (await anext(connected)).peer_id == one.peer_id
                await two.wait_ready()
                assert two.statistics().network.peers == 1
                assert two.statistics().known_peers == 1
            async with open_relay(config("two")) as two, two.subscribe(PeerConnected) as connected:
                if not two.statistics().network.peers:
                    await anext(connected)
                assert two.statistics().network.peers == 1

    async def bounded():
        with trio.fail_after(90):
            await main()

    trio.run(bounded)


def test_a_relay_carries_a_circuit_between_two_who_cannot_dial_each_other(tmp_path):
    async def main():
        async with open_relay(RelayConfig(home=None, fetch=False, listen=(LISTEN,))) as relay:
            config = ClientConfig(fetch=False, listen=(), bootstrap_peers=relay.addresses)
            async with (
                open_client(None, name="Alice", config=config) as alice,
                open_client(None, name="Bob", config=config) as bob,
                bob.subscribe(ContactRequested) as requested,
            ):
                for client in (alice, bob):
                    await client.wait_ready()
                    assert client.status().relays == 1
                contact = await alice.add_contact(bob.contact_link)
                await contact.send("through the relay")
                await anext(requested)
                assert relay.statistics().network.circuits >= 1
                paths = {p.path for p in bob.status().peers if p.peer_id == alice.peer_id}
                assert paths == {"relayed"}

    async def bounded():
        with trio.fail_after(90):
            await main()

    trio.run(bounded)
