"""Two programs that do not run at once, and a relay that does: what one writes the other reads."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import cast

import pytest
import trio

from p2pchat.testing.processes import RpcPeer, befriend, open_processes
from tests.process.polling import until

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
