"""Small networks of real processes: they find each other, outlive anybody, and catch up."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import cast

import pytest
import trio

from p2pchat.testing.processes import Launch, Processes, RpcPeer, befriend, open_processes
from tests.process.memory import holds
from tests.process.polling import until

pytestmark = pytest.mark.process


async def fields(peer: RpcPeer, method: str, **params: object) -> dict[str, object]:
    return cast("dict[str, object]", await peer.call(method, **params))


async def peer_id(peer: RpcPeer) -> str:
    return str((await fields(peer, "account"))["peer_id"])


async def addresses(peer: RpcPeer) -> tuple[str, ...]:
    return tuple(cast("list[str]", (await fields(peer, "account"))["addresses"]))


async def texts(peer: RpcPeer, conversation: object, limit: int = 5000) -> list[str]:
    found = await peer.call("history", conversation=conversation, limit=limit)
    return [str(message["text"]) for message in cast("list[dict[str, object]]", found)]


async def until_connected(one: RpcPeer, other: RpcPeer, timeout_s: float) -> None:
    """Raises `TooSlowError` unless `one` is connected to `other` in time."""
    wanted = await peer_id(other)
    await one.heard("PeerConnected", timeout_s=timeout_s, peer_id=wanted)


@pytest.mark.parametrize("with_relay", [False, True])
def test_two_who_know_the_same_peer_find_each_other_and_outlive_it(
    tmp_path: Path, with_relay: bool
) -> None:
    async def main() -> None:
        async with open_processes(tmp_path) as processes:
            relay = await processes.relay() if with_relay else None
            knows = relay.addresses if relay else ()
            bob = await processes.peer("bob", knows=knows)
            alice = await processes.peer("alice", knows=await addresses(bob))
            carol = await processes.peer("carol", knows=await addresses(bob))
            await until_connected(carol, alice, timeout_s=60)
            conversation = await befriend(carol, alice)
            await bob.kill()
            if relay is not None:
                await relay.kill()
            sent = await fields(carol, "send", conversation=conversation, text="after bob")
            await carol.call("wait_delivered", message_id=sent["id"])
            assert "after bob" in await texts(alice, conversation)
            bob.launch = Launch()  # nothing but its home
            await bob.start()
            await until_connected(bob, alice, timeout_s=60)
            await until_connected(bob, carol, timeout_s=60)

    trio.run(main)


def test_a_late_joiner_gets_the_history_of_a_room_whose_author_is_gone(tmp_path: Path) -> None:
    async def main() -> None:
        async with open_processes(tmp_path) as processes:
            bob = await processes.peer("bob")
            alice = await processes.peer("alice", knows=await addresses(bob))
            room = str((await fields(bob, "join_open", name="Archive"))["id"])
            await alice.call("join_open", name="archive")
            said = [f"message {number}" for number in range(500)]
            await say_in_order(alice, room, said)
            await until_texts(bob, room, len(said), timeout_s=90)
            await alice.stop()
            dave = await processes.peer("dave", knows=await addresses(bob))
            await dave.call("join_open", name="ARCHIVE")
            await until_texts(dave, room, len(said), timeout_s=90)
            assert await texts(dave, room) == said

    trio.run(main)


async def say_in_order(peer: RpcPeer, room: str, said: list[str]) -> None:
    for text in said:
        await peer.call("send", conversation=room, text=text)


async def until_texts(peer: RpcPeer, room: str, count: int, timeout_s: float) -> None:
    async def all_came() -> bool:
        return len(await texts(peer, room)) >= count

    await until(all_came, timeout_s)


def test_two_who_listen_nowhere_chat_through_the_relay(tmp_path: Path) -> None:
    async def main() -> None:
        async with open_processes(tmp_path) as processes:
            relay = await processes.relay()
            alice, bob = await two_without_addresses(processes, relay.addresses)
            conversation = await befriend(alice, bob)
            said = ["the heron waits by the weir", "until the moon is over the mill"]
            for sender, text in zip((alice, bob), said, strict=True):
                sent = await fields(sender, "send", conversation=conversation, text=text)
                await sender.call("wait_delivered", message_id=sent["id"])
            assert await texts(alice, conversation) == said
            if sys.platform == "linux":
                for text in said:
                    assert holds(bob.pid, text.encode()), "else nothing is found anywhere"
                    assert not holds(relay.pid, text.encode())
            status = await fields(alice, "status")
            peers = cast("list[dict[str, object]]", status["peers"])
            paths = {str(peer["peer_id"]): peer["path"] for peer in peers}
            assert paths[await peer_id(bob)] == "relayed"
            assert paths[relay.peer_id] == "direct"

    trio.run(main)


async def two_without_addresses(
    processes: Processes, knows: tuple[str, ...]
) -> tuple[RpcPeer, RpcPeer]:
    both = [
        processes.unstarted(name, knows=knows, launch=Launch(listen=()))
        for name in ("alice", "bob")
    ]
    for peer in both:
        peer.home.mkdir()
        (peer.home / "config.toml").write_text("listen = []\n")
        await peer.start()
        await peer.heard("StartupProgress", step="relay_selected")
    return both[0], both[1]
