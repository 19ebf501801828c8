"""What somebody who is new to it does with single commands, while others are there or away."""

from __future__ import annotations

import json

import pytest
import trio

from p2pchat.testing.processes import befriend, open_processes
from tests.process.polling import until
from tests.process.test_rooms import LOOPBACK, commands

pytestmark = pytest.mark.process


def test_an_introduction_says_whether_it_got_there_and_reads_as_a_sentence(tmp_path):
    async def main():
        async with open_processes(tmp_path) as processes:
            relay = await processes.relay()
            near = (*LOOPBACK, "--bootstrap-peer", relay.addresses[0])
            alice = await processes.peer("alice", knows=relay.addresses)
            bob = await processes.peer("bob", knows=relay.addresses)
            carol = await processes.peer("carol", knows=relay.addresses)
            for peer in (bob, carol):
                await befriend(alice, peer)
            for peer in (alice, bob):
                await peer.stop()
            typed = commands(tmp_path / "alice", *near)
            away = await typed("contacts", "introduce", "bob", "carol", "--timeout", "1")
            assert "bob is asked first. carol is told when they agree." in away
            assert "bob was not reached: the question leaves when a node runs here." in away
            listed = await typed("contacts", "introductions")
            assert listed.startswith("You ask bob whether they want to be introduced  z6Mk")

            await bob.start()
            there = await typed("contacts", "introduce", "bob", "carol")
            assert "was not reached" not in there
            await bob.heard("IntroductionReceived")
            await bob.stop()
            listed = await commands(tmp_path / "bob", *near)("contacts", "introductions")
            assert listed.startswith("alice asks whether you want to be introduced to carol  z6Mk")

    trio.run(main)


def test_who_wants_to_be_asked_about_rooms_is_asked(tmp_path):
    async def main():
        async with open_processes(tmp_path) as processes:
            relay = await processes.relay()
            alice = await processes.peer("alice", knows=relay.addresses)
            bob = await processes.peer("bob", knows=relay.addresses)
            await befriend(alice, bob)
            account = (await bob.call("account"))["account"]
            await bob.stop()
            near = (*LOOPBACK, "--bootstrap-peer", relay.addresses[0])
            typed = commands(tmp_path / "bob", *near)
            await typed("rooms", "from", "ask")
            await bob.start()
            for name in ("Crew", "Spam"):
                await alice.call("create_room", name=name, members=[account])
                await bob.heard("RoomRequested")

            async def both_wait():
                return len(await bob.call("room_requests")) == 2

            await until(both_wait, timeout_s=30)
            await bob.stop()
            assert await typed("rooms", "list") == (
                "No rooms yet. `p2pchat rooms create NAME` makes one.\n"
            )
            waiting = json.loads(await typed("rooms", "requests", "--json"))
            assert {one["name"] for one in waiting} == {"Crew", "Spam"}
            assert "You are in Crew." in await typed("rooms", "accept", "crew")
            assert "You stay out of Spam." in await typed("rooms", "reject", "Spam")
            assert await typed("rooms", "requests") == "No room waits for your word.\n"
            assert (await typed("rooms", "list")).startswith("Crew  by invitation  member")

    trio.run(main)
