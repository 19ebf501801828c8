"""The lean Noise session: against itself, against stock, against forgeries."""

from __future__ import annotations

import logging
from random import Random

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st
from libp2p.connection_types import ConnectionType
from libp2p.crypto.x25519 import create_new_key_pair as create_noise_key_pair
from libp2p.io.exceptions import ConnectionClosedError, DecryptionFailedException, IOException
from libp2p.security.exceptions import HandshakeFailure
from libp2p.security.noise.patterns import PatternXX
from libp2p.security.noise.transport import Transport as StockNoise
from libp2p.stream_muxer.exceptions import MuxedConnUnavailable, MuxedStreamReset
from trio.testing import lockstep_stream_pair, memory_stream_pair, wait_all_tasks_blocked

from p2pchat.net.libp2p.noise import EMPTY_A_TURN, LeanNoise, LeanSession
from p2pchat.net.libp2p.noise_packets import NONCE_MAX
from p2pchat.net.libp2p.yamux import LeanYamux
from tests.libp2p.lean import (
    ALICE,
    BOB,
    Pair,
    Pipe,
    make_noise,
    peer_of,
    play_fast,
    read_to_reset,
    running,
    secure,
    stream_pair,
)

EVERY_PAIR = pytest.mark.parametrize(
    "kinds",
    [(LeanNoise, LeanNoise), (LeanNoise, StockNoise), (StockNoise, LeanNoise)],
    ids=["lean-lean", "lean-stock", "stock-lean"],
)


async def lean_sessions(pipes: Pair | None = None) -> tuple[LeanSession, LeanSession]:
    ours, theirs = pipes or memory_stream_pair()
    alice, bob = await secure(Pipe(ours, initiator=True), Pipe(theirs, initiator=False))
    assert isinstance(alice, LeanSession)
    assert isinstance(bob, LeanSession)
    return alice, bob


@EVERY_PAIR
def test_both_ends_know_each_other_after_the_handshake(kinds):
    async def story():
        ours, theirs = memory_stream_pair()
        dialler, listener = Pipe(ours, initiator=True), Pipe(theirs, initiator=False)
        alice, bob = await secure(dialler, listener, *kinds)
        assert alice.get_remote_peer() == bob.get_local_peer() == peer_of(BOB)
        assert bob.get_remote_peer() == alice.get_local_peer() == peer_of(ALICE)
        assert alice.is_initiator
        assert not bob.is_initiator

    play_fast(story)


@EVERY_PAIR
def test_what_is_written_is_read_whatever_its_size(kinds):
    async def story():
        random = Random(5)
        ours, theirs = memory_stream_pair()
        dialler, listener = Pipe(ours, initiator=True), Pipe(theirs, initiator=False)
        alice, bob = await secure(dialler, listener, *kinds)
        sizes = [1, 2, 200, 65_518, 65_519, 65_520, 131_038, 300_000]
        for writer, reader in ((alice, bob), (bob, alice)):
            for size in sizes:
                data = random.randbytes(size)
                await writer.write(data)
                assert await reader.read(size) == data

    play_fast(story)


def test_a_read_of_n_bytes_waits_for_all_of_them_and_keeps_the_rest():
    async def story():
        alice, bob = await lean_sessions()
        for piece in (b"ab", b"cdef"):
            await alice.write(piece)
        assert await bob.read(0) == b""
        assert await bob.read(3) == b"abc"
        assert await bob.read(None) == b"def"
        with trio.move_on_after(1) as scope:
            await bob.read(1)
        assert scope.cancelled_caught

    play_fast(story)


def test_the_end_of_the_pipe_is_an_error_of_its_own():
    async def story():
        alice, bob = await lean_sessions()
        await alice.write(b"last")
        await alice.close()
        assert await bob.read(None) == b"last"
        for n in (None, 1):
            with pytest.raises(ConnectionClosedError):
                await bob.read(n)
        await bob.close()
        with pytest.raises(ConnectionClosedError):
            await bob.write(b"x")

    play_fast(story)


def test_a_forged_packet_is_an_error_of_its_own():
    async def story():
        pipes = memory_stream_pair()
        _, bob = await lean_sessions(pipes)
        await pipes[0].send_all(b"\x00\x20" + bytes(32))
        with pytest.raises(DecryptionFailedException):
            await bob.read(None)

    play_fast(story)


def test_a_write_that_was_cut_short_is_the_last_one():
    async def story():
        alice, _ = await lean_sessions_that_stop_reading()
        with trio.move_on_after(1):
            await alice.write(b"never read")
        with pytest.raises(ConnectionClosedError, match="cut short"):
            await alice.write(b"x")

    play_fast(story)


