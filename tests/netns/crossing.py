"""A public host that dials from its listening port when it is told to.

`python -m tests.netns.crossing <name> <IP address>` says its address, waits for one in a line,
dials that, says whether it got through, and stays until its input ends.
"""

from __future__ import annotations

import sys

import trio

from p2pchat.errors import PeerUnreachable
from p2pchat.model.ids import PeerId
from tests.libp2p.hosts import host

DIAL_S_MAX = 20.0


async def main(name: str, ip: str) -> None:
    async with host(name, listen=(f"/ip4/{ip}/tcp/4001",)) as one:
        print(one.addresses[0], flush=True)  # noqa: T201 - to the test
        address = (await trio.to_thread.run_sync(sys.stdin.readline)).strip()
        peer = PeerId.parse(address.rpartition("/")[2])
        try:
            await one.connect(peer, [address], timeout_s=DIAL_S_MAX)
        except PeerUnreachable as error:
            print(error.attempts, flush=True)  # noqa: T201
        else:
            print("connected", flush=True)  # noqa: T201
        await trio.to_thread.run_sync(sys.stdin.read)


if __name__ == "__main__":
    trio.run(main, *sys.argv[1:])
