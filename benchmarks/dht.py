"""What do a get and a put cost in a DHT of thirty real nodes on loopback?

All run in one process, so that a figure holds the work of everybody who takes part: a get asks few,
a put asks the twenty nearest and gives to each.

    python -m benchmarks.dht [--quick]
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from random import Random

import trio

from p2pchat.errors import PeerUnreachable
from p2pchat.kad.config import KadConfig
from p2pchat.kad.machine import KadMachine
from p2pchat.kad.vocabulary import (
    Discovered,
    GetValue,
    KadEffect,
    KadInput,
    PutValue,
    Refresh,
    SetAddresses,
    SetMode,
)
from p2pchat.net.kad import KadCarrier
from p2pchat.net.libp2p.host import LibP2PHost, open_host
from p2pchat.net.libp2p.options import HostOptions
from p2pchat.node.ambient import SystemAmbient
from p2pchat.node.driver import Driver, DriverConfig

NODES = 30
QUORUM = 3
DIALS = 5
LISTEN = ("/ip4/127.0.0.1/tcp/0",)


class AnyValue:
    """A namespace that accepts everything; the greatest value is the best."""

    def validate(self, key: bytes, value: bytes, now_ms: int) -> None: ...

    def select(self, key: bytes, values: Sequence[bytes], now_ms: int) -> int:
        return values.index(max(values))

    def expires_ms(self, key: bytes, value: bytes) -> int | None:
        return None


class Node:
    """A host with machine, driver and carrier."""

    def __init__(self, host: LibP2PHost, number: int) -> None:
        self.host = host
        config = KadConfig()
        machine = KadMachine(host.peer_id, config, Random(number), {"test": AnyValue()})
        self.carrier = KadCarrier(host, self._put, _ignore, config)
        self.driver = Driver[KadInput, KadEffect](
            machine, self.carrier, SystemAmbient(), DriverConfig()
        )

    async def start(self, nursery: trio.Nursery) -> None:
        await nursery.start(self.carrier.run)
        await nursery.start(self.driver.run)
        await self._put(SetAddresses(self.host.addresses))
        await self._put(SetMode(is_server=True))

    async def _put(self, input: KadInput) -> None:
        await self.driver.put(input)


async def _ignore(effect: Discovered) -> None: ...


async def measured(rounds: int) -> tuple[list[float], list[float]]:
    """Milliseconds of gets and of puts."""
    random = Random(1)
    gets: list[float] = []
    puts: list[float] = []
    async with trio.open_nursery() as nursery, AsyncExitStack() as stack:
        nodes: list[Node] = []
        for number in range(NODES):
            options = HostOptions(seed=bytes([number]) * 32, listen=LISTEN)
            host = await stack.enter_async_context(open_host(options))
            node = Node(host, number)
            await node.start(nursery)
            for known in random.sample(nodes, min(2, len(nodes))):
                await _dial(node, known)
            nodes.append(node)
        for node in nodes:
            await node.driver.call(Refresh)
        for number in range(rounds):
            key = b"/test/%d" % number
            writer, reader = random.sample(nodes, 2)
            puts.append(await _timed(writer, lambda id, k=key: PutValue(id, k, b"value")))
            gets.append(await _timed(reader, lambda id, k=key: GetValue(id, k, QUORUM)))
        nursery.cancel_scope.cancel()
    return gets, puts


async def _dial(node: Node, known: Node) -> None:
    """Connect; thirty hosts in one process may keep a handshake waiting too long."""
    for _ in range(DIALS):
        try:
            await node.host.connect(known.host.peer_id, known.host.addresses)
        except PeerUnreachable:
            continue
        return
    raise SystemExit("the machine is too busy for thirty hosts in one process")


async def _timed(node: Node, make: Callable[[int], KadInput]) -> float:
    began_s = time.perf_counter()
    await node.driver.call(make)
    return (time.perf_counter() - began_s) * 1000


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.dht", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the work")
    rounds = 10 if parser.parse_args().quick else 100
    gets, puts = trio.run(measured, rounds)
    for name, values, goal in (("get", gets, 20), ("put", puts, 40)):
        tail = sorted(values)[int(0.95 * len(values))]
        middle = statistics.median(values)
        print(f"DHT of {NODES}: {name} p50 {middle:8.1f} ms    p95 {tail:8.1f} ms    goal ≤ {goal}")


if __name__ == "__main__":
    main()