async def lean_sessions_that_stop_reading() -> tuple[LeanSession, LeanSession]:
    """After the handshake nothing is taken from the pipe unless somebody reads."""
    return await lean_sessions(lockstep_stream_pair())


def test_a_session_ends_before_a_counter_would_repeat():
    async def story():
        alice, bob = await lean_sessions()
        alice.sealer._counter = bob.opener._counter = NONCE_MAX
        await alice.write(b"the last packet")
        assert await bob.read(None) == b"the last packet"
        with pytest.raises(ConnectionClosedError, match="used up"):
            await alice.write(b"x")
        with pytest.raises(ConnectionClosedError):
            await alice.write(b"x")

    play_fast(story)


def test_packets_without_plaintext_are_not_the_end():
    async def story():
        alice, bob = await lean_sessions()
        for data in (b"", b"", b"content"):
            await alice._raw.write(alice.sealer.seal(data))
        assert await bob.read(None) == b"content"

    play_fast(story)


def test_others_have_their_turns_while_packets_without_plaintext_are_opened():
    async def story():
        alice, bob = await lean_sessions()
        turns = 0

        async def watch():
            nonlocal turns
            while True:
                turns += 1
                await trio.lowlevel.checkpoint()

        async with trio.open_nursery() as nursery:
            packets = [alice.sealer.seal(b"") for _ in range(20 * EMPTY_A_TURN)]
            nursery.start_soon(alice._raw.write, b"".join([*packets, alice.sealer.seal(b"end")]))
            await trio.testing.wait_all_tasks_blocked()
            nursery.start_soon(watch)
            assert await bob.read() == b"end"
            nursery.cancel_scope.cancel()
        assert turns >= 10

    play_fast(story)


def test_where_the_peer_is_is_asked_of_what_is_below():
    async def story():
        alice, _ = await lean_sessions()
        assert alice.get_remote_address() is None
        assert alice.get_transport_addresses() == []
        assert alice.get_connection_type() is ConnectionType.RELAYED

    play_fast(story)


def test_what_fails_below_fails_as_a_closed_connection():
    async def story():
        alice, _ = await lean_sessions()
        alice._raw.close = failing
        with pytest.raises(ConnectionClosedError, match="no such thing"):
            await alice.close()

    play_fast(story)


async def failing() -> None:
    raise OSError("no such thing")


# ---- with Yamux on top ----


async def lean_stack(nursery: trio.Nursery) -> tuple[LeanYamux, LeanYamux, Pair]:
    pipes = memory_stream_pair()
    alice, bob = await lean_sessions(pipes)
    ends = LeanYamux(alice, peer_of(BOB)), LeanYamux(bob, peer_of(ALICE))
    for end in ends:
        nursery.start_soon(end.start)
    return *ends, pipes


def test_a_bad_tag_ends_the_connection_quietly(caplog):
    async def story():
        async with trio.open_nursery() as nursery:
            alice, bob, pipes = await lean_stack(nursery)
            ours, theirs = await stream_pair(alice, bob)
            await ours.write(b"honest")
            await wait_all_tasks_blocked()
            await pipes[0].send_all(b"\x00\x10" + bytes(16))
            assert await read_to_reset(theirs) == b"honest"
            for end in (alice, bob):
                await end.event_closed.wait()
                with pytest.raises(MuxedConnUnavailable):
                    await end.accept_stream()

    with caplog.at_level(logging.DEBUG, logger="p2pchat.net.libp2p.yamux"):
        play_fast(story)
    assert "does not authenticate" in caplog.text
    assert all(record.levelno == logging.DEBUG for record in caplog.records)


def test_when_the_counters_are_used_up_the_connection_ends_on_both_sides():
    async def story():
        async with trio.open_nursery() as nursery:
            alice, bob, _ = await lean_stack(nursery)
            ours, theirs = await stream_pair(alice, bob)
            await wait_all_tasks_blocked()
            alice.secured_conn.sealer._counter = NONCE_MAX
            bob.secured_conn.opener._counter = NONCE_MAX
            await ours.write(b"last")
            await wait_all_tasks_blocked()
            await ours.write(b"lost")
            assert await read_to_reset(theirs) == b"last"
            await alice.event_closed.wait()
            await bob.event_closed.wait()
            with pytest.raises(MuxedStreamReset):
                await ours.write(b"x")

    play_fast(story)


