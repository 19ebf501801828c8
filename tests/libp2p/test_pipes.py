"""What carries connections: what is asked of the system for each of them."""

from __future__ import annotations

import socket
import sys

import pytest
import trio
import trio.testing
from libp2p.io.exceptions import ConnectionClosedError

from p2pchat.net.libp2p.pipes import READ_BYTES_MAX, TRY_AGAIN_MS, TcpPipe

THIN_LINEAR_TIMEOUTS, RTO_MAX_MS = 16, 44


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have nothing of the kind")
def test_what_was_lost_is_sent_again_soon_by_both_sides():
    async def main() -> None:
        async with trio.open_nursery() as nursery:
            accepted = list[TcpPipe]()

            async def take(stream: trio.SocketStream) -> None:
                accepted.append(TcpPipe(stream))
                await stream.receive_some()

            [listener] = await trio.open_tcp_listeners(0, host="127.0.0.1")
            nursery.start_soon(trio.serve_listeners, take, [listener])
            dialled = await trio.open_tcp_stream(*listener.socket.getsockname())
            own = TcpPipe(dialled)
            await trio.testing.wait_all_tasks_blocked(0.01)
            for sock in (dialled.socket, accepted[0]._heard.socket):
                assert sock.getsockopt(socket.IPPROTO_TCP, THIN_LINEAR_TIMEOUTS) == 1
                assert longest_wait_ms(sock) in {TRY_AGAIN_MS, None}
            own.abort()
            nursery.cancel_scope.cancel()

    with_time(main)


async def joined() -> tuple[TcpPipe, TcpPipe]:
    """Two ends of one connection."""
    [listener] = await trio.open_tcp_listeners(0, host="127.0.0.1")
    near = await trio.open_tcp_stream(*listener.socket.getsockname())
    far = await listener.accept()
    await listener.aclose()
    return TcpPipe(near), TcpPipe(far)


def test_a_length_that_no_message_has_is_not_waited_for():
    async def main() -> None:
        one, other = await joined()
        await other.stream.send_all(bytes(READ_BYTES_MAX))
        assert len(await one.read(READ_BYTES_MAX)) == READ_BYTES_MAX
        with pytest.raises(ConnectionClosedError):
            await one.read(READ_BYTES_MAX + 1)
        one.abort()
        other.abort()

    with_time(main)


def test_what_the_system_does_not_take_at_once_follows_when_there_is_room():
    async def main() -> None:
        one, other = await joined()
        data = bytes(range(256)) * (1 << 16)
        heard = bytearray()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(one.stream.send_all, data)
            while len(heard) < len(data):
                heard += await other.stream.receive_some()
        assert heard == data
        one.abort()
        other.abort()

    with_time(main)


def test_a_socket_that_ended_says_how():
    async def main() -> None:
        one, other = await joined()
        one.abort()
        for use in (one.stream.receive_some, lambda: one.stream.send_all(b"x")):
            with pytest.raises(trio.ClosedResourceError):
                await use()
        with pytest.raises(trio.BrokenResourceError):
            await other.stream.receive_some()
        other.abort()

    with_time(main)


def test_who_waits_for_bytes_hears_of_the_end():
    async def main() -> None:
        one, other = await joined()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(closed_under, one)
            await trio.testing.wait_all_tasks_blocked(0.01)
            one.abort()
        other.abort()

    async def closed_under(pipe: TcpPipe) -> None:
        with pytest.raises(trio.ClosedResourceError):
            await pipe.stream.receive_some()

    with_time(main)


def longest_wait_ms(sock) -> int | None:
    """None when the kernel is older than the option."""
    try:
        return sock.getsockopt(socket.IPPROTO_TCP, RTO_MAX_MS)
    except OSError:
        return None


def with_time(main) -> None:
    async def bounded() -> None:
        with trio.fail_after(60):
            await main()

    trio.run(bounded)
