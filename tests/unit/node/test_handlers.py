"""Inbound lanes: whoever breaks the rules time and again loses the connection."""

from __future__ import annotations

from contextlib import suppress

import trio

from p2pchat.model.conversation import open_room_id
from p2pchat.net.port import Host
from p2pchat.node.guard import BAN_S, OFFENCES_MAX
from p2pchat.node.handlers import LaneHandlers
from p2pchat.protocol.machine import Lane, Received
from p2pchat.testing.determinism import run_simulation, seeded
from p2pchat.testing.network import open_network
from p2pchat.wire.frames import SyncPage, encode_frame
from p2pchat.wire.framing import frame

GARBAGE = b"\x03\xff\xff\xff"
LATER = bytes.fromhex("c20301ff")
ROOM = open_room_id("square")


def test_who_breaks_the_rules_time_and_again_is_disconnected_and_not_heard_for_a_while():
    heard: list[Received] = []

    async def put(received: Received) -> None:
        heard.append(received)

    async def story(alice: Host, bob: Host) -> None:
        handlers = LaneHandlers(bob, 1024, put)
        handlers.serve()
        await alice.connect(bob.peer_id, bob.addresses)
        for _ in range(OFFENCES_MAX):
            assert alice.is_connected(bob.peer_id)
            await offend(alice, bob)
        assert not alice.is_connected(bob.peer_id)
        assert handlers.refused["banned peer"] == 1
        await alice.connect(bob.peer_id, bob.addresses)
        await offend(alice, bob)
        assert handlers.refused["MalformedMessage"] == OFFENCES_MAX
        await trio.sleep(BAN_S)
        await offend(alice, bob)
        assert handlers.refused["MalformedMessage"] == OFFENCES_MAX + 1

    async def main() -> None:
        async with (
            open_network(seeded(1, "network", "guard")) as network,
            network.host("alice") as alice,
            network.host("bob") as bob,
        ):
            await story(alice, bob)

    run_simulation(main, 1)
    assert heard == []


def test_what_is_of_a_later_version_is_skipped_and_held_against_nobody():
    heard: list[Received] = []

    async def put(received: Received) -> None:
        heard.append(received)

    async def story(alice: Host, bob: Host) -> None:
        handlers = LaneHandlers(bob, 1024, put)
        handlers.serve()
        await alice.connect(bob.peer_id, bob.addresses)
        stream = await alice.open_stream(bob.peer_id, [Lane.SYNC.value])
        known = frame(encode_frame(SyncPage(ROOM, more=False)))
        await stream.send_all(frame(LATER) * (OFFENCES_MAX + 1) + known)
        await trio.sleep(1)
        assert handlers.refused == {"later version": OFFENCES_MAX + 1}

    async def main() -> None:
        async with (
            open_network(seeded(1, "network", "guard")) as network,
            network.host("alice") as alice,
            network.host("bob") as bob,
        ):
            await story(alice, bob)

    run_simulation(main, 1)
    assert [received.frame for received in heard] == [SyncPage(ROOM, more=False)]


async def offend(alice: Host, bob: Host) -> None:
    """A stream of Alice's that breaks the rules, and the time it takes to be noticed."""
    stream = await alice.open_stream(bob.peer_id, [Lane.LIVE.value])
    with suppress(trio.BrokenResourceError):  # refused, as it should be
        await stream.send_all(GARBAGE)
        await stream.receive_some(1)
    await trio.sleep(1)