def test_a_connection_through_a_stream_of_another_connection_is_like_any_other():
    """As through a relay: what is below is a stream, not a socket."""

    async def story():
        async with trio.open_nursery() as nursery:
            outer_alice, outer_bob, _ = await lean_stack(nursery)
            below = await stream_pair(outer_alice, outer_bob)
            raws = [StreamPipe(one, initiator=number == 0) for number, one in enumerate(below)]
            secured = await secure(raws[0], raws[1])
            alice = LeanYamux(secured[0], peer_of(BOB))
            bob = LeanYamux(secured[1], peer_of(ALICE))
            async with running(alice, bob):
                ours, theirs = await stream_pair(alice, bob)
                payload = Random(9).randbytes(2_000_000)
                nursery.start_soon(ours.write, payload)
                received = b""
                while len(received) < len(payload):
                    received += await theirs.read()
                assert received == payload
                await below[0].reset()
                assert await read_to_reset(theirs) == b""
                await bob.event_closed.wait()
                await alice.event_closed.wait()
            assert outer_alice.is_established
            await outer_alice.close()

    play_fast(story)


class StreamPipe(Pipe):
    """A multiplexed stream as a raw connection."""

    async def read(self, n: int | None = None) -> bytes:
        return await self.stream.read(n)

    async def write(self, data: bytes) -> None:
        await self.stream.write(data)

    async def close(self) -> None:
        await self.stream.close()


# ---- handshakes that fail ----


def test_a_peer_that_is_not_the_one_dialled_fails_the_handshake():
    async def story():
        ours, theirs = memory_stream_pair()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(refused, Pipe(theirs, initiator=False), theirs)
            with pytest.raises(HandshakeFailure):
                await make_noise(LeanNoise, ALICE).secure_outbound(
                    Pipe(ours, initiator=True), peer_of(ALICE)
                )
            await ours.aclose()

    play_fast(story)


async def refused(pipe: Pipe, stream: trio.abc.Stream) -> None:
    with pytest.raises(HandshakeFailure):
        await make_noise(LeanNoise, BOB).secure_inbound(pipe)
    await stream.aclose()


@settings(max_examples=60)
@given(st.binary(max_size=300), st.booleans())
def test_no_garbage_in_place_of_a_handshake_raises_anything_else(data: bytes, framed: bool):
    async def story():
        ours, theirs = memory_stream_pair()
        body = len(data).to_bytes(2, "big") + data if framed else data
        await theirs.send_all(body * 2)
        await theirs.send_eof()
        with pytest.raises(HandshakeFailure):
            await make_noise(LeanNoise, BOB).secure_inbound(Pipe(ours, initiator=False))
        ours, theirs = memory_stream_pair()
        await theirs.send_all(body * 2)
        await theirs.send_eof()
        with pytest.raises(HandshakeFailure):
            await make_noise(LeanNoise, ALICE).secure_outbound(
                Pipe(ours, initiator=True), peer_of(BOB)
            )

    play_fast(story)


class _Claim:
    """A handshake payload of any content."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def serialize(self) -> bytes:
        return self._data


class _Liar(PatternXX):
    claim: bytes

    def make_handshake_payload(self, extensions=None):
        return _Claim(self.claim)


def liar(claim: bytes) -> _Liar:
    noise = create_noise_key_pair().private_key
    pattern = _Liar(peer_of(ALICE), ALICE.private_key, noise)
    pattern.claim = claim
    return pattern


def someone_elses_claim() -> bytes:
    """A payload that was right for another Noise key."""
    pattern = make_noise(LeanNoise, ALICE).get_pattern()
    assert isinstance(pattern, PatternXX)
    return pattern.make_handshake_payload().serialize()


def damaged(claim: bytes, at: int, value: int) -> bytes:
    at %= len(claim)
    return claim[:at] + bytes([value]) + claim[at + 1 :]


CLAIM = someone_elses_claim()


@settings(max_examples=60)
@given(
    st.one_of(
        st.just(CLAIM),
        st.binary(max_size=100),
        st.builds(damaged, st.just(CLAIM), st.integers(0, 200), st.integers(0, 255)),
    )
)
def test_no_claim_of_an_identity_that_is_not_proved_is_believed(claim: bytes):
    async def story():
        ours, theirs = memory_stream_pair()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(refused, Pipe(theirs, initiator=False), theirs)
            await liar(claim).handshake_outbound(Pipe(ours, initiator=True), None)

    play_fast(story)


def test_every_error_of_a_session_is_one_that_py_libp2p_knows():
    assert issubclass(ConnectionClosedError, IOException)
    assert issubclass(DecryptionFailedException, IOException)
