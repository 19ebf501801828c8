"""Clocks that are hours or years off, or jump: messages arrive, in order, and nothing runs wild.

Only the time of day is false, as on a machine with a wrong clock: the monotonic clock goes on.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import trio

from p2pchat.testing.processes import Launch, Processes, RpcPeer, open_processes
from tests.process.polling import until

pytestmark = [
    pytest.mark.process,
    pytest.mark.skipif(not shutil.which("faketime"), reason="false clocks need `faketime`"),
]

STORY_S_MAX = 280
SETTLE_S = 60
ROUNDS = 4
WATCH_S = 3.0
CACHE_S = 1
BUSY_SHARE_MAX = 0.5


class Clock:
    """The time of day of one program: a file that says how far off it is."""

    def __init__(self, path: Path, off: str) -> None:
        self._path = path
        self.turn(off)

    def turn(self, off: str) -> None:
        """From now on, or `CACHE_S` later, it is so far off."""
        beside = self._path.with_suffix(".new")
        beside.write_text(f"{off}\n")
        beside.replace(self._path)

    @property
    def environment(self) -> dict[str, str]:
        return {
            "LD_PRELOAD": faketime_library(),
            "FAKETIME_TIMESTAMP_FILE": str(self._path),
            "FAKETIME_CACHE_DURATION": str(CACHE_S),
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }


def faketime_library() -> str:
    """What `faketime` lets programs load."""
    command = ["faketime", "-f", "+1h", "printenv", "LD_PRELOAD"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


class Talk:
    """Two contacts with clocks of their own, and what they said."""

    def __init__(self, processes: Processes, clocks: tuple[Clock, Clock]) -> None:
        self._processes = processes
        self.clocks = clocks
        self.peers: list[RpcPeer] = []
        self.conversation = ""
        self.said: list[str] = []

    async def begin(self) -> None:
        relay = await self._processes.relay()
        for name, clock in zip(("alice", "bob"), self.clocks, strict=True):
            launch = Launch(environment=clock.environment)
            self.peers.append(
                await self._processes.peer(name, knows=relay.addresses, launch=launch)
            )
        alice, bob = self.peers
        contact = await alice.call("add_contact", link=(await bob.call("account"))["contact_link"])
        request = await bob.heard("ContactRequested")
        await bob.call("accept", account=request["account"])
        await alice.heard("ContactAccepted")
        self.conversation = contact["id"]

    async def chat(self) -> None:
        """Each answers the other, so that there is but one order."""
        for one in (*self.peers,) * ROUNDS:
            self.said.append(f"text {len(self.said)}")
            sent = await one.call("send", conversation=self.conversation, text=self.said[-1])
            await one.call("wait_delivered", message_id=sent["id"])
        await until(self._is_told_alike, SETTLE_S)

    async def _is_told_alike(self) -> bool:
        return all([await self._texts(peer) == self.said for peer in self.peers])

    async def _texts(self, peer: RpcPeer) -> list[str]:
        history = await peer.call("history", conversation=self.conversation, limit=100)
        return [message["text"] for message in history]

    async def require_rest(self) -> None:
        """Nobody is busy although nothing happens: no timer runs out again and again."""
        await trio.sleep(1)
        before = [processor_s(peer.pid) for peer in self.peers]
        await trio.sleep(WATCH_S)
        for peer, spent_s in zip(self.peers, before, strict=True):
            assert processor_s(peer.pid) - spent_s < WATCH_S * BUSY_SHARE_MAX, peer.name


def processor_s(pid: int) -> float:
    """Processor time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def with_clocks(
    tmp_path: Path, offs: tuple[str, str], story: Callable[[Talk], Awaitable[None]]
) -> None:
    async def main() -> None:
        clocks = Clock(tmp_path / "alice.clock", offs[0]), Clock(tmp_path / "bob.clock", offs[1])
        with trio.fail_after(STORY_S_MAX):
            async with open_processes(tmp_path) as processes:
                talk = Talk(processes, clocks)
                await talk.begin()
                await talk.chat()
                await story(talk)

    trio.run(main)


def test_a_program_believes_the_clock_that_a_test_gives_it(tmp_path):
    clock = Clock(tmp_path / "clock", "-2d")
    command = ["python3", "-c", "import time; print(time.time(), time.monotonic())"]
    environment = {**os.environ, **clock.environment}
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    wall_s, monotonic_s = map(float, done.stdout.split())
    assert wall_s - time.time() == pytest.approx(-2 * 86_400, abs=60)
    assert monotonic_s == pytest.approx(time.monotonic(), abs=60)


@pytest.mark.parametrize(
    "offs",
    [
        ("+5h", "-5h"),
        pytest.param(("+10y", "+0"), marks=pytest.mark.slow),
        pytest.param(("+0", "+10y"), marks=pytest.mark.slow),
    ],
    ids=["hours", "ahead", "behind"],
)
def test_people_whose_clocks_disagree_talk_in_order(tmp_path, offs):
    async def story(talk: Talk) -> None:
        await talk.require_rest()
        await talk.peers[1].restart()
        await talk.chat()

    with_clocks(tmp_path, offs, story)


@pytest.mark.slow
@pytest.mark.parametrize("jump", ["-5h", "+10y", "-2d"])
def test_a_clock_may_jump_while_people_talk(tmp_path, jump):
    async def story(talk: Talk) -> None:
        talk.clocks[0].turn(jump)
        await trio.sleep(CACHE_S + 0.1)
        await talk.chat()
        await talk.require_rest()
        await talk.peers[0].restart()
        await talk.chat()
        talk.clocks[0].turn("+0")
        await trio.sleep(CACHE_S + 0.1)
        await talk.chat()

    with_clocks(tmp_path, ("+0", "+0"), story)
