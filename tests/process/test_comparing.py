"""Two people compare keys by pictures, each with a command of their own."""

from __future__ import annotations

import sys

import pytest
import trio

from p2pchat.model.emoji import EMOJI
from p2pchat.testing.processes import befriend, open_processes

pytestmark = pytest.mark.process

PROGRAM = (sys.executable, "-m", "p2pchat.cli.app")
LOOPBACK = ("--no-fetch", "--listen", "/ip4/127.0.0.1/tcp/0")


class Person:
    """Somebody at a terminal who compares with another, and says `answer`."""

    def __init__(self, home, other: str, answer: str, relay: str) -> None:
        self.command = [*PROGRAM, "--home", str(home), *LOOPBACK, "--bootstrap-peer", relay]
        self.compare = ["contacts", "compare", other, "--timeout", "60"]
        self.answer = answer.encode()
        self.said = ""
        self.complained = ""
        self.status = -1

    async def run(self) -> None:
        ended = await trio.run_process(
            [*self.command, *self.compare],
            stdin=self.answer,
            capture_stdout=True,
            capture_stderr=True,
            check=False,
        )
        self.said, self.complained = ended.stdout.decode(), ended.stderr.decode()
        self.status = ended.returncode

    def pictures(self) -> list[str]:
        return [word for word in self.said.split() if word in EMOJI]


def test_both_see_the_same_and_only_who_says_so_has_verified(tmp_path):
    async def main():
        async with open_processes(tmp_path) as processes:
            relay = await processes.relay()
            alice = await processes.peer("alice", knows=relay.addresses)
            bob = await processes.peer("bob", knows=relay.addresses)
            await befriend(alice, bob)
            for peer in (alice, bob):
                await peer.stop()
            where = relay.addresses[0]
            people = [
                Person(tmp_path / "alice", "bob", "yes\n", where),
                Person(tmp_path / "bob", "alice", "what?\n", where),
            ]
            async with trio.open_nursery() as nursery:
                for person in people:
                    nursery.start_soon(person.run)
            sure, unsure = people
            assert sure.status == 0, sure.complained
            assert "bob is verified." in sure.said
            assert len(sure.pictures()) == 7
            assert sure.pictures() == unsure.pictures()
            assert unsure.status == 1
            [line] = unsure.complained.splitlines()
            assert "neither yes nor no" in line

            for peer, verified in ((alice, True), (bob, False)):
                await peer.start()
                [contact] = await peer.call("contacts")
                assert contact["verified"] is verified

    trio.run(main)


def test_who_is_alone_is_told_so_in_one_line(tmp_path):
    async def main():
        async with open_processes(tmp_path) as processes:
            relay = await processes.relay()
            alice = await processes.peer("alice", knows=relay.addresses)
            bob = await processes.peer("bob", knows=relay.addresses)
            await befriend(alice, bob)
            for peer in (alice, bob):
                await peer.stop()
            person = Person(tmp_path / "alice", "bob", "yes\n", relay.addresses[0])
            person.compare[-1] = "2"
            await person.run()
            assert person.status == 1
            [line] = person.complained.splitlines()
            assert "bob was not there" in line

    trio.run(main)
