"""What a way round costs: a relay between two hosts, and a bootstrap peer that says nothing.

python -m benchmarks.ways [--quick]

Relay and hosts are three processes on loopback. The rounds of a run alternate between the direct
connection and the relayed one; the table shows medians, and of starts the fastest.
"""

from __future__ import annotations

import argparse
import socket
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import trio

from benchmarks.chat import Process, processes
from benchmarks.transport import (
    CHUNK,
    ECHO,
    LOOPBACK,
    PROTOCOL,
    PortPipe,
    opener,
    percentile,
    pushed,
    round_trips,
    serve_pipe,
)
from p2pchat.net.libp2p.host import open_host
from p2pchat.net.libp2p.options import CircuitLimits, HostOptions
from p2pchat.net.port import Stream

ROUNDS, STARTS = 5, 9
ANYWHERE = (f"/ip4/{LOOPBACK}/tcp/0",)
UNPACED = CircuitLimits(peer_bytes_per_s=1 << 32)
"""What a relay can carry; by default it holds each peer back at 16 MiB/s."""
STRANGER = "12D3KooWSCufgHzV4fCwRijfH2k3abrpAJxTKxEvN1FDuRXA2U9x"
"""A valid peer id; nobody has its key here."""


def options(name: str, *, is_relay: bool = False) -> HostOptions:
    listen = () if name == "client" else ANYWHERE
    return HostOptions(
        seed=name.encode().ljust(32), listen=listen, is_relay=is_relay, circuits=UNPACED
    )


async def relay() -> None:
    async with open_host(options("relay", is_relay=True)) as host:
        print(host.addresses[0], flush=True)
        await trio.sleep_forever()


async def server(at: str) -> None:
    """Reserve a place, and print both addresses: the direct one, then the relayed one."""

    async def handle(stream: Stream) -> None:
        await serve_pipe(PortPipe(stream))

    async with open_host(options("relay")) as twin:
        relay_id = twin.peer_id
    async with open_host(options("server")) as host:
        host.serve(PROTOCOL, handle)
        direct = host.addresses[0]
        await host.connect(relay_id, [at])
        await host.reserve(relay_id)
        relayed = next(one for one in host.addresses if "p2p-circuit" in one)
        print(direct, relayed, flush=True)
        await trio.sleep_forever()


async def measure(address: str, scale: float) -> dict[str, float]:
    """One round over one connection."""
    async with open_host(options("server")) as twin:
        peer = twin.peer_id
    async with open_host(options("client")) as host:
        await host.connect(peer, [address])

        async def open_pipe() -> PortPipe:
            return PortPipe(await host.open_stream(peer, [PROTOCOL]))

        open_with_order = opener(open_pipe)
        chat = await open_with_order(ECHO + bytes(8))
        await round_trips(chat, 100)
        took = await round_trips(chat, int(2000 * scale))
        count = int(800 * scale)
        seconds = await pushed(open_with_order, CHUNK, count)
    return {
        "round trip p50 ms": percentile(took, 0.5),
        "round trip p99 ms": percentile(took, 0.99),
        "bulk MB/s": count * len(CHUNK) / 1e6 / seconds,
    }


@contextmanager
def role(*words: str) -> Iterator[list[str]]:
    """A process of this file; what it prints when it is ready."""
    command = [sys.executable, "-m", "benchmarks.ways", "--role", *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().split()
        finally:
            process.terminate()


def direct_and_relayed(scale: float) -> None:
    with role("relay") as (at,), role("server", at) as (direct, relayed):
        rounds = [
            [trio.run(measure, address, scale) for address in (direct, relayed)]
            for _ in range(ROUNDS)
        ]
    print(f"{'':28} {'direct':>9} {'relayed':>9}")
    for name in rounds[0][0]:
        values = [statistics.median(one[way][name] for one in rounds) for way in (0, 1)]
        print(f"{name:28} {values[0]:9.2f} {values[1]:9.2f}", flush=True)


@contextmanager
def silence() -> Iterator[str]:
    """The address of somebody who takes calls and says nothing."""
    with socket.create_server((LOOPBACK, 0)) as nobody:
        yield f"/ip4/{LOOPBACK}/tcp/{nobody.getsockname()[1]}/p2p/{STRANGER}"


def start_s(place: Path, known: list[str]) -> float:
    """How long one new client takes until it is ready."""
    with processes(1) as (one,):
        return float(one.call("open", str(place), known)["ready_s"])


def starts(times: int) -> None:
    """The first start of a client that knows a live peer, alone and beside a silent one."""
    with tempfile.TemporaryDirectory() as folder, processes(1) as (live,), silence() as silent:
        address = first(live)
        cases = {"live peer": [address], "and a silent one": [silent, address]}
        took: dict[str, list[float]] = {name: [] for name in cases}
        for number in range(times):
            for name, known in cases.items():
                took[name].append(start_s(Path(folder, f"{name} {number}"), known))
    alone, beside = map(min, took.values())  # a busy machine makes starts slower, never faster
    print(f"{'start to ready, live peer':45} {alone:10.2f} s")
    print(f"{'  a silent bootstrap peer adds':45} {beside - alone:10.2f} s    goal ≤ 0.1")


def first(process: Process) -> str:
    return str(process.call("open", None, [])["address"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the work")
    parser.add_argument("--role", nargs="+", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    match arguments.role:
        case ["relay"]:
            trio.run(relay)
        case ["server", at]:
            trio.run(server, at)
        case _:
            direct_and_relayed(0.1 if arguments.quick else 1.0)
            print()
            starts(2 if arguments.quick else STARTS)


if __name__ == "__main__":
    main()
