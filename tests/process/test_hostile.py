"""Hostile peers against real processes: each attack ends by itself, and an honest pair goes on.

The attacker is a program of its own (`hostile`), so it shares no event loop with anybody.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import trio

from p2pchat.testing.processes import Launch, Program, RpcPeer, open_processes
from tests.process.test_networks import addresses, befriend, fields, two_without_addresses

pytestmark = [
    pytest.mark.process,
    pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc"),
]

STORY_S_MAX = 60.0
CUT_S_MAX = 10.0
"""On a machine that does much else; `test_pace` and `test_guard` hold five seconds to the tick."""
HELD_BACK_MAX = 50_000
"""Half of what a flood would bring in the time that it is given, windows included."""
GROWTH_BYTES_MAX = 64 << 20
LOOK_S = 0.05


def resident_bytes(program: Program) -> int:
    return int(Path(f"/proc/{program.pid}/statm").read_text().split()[1]) * 4096


@asynccontextmanager
async def attacking(
    name: str, address: str, prefix: Sequence[str] = ()
) -> AsyncGenerator[trio.Process]:
    """The attacker's process, killed at the end of the block if it still runs."""
    command = [*prefix, sys.executable, "-m", "tests.process.hostile", name, address]
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


async def under_attack(name: str, victim: Program, address: str, pair: tuple) -> Watched:
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

    async with attacking(name, address) as process, trio.open_nursery() as nursery:
        nursery.start_soon(look)
        nursery.start_soon(talk)
        watched.found = await outcome(process)
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
            told.append(watched)

    play(story)
    return told[0]


def attack_client(tmp_path: Path, name: str) -> tuple[Watched, RpcPeer]:
    """Attack one of two who are talking."""
    told: list[tuple[Watched, RpcPeer]] = []

    async def story() -> None:
        async with open_processes(tmp_path) as processes:
            bob = await processes.peer("bob", launch=Launch())
            alice = await processes.peer("alice", knows=await addresses(bob))
            conversation = await befriend(alice, bob)
            before = resident_bytes(bob)
            [address, *_] = await addresses(bob)
            watched = await under_attack(name, bob, address, (alice, conversation))
            assert watched.resident_bytes_max - before < GROWTH_BYTES_MAX
            assert watched.said > 0
            assert bob.is_running
            told.append((watched, bob))

    play(story)
    return told[0]


@pytest.mark.parametrize("name", ["streams", "negotiated_streams", "silent", "reservations"])
def test_a_peer_that_floods_a_relay_is_cut_off_and_an_honest_pair_goes_on(tmp_path, name):
    found = attack_relay(tmp_path, name).found
    assert found["cut_s"] < CUT_S_MAX, found


@pytest.mark.parametrize("name", ["messages", "invalid"])
def test_a_peer_that_floods_a_client_is_cut_off_and_its_contacts_are_not(tmp_path, name):
    watched, bob = attack_client(tmp_path, name)
    if watched.found["cut_s"] is None:  # a victim short of processor time takes less than the pace
        assert watched.found["attempts"] < HELD_BACK_MAX, watched.found
        return
    assert watched.found["cut_s"] < CUT_S_MAX, watched.found
    assert "cut off" in bob.log.read_text() or "too often" in bob.log.read_text()


@pytest.mark.slow
def test_who_asks_the_hash_table_without_end_is_answered_at_a_pace(tmp_path):
    found = attack_relay(tmp_path, "questions").found
    assert found["attempts"] < 100_000, "the windows are all that it can fill"


def test_lengths_that_nobody_has_end_their_streams_and_nothing_else(tmp_path):
    found = attack_relay(tmp_path, "varints").found
    assert found["attempts"] == 30


def test_three_hundred_handshakes_that_drip_end_in_time(tmp_path):
    found = attack_relay(tmp_path, "drip").found
    assert found["cut_s"] < CUT_S_MAX, found


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
