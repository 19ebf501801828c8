"""Lean and stock ends of one TCP connection: every byte arrives, whoever is on the other side."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from random import Random

import pytest
import trio
from libp2p.abc import IMuxedConn, IMuxedStream
from libp2p.stream_muxer.exceptions import MuxedStreamEOF, MuxedStreamError, MuxedStreamReset

from p2pchat.net.libp2p.yamux import LeanStream
from p2pchat.net.libp2p.yamux_substream import WINDOW_BYTES, WINDOW_BYTES_MAX
from tests.libp2p.lean import play, read_to_end, stream_pair, tcp_pair

PAIRS = [
    ("lean", "lean"),
    ("lean", "stock"),
    ("stock", "lean"),
    ("stock", "stock"),
]
EVERY_PAIR = pytest.mark.parametrize("kinds", PAIRS, ids="-".join)
STREAMS = 20
Ends = tuple[IMuxedConn, IMuxedConn]


async def send_random(stream: IMuxedStream, seed: str, size: int) -> str:
    """Write `size` bytes in chunks of any size, then finish; answers their hash."""
    random, digest = Random(seed), hashlib.sha256()
    while size:
        chunk = random.randbytes(min(size, random.choice([1, 200, 5_000, 70_000, 300_000])))
        size -= len(chunk)
        digest.update(chunk)
        await stream.write(chunk)
    await stream.close()
    return digest.hexdigest()


async def hash_to_end(stream: IMuxedStream, seed: str) -> str:
    random, digest = Random(seed), hashlib.sha256()
    try:
        while True:
            digest.update(await stream.read(random.choice([1, 100, 10_000, 1_000_000, None])))
    except MuxedStreamEOF:
        return digest.hexdigest()


async def transfer(ends: Ends, streams: int, size: int, ways: Sequence[str]) -> None:
    """Fill streams in these directions at once and compare what left with what came."""
    hashes = dict[str, str]()

    async def note(name: str, run, *args) -> None:
        hashes[name] = await run(*args)

    async with trio.open_nursery() as nursery:
        for number in range(streams):
            one, other = await stream_pair(ends[number % 2], ends[(number + 1) % 2])
            alices, bobs = (other, one) if number % 2 else (one, other)
            for way in ways:
                source, sink = (alices, bobs) if way == "to bob" else (bobs, alices)
                name = f"{number} {way}"
                nursery.start_soon(note, f"{name} sent", send_random, source, name, size)
                nursery.start_soon(note, f"{name} received", hash_to_end, sink, name)
    assert len(hashes) == streams * len(ways) * 2
    for number in range(streams):
        for way in ways:
            assert hashes[f"{number} {way} sent"] == hashes[f"{number} {way} received"]


async def exchange(kinds: tuple[str, str], streams: int, size: int) -> None:
    """Carry `size` bytes on each stream and back, at once unless both ends are stock.

    Two stock ends that fill both directions wait for each other for ever: each answers pings and
    streams from the task that reads, and stops reading while its answer waits.
    """
    async with tcp_pair(kinds) as ends:
        if kinds == ("stock", "stock"):
            await transfer(ends, streams, size, ["to bob"])
            await transfer(ends, streams, size, ["to alice"])
        else:
            await transfer(ends, streams, size, ["to bob", "to alice"])


@EVERY_PAIR
def test_twenty_streams_carry_every_byte_both_ways_at_once(kinds: tuple[str, str]):
    async def story():
        await exchange(kinds, STREAMS, 400_000)

    play(story)


@pytest.mark.slow
@EVERY_PAIR
def test_twenty_streams_carry_four_megabytes_each_both_ways(kinds: tuple[str, str]):
    async def story():
        await exchange(kinds, STREAMS, 4_000_000)

    play(story)


@EVERY_PAIR
def test_one_stream_carries_many_windows(kinds: tuple[str, str]):
    async def story():
        await exchange(kinds, 1, 5 * WINDOW_BYTES_MAX)

    play(story)


@EVERY_PAIR
def test_many_small_messages_come_back_in_order(kinds: tuple[str, str]):
    async def story():
        async with tcp_pair(kinds) as (alice, bob):
            ours, theirs = await stream_pair(alice, bob)
            messages = [f"message {number}\n".encode() for number in range(2000)]

            async def echo():
                try:
                    while True:
                        await theirs.write(await theirs.read(1000))
                except MuxedStreamEOF:
                    await theirs.close()

            async def send():
                for message in messages:
                    await ours.write(message)
                await ours.close()

            async with trio.open_nursery() as nursery:
                nursery.start_soon(echo)
                nursery.start_soon(send)
                received = await read_to_end(ours, 777)
            assert received == b"".join(messages)

    play(story)


@EVERY_PAIR
def test_a_finished_direction_leaves_the_other_open(kinds: tuple[str, str]):
    async def story():
        async with tcp_pair(kinds) as (alice, bob):
            for opener, acceptor in ((alice, bob), (bob, alice)):
                ours, theirs = await stream_pair(opener, acceptor)
                await ours.write(b"question")
                await ours.close()
                assert await read_to_end(theirs, 100) == b"question"
                await theirs.write(bytes(WINDOW_BYTES))
                await theirs.close()
                assert len(await read_to_end(ours, 10_000)) == WINDOW_BYTES

    play(story)


def reset_on(stream: IMuxedStream) -> type[MuxedStreamError]:
    """Stock sometimes tells a reset as an end."""
    return MuxedStreamReset if isinstance(stream, LeanStream) else MuxedStreamError


@EVERY_PAIR
def test_a_reset_ends_both_sides_and_no_other_stream(kinds: tuple[str, str]):
    async def story():
        async with tcp_pair(kinds) as (alice, bob):
            kept, kept_end = await stream_pair(alice, bob)
            for opener, acceptor in ((alice, bob), (bob, alice)):
                ours, theirs = await stream_pair(opener, acceptor)
                await ours.write(b"x")
                assert await theirs.read(1) == b"x"
                await ours.reset()
                for stream in (theirs, ours):
                    with pytest.raises(reset_on(stream)):
                        await stream.read(1)
            await kept.write(b"still here")
            assert await kept_end.read(100) == b"still here"

    play(story)


@EVERY_PAIR
def test_streams_come_and_go_by_the_hundred(kinds: tuple[str, str]):
    async def story():
        async with tcp_pair(kinds) as (alice, bob):
            for number in range(600):
                ours, theirs = await stream_pair(alice, bob)
                message = str(number).encode()
                await ours.write(message)
                await ours.close()
                assert await read_to_end(theirs, 100) == message
                await theirs.close()
                with pytest.raises(MuxedStreamEOF):
                    await ours.read(1)

    play(story)


@EVERY_PAIR
def test_either_side_may_close_the_connection(kinds: tuple[str, str]):
    async def story():
        for closing in (0, 1):
            async with tcp_pair(kinds) as ends:
                ours, theirs = await stream_pair(*ends)
                await ours.write(b"x")
                assert await theirs.read(1) == b"x"
                await ends[closing].close()
                for end in ends:
                    await end.event_closed.wait()
                    assert end.is_closed

    play(story)
