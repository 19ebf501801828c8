"""A client becomes ready by the first list that is good, whatever the other servers do.

Real sockets and real time, judged by the order of events: a server that has not answered when the
client is ready cannot have delayed it.
"""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import trio

from p2pchat.client.opening import open_client
from p2pchat.config import ClientConfig, FetchLimits, FetchUrl, RelayConfig
from p2pchat.model.status import Health
from p2pchat.net.bootstrap_list import render_list
from p2pchat.relay import open_relay
from tests.net.servers import hang, reply, serving

LISTEN = ("/ip4/127.0.0.1/tcp/0",)
POISON = (b"[" * 10_000, b"\xff\xfe", b'{"version": 2, "peers": []}', b'{"version": 1, "peers": 7}')

pytestmark = pytest.mark.process


def test_bad_list_servers_beside_a_good_one_do_not_hold_a_client_up(tmp_path: Path) -> None:
    async def main() -> None:
        async with AsyncExitStack() as stack:
            relay = await stack.enter_async_context(
                open_relay(RelayConfig(home=tmp_path / "relay", listen=LISTEN, fetch=False))
            )
            answers = [reply(render_list(relay.addresses)), hang, reply(b"", status="500 No")]
            answers += [reply(body) for body in POISON]
            servers = [await stack.enter_async_context(serving(answer)) for answer in answers]
            urls = tuple(FetchUrl(server.url) for server in servers)
            patient = FetchLimits(timeout_s=600, total_s=600)
            config = ClientConfig(listen=LISTEN, bootstrap_urls=urls, fetch_limits=patient)
            client = await stack.enter_async_context(
                open_client(tmp_path / "alice", name="alice", config=config)
            )
            with trio.fail_after(60):  # before the hanging server is given up
                status = await client.wait_ready()
            assert status.health is Health.GOOD
            assert servers[1].requests, "the server that hangs was asked as well"

    trio.run(main)


def test_with_all_servers_dead_the_list_of_the_last_time_serves(tmp_path: Path) -> None:
    async def main() -> None:
        async with open_relay(
            RelayConfig(home=tmp_path / "relay", listen=LISTEN, fetch=False)
        ) as relay:
            async with serving(reply(render_list(relay.addresses))) as server:
                config = ClientConfig(listen=LISTEN, bootstrap_urls=(FetchUrl(server.url),))
                async with open_client(tmp_path / "alice", name="alice", config=config) as client:
                    assert (await client.wait_ready()).health is Health.GOOD
            cache = tmp_path / "alice" / "bootstrap-cache.json"
            assert cache.stat().st_mode & 0o777 == 0o600
            # Another home has only the cached list: it remembers nobody.
            (tmp_path / "bob").mkdir(mode=0o700)
            (tmp_path / "bob" / cache.name).write_bytes(cache.read_bytes())
            async with open_client(tmp_path / "bob", name="bob", config=config) as client:
                with trio.fail_after(60):
                    assert (await client.wait_ready()).health is Health.GOOD

    trio.run(main)
