"""Many honest peers in one house, as one program: `python -m tests.netns.household COUNT RELAY
CLIENT` lets each of them reserve at a relay and connect to a client, and tells when all have tried.

Each is a host with a key of its own; together they share the address of their router, which is all
that those outside see of it. They stay until standard input ends.
"""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from contextlib import AsyncExitStack

import trio

from p2pchat.errors import NetworkError
from p2pchat.model.ids import PeerId
from p2pchat.net.libp2p.host import LibP2PHost, open_host
from p2pchat.net.libp2p.options import HostOptions

SETTLE_S = 1.0
"""A connection that is one too many is closed at once, but after it was opened."""


def owner(address: str) -> PeerId:
    return PeerId.parse(address.rpartition("/p2p/")[2])


async def settle_in(host: LibP2PHost, relay: str, client: str, refused: Counter[str]) -> None:
    """Reserve and connect, once."""
    try:
        await host.connect(owner(relay), [relay])
        await host.reserve(owner(relay))
        await host.connect(owner(client), [client])
    except NetworkError as error:
        refused[str(error)] += 1


async def main(count: str, relay: str, client: str) -> None:
    async with AsyncExitStack() as stack:
        hosts = [
            await stack.enter_async_context(open_host(HostOptions(seed=os.urandom(32))))
            for _ in range(int(count))
        ]
        refused = Counter[str]()
        async with trio.open_nursery() as nursery:
            for host in hosts:
                nursery.start_soon(settle_in, host, relay, client, refused)
        await trio.sleep(SETTLE_S)
        connected = {
            name: sum(host.is_connected(owner(address)) for host in hosts)
            for name, address in (("relay", relay), ("client", client))
        }
        print(json.dumps({**connected, "refused": refused}), flush=True)  # noqa: T201
        await trio.to_thread.run_sync(sys.stdin.read)


if __name__ == "__main__":
    trio.run(main, *sys.argv[1:])
