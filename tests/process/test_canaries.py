"""What is said stays with those to whom it is said.

Unique words go through direct messages that a relay carries, an open room that somebody forwards
who does not know its name, names, and passphrases. Then everything is searched that others hold:
the memory, the files and the log at DEBUG of the relay, which is a DHT node as well, and of the
forwarder; the files of locked homes; the logs of the clients themselves. Nothing is found. The same
search over the same programs without their seals finds every word, so it would have found one.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import trio

from p2pchat.crypto.vault import Vault
from p2pchat.protocol.sealing import open_room_secret
from p2pchat.testing.processes import Launch, Processes, RelayProcess, RpcPeer, open_processes
from p2pchat.testing.rpc_peer import befriend
from tests.process.canaries import NAME, PASSPHRASE, launched, secrets_of
from tests.process.searching import files, found, memory, written

pytestmark = [
    pytest.mark.process,
    pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc"),
]

ROOM = "canary-room-91c4"
ALICE, BOB = f"{NAME}-a", f"{NAME}-b"
DIRECT, SAID_IN_ROOM = "canary-direct-7e3b", "canary-gossip-28f6"
WORDS = {word: word.encode() for word in (PASSPHRASE, ROOM, NAME, DIRECT, SAID_IN_ROOM)}
REPEATS = 30
"""Freed memory is used again: what a process held for a moment is there in some of many places."""


@dataclass
class Cast:
    """Everybody who runs."""

    relay: RelayProcess
    alice: RpcPeer
    bob: RpcPeer
    forwarder: RpcPeer

    def heard_by(self, program) -> set[str]:
        """What can be found out about the others from all that a program holds."""
        return found(WORDS, memory(program.pid)) | found(WORDS, files(program.home, program.log))

    def kept_at(self, person: RpcPeer) -> set[str]:
        return found(WORDS, files(person.home))


async def person(processes: Processes, name: str, relay: RelayProcess, launch: Launch) -> RpcPeer:
    """A client in a locked home who listens nowhere, so that a relay carries what is said."""
    home = processes.directory / name
    home.mkdir(mode=0o700)
    (home / "config.toml").write_text("listen = []\n")
    peer = await processes.peer(name, knows=relay.addresses, launch=launch)
    await peer.call("change_passphrase", new=PASSPHRASE)
    return peer


async def play(processes: Processes, *, unsealed: bool) -> Cast:
    """Everything is said, and has arrived."""
    relay = await processes.relay("relay", launched(unsealed=unsealed))
    alone = launched(unsealed=unsealed, listens=False)
    alice = await person(processes, ALICE, relay, alone)
    bob = await person(processes, BOB, relay, alone)
    between = launched(unsealed=unsealed, forwards=open_room_secret(ROOM).topic)
    forwarder = await processes.peer("forwarder", knows=relay.addresses, launch=between)
    await forwarder.call("join_open", name="whatever it is called")
    place = await befriend(alice, bob)
    status = await alice.call("status")
    theirs = [peer for peer in status["peers"] if peer["account"]]
    assert [peer["path"] for peer in theirs] == ["relayed"], "the relay has to carry it"
    room = (await alice.call("join_open", name=ROOM))["id"]
    assert (await bob.call("join_open", name=ROOM))["id"] == room
    await trio.sleep(2)  # for the mesh of the room, of which no event tells
    for number in range(REPEATS):
        said = [(place, f"{DIRECT} {number}"), (room, f"{SAID_IN_ROOM} {number}")]
        for conversation, text in said:
            await alice.call("send", conversation=conversation, text=text)
            await bob.heard(
                "MessageReceived", lambda event, text=text: event["message"]["text"] == text
            )
    return Cast(relay, alice, bob, forwarder)


def played(tmp_path: Path, judge, *, unsealed: bool) -> None:
    async def main() -> None:
        async with open_processes(tmp_path) as processes:
            with trio.fail_after(280):
                cast = await play(processes, unsealed=unsealed)
                await trio.to_thread.run_sync(judge, cast)
                await cast.alice.stop()
                await cast.bob.stop()

    trio.run(main)


def test_nobody_but_those_who_are_meant_holds_a_word(tmp_path: Path) -> None:
    def judge(cast: Cast) -> None:
        assert cast.heard_by(cast.relay) == set()
        assert cast.heard_by(cast.forwarder) == set()
        assert cast.kept_at(cast.alice) == set()
        assert cast.kept_at(cast.bob) == set()

    played(tmp_path, judge, unsealed=False)
    logs = [tmp_path / f"{ALICE}.log", tmp_path / f"{BOB}.log"]
    assert all(log.stat().st_size for log in logs)
    contents = [log.read_bytes().replace(bytes(tmp_path), b"") for log in logs]
    contents = [content.replace(f"/{NAME}-".encode(), b"") for content in contents]
    assert found(WORDS, contents) == set()
    assert found(written(secrets_of(tmp_path / ALICE, Vault(PASSPHRASE))), contents) == set()


def test_without_seals_the_same_search_finds_every_word(tmp_path: Path) -> None:
    def judge(cast: Cast) -> None:
        assert DIRECT in cast.heard_by(cast.relay)
        assert SAID_IN_ROOM in cast.heard_by(cast.forwarder)
        for home in (cast.alice, cast.bob):
            assert {DIRECT, SAID_IN_ROOM, ROOM, NAME} <= cast.kept_at(home)

    played(tmp_path, judge, unsealed=True)
