"""A room by invitation whose two members never run at once, and a relay that does."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import cast

import pytest
import trio

from p2pchat.testing.processes import RpcPeer, befriend, open_processes
from tests.process.polling import has_mailboxes, until

pytestmark = pytest.mark.process

PATIENCE_S = 60.0


def reads(peer: RpcPeer, room: str, expected: list[str]) -> Callable[[], Awaitable[bool]]:
    """Whether this is what the room says, to somebody who is in it."""

    async def look() -> bool:
        rooms = cast("list[dict[str, object]]", await peer.call("rooms"))
        if room not in [one["id"] for one in rooms]:
            return False
        found = await peer.call("history", conversation=room, limit=100)
        return [one["text"] for one in cast("list[dict[str, object]]", found)] == expected

    return look


def is_sent(peer: RpcPeer, room: str) -> Callable[[], Awaitable[bool]]:
    """Whether a mailbox keeps the newest message."""

    async def look() -> bool:
        found = await peer.call("history", conversation=room, limit=1)
        return cast("list[dict[str, object]]", found)[-1]["state"] == "sent"

    return look


def test_a_room_begun_while_somebody_is_away_is_there_with_what_was_said(tmp_path: Path) -> None:
    async def main() -> None:
        async with open_processes(tmp_path) as processes:
            relay = await processes.relay()
            alice = await processes.peer("alice", knows=relay.addresses)
            bob = await processes.peer("bob", knows=relay.addresses)
            talk = await befriend(alice, bob)
            for one, text in ((alice, "there?"), (bob, "yes")):
                sent = await one.call("send", conversation=talk, text=text)
                await one.call("wait_delivered", message_id=cast("dict[str, object]", sent)["id"])
                await until(has_mailboxes(one), PATIENCE_S)
            [contact] = cast("list[dict[str, object]]", await alice.call("contacts"))
            await bob.stop()

            made = await alice.call("create_room", name="Crew", members=[contact["account"]])
            room = cast("dict[str, str]", made)["id"]
            await alice.call("send", conversation=room, text="said to nobody")
            await until(is_sent(alice, room), PATIENCE_S)
            await alice.kill()

            await bob.start()
            await until(reads(bob, room, ["said to nobody"]), PATIENCE_S)
            await bob.call("send", conversation=room, text="and back")
            await until(is_sent(bob, room), PATIENCE_S)
            await bob.kill()

            await alice.start()
            await until(reads(alice, room, ["said to nobody", "and back"]), PATIENCE_S)

    trio.run(main)
