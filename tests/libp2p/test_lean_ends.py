"""How a lean connection ends: by us, by the peer, by its fault; in memory and in virtual time."""

from __future__ import annotations

from contextlib import suppress
from itertools import pairwise
from random import Random

import pytest
import trio
from libp2p.io.exceptions import ConnectionClosedError
from libp2p.stream_muxer.exceptions import (
    MuxedConnUnavailable,
    MuxedStreamError,
    MuxedStreamReset,
)
from trio.testing import lockstep_stream_pair, memory_stream_pair, wait_all_tasks_blocked

from p2pchat.net.libp2p.yamux import (
    BODY_TIMEOUT_S,
    FLUSH_TIMEOUT_S,
    GONE_AWAY_TIMEOUT_S,
    LeanYamux,
)
from p2pchat.net.libp2p.yamux_frames import ACK, RST, SYN, Kind, encode_header
from p2pchat.net.libp2p.yamux_outbox import HELD_BYTES_MAX
from p2pchat.net.libp2p.yamux_session import ITEMS_A_TURN, YamuxLimits
from p2pchat.net.libp2p.yamux_substream import WINDOW_BYTES
from tests.libp2p.lean import (
    ALICE,
    BOB,
    GO_AWAY,
    PROTOCOL_ERROR,
    UPDATE,
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
        async with yamux_pair(limits=YamuxLimits(backlog_max=3)) as (alice, bob):
            streams = [await alice.open_stream() for _ in range(5)]
            await wait_all_tasks_blocked()
            for stream in streams[3:]:
                with pytest.raises(MuxedStreamReset):
                    await stream.read()
            accepted = [await bob.accept_stream() for _ in range(3)]
            assert [one.stream_id for one in accepted] == [one.stream_id for one in streams[:3]]

    play_fast(story)


def test_others_have_their_turns_while_a_burst_of_frames_is_taken():
    async def story():
        async with yamux_and_wire() as (muxed, wire, nursery):
            seen = [0]

            async def watch():
                while True:
                    seen.append(muxed.session.frames_begun)
                    await trio.lowlevel.checkpoint()

            nursery.start_soon(watch)
            await wire.send_all(encode_header(Kind.PING, ACK, 0, 0) * 2_000)
            while seen[-1] < 2_000:
                await trio.lowlevel.checkpoint()
            nursery.cancel_scope.cancel()
        taken = max(later - earlier for earlier, later in pairwise(seen))
        assert taken <= 2 * ITEMS_A_TURN  # last in one turn and first in the next

    play_fast(story)


def test_a_peer_that_writes_to_streams_nobody_reads_is_held_to_one_limit():
    async def story():
        limits = YamuxLimits(unread_bytes_max=3 * WINDOW_BYTES)
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
