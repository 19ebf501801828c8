"""Hostile peers against real processes: each attack ends by itself, and an honest pair goes on.

The attacker is a program of its own (`hostile`), so it shares no event loop with anybody.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import trio

from p2pchat.testing.processes import Launch, Program, RpcPeer, befriend, open_processes
from tests.process.hostile_people import GOSSIP, ROOM
from tests.process.test_networks import addresses, fields, two_without_addresses
from tests.process.yardstick import slowness

pytestmark = [
    pytest.mark.process,
    pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc"),
]

STORY_S_MAX = 280.0
CUT_S = 5.0
"""What the design promises, on a machine that does nothing else meanwhile."""
GROWTH_BYTES_MAX = 64 << 20
LOOK_S = 0.05
PEOPLE = {"contact", "keys", *GOSSIP}


def resident_bytes(program: Program) -> int:
    return int(Path(f"/proc/{program.pid}/statm").read_text().split()[1]) * 4096


@asynccontextmanager
async def attacking(
    name: str, address: str, prefix: Sequence[str] = (), link: str = ""
) -> AsyncGenerator[trio.Process]:
    """The attacker's process, killed at the end of the block if it still runs."""
    module = "tests.process.hostile_people" if name in PEOPLE else "tests.process.hostile"
    words = [name, address, link] if link else [name, address]
    command = [*prefix, sys.executable, "-m", module, *words]
    process = await trio.lowlevel.open_process(command, stdout=subprocess.PIPE)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        with trio.CancelScope(shield=True):
            await process.wait()


async def outcome(process: trio.Process) -> dict:
    """What the attacker reports at its end."""
    said = b""
    while said.count(b"\n") < 2:
        chunk = await process.stdout.receive_some()
        assert chunk, "the attacker ended without a word"
        said += chunk
    return json.loads(said.splitlines()[1])


@dataclass
class Watched:
    """What happened to others meanwhile."""

    found: dict = field(default_factory=dict)
    said: int = 0
    resident_bytes_max: int = 0
    slowness: float = 1.0
    log: str = ""


async def under_attack(
    name: str, victim: Program, address: str, pair: tuple, link: str = ""
) -> Watched:
    """Let an honest pair talk for as long as an attack lasts; each message has to arrive."""
    alice, conversation = pair
    watched, is_over, has_ended = Watched(), trio.Event(), trio.Event()

    async def look() -> None:
        while True:
            watched.resident_bytes_max = max(watched.resident_bytes_max, resident_bytes(victim))
            await trio.sleep(LOOK_S)

    async def talk() -> None:
        while not is_over.is_set() or not watched.said:
            sent = await fields(alice, "send", conversation=conversation, text="all is well")
            await alice.call("wait_delivered", message_id=sent["id"])
            watched.said += 1
        has_ended.set()

    async with attacking(name, address, link=link) as process, trio.open_nursery() as nursery:
        nursery.start_soon(look)
        nursery.start_soon(talk)
        watched.found = await outcome(process)
        watched.slowness = slowness()
        is_over.set()
        await has_ended.wait()
        nursery.cancel_scope.cancel()
    return watched


def play(story) -> None:
    async def main() -> None:
        with trio.fail_after(STORY_S_MAX):
            await story()

    trio.run(main)


def attack_relay(tmp_path: Path, name: str) -> Watched:
    """Attack a relay through which two are talking."""
    told: list[Watched] = []

    async def story() -> None:
        async with open_processes(tmp_path) as processes:
            relay = await processes.relay()
            alice, bob = await two_without_addresses(processes, relay.addresses)
            conversation = await befriend(alice, bob)
            before = resident_bytes(relay)
            watched = await under_attack(name, relay, relay.addresses[0], (alice, conversation))
            assert watched.resident_bytes_max - before < GROWTH_BYTES_MAX
            assert watched.said > 0
            assert relay.is_running
            watched.log = relay.log.read_text()
            told.append(watched)

    play(story)
    return told[0]


