"""What a host promises about streams: negotiation, integrity, isolation, ends."""

from __future__ import annotations

import logging
from contextlib import suppress
from functools import partial
from random import Random

import pytest
import trio
import trio.testing

from p2pchat.errors import PeerUnreachable, RemoteProtocolError, StreamReset

ECHO = "/compliance/echo/1.0.0"
OLD_ECHO = "/compliance/echo/0.9.0"
SINK = "/compliance/sink/1.0.0"
FAULTY = "/compliance/faulty/1.0.0"


async def echo(stream) -> None:
    async with stream:
        async for chunk in stream:
            await stream.send_all(chunk)


async def never_read(stream) -> None:
    await trio.sleep_forever()


async def read_to_end(stream) -> bytes:
    return b"".join([chunk async for chunk in stream])


async def read_exactly(stream, size_bytes: int) -> bytes:
    """So many bytes, or fewer at the end."""
    found = b""
    while len(found) < size_bytes and (data := await stream.receive_some(size_bytes - len(found))):
        found += data
    return found


async def send_for_ever(stream) -> None:
    while True:
        await stream.send_all(bytes(16 * 1024))


async def clog(stream) -> None:
    """Send until nothing more fits."""
    blocked = False
    while not blocked:
        with trio.move_on_after(0.1) as scope:
            await stream.send_all(bytes(16 * 1024))
        blocked = scope.cancelled_caught


async def send_in_pieces(stream, data: bytes, rng: Random) -> None:
    while data:
        size = rng.randrange(1, 64 * 1024)
        await stream.send_all(data[:size])
        data = data[size:]
    await stream.send_eof()


async def read_in_pieces(stream, rng: Random) -> bytes:
    found = []
    while data := await stream.receive_some(rng.randrange(1, 64 * 1024)):
        found.append(data)
    return b"".join(found)


def test_a_stream_knows_its_peer_and_its_protocol_at_both_sides(play):
    async def story(world) -> None:
        async with world.pair() as (alice, bob):
            near, far = await world.streams(alice, bob)
            assert (near.peer, far.peer) == (bob.peer_id, alice.peer_id)
            assert near.protocol == far.protocol

    play(story)


def test_streams_go_both_ways_whoever_dialled(play):
    async def story(world) -> None:
        async with world.pair() as (alice, bob):
            for opener, server in ((alice, bob), (bob, alice)):
                near, far = await world.streams(opener, server)
                await near.send_all(b"there")
                assert await read_exactly(far, 5) == b"there"
                await far.send_all(b"back")
                assert await read_exactly(near, 4) == b"back"

    play(story)


def test_what_is_sent_soon_keeps_its_place_or_is_declined(play):
    async def story(world) -> None:
        async with world.pair() as (alice, bob):
            near, far = await world.streams(alice, bob)
            sent = b""
            for number in range(50):
                await near.send_all(b"all %d " % number)
                sent += b"all %d " % number
                if near.send_soon(b"soon %d " % number):
                    sent += b"soon %d " % number
            assert await read_exactly(far, len(sent)) == sent
            await near.aclose()
            assert not near.send_soon(b"late")
            assert await read_to_end(far) == b""

    play(story)


def test_nothing_is_sent_soon_to_a_peer_that_does_not_read(play):
    async def story(world) -> None:
        async with world.pair() as (alice, bob):
            near, _ = await world.streams(alice, bob)
            await clog(near)
            assert not near.send_soon(bytes(16 * 1024))

    play(story)


def test_no_stream_opens_without_a_connection_and_nobody_is_dialled(play):
    async def story(world) -> None:
        async with world.host("alice") as alice, world.host("bob") as bob:
            bob.serve(ECHO, echo)
            await alice.connect(bob.peer_id, bob.addresses)
            await alice.disconnect(bob.peer_id)
            with pytest.raises(PeerUnreachable):
                await alice.open_stream(bob.peer_id, [ECHO])
            assert not alice.is_connected(bob.peer_id)

    play(story)


def test_the_first_protocol_that_the_peer_serves_is_spoken(play):
    async def story(world) -> None:
        async with world.pair() as (alice, bob):
            bob.serve(OLD_ECHO, echo)
            async with await alice.open_stream(bob.peer_id, [ECHO, OLD_ECHO]) as stream:
                assert stream.protocol == OLD_ECHO
            bob.serve(ECHO, echo)
            async with await alice.open_stream(bob.peer_id, [ECHO, OLD_ECHO]) as stream:
                assert stream.protocol == ECHO

    play(story)


def test_a_protocol_that_is_not_served_resets_the_stream_alone(play):
    async def story(world) -> None:
        async with world.pair() as (alice, bob):
            bob.serve(ECHO, echo)
            bob.serve(SINK, never_read)
            bob.unserve(SINK)
            for unknown in ([SINK], [SINK, OLD_ECHO]):
                with pytest.raises(StreamReset):
                    await alice.open_stream(bob.peer_id, unknown)
            async with await alice.open_stream(bob.peer_id, [ECHO]) as stream:
                await stream.send_all(b"still here")
                assert await read_exactly(stream, 10) == b"still here"

    play(story)


