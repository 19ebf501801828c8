"""What does a mailbox cost, and what do those notice who use it while others flood it?

A relay in a process of its own, on disk, and clients on loopback. A message is a sealed blob of the
size that a short text has: 544 bytes (X25519) or 1,632 (hybrid). A round puts them, fetches them by
another device, and deletes them; sealing is not in it. Then strangers flood the relay with puts
that it has to refuse, and with halves of requests, and an owner looks
into its mailbox meanwhile.

    python -m benchmarks.mailboxes [--quick]
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import psutil
import trio

from p2pchat.errors import NetworkError
from p2pchat.model.ids import PeerId
from p2pchat.model.mailbox import MailboxRelay
from p2pchat.net.libp2p.host import open_host
from p2pchat.net.libp2p.options import HostOptions
from p2pchat.net.mailbox_client import WireMailboxes
from p2pchat.net.port import Host
from p2pchat.testing.processes import RelayProcess, open_processes
from p2pchat.wire.envelope import Ed25519Signer, Purpose
from p2pchat.wire.framing import frame
from p2pchat.wire.mailbox_codec import (
    MAILBOX_PROTOCOL,
    Put,
    Request,
    encode_request,
    put_body,
)

MESSAGES, SIZES, ROUNDS = 1_000, (544, 1_632), 2
ATTACKERS, STREAMS = 16, 4
FLOOD_S, SAMPLES, PAUSE_S = 10.0, 100, 0.06
OWNER, WRITER, STRANGER = (Ed25519Signer(name * 32) for name in (b"o", b"w", b"s"))


@asynccontextmanager
async def client(own: Ed25519Signer, seed: bytes) -> AsyncGenerator[WireMailboxes]:
    async with open_host(HostOptions(seed=seed)) as host, trio.open_nursery() as nursery:
        mailboxes = WireMailboxes(host, own)
        await nursery.start(mailboxes.run)
        yield mailboxes
        nursery.cancel_scope.cancel()


async def took_s(job: Callable[[], Awaitable[object]]) -> float:
    began_s = time.perf_counter()
    await job()
    return time.perf_counter() - began_s


class Pair:
    """Who leaves blobs, who takes them, and the relay between them."""

    def __init__(self, relay: RelayProcess, owner: WireMailboxes, writer: WireMailboxes) -> None:
        self.relay = MailboxRelay(PeerId.parse(relay.peer_id), relay.addresses)
        self.owner = owner
        self.writer = writer
        self.said = 0

    async def put(self, size: int) -> None:
        self.said += 1
        blob = self.said.to_bytes(8, "big").ljust(size, b"x")
        await self.writer.put(self.relay, OWNER.public_key, blob, WRITER)

    async def put_all(self, count: int, size: int) -> None:
        async with trio.open_nursery() as nursery:
            for _ in range(count):
                nursery.start_soon(self.put, size)

    async def fetch_all(self) -> list[int]:
        ids: list[int] = []
        while page := await self.owner.fetch(self.relay, ids[-1] if ids else 0):
            ids += [kept.id for kept in page]
        return ids

    async def turn(self, count: int, size: int) -> tuple[float, float, float]:
        """Seconds for putting, fetching and deleting."""
        put_s = await took_s(lambda: self.put_all(count, size))
        ids: list[int] = []

        async def fetch() -> None:
            ids.extend(await self.fetch_all())

        fetch_s = await took_s(fetch)
        assert len(ids) == count
        delete_s = await took_s(lambda: self.owner.delete(self.relay, ids))
        return put_s, fetch_s, delete_s

    async def looks_ms(self, count: int) -> list[float]:
        """What the owner waits for a page, at the pace that a peer has."""
        took: list[float] = []
        for _ in range(count):
            took.append(1000 * await took_s(lambda: self.owner.fetch(self.relay)))
            await trio.sleep(PAUSE_S)
        return took


async def attack(address: str) -> None:
    """All attackers, in a process of their own."""
    peer = PeerId.parse(address.rpartition("/p2p/")[2])

    async def one(number: int) -> None:
        async with open_host(HostOptions(seed=bytes([number]) * 32)) as host:
            await host.connect(peer, [address])
            await flood(host, peer)

    async with trio.open_nursery() as nursery:
        for number in range(ATTACKERS):
            nursery.start_soon(one, number)


async def flood(host: Host, relay: PeerId) -> None:
    """One attacker: on each stream refused puts of the largest size, then half of one."""
    blob = bytes(64 * 1024)
    signature = STRANGER.sign(Purpose.MAILBOX_PUT, put_body(OWNER.public_key, blob))
    put = Put(OWNER.public_key, STRANGER.public_key, signature, blob)

    async def one_stream() -> None:
        while True:
            with suppress(NetworkError, trio.BrokenResourceError):
                stream = await host.open_stream(relay, [MAILBOX_PROTOCOL])
                for id in range(1, 200):
                    whole = frame(encode_request(Request(id, put)))
                    await stream.send_all(whole if id % 20 else whole[:40_000])
            await trio.sleep(0.05)

    async with trio.open_nursery() as nursery:
        for _ in range(STREAMS):
            nursery.start_soon(one_stream)


async def under_flood(pair: Pair, relay: RelayProcess, samples: int) -> list[str]:
    process = psutil.Process(relay.pid)
    await pair.put_all(100, 544)
    quiet = await pair.looks_ms(samples)
    before = peak = process.memory_info().rss
    noisy: list[float] = []
    command = [sys.executable, "-m", "benchmarks.mailboxes", "--attack", relay.addresses[0]]
    attackers = await trio.lowlevel.open_process(command)
    try:
        await trio.sleep(3)
        until_s = trio.current_time() + FLOOD_S
        while trio.current_time() < until_s:
            noisy += await pair.looks_ms(5)
            peak = max(peak, process.memory_info().rss)
        assert attackers.returncode is None
    finally:
        attackers.kill()
        await attackers.wait()
    database = relay.home / "mailboxes.db"
    p50, busy = statistics.median(quiet), statistics.median(noisy)
    return [
        f"| a page of 100 blobs, alone, p50 | {p50:.1f} ms | |",
        f"| a page of 100 blobs, {ATTACKERS * STREAMS} streams of {ATTACKERS} attackers, p50 "
        f"| {busy:.1f} ms ({busy / p50:.1f} times) | |",
        f"| the relay's memory before, at most | {before / 1e6:.0f} MB, {peak / 1e6:.0f} MB "
        "| 64 MB more |",
        f"| its database after | {database.stat().st_size / 1e6:.1f} MB | |",
    ]


async def measure(directory: Path, quick: bool) -> list[str]:
    count = MESSAGES // 10 if quick else MESSAGES
    lines = ["| | figure | goal |", "|---|---|---|"]
    async with open_processes(directory) as processes:
        for size in SIZES:
            relay = await processes.relay(f"relay-{size}")
            async with client(OWNER, b"o" * 32) as owner, client(STRANGER, b"w" * 32) as writer:
                pair = Pair(relay, owner, writer)
                await owner.register(pair.relay, [WRITER.public_key], None)
                turns = [await pair.turn(count, size) for _ in range(1 if quick else ROUNDS)]
                put_s, fetch_s, delete_s = map(min, zip(*turns, strict=True))
                total_s = put_s + fetch_s + delete_s
                lines.append(
                    f"| {count} blobs of {size} bytes: put, fetched, deleted | {total_s:.2f} s"
                    f" ({put_s:.2f} + {fetch_s:.2f} + {delete_s:.2f}) | 2 s |"
                )
                if size == SIZES[-1]:
                    lines += await under_flood(pair, relay, SAMPLES // (4 if quick else 1))
            await relay.stop()
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the work")
    parser.add_argument("--attack", metavar="ADDRESS", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.attack is not None:
        trio.run(attack, arguments.attack)
    with tempfile.TemporaryDirectory() as made:
        print("\n".join(trio.run(measure, Path(made), arguments.quick)))


if __name__ == "__main__":
    main()
