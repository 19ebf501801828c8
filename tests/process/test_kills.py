"""kill -9 at named points and random moments, on either side: nothing lost, nothing twice.

What counts is what lies in the receiver's database at the end: every text whose `send` was
answered, once, in the order of the sender's own history. Texts that were never answered may be
there, once.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import cast

import pytest
import trio

from p2pchat.testing.processes import Processes, ProgramEnded, RpcPeer, befriend, open_processes
from tests.process.killing import deadly, in_database
from tests.process.polling import until

KILL_POINTS = Path(__file__).with_name("kill_points")
SENDER_POINTS = ("before_commit", "after_commit", "before_send", "receipt_received")
RECEIVER_POINTS = ("received", "before_commit", "after_commit", "before_receipt")
BURST = 40
UNACKNOWLEDGED_MIN = 10


@dataclass
class Talk:
    """What alice said to bob, over all her lives."""

    alice: RpcPeer
    bob: RpcPeer
    conversation: str
    answered: list[str] = field(default_factory=list)
    said: int = 0

    async def say(self, count: int) -> None:
        """Send so many texts at once; those that are answered are on alice's disk."""
        async with trio.open_nursery() as nursery:
            for _ in range(count):
                self.said += 1
                nursery.start_soon(self._say_one, f"text {self.said}")

    async def _say_one(self, text: str) -> None:
        try:
            await self.alice.call("send", conversation=self.conversation, text=text)
        except ProgramEnded:
            return
        self.answered.append(text)


async def two_contacts(processes: Processes) -> Talk:
    bob = await processes.peer("bob")
    address = cast("dict[str, list[str]]", await bob.call("account"))["addresses"][0]
    alice = await processes.peer("alice", knows=(address,))
    return Talk(alice, bob, await befriend(alice, bob))


async def kill_at(talk: Talk, victim: RpcPeer, point: str) -> None:
    """One death at a named point, with a burst on the way, and a life after it."""
    deadly(victim, KILL_POINTS, f"{point}:1")
    await victim.restart()
    await talk.say(BURST)
    await victim.wait_ended(60)
    deadly(victim, KILL_POINTS, "")
    await victim.start()


async def kill_some_time(talk: Talk, victim: RpcPeer, rng: Random) -> None:
    """One death at a random moment of a long burst."""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(talk.say, 5 * BURST)
        await trio.sleep(rng.uniform(0, 0.05))
        await victim.kill()
    assert talk.said >= UNACKNOWLEDGED_MIN
    await victim.start()


async def settle(talk: Talk) -> None:
    """Wait until alice owes nothing, then end both in order."""

    async def nothing_is_owed() -> bool:
        return not cast("dict[str, int]", await talk.alice.call("status"))["outbox"]

    await until(nothing_is_owed, timeout_s=60)
    await talk.alice.stop()
    await talk.bob.stop()


def check(talk: Talk) -> None:
    kept = in_database(talk.alice.home, talk.conversation)
    received = in_database(talk.bob.home, talk.conversation)
    assert received == kept, "the receiver holds what the sender holds, in its order"
    assert not [text for text, times in Counter(received).items() if times > 1]
    assert set(talk.answered) <= set(received), "what was answered is there"


def plan(rounds: int) -> list[tuple[str, str]]:
    points = [("alice", point) for point in SENDER_POINTS]
    points += [("bob", point) for point in RECEIVER_POINTS]
    return [("alice", ""), ("bob", ""), *(points * rounds)]


async def die_often(directory: Path, deaths: list[tuple[str, str]]) -> None:
    async with open_processes(directory) as processes:
        talk = await two_contacts(processes)
        rng = Random(len(deaths))
        for name, point in deaths:
            victim = talk.alice if name == "alice" else talk.bob
            if point:
                await kill_at(talk, victim, point)
            else:
                await kill_some_time(talk, victim, rng)
        await settle(talk)
        check(talk)


@pytest.mark.process
def test_nothing_is_lost_by_dying_once_at_every_named_point(tmp_path: Path) -> None:
    trio.run(die_often, tmp_path, plan(1))


@pytest.mark.slow
@pytest.mark.process
def test_nothing_is_lost_by_dying_fifty_times(tmp_path: Path) -> None:
    deaths = plan(5) + [("alice", ""), ("bob", "")] * 4
    assert len(deaths) == 50
    trio.run(die_often, tmp_path, deaths)
