"""A peer that floods is slowed, then cut off for some seconds; others do not notice."""

from __future__ import annotations

import logging
from contextlib import suppress

import pytest
import trio

from p2pchat.errors import NetworkError
from p2pchat.net.libp2p.options import HostLimits
from p2pchat.net.libp2p.ping import PING, PINGS
from p2pchat.net.libp2p.yamux_frames import Kind
from p2pchat.net.libp2p.yamux_substream import WINDOW_BYTES, WINDOW_BYTES_MAX
from p2pchat.net.port import Stream
from p2pchat.protocol.pace import Rate
from tests.libp2p.hosts import (
    ECHO,
    PIPE,
    ask,
    echo,
    eventually,
    host,
    is_down,
    is_up,
    limited,
    play,
    until,
)

SLOW = HostLimits(
    streams_per_peer=Rate(per_s=40, burst=8),
    refusals_per_peer=Rate(per_s=0.001, burst=4),
    shun_s=2.0,  # who calls again meanwhile may be slow
)
IDLE_S = 2.0
"""When nothing went out for so long, nothing does any more."""


async def knock(one, other) -> bool:
    """Open a stream; whether it was served."""
    await trio.lowlevel.checkpoint()  # a refusal may be known without waiting
    try:
        return await ask(one, other, b"?") == b"?"
    except (NetworkError, trio.BrokenResourceError):
        return False


def test_a_peer_that_opens_streams_without_end_is_cut_off_for_a_while_and_nobody_else(caplog):
    async def story() -> None:
        async with (
            host("bob", limits=SLOW) as bob,
            host("mallory") as mallory,
            host("alice") as alice,
        ):
            bob.serve(ECHO, echo)
            await alice.connect(bob.peer_id, bob.addresses)
            await mallory.connect(bob.peer_id, bob.addresses)
            await until(bob, mallory, is_up)
            while mallory.is_connected(bob.peer_id):
                await knock(mallory, bob)
            assert bob.statistics().connections_flooding_total == 1
            assert bob.statistics().streams_refused_pace_total >= 5
            with suppress(NetworkError):
                await mallory.connect(bob.peer_id, bob.addresses)
                await until(mallory, bob, is_down)
            assert bob.statistics().refused_shunned_total >= 1
            assert await ask(alice, bob, b"still here") == b"still here"
            await trio.sleep(SLOW.shun_s)
            await mallory.connect(bob.peer_id, bob.addresses)
            await until(bob, mallory, is_up)

    with caplog.at_level(logging.WARNING, logger="p2pchat"):
        play(story)
    (record,) = [one for one in caplog.records if one.name == "p2pchat.net.libp2p.swarm"]
    assert "cut off" in record.getMessage()


def test_one_protocol_alone_has_a_pace_of_its_own():
    async def story() -> None:
        limits = {"streams_per_protocol": Rate(per_s=0.001, burst=3)}
        async with limited("bob", **limits) as bob, host("alice") as alice:
            bob.serve(ECHO, echo)
            bob.serve("/test/other/1.0.0", echo)
            await alice.connect(bob.peer_id, bob.addresses)
            assert [await knock(alice, bob) for _ in range(4)] == [True, True, True, False]
            async with await alice.open_stream(bob.peer_id, ["/test/other/1.0.0"]) as stream:
                await stream.send_all(b"x")
                assert await stream.receive_some() == b"x"
            assert bob.statistics().streams_refused_pace_total == 1

    play(story)


@pytest.mark.parametrize(
    "flood",
    [
        (Kind.WINDOW_UPDATE, 0, 1, 0),
        (Kind.PING, 0, 0, 7),
        (Kind.DATA, 0, 1, 0),
    ],
)
def test_frames_that_carry_nothing_end_the_connection_and_the_peer_is_shunned(flood):
    async def story() -> None:
        async with host("bob") as bob, host("mallory") as mallory:
            bob.serve(ECHO, echo)
            await mallory.connect(bob.peer_id, bob.addresses)
            await until(bob, mallory, is_up)
            stream = await mallory.open_stream(bob.peer_id, [ECHO])
            muxed = mallory._swarm.best(bob.peer_id).muxed
            while mallory.is_connected(bob.peer_id):
                for _ in range(4_000):
                    muxed.session.outbox.control(*flood)
                muxed.wake_writer()
                await trio.sleep(0.001)
            await stream.reset()
            await eventually(lambda: bob.statistics().connections_flooding_total == 1)

    play(story)


def test_pings_without_end_are_answered_at_a_pace():
    async def story() -> None:
        async with host("bob") as bob, host("alice") as alice:
            await alice.connect(bob.peer_id, bob.addresses)
            stream = await alice.open_stream(bob.peer_id, [PING])
            await stream.send_all(bytes(32) * 1_000)
            began_s, answered = trio.current_time(), 0
            while answered < 32 * (PINGS.burst + 4):
                answered += len(await stream.receive_some())
            assert trio.current_time() - began_s >= 3 / PINGS.per_s
            await stream.reset()

    play(story)


def test_on_a_stream_that_is_kept_small_no_more_waits_than_on_a_new_one():
    waiting: dict[bool, int] = {}

    async def story() -> None:
        async with host("bob") as bob, host("mallory") as mallory:

            async def read_a_little(stream: Stream) -> None:
                (is_small,) = await stream.receive_some(1)
                if is_small:
                    stream.keep_small()
                left = WINDOW_BYTES
                while left:
                    left -= len(await stream.receive_some(left))
                await trio.sleep_forever()

            async def flood(*, is_small: bool) -> None:
                stream = await mallory.open_stream(bob.peer_id, [PIPE])
                await stream.send_all(bytes([is_small]))
                taken = 0
                with trio.move_on_after(IDLE_S) as idle:
                    while True:
                        await stream.send_all(bytes(16_384))
                        idle.deadline = trio.current_time() + IDLE_S
                        taken += 16_384
                waiting[is_small] = taken - WINDOW_BYTES

            bob.serve(PIPE, read_a_little)
            await mallory.connect(bob.peer_id, bob.addresses)
            for is_small in (True, False):
                await flood(is_small=is_small)

    play(story)
    assert WINDOW_BYTES // 2 <= waiting[True] <= WINDOW_BYTES + 2 * 16_384
    assert waiting[False] > WINDOW_BYTES_MAX // 2
