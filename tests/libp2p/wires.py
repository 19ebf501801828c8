"""A cable between two hosts that can be cut without a word."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import trio

from tests.libp2p.hosts import port_of

__all__ = ["Wire", "wired"]


class Wire:
    """A TCP forwarder that can stop forwarding without a word to either side."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._cut = False
        self._heard = trio.Event()
        self.address = ""

    def cut(self) -> None:
        self._cut = True

    async def traffic(self, packets: int) -> None:
        """Wait until so many more packets have passed."""
        for _ in range(packets):
            self._heard = trio.Event()
            await self._heard.wait()

    async def serve(self, *, task_status) -> None:
        (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
        self.address = f"/ip4/127.0.0.1/tcp/{listener.socket.getsockname()[1]}"
        task_status.started()
        await trio.serve_listeners(self._forward, [listener])

    async def _forward(self, near: trio.SocketStream) -> None:
        far = await trio.open_tcp_stream("127.0.0.1", self._port)
        async with far, trio.open_nursery() as nursery:
            nursery.start_soon(self._pump, near, far)
            nursery.start_soon(self._pump, far, near)

    async def _pump(self, source: trio.SocketStream, sink: trio.SocketStream) -> None:
        try:
            async for chunk in source:
                if not self._cut:
                    self._heard.set()
                    await sink.send_all(chunk)
            await sink.send_eof()
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            await trio.aclose_forcefully(sink)


@asynccontextmanager
async def wired(bob) -> AsyncGenerator[Wire]:
    async with trio.open_nursery() as nursery:
        wire = Wire(port_of(bob))
        await nursery.start(wire.serve)
        yield wire
        nursery.cancel_scope.cancel()
