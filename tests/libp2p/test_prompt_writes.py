"""What is sent without the task that writes: in its place, whole, and with the same ends."""

from __future__ import annotations

import pytest
import trio
from libp2p.io.exceptions import ConnectionClosedError
from libp2p.network.connection.raw_connection import RawConnection
from trio.testing import wait_all_tasks_blocked

from p2pchat.net.libp2p.noise import LeanSession
from p2pchat.net.libp2p.noise_packets import NONCE_MAX
from p2pchat.net.libp2p.pipes import TcpPipe
from p2pchat.net.libp2p.yamux import LeanStream, LeanYamux
from tests.libp2p.lean import BOB, peer_of, play, running, secure, sockets, stream_pair

PIECE = bytes(range(256)) * 128


async def sessions() -> tuple[LeanSession, LeanSession]:
    """Two ends over TCP, as a host has them."""
    ours, theirs = await sockets()
    alice, bob = await secure(
        RawConnection(TcpPipe(ours), initiator=True),
        RawConnection(TcpPipe(theirs), initiator=False),
    )
    assert isinstance(alice, LeanSession)
    assert isinstance(bob, LeanSession)
    return alice, bob


async def read_some(session: LeanSession, size: int) -> bytes:
    heard = bytearray()
    while len(heard) < size:
        heard += await session.read(None)
    return bytes(heard)


def test_what_the_system_did_not_take_goes_before_what_is_written_next():
    async def story():
        alice, bob = await sessions()
        said = bytearray()
        while alice.is_prompt:
            alice.write_soon(PIECE)
            said += PIECE
        assert alice.owes_rest, "the socket is full"
        async with trio.open_nursery() as nursery:
            nursery.start_soon(alice.write, b"last")
            assert await read_some(bob, len(said) + 4) == bytes(said) + b"last"
        assert alice.is_prompt
        for session in (alice, bob):
            await session.close()

    play(story)


def test_a_rest_is_sent_by_writing_nothing():
    async def story():
        alice, bob = await sessions()
        size = 0
        while not alice.owes_rest:
            alice.write_soon(PIECE)
            size += len(PIECE)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(alice.write, b"")
            await read_some(bob, size)
        assert not alice.owes_rest
        for session in (alice, bob):
            await session.close()

    play(story)


def test_a_counter_is_not_repeated_by_sending_soon_and_writing_says_so():
    async def story():
        alice, bob = await sessions()
        alice.sealer._counter = NONCE_MAX + 1
        alice.write_soon(b"never sent")
        assert not alice.is_prompt
        assert alice.owes_rest, "whoever writes hears of it"
        with pytest.raises(ConnectionClosedError):
            await alice.write(b"")
        for session in (alice, bob):
            await session.close()

    play(story)


def test_small_frames_leave_without_the_writers_turn_and_arrive_in_order():
    async def story():
        alice, bob = await sessions()
        ends = LeanYamux(alice, peer_of(BOB)), LeanYamux(bob, peer_of(BOB))
        async with running(*ends):
            ours, theirs = await stream_pair(*ends)
            await wait_all_tasks_blocked(0.01)
            assert isinstance(ours, LeanStream)
            said = bytearray()
            for number in range(1000):
                piece = b"%d " % number * 100
                if not ours.write_soon(piece):
                    break
                said += piece
            heard = bytearray()
            while len(heard) < len(said):
                heard += await theirs.read(None)
            assert heard == said
            for end in ends:
                await end.close()

    play(story)
