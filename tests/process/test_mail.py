"""Two programs that do not run at once, and a relay that does: what one writes the other reads."""

from __future__ import annotations

import json
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import cast

import pytest
import trio

from p2pchat.testing.processes import RelayProcess, RpcPeer, befriend, open_processes
from tests.process.polling import has_mailboxes, until

pytestmark = pytest.mark.process

PATIENCE_S = 60.0
COUNT = 100


async def messages(peer: RpcPeer, conversation: str) -> list[dict[str, object]]:
    found = await peer.call("history", conversation=conversation, limit=1_000)
    return cast("list[dict[str, object]]", found)


def is_in(peer: RpcPeer, conversation: str, state: str) -> Callable[[], Awaitable[bool]]:
    """Whether the newest message is in this state."""

    async def look() -> bool:
        return (await messages(peer, conversation))[-1]["state"] == state

    return look


def are_delivered(peer: RpcPeer, conversation: str, count: int) -> Callable[[], Awaitable[bool]]:
    async def look() -> bool:
        states = [message["state"] for message in await messages(peer, conversation)]
        return states == ["delivered"] * count

    return look


def has(peer: RpcPeer, conversation: str, text: str) -> Callable[[], Awaitable[bool]]:
    async def look() -> bool:
        return text in [message["text"] for message in await messages(peer, conversation)]

    return look


async def left_behind(alice: RpcPeer, bob: RpcPeer, relays: int = 1) -> tuple[str, list[str]]:
    """Alice writes to bob who is away, until all of it lies in his mailboxes, and is gone with her
    home; the conversation and what she said."""
    talk = await befriend(alice, bob)
    await until(has_mailboxes(bob, relays), PATIENCE_S)
    sent = await alice.call("send", conversation=talk, text="there?")
    await alice.call("wait_delivered", message_id=cast("dict[str, object]", sent)["id"])
    await bob.stop()
    said = [f"number {number}" for number in range(COUNT)]
    for text in said:
        await alice.call("send", conversation=talk, text=text)
    await until(is_in(alice, talk, "sent"), PATIENCE_S)
    return talk, ["there?", *said]


async def reads_all(bob: RpcPeer, talk: str, said: list[str]) -> None:
    """All of it, in order, once; and so it stays."""
    await until(has(bob, talk, said[-1]), PATIENCE_S)
    assert [message["text"] for message in await messages(bob, talk)] == said
    await bob.restart()
    assert [message["text"] for message in await messages(bob, talk)] == said


def keeps_mail(bob: RpcPeer, *relays: RelayProcess) -> None:
    """These shall keep it."""
    bob.home.mkdir(mode=0o700)
    addresses = json.dumps([relay.addresses[0] for relay in relays])
    (bob.home / "config.toml").write_text(f"[mailboxes]\nrelays = {addresses}\n")


@pytest.mark.slow  # the next one says it of two relays
def test_what_was_mailed_arrives_though_its_senders_home_is_no_more(tmp_path: Path) -> None:
    async def main() -> None:
        async with open_processes(tmp_path) as processes:
            relay = await processes.relay()
            alice = await processes.peer("alice", knows=relay.addresses)
            bob = processes.unstarted("bob", knows=relay.addresses)
            keeps_mail(bob, relay)
            await bob.start()
            talk, said = await left_behind(alice, bob)
            await alice.kill()
            await trio.to_thread.run_sync(shutil.rmtree, alice.home)
            await bob.start()
            await reads_all(bob, talk, said)

    trio.run(main)


def test_what_was_mailed_arrives_though_the_first_relay_was_replaced_as_well(
    tmp_path: Path,
) -> None:
    async def main() -> None:
        async with open_processes(tmp_path) as processes:
            first, second = await processes.relay("first"), await processes.relay("second")
            both = (*first.addresses, *second.addresses)
            alice = await processes.peer("alice", knows=both)
            bob = processes.unstarted("bob", knows=both)
            keeps_mail(bob, first, second)
            await bob.start()
            talk, said = await left_behind(alice, bob, relays=2)
            await alice.kill()
            await first.kill()
            for home in (alice.home, first.home):
                await trio.to_thread.run_sync(shutil.rmtree, home)
            await first.start()
            await bob.start()
            await reads_all(bob, talk, said)

    trio.run(main)


def test_who_was_away_reads_what_a_relay_kept(tmp_path: Path) -> None:
    async def main() -> None:
        async with open_processes(tmp_path) as processes:
            relay = await processes.relay()
            alice = await processes.peer("alice", knows=relay.addresses)
            bob = await processes.peer("bob", knows=relay.addresses)
            talk = await befriend(alice, bob)
            for one, text in ((alice, "there?"), (bob, "yes")):
                sent = await one.call("send", conversation=talk, text=text)
                id = cast("dict[str, object]", sent)["id"]
                await one.call("wait_delivered", message_id=id)
                await until(has_mailboxes(one), PATIENCE_S)
            await bob.stop()

            said = [f"number {number}" for number in range(COUNT)]
            for text in said:
                await alice.call("send", conversation=talk, text=text)
            await until(is_in(alice, talk, "sent"), PATIENCE_S)
            await alice.kill()

            await bob.start()
            await until(has(bob, talk, said[-1]), PATIENCE_S)
            texts = [message["text"] for message in await messages(bob, talk)]
            assert texts == ["there?", "yes", *said]
            await bob.call("send", conversation=talk, text="and back")
            await until(is_in(bob, talk, "sent"), PATIENCE_S)
            await bob.kill()

            await alice.start()
            await until(has(alice, talk, "and back"), PATIENCE_S)
            await until(are_delivered(alice, talk, COUNT + 3), PATIENCE_S)

    trio.run(main)
