"""Nothing is dialled before the user agrees, shown to a listener that counts who calls.

A real socket stands where the links say that somebody is. It hears nothing while links are read,
and a call as soon as the user asks: so it would have heard one.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import trio

from p2pchat.client.client import Client
from p2pchat.client.opening import open_client
from p2pchat.config import ClientConfig
from p2pchat.errors import LinkError
from p2pchat.wire.links import encode_link
from tests.unit.protocol.people import BOB

CONFIG = ClientConfig(listen=("/ip4/127.0.0.1/tcp/0",), fetch=False)
QUIET_S = 1.5
"""Long enough for a dial, which a client makes within milliseconds."""

pytestmark = pytest.mark.process


class Counter:
    """Counts who calls, and hangs up."""

    def __init__(self) -> None:
        self.calls = 0
        self.called = trio.Event()

    async def answer(self, stream: trio.SocketStream) -> None:
        self.calls += 1
        self.called.set()
        await stream.aclose()


@asynccontextmanager
async def listening() -> AsyncIterator[tuple[Counter, str]]:
    """A counter, and a contact link that leads to it."""
    counter = Counter()
    async with trio.open_nursery() as nursery:
        [listener] = await trio.open_tcp_listeners(0, host="127.0.0.1")
        port = listener.socket.getsockname()[1]
        nursery.start_soon(trio.serve_listeners, counter.answer, [listener])
        link = replace(BOB.link, addresses=(f"/ip4/127.0.0.1/tcp/{port}",))
        yield counter, encode_link(link)
        nursery.cancel_scope.cancel()


def look(client: Client, link: str) -> None:
    """All that can be done with a link without agreeing to anything."""
    assert client.read_link(link).addresses
    with pytest.raises(LinkError):
        client.read_link(link[:-1])
    assert client.contacts() == []


def test_a_link_that_is_read_dials_nobody_and_one_that_is_used_does(tmp_path: Path) -> None:
    async def main() -> None:
        async with (
            listening() as (counter, link),
            open_client(tmp_path, name="alice", config=CONFIG) as client,
        ):
            await client.wait_ready()
            look(client, link)
            await trio.sleep(QUIET_S)
            assert counter.calls == 0
            await client.add_contact(link)
            with trio.fail_after(60):
                await counter.called.wait()

    trio.run(main)
