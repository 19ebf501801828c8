"""What a way round costs: a relay between two hosts, and a bootstrap peer that is dead.

python -m benchmarks.ways [--quick]

Relay and hosts are three processes on loopback. The rounds of a run alternate between the direct
connection, a relay without a pace, which shows what relaying costs, and a relay as it comes, which
holds each peer back at 16 MiB/s after a burst. All figures are medians.
"""

from __future__ import annotations

import argparse
import socket
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
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
from p2pchat.model.ids import PeerId
from p2pchat.net.libp2p.host import open_host
from p2pchat.net.libp2p.options import CircuitLimits, HostOptions
from p2pchat.net.port import Stream

ROUNDS, STARTS = 5, 9
FILLING = 4
"""Calls that fill a queue of the shortest length."""
ANYWHERE = (f"/ip4/{LOOPBACK}/tcp/0",)
UNPACED, PACED = CircuitLimits(peer_bytes_per_s=1 << 32), CircuitLimits()
STRANGER = "12D3KooWSCufgHzV4fCwRijfH2k3abrpAJxTKxEvN1FDuRXA2U9x"
"""A valid peer id; nobody has its key here."""


def options(name: str, circuits: CircuitLimits = PACED, *, is_relay: bool = False) -> HostOptions:
    listen = () if name == "client" else ANYWHERE
    return HostOptions(
        seed=name.encode().ljust(32), listen=listen, is_relay=is_relay, circuits=circuits
    )


async def relay(name: str) -> None:
    circuits = PACED if name == "paced" else UNPACED
    async with open_host(options(name, circuits, is_relay=True)) as host:
        print(host.addresses[0], flush=True)
        await trio.sleep_forever()


async def server(*relays: str) -> None:
    """Reserve a place at each relay; print the direct address, then the relayed ones."""

    async def handle(stream: Stream) -> None:
        await serve_pipe(PortPipe(stream))

    async with open_host(options("server")) as host:
        host.serve(PROTOCOL, handle)
        printed = [host.addresses[0]]
        for at in relays:
            peer = PeerId.parse(at.rpartition("/p2p/")[2])
            await host.connect(peer, [at])
            await host.reserve(peer)
            printed.append(next(a for a in host.addresses if "p2p-circuit" in a and str(peer) in a))
        print(*printed, flush=True)
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
def role(*words: str) -> Generator[list[str]]:
    """A process of this file; what it prints when it is ready."""
    command = [sys.executable, "-m", "benchmarks.ways", "--role", *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().split()
        finally:
            process.terminate()


def direct_and_relayed(scale: float) -> None:
    with (
        role("relay", "unpaced") as (free,),
        role("relay", "paced") as (paced,),
        role("server", free, paced) as addresses,
    ):
        rounds = [
            [trio.run(measure, address, scale) for address in addresses] for _ in range(ROUNDS)
        ]
    print(f"{'':28} {'direct':>9} {'relayed':>9} {'paced':>9}")
    for name in rounds[0][0]:
        values = [statistics.median(one[way][name] for one in rounds) for way in range(3)]
        print(f"{name:28} " + " ".join(f"{value:9.2f}" for value in values), flush=True)


@contextmanager
def silence() -> Generator[str]:
    """The address of somebody who takes calls and says nothing."""
    with socket.create_server((LOOPBACK, 0)) as nobody:
        yield stranger_at(nobody)


@contextmanager
def refusal() -> Generator[str]:
    """The address of a machine on which nobody listens."""
    with socket.socket() as unused:
        unused.bind((LOOPBACK, 0))
        yield stranger_at(unused)


@contextmanager
def void() -> Generator[str]:
    """The address of somebody who is not there: no packet is answered, for the queue is full."""
    with socket.create_server((LOOPBACK, 0), backlog=0) as full, ExitStack() as stack:
        for _ in range(FILLING):
            one = stack.enter_context(socket.socket())
            one.setblocking(False)
            one.connect_ex(full.getsockname())
        yield stranger_at(full)


def stranger_at(place: socket.socket) -> str:
    return f"/ip4/{LOOPBACK}/tcp/{place.getsockname()[1]}/p2p/{STRANGER}"


def start_s(place: Path, known: list[str]) -> float:
    """How long one new client takes until it is ready."""
    with processes(1) as (one,):
        return float(one.call("open", str(place), known)["ready_s"])


def starts(times: int) -> None:
    """The first start of a client that knows a live peer, alone and beside a dead one."""
    with (
        tempfile.TemporaryDirectory() as folder,
        processes(1) as (live,),
        silence() as silent,
        refusal() as refused,
        void() as nowhere,
    ):
        address = first(live)
        dead = {"says nothing": silent, "refuses": refused, "is not there": nowhere}
        cases = {"": [address], **{name: [one, address] for name, one in dead.items()}}
        took: dict[str, list[float]] = {name: [] for name in cases}
        for number in range(times):
            for name, known in cases.items():
                took[name].append(start_s(Path(folder, f"{name} {number}"), known))
    alone = statistics.median(took.pop(""))
    print(f"{'start to ready, live peer':45} {alone:10.2f} s")
    for name, beside in took.items():
        label = f"  a bootstrap peer that {name} adds"
        print(f"{label:45} {statistics.median(beside) - alone:10.2f} s    goal ≤ 0.1")


def first(process: Process) -> str:
    return str(process.call("open", None, [])["address"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the work")
    parser.add_argument("--role", nargs="+", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    match arguments.role:
        case ["relay", name]:
            trio.run(relay, name)
        case ["server", *relays]:
            trio.run(server, *relays)
        case _:
            direct_and_relayed(0.1 if arguments.quick else 1.0)
            print()
            starts(2 if arguments.quick else STARTS)


if __name__ == "__main__":
    main()
