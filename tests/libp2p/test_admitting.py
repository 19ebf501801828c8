"""A connection serves nobody before its host knows of it."""

from __future__ import annotations

from typing import cast

import trio
import trio.testing
from libp2p.abc import IMuxedConn, IMuxedStream

from p2pchat.model.ids import DeviceId
from p2pchat.model.route import Path
from p2pchat.net.libp2p.connection import Connection
from p2pchat.net.libp2p.options import HostLimits
from p2pchat.net.libp2p.pipes import TcpPipe
from p2pchat.net.libp2p.streams import Origin
from tests.libp2p.hosts import play


class EagerMuxer:
    """The other side opened a stream before anybody looked."""

    def __init__(self) -> None:
        self.event_started = trio.Event()
        self._streams = [object()]

    async def start(self) -> None:
        self.event_started.set()
        await trio.sleep_forever()

    async def accept_stream(self) -> IMuxedStream:
        if not self._streams:
            await trio.sleep_forever()
        return cast("IMuxedStream", self._streams.pop())


def test_no_stream_is_served_before_the_host_knows_of_the_connection():
    """Whoever handled one would ask the host about its peer, and be told that there is none."""

    async def story() -> None:
        served: list[object] = []

        async def serve(_connection: Connection, stream: IMuxedStream) -> None:
            served.append(stream)

        listener = (await trio.open_tcp_listeners(0, host="127.0.0.1"))[0]
        near = await trio.testing.open_stream_to_socket_listener(listener)
        peer = DeviceId(bytes(32)).peer_id
        here = "/ip4/127.0.0.1/tcp/1"
        origin = Origin(peer, here, here, Path.DIRECT, inbound=False)
        muxer = cast("IMuxedConn", EagerMuxer())
        connection = Connection(muxer, TcpPipe(near), origin, HostLimits())
        async with listener, trio.open_nursery() as nursery:
            await nursery.start(connection.run, serve, lambda _: None)
            await trio.testing.wait_all_tasks_blocked()
            assert served == []
            connection.admit()
            await trio.testing.wait_all_tasks_blocked()
            assert len(served) == 1
            nursery.cancel_scope.cancel()

    play(story)
