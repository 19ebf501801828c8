"""What is said by mail stays with those to whom it is said.

Two contacts write to each other who are never there at once, so that a relay keeps what they say.
While it does, everything is searched that it and another node of the DHT hold: memory, files and
logs at DEBUG. Neither a word nor a secret key is found. The same search over the same programs
without their seals finds the words.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import pytest
import trio

from p2pchat.store.home import BARE
from p2pchat.testing.processes import (
    Processes,
    Program,
    RelayProcess,
    RpcPeer,
    befriend,
    open_processes,
)
from tests.process.canaries import NAME, launched, secrets_of
from tests.process.polling import has_mailboxes, until
from tests.process.searching import files, found, memory, written

pytestmark = [
    pytest.mark.process,
    pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc"),
]

ALICE, BOB = f"{NAME}-a", f"{NAME}-b"
MAILED, ANSWERED = "canary-mailed-4c7e", "canary-answered-b2d8"
WORDS = {word: word.encode() for word in (NAME, MAILED, ANSWERED)}
REPEATS = 30
PATIENCE_S = 60.0


@dataclass
class Cast:
    """Everybody, and what was found where while letters lay at the relay."""

    relay: RelayProcess
    node: RpcPeer
    alice: RpcPeer
    bob: RpcPeer
    words: dict[str, bytes]

    def __post_init__(self) -> None:
        self.heard: dict[str, set[str]] = {"relay": set(), "node": set()}

    async def listen(self) -> None:
        """Search what those hold who keep and forward, now."""
        for who, program in (("relay", self.relay), ("node", self.node)):
            self.heard[who] |= await trio.to_thread.run_sync(self._held_by, program)

    def _held_by(self, program: Program) -> set[str]:
        pieces = memory(program.pid), files(program.home, program.log)
        return found(self.words, pieces[0]) | found(self.words, pieces[1])

    async def write(self, who: RpcPeer, place: str, word: str) -> None:
        """A life in which letters are left with the relay."""
        await who.start()
        for number in range(REPEATS):
            await who.call("send", conversation=place, text=f"{word} {number}")
        await sent(who, place)
        await who.stop()
        await self.listen()

    async def read(self, who: RpcPeer, place: str, word: str) -> None:
        """A life in which they are fetched."""
        await who.start()

        async def has_come() -> bool:
            return (await newest(who, place))["text"] == f"{word} {REPEATS - 1}"

        await until(has_come, PATIENCE_S)
        await who.stop()
        await self.listen()


async def newest(who: RpcPeer, place: str) -> dict[str, object]:
    found = cast("list[dict[str, object]]", await who.call("history", conversation=place, limit=1))
    return found[-1] if found else {"text": "", "state": ""}


async def sent(who: RpcPeer, place: str) -> None:
    async def is_sent() -> bool:
        return (await newest(who, place))["state"] == "sent"

    await until(is_sent, PATIENCE_S)


async def acquainted(processes: Processes, *, unsealed: bool) -> tuple[Cast, str]:
    """Two contacts who have gone, and what goes on without them."""
    launch = launched(unsealed=unsealed)
    relay = await processes.relay("relay", launch)
    node = await processes.peer("node", knows=relay.addresses, launch=launch)
    alice = await processes.peer(ALICE, knows=relay.addresses, launch=launch)
    bob = await processes.peer(BOB, knows=relay.addresses, launch=launch)
    place = await befriend(alice, bob)
    for one in (alice, bob):
        await until(has_mailboxes(one), PATIENCE_S)
        await one.stop()
    words = dict(WORDS)
    for home in () if unsealed else (alice.home, bob.home):
        words |= written(secrets_of(home, BARE))
    return Cast(relay, node, alice, bob, words), place


def played(tmp_path: Path, judge: Callable[[Cast], None], *, unsealed: bool) -> None:
    async def main() -> None:
        async with open_processes(tmp_path) as processes:
            cast, place = await acquainted(processes, unsealed=unsealed)
            await cast.write(cast.alice, place, MAILED)
            await cast.read(cast.bob, place, MAILED)
            await cast.write(cast.bob, place, ANSWERED)
            await cast.read(cast.alice, place, ANSWERED)
            judge(cast)

    trio.run(main)


def test_nobody_who_keeps_a_letter_holds_a_word_of_it(tmp_path: Path) -> None:
    def judge(cast: Cast) -> None:
        assert cast.heard == {"relay": set(), "node": set()}

    played(tmp_path, judge, unsealed=False)
    contents = [(tmp_path / f"{name}.log").read_bytes() for name in (ALICE, BOB)]
    assert all(contents)
    assert found({word: word.encode() for word in (MAILED, ANSWERED)}, contents) == set()


def test_without_seals_the_same_search_finds_it(tmp_path: Path) -> None:
    def judge(cast: Cast) -> None:
        assert {MAILED, ANSWERED} <= cast.heard["relay"]

    played(tmp_path, judge, unsealed=True)
