"""Streams with go-libp2p and js-libp2p: whole, flow-controlled, side by side, closed as meant."""

from __future__ import annotations

import hashlib

import pytest
import trio

from p2pchat.errors import StreamReset
from tests.interop.foreign import ForeignError
from tests.interop.ours import ECHO, ours, play

MIB = 1 << 20
LARGE = 4 * MIB


def noise(size: int) -> bytes:
    """The same bytes each time, in which no part is like another."""
    return hashlib.shake_128(b"noise").digest(size)


@pytest.mark.parametrize("size", [0, 1, 70_000, LARGE])
def test_what_we_send_comes_back_whole(meet, transport, size):
    async def story() -> None:
        async with meet("bob") as bob, ours("alice", transport=transport) as alice:
            await alice.dial(bob)
            assert await alice.echo(bob.peer, noise(size)) == noise(size)

    play(story)


@pytest.mark.parametrize("size", [0, 1, 70_000, LARGE])
def test_what_they_send_comes_back_whole(meet, transport, size):
    async def story() -> None:
        async with meet("bob") as bob, ours("alice", transport=transport) as alice:
            await bob.call("connect", address=alice.addresses[0])
            echoed = await bob.call("echo", peer=str(alice.peer), size=size)
            assert echoed == {"size": size, "is_intact": True}

    play(story)


def test_many_streams_in_both_directions_at_once_keep_their_bytes_apart(meet, transport):
    async def story() -> None:
        async with meet("bob") as bob, ours("alice", transport=transport) as alice:
            await alice.dial(bob)

            async def there_and_back(number: int) -> None:
                data = bytes([number]) * MIB
                assert await alice.echo(bob.peer, data) == data

            async def back_and_there() -> None:
                echoed = await bob.call("echo", peer=str(alice.peer), size=MIB)
                assert echoed == {"size": MIB, "is_intact": True}

            async with trio.open_nursery() as nursery:
                for number in range(8):
                    nursery.start_soon(there_and_back, number)
                    nursery.start_soon(back_and_there)

    play(story)


def test_who_does_not_read_holds_up_its_own_stream_and_no_other(meet, transport):
    async def story() -> None:
        async with meet("bob") as bob, ours("alice", transport=transport) as alice:
            await alice.dial(bob)
            stuck = await alice.host.open_stream(bob.peer, [ECHO])
            with trio.move_on_after(3) as full:
                while True:  # bob echoes, nobody reads: in the end he stops reading, too
                    await stuck.send_all(noise(MIB))
            assert full.cancelled_caught
            assert await alice.echo(bob.peer, b"another") == b"another"
            echoed = await bob.call("echo", peer=str(alice.peer), size=LARGE)
            assert echoed["is_intact"]
            await stuck.reset()

    play(story)


def test_hundreds_of_streams_one_after_the_other_leave_the_connection_as_it_was(meet, transport):
    async def story() -> None:
        async with meet("bob") as bob, ours("alice", transport=transport) as alice:
            await alice.dial(bob)
            for number in range(300):
                data = b"%d" % number
                assert await alice.echo(bob.peer, data) == data
            for _ in range(100):
                assert (await bob.call("echo", peer=str(alice.peer), size=10))["is_intact"]

    play(story)


def test_a_protocol_that_the_other_does_not_serve_is_refused_and_costs_nothing(meet, transport):
    async def story() -> None:
        async with meet("bob") as bob, ours("alice", transport=transport) as alice:
            await alice.dial(bob)
            with pytest.raises(StreamReset, match="serves none"):
                await alice.host.open_stream(bob.peer, ["/interop/nobody/1.0.0"])
            alice.host.unserve(ECHO)
            with pytest.raises(ForeignError):
                await bob.call("echo", peer=str(alice.peer), size=1)
            assert await alice.echo(bob.peer, b"still") == b"still"

    play(story)


def test_the_second_choice_of_protocol_is_agreed_on(meet, transport):
    async def story() -> None:
        async with meet("bob") as bob, ours("alice", transport=transport) as alice:
            await alice.dial(bob)
            choice = ["/interop/nobody/1.0.0", ECHO]
            async with await alice.host.open_stream(bob.peer, choice) as stream:
                assert stream.protocol == ECHO
                await stream.send_all(b"hello")
                await stream.send_eof()
                assert b"".join([chunk async for chunk in stream]) == b"hello"

    play(story)
