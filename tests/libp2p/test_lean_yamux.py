"""The life of a lean Yamux connection, in memory and in virtual time."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from random import Random

import pytest
import trio
from libp2p.io.exceptions import ConnectionClosedError
from libp2p.stream_muxer.exceptions import (
    MuxedConnUnavailable,
    MuxedStreamClosed,
    MuxedStreamEOF,
    MuxedStreamError,
    MuxedStreamReset,
)
from trio.testing import lockstep_stream_pair, memory_stream_pair, wait_all_tasks_blocked

from p2pchat.net.libp2p.yamux import (
    BODY_TIMEOUT_S,
    FLUSH_TIMEOUT_S,
    GONE_AWAY_TIMEOUT_S,
    SWEEP_INTERVAL_S,
    LeanYamux,
)
from p2pchat.net.libp2p.yamux_frames import ACK, RST, SYN, Kind, encode_header
from p2pchat.net.libp2p.yamux_outbox import BATCH_BYTES, HELD_BYTES_MAX
from p2pchat.net.libp2p.yamux_session import Limits
from p2pchat.net.libp2p.yamux_substream import WINDOW_BYTES
from tests.libp2p.lean import (
    ALICE,
    BOB,
    Plain,
    peer_of,
    play_fast,
    read_to_end,
    read_to_reset,
    running,
    stream_pair,
    yamux_and_wire,
    yamux_pair,
)

UPDATE = Kind.WINDOW_UPDATE
GO_AWAY = encode_header(Kind.GO_AWAY, 0, 0, 0)
PROTOCOL_ERROR = encode_header(Kind.GO_AWAY, 0, 0, 1)


async def expect(error, call, *args):
    with pytest.raises(error):
        await call(*args)


# ---- streams ----


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
            sweeps = Limits().idle_sweeps_max
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


# ---- the end of a connection ----


def test_what_was_written_before_closing_arrives():
    async def story():
        async with yamux_pair() as (alice, bob):
            ours, theirs = await stream_pair(alice, bob)
            payload = Random(3).randbytes(HELD_BYTES_MAX)
            await ours.write(payload)
            start = trio.current_time()
            await alice.close()
            assert trio.current_time() == start
            assert alice.is_closed
            assert await read_to_reset(theirs) == payload

    play_fast(story)


def test_nothing_a_peer_says_while_the_connection_closes_keeps_what_was_written_back():
    async def story():
        async with yamux_and_wire(lockstep_stream_pair()) as (muxed, wire, nursery):
            stream = await muxed.open_stream()
            await wait_all_tasks_blocked()
            await stream.write(b"last words")
            nursery.start_soon(muxed.close)
            await wait_all_tasks_blocked()
            await wire.send_all(b"\xff" * 12)
            received = b""
            while data := await wire.receive_some():
                received += data
            assert received.endswith(b"last words" + GO_AWAY)

    play_fast(story)


def test_a_stream_finished_before_its_connection_closed_ends_well():
    async def story():
        async with yamux_pair() as (alice, bob):
            ours, theirs = await stream_pair(alice, bob)
            await ours.write(b"complete")
            await ours.close()
            await alice.close()
            await bob.event_closed.wait()
            assert await read_to_end(theirs) == b"complete"

    play_fast(story)


def test_closing_towards_a_peer_that_reads_nothing_takes_bounded_time():
    async def story():
        async with yamux_and_wire(lockstep_stream_pair()) as (muxed, _, _):
            stream = await muxed.open_stream()
            await stream.write(b"never read")
            start = trio.current_time()
            await muxed.close()
            assert trio.current_time() - start <= 2 * FLUSH_TIMEOUT_S
            assert muxed.is_closed

    play_fast(story)


def test_closing_a_connection_throws_out_everybody_who_waits():
    async def story():
        async with yamux_pair(lockstep_stream_pair()) as (alice, bob):
            ours, _ = await stream_pair(alice, bob)

            async with trio.open_nursery() as nursery:
                nursery.start_soon(expect, MuxedStreamReset, ours.read)
                nursery.start_soon(expect, MuxedStreamReset, ours.write, bytes(2 * WINDOW_BYTES))
                nursery.start_soon(expect, MuxedConnUnavailable, alice.accept_stream)
                nursery.start_soon(expect, MuxedConnUnavailable, bob.accept_stream)
                await wait_all_tasks_blocked()
                nursery.start_soon(alice.close)
                nursery.start_soon(alice.close)
            for end in (alice, bob):
                await end.event_closed.wait()
                assert not end.is_established
                with pytest.raises(MuxedStreamError):
                    await end.open_stream()
                with pytest.raises(MuxedConnUnavailable):
                    await end.accept_stream()

    play_fast(story)


def test_a_connection_that_breaks_ends_without_an_exception():
    async def story():
        pipes = memory_stream_pair()
        async with yamux_pair(pipes) as (alice, bob):
            ours, theirs = await stream_pair(alice, bob)
            await ours.write(b"unfinished")
            await wait_all_tasks_blocked()
            await pipes[0].aclose()
            await alice.event_closed.wait()
            await bob.event_closed.wait()
            assert await theirs.read(100) == b"unfinished"
            with pytest.raises(MuxedStreamReset):
                await theirs.read(100)
            with pytest.raises(MuxedStreamReset):
                await ours.write(b"x")

    play_fast(story)


def test_cancelling_start_closes_what_is_below():
    async def story():
        ours, theirs = memory_stream_pair()
        muxed = LeanYamux(Plain(ours, initiator=True), peer_of(BOB))
        async with running(muxed):
            stream = await muxed.open_stream()
        assert muxed.is_closed
        with pytest.raises(MuxedStreamReset):
            await stream.read()
        received = b""
        while data := await theirs.receive_some():
            received += data
        assert received in (b"", encode_header(UPDATE, SYN, 1, 0))

    play_fast(story)


def test_a_connection_closed_before_it_was_started_never_runs():
    async def story():
        ours, theirs = memory_stream_pair()
        muxed = LeanYamux(Plain(ours, initiator=True), peer_of(BOB))
        await muxed.close()
        assert muxed.is_closed
        await muxed.start()
        assert muxed.event_started.is_set()
        assert not muxed.is_established
        assert await theirs.receive_some() == b""

    play_fast(story)


class Grumbling(Plain):
    """Below something that ends with `b""` and cannot be closed without an error."""

    async def read(self, n: int | None = None) -> bytes:
        with suppress(ConnectionClosedError):
            return await super().read(n)
        return b""

    async def close(self) -> None:
        await super().close()
        raise ConnectionClosedError("it was closed before")


def test_what_is_below_may_end_and_close_as_it_likes():
    async def story():
        ours, theirs = memory_stream_pair()
        muxed = LeanYamux(Grumbling(ours, initiator=True), peer_of(BOB))
        async with running(muxed):
            await theirs.aclose()
            await muxed.event_closed.wait()

    play_fast(story)


# ---- peers that misbehave ----


def test_a_frame_whose_body_never_comes_ends_the_connection():
    async def story():
        async with yamux_and_wire() as (muxed, wire, _):
            await wire.send_all(encode_header(UPDATE, SYN, 1, 0))
            await wire.send_all(encode_header(Kind.DATA, 0, 1, 1000))
            start = trio.current_time()
            while trio.current_time() - start < BODY_TIMEOUT_S - 6:
                await trio.sleep(5)
                await wire.send_all(b"x")
            assert not muxed.is_closed
            await muxed.event_closed.wait()
            assert trio.current_time() - start == pytest.approx(BODY_TIMEOUT_S)

    play_fast(story)


def test_half_a_header_is_not_waited_for_either():
    async def story():
        async with yamux_and_wire() as (muxed, wire, _):
            await wire.send_all(encode_header(UPDATE, SYN, 1, 0)[:5])
            start = trio.current_time()
            await muxed.event_closed.wait()
            assert trio.current_time() - start == pytest.approx(BODY_TIMEOUT_S)

    play_fast(story)


def test_a_peer_may_be_slow_as_long_as_each_frame_ends():
    async def story():
        async with yamux_and_wire() as (muxed, wire, _):
            await wire.send_all(encode_header(UPDATE, SYN, 1, 0))
            for _ in range(10):
                await wire.send_all(encode_header(Kind.DATA, 0, 1, 2) + b"a")
                await trio.sleep(BODY_TIMEOUT_S - 1)
                await wire.send_all(b"b")
            await trio.sleep(10 * BODY_TIMEOUT_S)
            assert not muxed.is_closed
            stream = await muxed.accept_stream()
            assert await stream.read() == b"ab" * 10

    play_fast(story)


@pytest.mark.parametrize(
    "frame",
    [
        b"\xff" * 12,
        encode_header(Kind.DATA, SYN, 1, WINDOW_BYTES + 1),
        encode_header(Kind.DATA, SYN, 1, 2**32 - 1),
        encode_header(UPDATE, SYN, 2, 0),
        encode_header(Kind.DATA, 0, 9, 5),
    ],
    ids=["garbage", "beyond the window", "endless", "our id", "unknown stream"],
)
def test_a_peer_that_breaks_the_rules_is_told_so_and_cut(frame: bytes):
    async def story():
        async with yamux_and_wire() as (muxed, wire, _):
            stream = await muxed.open_stream()
            await wire.send_all(frame)
            received = b""
            while data := await wire.receive_some():
                received += data
            assert received.endswith(PROTOCOL_ERROR)
            await muxed.event_closed.wait()
            with pytest.raises(MuxedStreamReset):
                await stream.read()

    play_fast(story)


def test_a_peer_that_breaks_the_rules_and_reads_nothing_is_cut_in_bounded_time():
    async def story():
        async with yamux_and_wire(lockstep_stream_pair()) as (muxed, wire, _):
            await muxed.open_stream()
            await wire.send_all(b"\xff" * 12)
            start = trio.current_time()
            await muxed.event_closed.wait()
            assert trio.current_time() - start <= 2 * FLUSH_TIMEOUT_S

    play_fast(story)


def test_after_go_away_open_streams_may_end_and_then_the_connection_does():
    async def story():
        async with yamux_and_wire() as (muxed, wire, _):
            await wire.send_all(encode_header(UPDATE, SYN, 1, 0) + GO_AWAY)
            await wait_all_tasks_blocked()
            assert not muxed.is_established
            with pytest.raises(MuxedStreamError):
                await muxed.open_stream()
            stream = await muxed.accept_stream()
            start = trio.current_time()
            await trio.sleep(GONE_AWAY_TIMEOUT_S - 1)
            await wire.send_all(encode_header(Kind.DATA, 0, 1, 4) + b"last")
            assert await stream.read() == b"last"
            await muxed.event_closed.wait()
            assert trio.current_time() - start == pytest.approx(2 * GONE_AWAY_TIMEOUT_S - 1)

    play_fast(story)


def test_a_ping_is_answered_and_sent():
    async def story():
        async with yamux_and_wire() as (muxed, wire, _):
            await wire.send_all(encode_header(Kind.PING, SYN, 0, 42))
            assert await wire.receive_some() == encode_header(Kind.PING, ACK, 0, 42)
            await muxed.ping()
            assert await wire.receive_some() == encode_header(Kind.PING, SYN, 0, 0)

    play_fast(story)


def test_a_flood_of_pings_costs_ten_answers_a_second():
    async def story():
        async with yamux_and_wire() as (_, wire, nursery):
            answers = bytearray()

            async def collect():
                while True:
                    answers.extend(await wire.receive_some())

            nursery.start_soon(collect)
            for _ in range(30):
                await wire.send_all(encode_header(Kind.PING, SYN, 0, 1) * 50)
                await trio.sleep(0.1)
            assert 30 <= len(answers) / 12 <= 40

    play_fast(story)


def test_streams_nobody_accepts_are_refused_above_the_backlog():
    async def story():
        async with yamux_pair(limits=Limits(backlog_max=3)) as (alice, bob):
            streams = [await alice.open_stream() for _ in range(5)]
            await wait_all_tasks_blocked()
            for stream in streams[3:]:
                with pytest.raises(MuxedStreamReset):
                    await stream.read()
            accepted = [await bob.accept_stream() for _ in range(3)]
            assert [one.stream_id for one in accepted] == [one.stream_id for one in streams[:3]]

    play_fast(story)


def test_a_peer_that_writes_to_streams_nobody_reads_is_held_to_one_limit():
    async def story():
        limits = Limits(unread_bytes_max=3 * WINDOW_BYTES)
        async with yamux_pair(limits=limits) as (alice, bob):
            pairs = [await stream_pair(alice, bob) for _ in range(5)]
            for ours, _ in pairs:
                with suppress(MuxedStreamReset):  # by the one that goes past the limit
                    await ours.write(bytes(WINDOW_BYTES))
                await wait_all_tasks_blocked()
            assert bob.session.table.unread <= 3 * WINDOW_BYTES
            for _, theirs in pairs[:3]:
                received = 0
                while received < WINDOW_BYTES:
                    received += len(await theirs.read())
            assert not bob.is_closed
            with pytest.raises(MuxedStreamReset):
                await pairs[4][1].read()

    play_fast(story)


def test_a_reset_stream_is_told_to_the_peer_at_once():
    async def story():
        async with yamux_and_wire() as (muxed, wire, _):
            stream = await muxed.open_stream()
            await stream.reset()
            received = b""
            while len(received) < 24:
                received += await wire.receive_some()
            assert received == encode_header(UPDATE, SYN, 2, 0) + encode_header(UPDATE, RST, 2, 0)

    play_fast(story)


def test_the_pipe_below_says_who_and_where_the_peer_is():
    async def story():
        async with yamux_pair() as (alice, bob):
            assert alice.is_initiator
            assert not bob.is_initiator
            assert alice.peer_id == peer_of(BOB)
            assert bob.peer_id == peer_of(ALICE)
            assert alice.get_transport_addresses() == []
            assert alice.get_connection_type().name == "RELAYED"

    play_fast(story)
