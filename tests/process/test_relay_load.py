"""A relay under those who come and go, and those who never say who they are."""

from __future__ import annotations

import sys
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import trio

from p2pchat.model.ids import PeerId
from p2pchat.testing.processes import RelayProcess, open_processes
from tests.libp2p.hosts import bare, host, read_to_end
from tests.process.polling import until
from tests.process.yardstick import slowness

pytestmark = [
    pytest.mark.process,
    pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc"),
]

WARM_UP = 50
CYCLES = 300
LIVES = 25
STRANGERS = 600
HONEST_S = 2.0
"""What the design promises, on a machine that does nothing else meanwhile."""
GROWTH_BYTES_MAX = 12 << 20
"""What allocators keep; the state of 300 connections would be several times as much."""


def descriptors(relay: RelayProcess) -> int:
    return len(list(Path(f"/proc/{relay.pid}/fd").iterdir()))


def resident_bytes(relay: RelayProcess) -> int:
    return int(Path(f"/proc/{relay.pid}/statm").read_text().split()[1]) * 4096


async def come_and_go(relay: RelayProcess, times: int) -> None:
    """Different peers, each as often as none is refused for its haste."""
    for number in range(times // LIVES):
        async with host(f"peer {number}") as peer:
            for _ in range(LIVES):
                await peer.connect(PeerId.parse(relay.peer_id), relay.addresses)
                await peer.disconnect(PeerId.parse(relay.peer_id))


async def until_descriptors(relay: RelayProcess, count: int) -> None:
    async def are_back() -> bool:
        return descriptors(relay) <= count

    await until(are_back, 60)


def test_who_comes_and_goes_leaves_nothing_at_a_relay(tmp_path: Path) -> None:
    async def main() -> None:
        async with open_processes(tmp_path) as processes:
            relay = await processes.relay()
            idle = descriptors(relay)
            await come_and_go(relay, WARM_UP)
            await until_descriptors(relay, idle)
            before = resident_bytes(relay)
            await come_and_go(relay, CYCLES)
            await until_descriptors(relay, idle)
            assert resident_bytes(relay) - before < GROWTH_BYTES_MAX

    trio.run(main)


@pytest.mark.parametrize("is_timed", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_an_honest_client_gets_in_under_600_who_never_say_who_they_are(
    tmp_path: Path, is_timed: bool
) -> None:
    async def main() -> None:
        async with open_processes(tmp_path) as processes, AsyncExitStack() as stack:
            relay = await processes.relay()
            idle = descriptors(relay)
            port = int(bare(relay.addresses[0]).rpartition("/")[2])
            strangers = [await stranger(port, number) for number in range(STRANGERS)]
            for each in strangers:
                stack.push_async_callback(trio.aclose_forcefully, each)
            assert await read_to_end(strangers[0]) != b""  # it was let in, and had to make room
            async with host("alice") as alice:
                began_s = trio.current_time()
                await alice.connect(PeerId.parse(relay.peer_id), relay.addresses, timeout_s=30)
                took_s = trio.current_time() - began_s
            if is_timed:
                assert took_s <= HONEST_S * slowness()
            assert descriptors(relay) < idle + STRANGERS
            await stack.aclose()
            await until_descriptors(relay, idle)

    trio.run(main)


async def stranger(port: int, number: int) -> trio.SocketStream:
    """A connection from an address of its own, on which nothing is ever sent."""
    sock = trio.socket.socket()
    await sock.bind((f"127.1.{1 + number // 200}.{1 + number % 200}", 0))
    await sock.connect(("127.0.0.1", port))
    return trio.SocketStream(sock)
