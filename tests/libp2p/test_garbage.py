"""What strangers throw at the port: their connection ends, it is counted, nothing is left of it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import suppress

import pytest
import trio
import trio.testing

from p2pchat.errors import PeerUnreachable
from p2pchat.wire.framing import encode_varint, frame
from tests.libp2p.hosts import (
    ECHO,
    LOOPBACK,
    Strangers,
    ask,
    descriptors,
    echo,
    eventually,
    host,
    limited,
    play,
    read_to_end,
    tasks,
)

HEADER = frame(b"/multistream/1.0.0\n")
NOISE = frame(b"/noise\n")


def noise(size: int) -> bytes:
    return b"".join(hashlib.sha256(bytes([n])).digest() for n in range(size // 32))


GARBAGE = {
    "random bytes": noise(4096),
    "zeros": bytes(4096),
    "a TLS hello": bytes.fromhex("16030100dc010000d80303") + noise(200),
    "an HTTP request": b"GET / HTTP/1.1\r\nHost: example.com\r\n\r\n",
    "a length of 2^63": encode_varint(1 << 63) + noise(64),
    "a length of 2^40 after the header": HEADER + encode_varint(1 << 40) + noise(64),
    "a length that never ends": b"\xff" * 64,
    "a line that is no text": HEADER + frame(b"\xff\xfe\xfd\n"),
    "a line without an end": HEADER + frame(b"/noise"),
    "an empty line": HEADER + frame(b""),
    "another header": frame(b"/multistream/9.9.9\n"),
    "a Noise message that is none": HEADER + NOISE + b"\x00\x40" + noise(64),
    "a Noise message of the largest length": HEADER + NOISE + b"\xff\xff" + noise(4096),
    "a Noise message of no length": HEADER + NOISE + bytes(2),
}


@pytest.mark.parametrize("garbage", GARBAGE.values(), ids=GARBAGE)
def test_garbage_ends_its_connection_and_is_counted(garbage):
    async def story() -> None:
        async with limited("bob", handshake_timeout_s=0.2) as bob, Strangers() as strangers:
            stranger = await strangers.connect(bob)
            await stranger.send_all(garbage)
            await read_to_end(stranger)
            await eventually(lambda: refused(bob) == 1)
            await serves_on(bob)

    play(story)


def test_a_byte_now_and_then_does_not_keep_a_handshake_alive():
    async def story() -> None:
        async with limited("bob", handshake_timeout_s=0.3) as bob, Strangers() as strangers:
            stranger = await strangers.connect(bob)
            with pytest.raises((trio.BrokenResourceError, trio.ClosedResourceError)):
                await drip(stranger, HEADER + NOISE)
            assert bob.statistics().handshakes_timed_out_total == 1
            await serves_on(bob)

    play(story)


async def drip(stranger: trio.SocketStream, data: bytes) -> None:
    for number in range(1000):
        await stranger.send_all(data[number % len(data) :][:1])
        with trio.move_on_after(0.05):
            while await stranger.receive_some():
                pass


@pytest.mark.parametrize("part", [b"", HEADER[:5], HEADER, HEADER + NOISE])
def test_who_leaves_within_the_handshake_leaves_nothing_behind(part):
    async def story() -> None:
        async with host("bob") as bob:
            await serves_on(bob)
            await trio.testing.wait_all_tasks_blocked(0.05)
            before = tasks(), descriptors()
            for _ in range(20):
                async with Strangers() as strangers:
                    stranger = await strangers.connect(bob)
                    await stranger.send_all(part)
            await eventually(lambda: refused(bob) == 20)
            await eventually(lambda: (tasks(), descriptors()) == before)

    play(story)


def test_a_half_open_connection_is_ended():
    async def story() -> None:
        async with limited("bob", handshake_timeout_s=0.2) as bob, Strangers() as strangers:
            stranger = await strangers.connect(bob)
            await stranger.send_eof()
            await read_to_end(stranger)
            await eventually(lambda: refused(bob) == 1)
            await serves_on(bob)

    play(story)


@pytest.mark.parametrize(
    "protocol", ["/plaintext/2.0.0", "/plaintext/1.0.0", "/secio/1.0.0", "/tls/1.0.0"]
)
def test_nothing_but_noise_secures_a_connection(protocol):
    async def story() -> None:
        async with host("bob") as bob, Strangers() as strangers:
            stranger = await strangers.connect(bob)
            await stranger.send_all(HEADER + frame(f"{protocol}\n".encode()))
            await stranger.send_eof()
            assert await read_to_end(stranger) == HEADER + frame(b"na\n")
            assert bob.statistics().connections == 0

    play(story)


def test_a_dialled_stranger_that_speaks_plaintext_is_refused():
    async def plaintext(stream: trio.SocketStream) -> None:
        await stream.send_all(HEADER + frame(b"na\n") + frame(b"/plaintext/2.0.0\n"))
        await read_to_end(stream)

    async def story() -> None:
        async with host("alice") as alice, host("bob") as bob, trio.open_nursery() as nursery:
            address = await impostor(nursery, plaintext)
            with pytest.raises(PeerUnreachable):
                await alice.connect(bob.peer_id, [address])
            nursery.cancel_scope.cancel()

    play(story)


@pytest.mark.parametrize("garbage", GARBAGE.values(), ids=GARBAGE)
def test_garbage_from_a_dialled_address_is_a_failed_attempt(garbage):
    async def throw(stream: trio.SocketStream) -> None:
        await stream.send_all(garbage)
        await read_to_end(stream)

    async def story() -> None:
        async with host("alice") as alice, host("bob") as bob, trio.open_nursery() as nursery:
            bob.serve(ECHO, echo)
            address = await impostor(nursery, throw)
            with pytest.raises(PeerUnreachable):
                await alice.connect(bob.peer_id, [address], timeout_s=0.3)
            await alice.connect(bob.peer_id, bob.addresses)
            assert await ask(alice, bob, b"fine") == b"fine"
            nursery.cancel_scope.cancel()

    play(story)


async def impostor(nursery: trio.Nursery, handler: Callable[[trio.SocketStream], object]) -> str:
    """The address of a server that is no libp2p host."""
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    port = listener.socket.getsockname()[1]
    nursery.start_soon(trio.serve_listeners, handler, [listener])
    return f"/ip4/127.0.0.1/tcp/{port}"


def refused(bob) -> int:
    statistics = bob.statistics()
    return statistics.handshakes_failed_total + statistics.handshakes_timed_out_total


async def serves_on(bob) -> None:
    """An honest peer is served as if nothing had been."""
    bob.serve(ECHO, echo)
    async with host("honest", listen=LOOPBACK) as honest:
        with suppress(PeerUnreachable):  # a slow machine may miss the limit of such a test, once
            await honest.connect(bob.peer_id, bob.addresses)
        await honest.connect(bob.peer_id, bob.addresses)
        assert await ask(honest, bob, b"still there") == b"still there"
    await eventually(lambda: bob.statistics().connections == 0)
