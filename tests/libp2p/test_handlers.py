"""A stream handler that fails, or a peer that misbehaves on a stream, costs that stream alone."""

from __future__ import annotations

import logging
import time
from itertools import pairwise

import pytest
import trio

from p2pchat.errors import MalformedMessage, StreamReset
from p2pchat.net.libp2p.connection import LONG_TURN_S, PAUSE_S_MAX
from tests.libp2p.hosts import (
    ECHO,
    PIPE,
    ask,
    echo,
    eventually,
    host,
    is_down,
    limited,
    pair,
    play,
    streams,
    until,
)

BAD = "/test/bad/1.0.0"

MALFORMED = {
    "no header": b"\x05nope\n",
    "a length of 2^63": b"\xff\xff\xff\xff\xff\xff\xff\xff\x7f",
    "an empty line": b"\x00",
    "no newline": b"\x13/multistream/1.0.0 ",
    "no text": b"\x13/multistream/1.0.0\n\x04\xff\xff\xff\n",
}


@pytest.mark.parametrize(
    "error", [ValueError("a bug"), ExceptionGroup("several", [KeyError(1), OSError()])]
)
def test_an_exception_of_a_handler_resets_its_stream_and_nothing_else(error, caplog):
    async def fail(stream) -> None:
        await stream.receive_some(1)
        raise error

    async def story() -> None:
        async with pair() as (alice, bob):
            bob.serve(BAD, fail)
            other = await alice.open_stream(bob.peer_id, [ECHO])
            stream = await alice.open_stream(bob.peer_id, [BAD])
            await stream.send_all(b"x")
            with pytest.raises(trio.BrokenResourceError):
                await stream.receive_some()
            await other.send_all(b"alive")
            assert await other.receive_some() == b"alive"
            assert bob.statistics().handlers_failed_total == 1
            await stream.aclose()
            await other.aclose()

    with caplog.at_level(logging.WARNING, logger="p2pchat"):
        play(story)
    (record,) = [one for one in caplog.records if one.name == "p2pchat.net.libp2p.serving"]
    assert BAD in record.getMessage()
    assert record.exc_info is not None


@pytest.mark.parametrize("error", [MalformedMessage("of the peer"), trio.BrokenResourceError()])
def test_the_fault_of_a_peer_resets_its_stream_without_a_word_in_the_log(error, caplog):
    async def fail(stream) -> None:
        await stream.receive_some(1)
        raise error

    async def story() -> None:
        async with pair() as (alice, bob):
            bob.serve(BAD, fail)
            stream = await alice.open_stream(bob.peer_id, [BAD])
            await stream.send_all(b"x")
            with pytest.raises(trio.BrokenResourceError):
                await stream.receive_some()
            assert await ask(alice, bob, b"alive") == b"alive"
            assert bob.statistics().streams_broken_total == 1
            assert bob.statistics().handlers_failed_total == 0
            await stream.aclose()

    with caplog.at_level(logging.INFO, logger="p2pchat"):
        play(story)
    assert [one for one in caplog.records if one.name.startswith("p2pchat")] == []


@pytest.mark.parametrize("garbage", MALFORMED.values(), ids=MALFORMED)
def test_malformed_negotiation_ends_its_stream_and_is_counted(garbage):
    async def story() -> None:
        async with pair() as (alice, bob):
            muxed = await alice._swarm.best(bob.peer_id).open_stream()
            await muxed.write(garbage)
            await eventually(lambda: bob.statistics().streams_malformed_total == 1)
            assert await ask(alice, bob, b"alive") == b"alive"

    play(story)


def test_a_peer_that_keeps_negotiating_badly_is_cut_off(caplog):
    async def story() -> None:
        async with pair() as (alice, bob):
            connection = alice._swarm.best(bob.peer_id)
            for _ in range(8):
                await (await connection.open_stream()).write(b"\x05nope\n")
            await until(bob, alice, is_down)
            assert bob.statistics().streams_malformed_total == 8
            told = f"cut off {alice.peer_id.short}: its streams ask for no protocol"
            assert caplog.messages.count(told) == 1

    play(story)


def test_a_stream_that_is_never_negotiated_ends():
    async def story() -> None:
        async with host("alice") as alice, limited("bob", negotiation_timeout_s=0.1) as bob:
            await alice.connect(bob.peer_id, bob.addresses)
            await alice._swarm.best(bob.peer_id).open_stream()
            await eventually(lambda: bob.statistics().streams_malformed_total == 1)
            assert bob.statistics().streams_served == 0

    play(story)


def test_streams_above_the_limit_are_reset_and_the_others_go_on():
    async def story() -> None:
        async with host("alice") as alice, limited("bob", streams_per_connection_max=4) as bob:
            bob.serve(ECHO, echo)
            await alice.connect(bob.peer_id, bob.addresses)
            await until(bob, alice, lambda state: state is not None and state.protocols)
            held = [await alice.open_stream(bob.peer_id, [ECHO]) for _ in range(4)]
            with pytest.raises(StreamReset):
                await alice.open_stream(bob.peer_id, [ECHO])
            assert bob.statistics().streams_refused_full_total == 1
            for stream in held:
                await stream.send_all(b"still")
                assert await stream.receive_some() == b"still"
                await stream.aclose()
            await eventually(lambda: bob.statistics().streams_served == 0)
            assert await ask(alice, bob, b"again") == b"again"

    play(story)


