"""kill -9 at every named point of a ratchet's step: nothing is lost, and no state seals two things.

Two who are never there at once write to each other through a relay, and die while they do; two
others do so in a room by invitation. A witness (`ratchet_kill_points`) writes down, outside of
their homes, the state that each ciphertext on its way out was sealed from, as the ciphertext itself
names it. What was answered as sent is in the other's database at the end, once.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import cast

import pytest
import trio

from p2pchat.testing.processes import ProgramEnded, RpcPeer, befriend, open_processes
from tests.process.killing import deadly, in_database
from tests.process.polling import has_mailboxes, until

pytestmark = pytest.mark.process

POINTS = Path(__file__).with_name("ratchet_kill_points")
WRITING = ("sealed", "seal_committed", "posting", "posted", "mailed_committed")
ROTATING = ("rotated", "rotate_committed")
READING = ("fetched", "opened", "open_committed", "discarding", "discarded")
SHARING = ("shared", "room_sealed", "room_committed", "published")
LEARNING = ("learned", "room_opened", "room_committed")
RUNS_OF_MAIL, DEATHS_OF_MAIL = 6, 144
RUNS_OF_ROOMS, DEATHS_OF_ROOMS = 8, 56
PATIENCE_S = 90.0
PAUSE_S = 0.1
TEXTS = 3
NEWEST = 50
CHAINS = 3
"""A letter that came meanwhile begins another chain, of which no state was forgotten."""

Turn = tuple[Sequence[str], Sequence[str]]
"""Where who writes dies, and where who reads."""


@dataclass
class Talk:
    """A conversation of two, over all their lives."""

    alice: RpcPeer
    bob: RpcPeer
    conversation: str
    witness: Path
    answered: dict[str, list[str]] = field(default_factory=lambda: {"alice": [], "bob": []})
    said: int = 0
    deaths: int = 0

    def fated(self, who: RpcPeer, point: str = "", **environment: str) -> None:
        """Say at which point its next life ends, if at one."""
        where = f"{point}:1" if point else ""
        deadly(who, POINTS, where, P2PCHAT_WITNESS=str(self.witness), **environment)

    async def say(self, who: RpcPeer) -> str:
        """One text more; what is answered is on the disk of who says it."""
        self.said += 1
        text = f"{who.name} {self.said}"
        await who.call("send", conversation=self.conversation, text=text)
        self.answered[who.name].append(text)
        return text

    async def die(self, who: RpcPeer, point: str, speaker: RpcPeer | None = None) -> None:
        """A life that ends at a point, while somebody speaks if that leads there."""
        self.fated(who, point, **({"P2PCHAT_ROTATES": "1"} if point in ROTATING else {}))
        try:
            await who.start()
            with trio.fail_after(PATIENCE_S):
                while who.is_running and speaker is not None:
                    await self.say(speaker)
                    await trio.sleep(PAUSE_S)
        except ProgramEnded:
            pass  # as it was meant to
        await who.wait_ended(PATIENCE_S)
        self.deaths += 1
        self.fated(who)

    async def newest(self, who: RpcPeer) -> list[dict[str, object]]:
        found = await who.call("history", conversation=self.conversation, limit=NEWEST)
        return cast("list[dict[str, object]]", found)

    async def leave(self, who: RpcPeer, **environment: str) -> str:
        """A life in which all that was said gets to the relay."""
        self.fated(who, **environment)
        await who.start()
        for _ in range(TEXTS):
            last = await self.say(who)

        async def is_sent() -> bool:
            states = {message["text"]: message["state"] for message in await self.newest(who)}
            return states[last] in ("sent", "delivered")

        await until(is_sent, PATIENCE_S)
        await who.kill()
        return last

    async def read(self, who: RpcPeer, last: str) -> None:
        """A life in which what was left for it comes."""
        await who.start()

        async def has_come() -> bool:
            return last in [message["text"] for message in await self.newest(who)]

        await until(has_come, PATIENCE_S)
        await who.kill()

    async def turn(
        self, writer: RpcPeer, reader: RpcPeer, writing: Sequence[str], reading: Sequence[str]
    ) -> None:
        """One writes, the other reads, and both die meanwhile."""
        for point in writing:
            await self.die(writer, point, writer)
        last = await self.leave(writer)
        for point in reading:
            await self.die(reader, point)
        await self.read(reader, last)

    def check(self) -> None:
        """Everything is there, once, and nothing was sealed from a state that was used."""
        said = {text for texts in self.answered.values() for text in texts}
        for who in (self.alice, self.bob):
            texts = in_database(who.home, self.conversation)
            assert not [text for text, times in Counter(texts).items() if times > 1]
            assert said <= set(texts), f"{who.name} lacks {sorted(said - set(texts))}"
        assert not reused(self.witness, "left")
        assert not reused(self.witness, "room")


def states(witness: Path, word: str) -> dict[str, set[str]]:
    """What was sealed from each state."""
    found: dict[str, set[str]] = defaultdict(set)
    for line in witness.read_text().splitlines():
        kind, state, sealed = line.split()
        if kind == word:
            found[state].add(sealed)
    return found


def reused(witness: Path, word: str) -> set[str]:
    return {state for state, sealed in states(witness, word).items() if len(sealed) > 1}


async def apart(tmp_path: Path, turns: Sequence[Turn], *, forgets: bool = False) -> int:
    """Two write to each other in turns and never meet; how often somebody died."""
    async with open_processes(tmp_path) as processes:
        relay = await processes.relay()
        alice = await processes.peer("alice", knows=relay.addresses)
        bob = await processes.peer("bob", knows=relay.addresses)
        talk = Talk(alice, bob, await befriend(alice, bob), tmp_path / "witness")
        for one in (alice, bob):
            await until(has_mailboxes(one), PATIENCE_S)
            await one.stop()
        for number, (writing, reading) in enumerate(turns):
            pair = (alice, bob) if number % 2 == 0 else (bob, alice)
            await talk.turn(*pair, writing, reading)
        talk.check()
        assert len(states(talk.witness, "left")) >= len(turns)
        if forgets:
            await forget(talk)
        return talk.deaths


async def forget(talk: Talk) -> None:
    """Show that who loses its steps is found by the same search, once it goes on with a chain."""
    for _ in range(CHAINS):
        await talk.leave(talk.bob)
        for _ in range(2):
            await talk.leave(talk.bob, P2PCHAT_FORGETS="1")
        if reused(talk.witness, "left"):
            return
    raise AssertionError("a state was used twice, and nobody saw it")


async def in_a_room(tmp_path: Path, sharing: Sequence[str], learning: Sequence[str]) -> int:
    """Two speak in a room by invitation; how often somebody died."""
    async with open_processes(tmp_path) as processes:
        bob = processes.unstarted("bob")
        alice = processes.unstarted("alice")
        talk = Talk(alice, bob, "", tmp_path / "witness")
        talk.fated(bob)
        await bob.start()
        account = cast("dict[str, list[str]]", await bob.call("account"))
        alice = talk.alice = processes.unstarted("alice", knows=account["addresses"])
        talk.fated(alice)
        await alice.start()
        await befriend(alice, bob)
        room = await alice.call("create_room", name="ours", members=[account["account"]])
        talk.conversation = str(cast("dict[str, object]", room)["id"])
        await bob.heard("RoomJoined")
        await talk.say(alice)
        for victim, points in ((alice, sharing), (bob, learning)):
            for point in points:
                await victim.stop()
                await talk.die(victim, point, alice)
                await victim.start()
        last = await talk.say(alice)

        async def has_come() -> bool:
            return last in [message["text"] for message in await talk.newest(bob)]

        await until(has_come, PATIENCE_S)
        await alice.stop()
        await bob.stop()
        talk.check()
        assert len(states(talk.witness, "room")) >= len(sharing)
        return talk.deaths


def test_nothing_is_lost_by_dying_within_a_step(tmp_path: Path) -> None:
    turns = [((), ("opened", "discarding")), (("sealed", "posting"), ("rotated",))]
    assert trio.run(partial(apart, tmp_path, turns, forgets=True)) == 5


def test_keys_of_a_room_outlive_no_death(tmp_path: Path) -> None:
    assert trio.run(in_a_room, tmp_path, ("shared", "room_sealed"), ("learned",)) == 3


@pytest.mark.slow
@pytest.mark.parametrize("run", range(RUNS_OF_MAIL))
def test_letters_outlive_dying_at_every_point(tmp_path: Path, run: int) -> None:
    turns = [(WRITING, (*ROTATING, *READING))] * 2
    assert trio.run(apart, tmp_path, turns) == DEATHS_OF_MAIL // RUNS_OF_MAIL, run


@pytest.mark.slow
@pytest.mark.parametrize("run", range(RUNS_OF_ROOMS))
def test_rooms_outlive_dying_at_every_point(tmp_path: Path, run: int) -> None:
    deaths = trio.run(in_a_room, tmp_path, SHARING, LEARNING)
    assert deaths == DEATHS_OF_ROOMS // RUNS_OF_ROOMS, run


def test_those_are_two_hundred_deaths() -> None:
    assert DEATHS_OF_MAIL + DEATHS_OF_ROOMS == 200