@pytest.mark.parametrize("error", [RuntimeError("a bug"), RemoteProtocolError("bad bytes")])
def test_what_a_handler_raises_resets_its_stream_and_ends_nothing_else(play, error, caplog):
    async def faulty(stream) -> None:
        await stream.receive_some()
        raise error

    async def story(world) -> None:
        async with world.pair() as (alice, bob):
            bob.serve(ECHO, echo)
            bob.serve(FAULTY, faulty)
            witness = await alice.open_stream(bob.peer_id, [ECHO])
            for _ in range(3):
                async with await alice.open_stream(bob.peer_id, [FAULTY]) as stream:
                    await stream.send_all(b"x")
                    with pytest.raises(trio.BrokenResourceError):
                        await stream.receive_some()
            await witness.send_all(b"alive")
            assert await read_exactly(witness, 5) == b"alive"
            assert bob.is_connected(alice.peer_id)

    with caplog.at_level(logging.DEBUG, logger="p2pchat"):
        play(story)
    assert any(FAULTY in record.getMessage() for record in caplog.records)


def test_a_slow_handler_holds_up_no_other_stream(play):
    async def story(world) -> None:
        async with world.pair() as (alice, bob):
            bob.serve(ECHO, echo)
            bob.serve(SINK, never_read)
            stuck = await alice.open_stream(bob.peer_id, [SINK])
            await clog(stuck)
            async with await alice.open_stream(bob.peer_id, [ECHO]) as stream:
                await stream.send_all(b"past it")
                assert await read_exactly(stream, 7) == b"past it"
            await stuck.reset()

    play(story)


def test_a_writer_waits_for_its_reader(play):
    async def story(world) -> None:
        async with world.pair() as (alice, bob):
            near, far = await world.streams(alice, bob)
            await clog(near)
            with trio.move_on_after(0.3) as scope:
                await near.send_all(b"more")
            assert scope.cancelled_caught
            async with trio.open_nursery() as nursery:
                nursery.start_soon(read_to_end, far)
                await near.send_all(b"and on")
                await near.send_eof()

    play(story)


def test_many_streams_at_once_keep_apart(play):
    async def story(world) -> None:
        async with world.pair() as (alice, bob):
            for host in (alice, bob):
                host.serve(ECHO, echo)

            async def converse(opener, server, number: int) -> None:
                rng = Random(number)
                async with await opener.open_stream(server.peer_id, [ECHO]) as stream:
                    for _ in range(10):
                        said = rng.randbytes(rng.randrange(1, 2_000))
                        await stream.send_all(said)
                        assert await read_exactly(stream, len(said)) == said

            async with trio.open_nursery() as nursery:
                for number in range(25):
                    nursery.start_soon(converse, alice, bob, number)
                    nursery.start_soon(converse, bob, alice, 1_000 + number)

    play(story)


def test_a_megabyte_arrives_whole_in_both_directions_at_once(play):
    there, back = Random(1).randbytes(1 << 20), Random(2).randbytes(1 << 20)
    found = {}

    async def story(world) -> None:
        async with world.pair() as (alice, bob):
            near, far = await world.streams(alice, bob)

            async def read(side: str, stream, seed: int) -> None:
                found[side] = await read_in_pieces(stream, Random(seed))

            async with trio.open_nursery() as nursery:
                nursery.start_soon(send_in_pieces, near, there, Random(3))
                nursery.start_soon(send_in_pieces, far, back, Random(4))
                nursery.start_soon(read, "far", far, 5)
                nursery.start_soon(read, "near", near, 6)

    play(story)
    assert found["far"] == there
    assert found["near"] == back


def test_a_cancelled_send_spoils_no_other_stream(play):
    async def story(world) -> None:
        async with world.pair() as (alice, bob):
            bob.serve(ECHO, echo)
            bob.serve(SINK, never_read)
            witness = await alice.open_stream(bob.peer_id, [ECHO])
            for size in (100, 10_000, 1 << 20):
                stuck = await alice.open_stream(bob.peer_id, [SINK])
                await clog(stuck)
                with trio.move_on_after(0.05):
                    await stuck.send_all(bytes(size))
                await witness.send_all(b"intact" * 1_000)
                assert await read_exactly(witness, 6_000) == b"intact" * 1_000
                await stuck.reset()

    play(story)


def test_a_cancelled_send_leaves_a_prefix(play):
    data = Random(7).randbytes(1 << 20)

    async def story(world) -> None:
        async with world.pair() as (alice, bob):
            near, far = await world.streams(alice, bob)
            with trio.move_on_after(0.2):
                await near.send_all(data)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(near.aclose)
                try:
                    arrived = await read_to_end(far)
                except trio.BrokenResourceError:
                    arrived = b""  # giving the stream up is right as well
                assert data.startswith(arrived)

    play(story)


