"""Inbound lanes: whoever breaks the rules time and again loses the connection."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from itertools import pairwise
from typing import cast

import trio
import trio.testing

from p2pchat.model.conversation import open_room_id
from p2pchat.model.ids import DeviceId
from p2pchat.net.port import Handler, Host, Stream
from p2pchat.node.guard import BAN_S, FRAMES, OFFENCES_MAX
from p2pchat.node.handlers import (
    FRAME_TIMEOUT_S,
    FRAMES_AT_ONCE,
    STREAMS_PER_LANE_MAX,
    LaneHandlers,
)
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

    play(story)
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

    play(story)
    assert [received.frame for received in heard] == [SyncPage(ROOM, more=False)]


class Desk:
    """A host that only keeps who serves."""

    def __init__(self) -> None:
        self.handler: Handler | None = None

    def serve(self, _protocol: str, handler: Handler) -> None:
        self.handler = handler


class Script:
    """An inbound stream that is read in given pieces, and then says nothing."""

    peer = DeviceId(bytes([1]) * 32).peer_id
    protocol = Lane.SYNC.value

    def __init__(self, *pieces: bytes) -> None:
        self._pieces = list(pieces)
        self.was_reset = trio.Event()

    async def receive_some(self, _most: int) -> bytes:
        if not self._pieces:
            await trio.sleep_forever()
        return self._pieces.pop(0)

    async def reset(self) -> None:
        self.was_reset.set()


async def nobody(received: Received) -> None:
    raise AssertionError(f"{received} was not expected")


def begin(nursery: trio.Nursery, stream: Script) -> LaneHandlers:
    """Serve this stream."""
    desk = Desk()
    handlers = LaneHandlers(cast("Host", desk), 1024, nobody)
    handlers.serve()
    assert desk.handler is not None
    nursery.start_soon(desk.handler, cast("Stream", stream))
    return handlers


def within(story: Callable[[trio.Nursery, trio.testing.MockClock], Awaitable[None]]) -> None:
    """Run a story whose time only moves when it says so, and end what it began."""
    clock = trio.testing.MockClock()

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            await story(nursery, clock)
            nursery.cancel_scope.cancel()

    trio.run(main, clock=clock)


def test_others_run_between_two_blocks_of_frames_that_nobody_waits_for():
    async def story(nursery: trio.Nursery, _clock: trio.testing.MockClock) -> None:
        count = 100 * FRAMES_AT_ONCE
        handlers = begin(nursery, Script(frame(LATER) * count))
        seen = [0]
        while seen[-1] < count:
            await trio.lowlevel.checkpoint()
            seen.append(handlers.refused["later version"])
        taken_at_once = [after - before for before, after in pairwise(seen)]
        assert max(taken_at_once) <= 2 * FRAMES_AT_ONCE  # the scheduler shuffles who is first

    within(story)


def test_frames_are_paid_for_before_they_are_decoded_though_one_read_brings_them():
    async def story(nursery: trio.Nursery, clock: trio.testing.MockClock) -> None:
        burst, a_second = int(FRAMES.burst), int(FRAMES.per_s)
        handlers = begin(nursery, Script(frame(LATER) * (burst + 2 * a_second)))
        for taken in (burst, burst + a_second, burst + 2 * a_second):
            await trio.testing.wait_all_tasks_blocked()
            assert handlers.refused["later version"] == taken
            for _ in range(a_second // FRAMES_AT_ONCE):
                clock.jump(FRAMES_AT_ONCE / FRAMES.per_s)
                await trio.testing.wait_all_tasks_blocked()

    within(story)


def test_an_empty_frame_breaks_the_rules():
    async def story(nursery: trio.Nursery, _clock: trio.testing.MockClock) -> None:
        stream = Script(frame(LATER) * FRAMES_AT_ONCE + frame(b"") * 1_000)
        handlers = begin(nursery, stream)
        await stream.was_reset.wait()
        assert handlers.refused == {"later version": FRAMES_AT_ONCE, "MalformedMessage": 1}

    within(story)


def test_half_a_frame_after_many_whole_ones_has_its_time_and_no_more():
    async def story(nursery: trio.Nursery, clock: trio.testing.MockClock) -> None:
        stream = Script(frame(LATER) * 3 * FRAMES_AT_ONCE + frame(LATER)[:2])
        handlers = begin(nursery, stream)
        await trio.testing.wait_all_tasks_blocked()
        clock.jump(FRAME_TIMEOUT_S - 1)
        await trio.testing.wait_all_tasks_blocked()
        assert not stream.was_reset.is_set()
        clock.jump(2)
        await stream.was_reset.wait()
        assert handlers.refused["slow frame"] == 1

    within(story)


def play(story: Callable[[Host, Host], Awaitable[None]]) -> None:
    """Tell a story of two hosts in virtual time."""

    async def main() -> None:
        async with (
            open_network(seeded(1, "network", "guard")) as network,
            network.host("alice") as alice,
            network.host("bob") as bob,
        ):
            await story(alice, bob)

    run_simulation(main, 1)


async def offend(alice: Host, bob: Host) -> None:
    """A stream of Alice's that breaks the rules, and the time it takes to be noticed."""
    stream = await alice.open_stream(bob.peer_id, [Lane.LIVE.value])
    with suppress(trio.BrokenResourceError):  # refused, as it should be
        await stream.send_all(GARBAGE)
        await stream.receive_some(1)
    await trio.sleep(1)


def test_a_further_stream_of_a_peer_on_one_lane_ends_its_oldest():
    async def story(nursery: trio.Nursery, _clock: trio.testing.MockClock) -> None:
        desk = Desk()
        LaneHandlers(cast("Host", desk), 1024, nobody).serve()
        assert desk.handler is not None
        streams = [Script() for _ in range(STREAMS_PER_LANE_MAX + 1)]
        for stream in streams:
            nursery.start_soon(desk.handler, cast("Stream", stream))
            await trio.testing.wait_all_tasks_blocked()
        ended = [stream.was_reset.is_set() for stream in streams]
        assert ended == [True] + [False] * STREAMS_PER_LANE_MAX

    within(story)
