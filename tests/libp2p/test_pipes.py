"""What carries connections: what is asked of the system for each of them."""

from __future__ import annotations

import socket
import sys

import pytest
import trio
import trio.testing

from p2pchat.net.libp2p.pipes import TRY_AGAIN_MS, TcpPipe

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