def attack_client(tmp_path: Path, name: str) -> Watched:
    """Attack one of two who are talking."""
    told: list[Watched] = []

    async def story() -> None:
        async with open_processes(tmp_path) as processes:
            bob = await processes.peer("bob", launch=Launch())
            alice = await processes.peer("alice", knows=await addresses(bob))
            conversation = await befriend(alice, bob)
            await bob.call("join_open", name=ROOM)
            link = str((await fields(bob, "account"))["contact_link"])
            before = resident_bytes(bob)
            [address, *_] = await addresses(bob)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(take_anybody, bob)
                pair = (alice, conversation)
                watched = await under_attack(name, bob, address, pair, link)
                nursery.cancel_scope.cancel()
            assert watched.resident_bytes_max - before < GROWTH_BYTES_MAX
            assert watched.said > 0
            assert bob.is_running
            watched.log = bob.log.read_text()
            told.append(watched)

    play(story)
    return told[0]


async def take_anybody(peer: RpcPeer) -> None:
    """Accept whoever asks from now on."""
    asked = {event["account"] for event in peer.events if event["type"] == "ContactRequested"}
    while True:
        request = await peer.heard(
            "ContactRequested", lambda event: event["account"] not in asked, timeout_s=STORY_S_MAX
        )
        asked.add(request["account"])
        await peer.call("accept", account=request["account"])


def require_told(watched: Watched, name: str) -> None:
    """The victim says that it ended the attack, and why: it is not the attacker who gave up."""
    words = ("is cut off from gossip",) if name in GOSSIP else ("cut off", "too often")
    assert any(one in watched.log for one in words), name


def require_cut(watched: Watched, figure: Callable[[str], None]) -> None:
    """The attack was ended. In the time of the design, or what comes of that on a busy machine:
    until it is cut a flood has only the time that its victim takes to read it."""
    assert watched.found["cut_s"] is not None, watched.found
    figure(f"cut after {watched.found['cut_s']:.1f} s")
    assert watched.found["cut_s"] <= CUT_S * watched.slowness, watched.found


RELAY_FLOODS = ["streams", "negotiated_streams", "silent", "reservations"]
CLIENT_FLOODS = ["contact", "invalid", "garbage"]
MORE_CLIENT_FLOODS = ["messages", "member", "outsider", "keys"]
"""Strangers are held to the same as contacts; the others take some seconds to be told from people
who talk much."""


@pytest.mark.parametrize("name", RELAY_FLOODS)
def test_a_peer_that_floods_a_relay_is_cut_off_and_an_honest_pair_goes_on(tmp_path, name):
    watched = attack_relay(tmp_path, name)
    assert watched.found["cut_s"] is not None
    require_told(watched, name)


@pytest.mark.parametrize("name", CLIENT_FLOODS)
def test_a_peer_that_floods_a_client_is_cut_off_and_its_contacts_are_not(tmp_path, name):
    watched = attack_client(tmp_path, name)
    assert watched.found["cut_s"] is not None
    require_told(watched, name)


@pytest.mark.slow
@pytest.mark.parametrize("name", RELAY_FLOODS)
def test_a_flood_of_a_relay_is_cut_within_five_seconds(tmp_path, figure, name):
    require_cut(attack_relay(tmp_path, name), figure)


@pytest.mark.slow
@pytest.mark.parametrize("name", CLIENT_FLOODS + MORE_CLIENT_FLOODS)
def test_a_flood_of_a_client_is_cut_within_five_seconds(tmp_path, figure, name):
    watched = attack_client(tmp_path, name)
    require_told(watched, name)
    require_cut(watched, figure)


@pytest.mark.slow
def test_who_asks_the_hash_table_without_end_is_answered_at_a_pace(tmp_path):
    found = attack_relay(tmp_path, "questions").found
    assert found["attempts"] < 100_000, "the windows are all that it can fill"


def test_lengths_that_nobody_has_end_their_streams_and_nothing_else(tmp_path):
    found = attack_relay(tmp_path, "varints").found
    assert found["attempts"] == 30


def test_three_hundred_handshakes_that_drip_end_in_time(tmp_path):
    assert attack_relay(tmp_path, "drip").found["cut_s"] is not None


@pytest.mark.slow
def test_a_thousand_reservations_leave_room_for_those_who_come_after(tmp_path):
    async def story() -> None:
        async with open_processes(tmp_path) as processes:
            relay = await processes.relay()
            before = resident_bytes(relay)
            async with attacking("thousand", relay.addresses[0]) as process:
                found = await outcome(process)
                assert found["outcomes"]["granted"] == 1_000, "private addresses are not counted"
                assert resident_bytes(relay) - before < GROWTH_BYTES_MAX
                await two_without_addresses(processes, relay.addresses)

    play(story)
