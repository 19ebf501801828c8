"""The streams of a lean connection, in memory and in virtual time."""

from __future__ import annotations

import hashlib
from random import Random

import pytest
import trio
from libp2p.stream_muxer.exceptions import (
    MuxedStreamClosed,
    MuxedStreamEOF,
    MuxedStreamReset,
)
from trio.testing import lockstep_stream_pair, wait_all_tasks_blocked

from p2pchat.net.libp2p.yamux import (
    SWEEP_INTERVAL_S,
    LeanYamux,
)
from p2pchat.net.libp2p.yamux_outbox import BATCH_BYTES, HELD_BYTES_MAX
from p2pchat.net.libp2p.yamux_session import YamuxLimits
from p2pchat.net.libp2p.yamux_substream import WINDOW_BYTES
from tests.libp2p.lean import (
    BOB,
    Plain,
    expect,
    peer_of,
    play_fast,
    read_to_end,
    read_to_reset,
    running,
    stream_pair,
    yamux_and_wire,
    yamux_pair,
)


def test_what_is_written_is_read_in_both_directions():
    async def story():
        async with yamux_pair() as (alice, bob):
            ours, theirs = await stream_pair(alice, bob)
            await ours.write(b"ping")
            assert await theirs.read() == b"ping"
            await theirs.write(b"pong")
            assert await ours.read(2) == b"po"
            assert await ours.read(100) == b"ng"

    play_fast(story)


def test_either_side_opens_streams():
    async def story():
        async with yamux_pair() as (alice, bob):
            ours, _ = await stream_pair(alice, bob)
            theirs, _ = await stream_pair(bob, alice)
            assert (ours.stream_id, theirs.stream_id) == (1, 2)

    play_fast(story)


def test_after_the_end_of_one_direction_the_other_goes_on():
    async def story():
        async with yamux_pair() as (alice, bob):
            ours, theirs = await stream_pair(alice, bob)
            await ours.write(b"question")
            await ours.close()
            assert await read_to_end(theirs) == b"question"
            for _ in range(2):
                with pytest.raises(MuxedStreamEOF):
                    await theirs.read(1)
            with pytest.raises(MuxedStreamClosed):
                await ours.write(b"more")
            await theirs.write(b"answer")
            await theirs.close()
            assert await read_to_end(ours) == b"answer"
            assert ours.closed
            assert theirs.closed

    play_fast(story)


def test_leaving_the_context_of_a_stream_finishes_it():
    async def story():
        async with yamux_pair() as (alice, bob):
            ours, theirs = await stream_pair(alice, bob)
            async with ours:
                await ours.write(b"all")
            assert await read_to_end(theirs) == b"all"

    play_fast(story)


@pytest.mark.parametrize("by", ["us", "them"])
def test_a_reset_reaches_whoever_reads_or_writes_on_either_side(by: str):
    async def story():
        async with yamux_pair() as (alice, bob):
            ours, theirs = await stream_pair(alice, bob)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(expect, MuxedStreamReset, ours.read)
                nursery.start_soon(expect, MuxedStreamReset, ours.write, bytes(2 * WINDOW_BYTES))
                await wait_all_tasks_blocked()
                await (ours if by == "us" else theirs).reset()
            await wait_all_tasks_blocked()
            for stream in (ours, theirs):
                with pytest.raises(MuxedStreamReset):
                    await stream.read()
                with pytest.raises(MuxedStreamReset):
                    await stream.write(b"x")
                await stream.close()
                await stream.reset()

    play_fast(story)


def test_a_writer_waits_for_a_reader_and_the_window_bounds_what_is_kept():
    async def story():
        async with yamux_pair() as (alice, bob):
            ours, theirs = await stream_pair(alice, bob)
            payload = Random(1).randbytes(3 * WINDOW_BYTES)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(ours.write, payload)
                await wait_all_tasks_blocked()
                assert ours.send_window <= 0
                assert bob.session.table.unread == WINDOW_BYTES
                received = b""
                while len(received) < len(payload):
                    received += await theirs.read(70_000)
            assert received == payload
            assert ours.send_window > 0

    play_fast(story)


