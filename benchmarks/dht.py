"""What do a get and a put cost in a DHT of thirty real nodes on loopback?

All run in one process, so that a figure holds the work of everybody who takes part: a get asks few,
a put asks the twenty nearest and gives to each. What is put are signed records, verified by all; a
put that too few took, or a get that does not find it, ends the run.

    python -m benchmarks.dht [--quick]
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from random import Random

import trio

from p2pchat.errors import PeerUnreachable
from p2pchat.kad.config import KadConfig
from p2pchat.kad.machine import KadMachine
from p2pchat.kad.vocabulary import (
    Discovered,
    FoundValue,
    GetValue,
    KadEffect,
    KadInput,
    PutValue,
    Refresh,
    SetAddresses,
    SetMode,
)
from p2pchat.model.ids import DeviceId
from p2pchat.net.kad import KadCarrier
from p2pchat.net.libp2p.host import LibP2PHost, open_host
from p2pchat.net.libp2p.options import HostOptions
from p2pchat.node.ambient import SystemAmbient
from p2pchat.node.driver import Driver, DriverConfig
from p2pchat.wire.envelope import Ed25519Signer
from p2pchat.wire.records import (
    LIFETIME_MS,
    BundleRecord,
    RecordValidator,
    bundle_key,
    encode_record,
)

NODES = 30
QUORUM = 3
HOLDERS_MIN = 10
"""Half of those who should have a record."""
DIALS = 5
LISTEN = ("/ip4/127.0.0.1/tcp/0",)


class Node:
    """A host with machine, driver and carrier."""

    def __init__(self, host: LibP2PHost, number: int) -> None:
        self.host = host
        config = KadConfig()
        machine = KadMachine(host.peer_id, config, Random(number), {"dchat": RecordValidator()})
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
            key, value = _record(number)
            writer, reader = random.sample(nodes, 2)
            put_ms, holders = await _timed(writer, lambda id, k=key, v=value: PutValue(id, k, v))
            get_ms, found = await _timed(reader, lambda id, k=key: GetValue(id, k, QUORUM))
            if not isinstance(holders, int) or holders < HOLDERS_MIN:
                raise SystemExit(f"a put was taken by {holders} nodes")
            if not isinstance(found, FoundValue) or found.value != value:
                raise SystemExit("a get did not find what was put")
            puts.append(put_ms)
            gets.append(get_ms)
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


def _record(number: int) -> tuple[bytes, bytes]:
    """A bundle record of a device of its own: key and value."""
    signer, now_ms = Ed25519Signer(number.to_bytes(32, "big")), time.time_ns() // 10**6
    device = DeviceId(signer.public_key)
    record = BundleRecord(device, LISTEN, now_ms, now_ms + LIFETIME_MS)
    return bundle_key(device), encode_record(record, signer)


async def _timed(node: Node, make: Callable[[int], KadInput]) -> tuple[float, object]:
    """Milliseconds, and the reply."""
    began_s = time.perf_counter()
    reply = await node.driver.call(make)
    return (time.perf_counter() - began_s) * 1000, reply


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