def test_half_a_close_lets_the_answer_through(play):
    async def story(world) -> None:
        async with world.pair() as (alice, bob):
            near, far = await world.streams(alice, bob)
            await near.send_all(b"question")
            await near.send_eof()
            assert await read_to_end(far) == b"question"
            await far.send_all(b"answer")
            await far.send_eof()
            assert await read_to_end(near) == b"answer"

    play(story)


def test_closing_flushes_what_was_sent(play):
    async def story(world) -> None:
        async with world.pair() as (alice, bob):
            for size in (0, 1, 1_000, 100_000):
                near, far = await world.streams(alice, bob)
                await near.send_all(bytes(size))
                await near.aclose()
                assert await read_to_end(far) == bytes(size)

    play(story)


def test_what_was_sent_before_the_host_closed_arrives(play):
    async def story(world) -> None:
        async with world.host("bob") as bob:
            async with world.host("alice") as alice:
                await alice.connect(bob.peer_id, bob.addresses)
                near, far = await world.streams(alice, bob)
                await near.send_all(bytes(50_000))
                await near.aclose()
            assert await read_to_end(far) == bytes(50_000)

    play(story)


def test_a_reset_breaks_the_remote_side_and_closes_the_own(play):
    async def story(world) -> None:
        async with world.pair() as (alice, bob):
            near, far = await world.streams(alice, bob)
            await near.reset()
            with pytest.raises(trio.BrokenResourceError):
                await far.receive_some()
            with pytest.raises(trio.BrokenResourceError):
                await send_for_ever(far)
            with pytest.raises(trio.ClosedResourceError):
                await near.send_all(b"x")
            with pytest.raises(trio.ClosedResourceError):
                await near.receive_some()

    play(story)


def test_a_reset_wakes_who_waits_for_bytes_or_room(play):
    async def story(world) -> None:
        async with world.pair() as (alice, bob):
            near, far = await world.streams(alice, bob)
            await clog(near)

            async def wait(async_fn) -> None:
                with pytest.raises(trio.BrokenResourceError):
                    await async_fn()

            async with trio.open_nursery() as nursery:
                nursery.start_soon(wait, partial(near.send_all, bytes(100_000)))
                nursery.start_soon(wait, near.receive_some)
                await trio.testing.wait_all_tasks_blocked()
                await far.reset()

    play(story)


def test_a_reset_never_raises(play):
    async def story(world) -> None:
        async with world.pair() as (alice, bob):
            near, far = await world.streams(alice, bob)
            await near.reset()
            await near.reset()
            await near.aclose()
            await far.reset()
            near, far = await world.streams(alice, bob)
            with trio.CancelScope() as scope:
                scope.cancel()
                await near.reset()
            await far.aclose()
            await far.reset()
            near, far = await world.streams(alice, bob)
            await alice.disconnect(bob.peer_id)
            await near.reset()
            await world.until(bob, alice, lambda state: state is None)
            await far.reset()

    play(story)


def test_streams_end_with_their_connection_at_both_sides(play):
    async def story(world) -> None:
        async with world.pair() as (alice, bob):
            near, far = await world.streams(alice, bob)
            await alice.disconnect(bob.peer_id)
            for stream in (near, far):
                with pytest.raises(trio.BrokenResourceError):
                    await stream.receive_some()
                with pytest.raises(trio.BrokenResourceError):
                    await stream.send_all(b"x")

    play(story)


def test_a_closing_host_ends_its_streams_at_the_remote_side(play):
    async def story(world) -> None:
        async with world.host("alice") as alice:
            async with world.host("bob") as bob:
                await alice.connect(bob.peer_id, bob.addresses)
                near, _ = await world.streams(alice, bob)
            with suppress(trio.BrokenResourceError):  # either is an end
                assert await near.receive_some() == b""
            with pytest.raises(trio.BrokenResourceError):
                await send_for_ever(near)

    play(story)


def test_closing_a_stream_leaves_its_connection(play):
    async def story(world) -> None:
        async with world.pair() as (alice, bob):
            bob.serve(ECHO, echo)
            for _ in range(100):
                async with await alice.open_stream(bob.peer_id, [ECHO]) as stream:
                    await stream.send_all(b"x")
                    assert await stream.receive_some() == b"x"
            assert len(alice.peers) == 1

    play(story)


def test_streams_keep_the_manners_of_trio(play):
    async def story(world) -> None:
        async with world.pair() as (alice, bob):

            async def clogged():
                near, far = await world.streams(alice, bob)
                await clog(near)
                await clog(far)
                return near, far

            async def fresh():
                return await world.streams(alice, bob)

            await trio.testing.check_half_closeable_stream(fresh, clogged)

    play(story)