def test_a_peer_that_stops_reading_has_at_most_the_budget_kept_for_it():
    async def story():
        async with yamux_and_wire(lockstep_stream_pair()) as (muxed, _, _):
            streams = [await muxed.open_stream() for _ in range(8)]
            kept = 0
            with trio.move_on_after(1):
                while True:
                    await streams[kept // 1000 % 8].write(bytes(1000))
                    kept += 1000
            under_way = BATCH_BYTES
            assert HELD_BYTES_MAX - 1000 <= kept <= HELD_BYTES_MAX + under_way

    play_fast(story)


def test_each_of_many_concurrent_writes_to_a_stream_stays_in_one_piece():
    async def story():
        async with yamux_pair() as (alice, bob):
            ours, theirs = await stream_pair(alice, bob)
            size = 100_000

            async def send():
                async with trio.open_nursery() as nursery:
                    for value in range(10):
                        nursery.start_soon(ours.write, bytes([value]) * size)
                await ours.close()

            async with trio.open_nursery() as nursery:
                nursery.start_soon(send)
                received = await read_to_end(theirs)
            pieces = [received[at : at + size] for at in range(0, len(received), size)]
            assert len(pieces) == 10
            assert {piece[0] for piece in pieces} == set(range(10))
            assert all(len(set(piece)) == 1 for piece in pieces)

    play_fast(story)


def test_a_cancelled_write_leaves_a_prefix_and_every_other_stream_intact():
    async def story():
        random = Random(7)
        async with yamux_pair(lockstep_stream_pair()) as (alice, bob):
            torn, torn_end = await stream_pair(alice, bob)
            whole, whole_end = await stream_pair(alice, bob)
            sent, hashes = hashlib.sha256(), list[str]()

            async def collect():
                hashes.append(hashlib.sha256(await read_to_end(whole_end)).hexdigest())

            async with trio.open_nursery() as nursery:
                nursery.start_soon(collect)
                nursery.start_soon(read_to_reset, torn_end)
                for _ in range(60):
                    scope = trio.CancelScope()

                    async def write_torn(scope: trio.CancelScope = scope):
                        with scope:
                            await torn.write(bytes(random.randrange(1, 600_000)))

                    nursery.start_soon(write_torn)
                    for _ in range(random.randrange(6)):
                        await trio.lowlevel.checkpoint()
                    scope.cancel()
                    data = random.randbytes(random.randrange(1, 40_000))
                    sent.update(data)
                    await whole.write(data)
                await whole.close()
                await trio.sleep(1)
                assert not bob.is_closed
                await torn.reset()
            assert hashes == [sent.hexdigest()]

    play_fast(story)


def test_nothing_of_a_write_is_sent_after_it_was_cancelled():
    async def story():
        async with yamux_pair() as (alice, bob):
            ours, theirs = await stream_pair(alice, bob)
            with trio.move_on_after(1):
                await ours.write(b"a" * (2 * WINDOW_BYTES))
            async with trio.open_nursery() as nursery:
                nursery.start_soon(ours.write, b"b" * 10)
                received = b""
                while not received.endswith(b"b" * 10):
                    received += await theirs.read()
            assert received == b"a" * WINDOW_BYTES + b"b" * 10

    play_fast(story)


def test_a_cancelled_read_takes_nothing():
    async def story():
        async with yamux_pair() as (alice, bob):
            ours, theirs = await stream_pair(alice, bob)
            with trio.move_on_after(1):
                await theirs.read(10)
            await ours.write(b"still there")
            await wait_all_tasks_blocked()
            with trio.CancelScope() as scope:
                scope.cancel()
                await theirs.read(10)
            assert scope.cancelled_caught
            assert await theirs.read(5) == b"still"

    play_fast(story)


def test_closing_a_stream_throws_out_the_writer_that_waits():
    async def story():
        async with yamux_pair() as (alice, bob):
            ours, theirs = await stream_pair(alice, bob)

            async def write():
                with pytest.raises(MuxedStreamClosed):
                    await ours.write(bytes(2 * WINDOW_BYTES))

            async with trio.open_nursery() as nursery:
                nursery.start_soon(write)
                await wait_all_tasks_blocked()
                await ours.close()
            assert len(await read_to_end(theirs)) == WINDOW_BYTES

    play_fast(story)


def test_a_message_does_not_wait_for_the_file_beside_it():
    async def story():
        ours_pipe, theirs_pipe = lockstep_stream_pair()
        alice = LeanYamux(Plain(ours_pipe, initiator=True), peer_of(BOB))
        async with running(alice) as nursery:
            file, chat = await alice.open_stream(), await alice.open_stream()
            nursery.start_soon(file.write, bytes(WINDOW_BYTES))
            await wait_all_tasks_blocked()
            await chat.write(b"are you there?")
            received = b""
            while b"are you there?" not in received:
                received += await theirs_pipe.receive_some()
            assert len(received) <= 2 * BATCH_BYTES

    play_fast(story)


def test_a_deadline_is_refused_as_stock_does():
    async def story():
        async with yamux_pair() as (alice, _):
            stream = await alice.open_stream()
            with pytest.raises(NotImplementedError):
                stream.set_deadline(1)
            assert stream.get_remote_address() is None

    play_fast(story)


def test_nothing_is_left_of_streams_that_are_over():
    async def story():
        async with yamux_pair() as (alice, bob):
            for turn in range(300):
                ours, theirs = await stream_pair(alice, bob)
                await ours.write(b"x")
                if turn % 3 == 0:
                    await ours.reset()
                else:
                    await ours.close()
                    assert await read_to_end(theirs) == b"x"
                    await theirs.close()
                    assert await read_to_end(ours) == b""
            await wait_all_tasks_blocked()
            for end in (alice, bob):
                assert end.session.table.streams == {}
                assert end._streams == {}
                assert end.session.table.unread == 0

    play_fast(story)


def test_a_stream_we_finished_and_its_peer_forgot_is_reset_after_minutes():
    async def story():
        async with yamux_pair() as (alice, bob):
            ours, theirs = await stream_pair(alice, bob)
            await ours.close()
            sweeps = YamuxLimits().idle_sweeps_max
            await trio.sleep(SWEEP_INTERVAL_S * (sweeps - 1))
            await theirs.write(b"slowly")
            assert await ours.read() == b"slowly"
            with pytest.raises(MuxedStreamReset):
                await ours.read()
            assert trio.current_time() > SWEEP_INTERVAL_S * (2 * sweeps - 2)
            await wait_all_tasks_blocked()
            with pytest.raises(MuxedStreamReset):
                await theirs.write(b"too late")

    play_fast(story)