def test_streams_that_say_no_protocol_hold_up_those_behind_them_and_no_other_peer():
    async def story() -> None:
        limits = {"negotiation_timeout_s": 0.3, "negotiations_per_connection_max": 2}
        async with host("alice") as alice, limited("bob", **limits) as bob, host("carol") as carol:
            bob.serve(ECHO, echo)
            for one in (alice, carol):
                await one.connect(bob.peer_id, bob.addresses)
                await until(bob, one, lambda state: state is not None and state.protocols)
            for _ in range(2):
                await alice._swarm.best(bob.peer_id).open_stream()
            assert await ask(carol, bob, b"at once") == b"at once"
            assert bob.statistics().streams_malformed_total == 0
            assert await ask(alice, bob, b"later") == b"later"
            assert bob.statistics().streams_malformed_total >= 1

    play(story)


@pytest.mark.parametrize("transport", ["lean", "stock"])
def test_a_hundred_streams_at_once_are_all_served(transport):
    async def story() -> None:
        async with pair(transport=transport) as (alice, bob), trio.open_nursery() as nursery:
            answers = list[bytes]()

            async def one(number: int) -> None:
                answers.append(await ask(alice, bob, b"%d" % number))

            for number in range(100):
                nursery.start_soon(one, number)
        assert len(set(answers)) == 100

    play(story)


def test_of_a_burst_of_streams_one_a_turn_is_taken_up():
    async def story() -> None:
        async with pair() as (alice, bob), trio.open_nursery() as nursery:
            connection = alice._swarm.best(bob.peer_id)
            inbound = bob._swarm.best(alice.peer_id).inbound
            seen = [inbound.serving]

            async def watch() -> None:
                while True:
                    seen.append(inbound.serving)
                    await trio.lowlevel.checkpoint()

            nursery.start_soon(watch)
            for _ in range(20):
                await connection.open_stream()
            await eventually(lambda: inbound.serving == 20)
            nursery.cancel_scope.cancel()
        taken = max(later - earlier for earlier, later in pairwise(seen))
        assert taken <= 2  # last in one turn and first in the next

    play(story)


def test_a_protocol_nobody_serves_is_a_reset_stream():
    async def story() -> None:
        async with pair() as (alice, bob):
            with pytest.raises(StreamReset, match="serves none"):
                await alice.open_stream(bob.peer_id, ["/test/none/1.0.0"])
            bob.unserve(ECHO)
            with pytest.raises(StreamReset):
                await alice.open_stream(bob.peer_id, [ECHO])

    play(story)


def test_the_first_protocol_that_is_served_is_taken():
    async def story() -> None:
        async with pair() as (alice, bob):
            stream = await alice.open_stream(bob.peer_id, ["/test/none/1.0.0", ECHO, PIPE])
            assert stream.protocol == ECHO
            await stream.aclose()

    play(story)


def test_handlers_of_a_lost_connection_are_cancelled_after_a_grace():
    async def story() -> None:
        cancelled = trio.Event()

        async def wait(stream) -> None:
            try:
                await trio.sleep_forever()
            finally:
                cancelled.set()

        async with host("alice") as alice, limited("bob", handler_grace_s=0.05) as bob:
            bob.serve(BAD, wait)
            await alice.connect(bob.peer_id, bob.addresses)
            stream = await alice.open_stream(bob.peer_id, [BAD])
            await alice.disconnect(bob.peer_id)
            await cancelled.wait()
            await stream.aclose()

    play(story)


async def read_on(stream) -> None:
    """Also after the end."""
    while True:
        await stream.receive_some()
        await trio.sleep(0.01)


def test_who_does_not_end_its_side_of_a_stream_that_we_closed_is_not_waited_for():
    async def story() -> None:
        async with limited("alice", linger_s=0.05) as alice, host("bob") as bob:
            await alice.connect(bob.peer_id, bob.addresses)
            near, far = await streams(alice, bob)
            await near.aclose()
            assert await far.receive_some() == b""
            with trio.fail_after(4), pytest.raises(trio.BrokenResourceError):
                await read_on(far)
            await far.aclose()

    play(story)


def test_while_turns_are_long_streams_of_one_connection_come_with_pauses():
    async def story() -> None:
        async with pair() as (alice, bob), trio.open_nursery() as nursery:
            connection = alice._swarm.best(bob.peer_id)
            inbound = bob._swarm.best(alice.peer_id).inbound
            seen: list[float] = []

            async def dawdle() -> None:
                while True:
                    time.sleep(4 * LONG_TURN_S)  # noqa: ASYNC251 -- a turn that is long
                    if inbound.serving > len(seen):
                        seen.append(trio.current_time())
                    await trio.lowlevel.checkpoint()

            nursery.start_soon(dawdle)
            for _ in range(4):
                await connection.open_stream()
            await eventually(lambda: len(seen) == 4)
            nursery.cancel_scope.cancel()
        gaps_s = [later - earlier for earlier, later in pairwise(seen)]
        assert min(gaps_s) >= PAUSE_S_MAX / 2

    play(story)
