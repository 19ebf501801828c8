"""What does a message cost below the chat, and how fast does a file go?

Two processes on loopback and the same bytes carried in several ways: by py-libp2p's Noise and Yamux
(`stock`), by ours (`lean`, the same wire format), by both with our host on top, and by the
yardstick: one trio socket with ChaCha20-Poly1305 and nothing else (`floor`). The rounds of a run
alternate between them, so that a busy machine slows all; the table shows medians and ratios.

    python benchmarks/transport.py [--rounds 5] [--quick]
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Literal, Protocol, cast

import trio
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from libp2p.abc import IMuxedConn
from libp2p.crypto.ed25519 import create_new_key_pair
from libp2p.crypto.x25519 import create_new_key_pair as create_noise_key_pair
from libp2p.custom_types import TProtocol
from libp2p.io.trio import TrioTCPStream
from libp2p.network.connection.raw_connection import RawConnection
from libp2p.peer.id import ID  # pyright: ignore[reportMissingTypeStubs]  # it has none
from libp2p.security.noise.transport import PROTOCOL_ID as NOISE
from libp2p.security.noise.transport import Transport as StockNoise
from libp2p.stream_muxer.exceptions import MuxedConnUnavailable, MuxedStreamError
from libp2p.stream_muxer.yamux.yamux import PROTOCOL_ID as YAMUX
from libp2p.stream_muxer.yamux.yamux import Yamux
from libp2p.transport.upgrader import TransportUpgrader

from p2pchat.net.libp2p.host import LibP2PHost, open_host
from p2pchat.net.libp2p.options import HostOptions, Transport
from p2pchat.net.libp2p.upgrader import LeanUpgrader
from p2pchat.net.port import Stream

Kind = Literal["stock", "stock host", "lean", "lean host", "floor"]

KINDS: tuple[Kind, ...] = ("stock", "stock host", "lean", "lean host", "floor")
MESSAGE = bytes(200)
COALESCED = 64
CHUNK = bytes(256 * 1024)
ECHO, SINK = b"e", b"s"
ORDER_BYTES = 9
DONE = b"done"
PROTOCOL = "/benchmark/1.0.0"
LOOPBACK = "127.0.0.1"
KEYS = create_new_key_pair(bytes(32))
FLOOR_KEY = bytes(32)
STOCK_SHARE = 0.25
"""Stock is slow enough to be measured with less."""


class Pipe(Protocol):
    """The least a stream of bytes has to offer to be measured."""

    async def read(self, n: int | None = None) -> bytes: ...
    async def write(self, data: bytes) -> None: ...


class FloorPipe:
    """Length-prefixed ChaCha20-Poly1305 packets on a trio socket; nothing can be cheaper."""

    def __init__(self, socket: trio.SocketStream) -> None:
        self._socket = socket
        self._cipher = ChaCha20Poly1305(FLOOR_KEY)
        self._sent = self._opened = 0
        self._received = bytearray()

    async def write(self, data: bytes) -> None:
        sealed = self._cipher.encrypt(self._sent.to_bytes(12, "little"), data, None)
        self._sent += 1
        await self._socket.send_all(len(sealed).to_bytes(4, "big") + sealed)

    async def read(self, n: int | None = None) -> bytes:
        """What one receive brought; `n` only says that the order is a packet of its own."""
        while not (plaintext := self._open(1 if n == ORDER_BYTES else None)):
            block = await self._socket.receive_some(256 * 1024)
            if not block:
                raise EOFError
            self._received += block
        return plaintext

    def _open(self, most: int | None) -> bytes:
        """All packets that are complete, or the first `most`."""
        received, at, parts = memoryview(self._received), 0, list[bytes]()
        while len(received) - at >= 4 and (most is None or len(parts) < most):
            end = at + 4 + int.from_bytes(received[at : at + 4], "big")
            if len(received) < end:
                break
            nonce = self._opened.to_bytes(12, "little")
            parts.append(self._cipher.decrypt(nonce, received[at + 4 : end], None))
            self._opened += 1
            at = end
        received.release()
        del self._received[:at]
        return parts[0] if len(parts) == 1 else b"".join(parts)


class PortPipe:
    """A stream of the host, as the node uses it."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream

    async def read(self, n: int | None = None) -> bytes:
        data = await self._stream.receive_some(n)
        if not data:
            raise EOFError
        return bytes(data)

    async def write(self, data: bytes) -> None:
        await self._stream.send_all(data)


async def upgrade(kind: Kind, socket: trio.SocketStream, *, initiator: bool) -> IMuxedConn:
    """From a socket to a multiplexed connection; both ends have the same identity."""
    if kind == "lean":
        upgrader: TransportUpgrader = LeanUpgrader(KEYS)
    else:
        noise = StockNoise(KEYS, create_noise_key_pair().private_key)
        upgrader = TransportUpgrader({NOISE: noise}, {TProtocol(YAMUX): Yamux})
    raw = RawConnection(TrioTCPStream(socket), initiator)
    peer = ID.from_pubkey(KEYS.public_key)
    secured = await upgrader.upgrade_security(raw, initiator, peer if initiator else None)
    return await upgrader.upgrade_connection(secured, peer)


def host_options(kind: Kind, name: str) -> HostOptions:
    listen = (f"/ip4/{LOOPBACK}/tcp/0",) if name == "server" else ()
    transport = cast("Transport", kind.removesuffix(" host"))
    return HostOptions(seed=name.encode().ljust(32), listen=listen, transport=transport)


# ---- the serving process ----


async def serve_pipe(pipe: Pipe) -> None:
    """Echo, or count down what was announced and say so."""
    try:
        order = await pipe.read(ORDER_BYTES)
        if order[:1] == ECHO:
            while True:
                await pipe.write(await pipe.read(None))
        left = int.from_bytes(order[1:], "big")
        while left > 0:
            left -= len(await pipe.read(None))
        await pipe.write(DONE)
        await pipe.read(None)
    except (MuxedStreamError, EOFError, trio.BrokenResourceError):
        pass  # the measurement is over


async def serve_socket(kind: Kind, socket: trio.SocketStream) -> None:
    if kind == "floor":
        await serve_pipe(FloorPipe(socket))
        return
    muxed = await upgrade(kind, socket, initiator=False)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(muxed.start)
        try:
            while True:
                nursery.start_soon(serve_pipe, await muxed.accept_stream())
        except MuxedConnUnavailable:
            nursery.cancel_scope.cancel()


async def serve_host(kind: Kind, task_status: trio.TaskStatus[str]) -> None:
    async def handle(stream: Stream) -> None:
        await serve_pipe(PortPipe(stream))

    async with open_host(host_options(kind, "server")) as host:
        host.serve(PROTOCOL, handle)
        task_status.started(host.addresses[0])
        await trio.sleep_forever()


async def serve() -> None:
    """Serve every kind, printing where."""
    async with trio.open_nursery() as nursery:
        for kind in KINDS:
            if kind.endswith("host"):
                print(await nursery.start(serve_host, kind), flush=True)
                continue
            (listener,) = await trio.open_tcp_listeners(0, host=LOOPBACK)
            print(listener.socket.getsockname()[1], flush=True)

            async def handle(socket: trio.SocketStream, kind: Kind = kind) -> None:
                await serve_socket(kind, socket)

            nursery.start_soon(trio.serve_listeners, handle, [listener])


# ---- the measuring process ----

Open = Callable[[bytes], Awaitable[Pipe]]
"""Opens one more stream and gives the serving process its order."""


def opener(open_pipe: Callable[[], Awaitable[Pipe]]) -> Open:
    async def open_with_order(order: bytes) -> Pipe:
        pipe = await open_pipe()
        await pipe.write(order)
        return pipe

    return open_with_order


@asynccontextmanager
async def connected(kind: Kind, where: str) -> AsyncGenerator[Open]:
    """A connection of this kind to the serving process."""
    if kind == "floor":

        async def open_floor() -> Pipe:
            return FloorPipe(await trio.open_tcp_stream(LOOPBACK, int(where)))

        yield opener(open_floor)
    elif kind.endswith("host"):
        async with open_host(host_options(kind, "client")) as host:
            yield opener(await connect_host(host, where))
    else:
        async with trio.open_nursery() as nursery:
            socket = await trio.open_tcp_stream(LOOPBACK, int(where))
            muxed = await upgrade(kind, socket, initiator=True)
            nursery.start_soon(muxed.start)
            await muxed.event_started.wait()
            yield opener(muxed.open_stream)
            nursery.cancel_scope.cancel()


async def connect_host(host: LibP2PHost, address: str) -> Callable[[], Awaitable[Pipe]]:
    async with open_host(host_options("lean host", "server")) as twin:
        peer = twin.peer_id
    await host.connect(peer, [address])

    async def open_pipe() -> Pipe:
        return PortPipe(await host.open_stream(peer, [PROTOCOL]))

    return open_pipe


async def round_trips(pipe: Pipe, count: int) -> list[float]:
    """Milliseconds each of `count` messages took there and back."""
    took = list[float]()
    for _ in range(count):
        start = time.perf_counter()
        await pipe.write(MESSAGE)
        left = len(MESSAGE)
        while left:
            left -= len(await pipe.read(left))
        took.append((time.perf_counter() - start) * 1e3)
    return took


async def pushed(open_pipe: Open, write: bytes, count: int) -> float:
    """Seconds until the other side has `count` times `write`."""
    pipe = await open_pipe(SINK + (count * len(write)).to_bytes(8, "big"))
    await trio.sleep(0.05)
    start = time.perf_counter()
    for _ in range(count):
        await pipe.write(write)
    await pipe.read(len(DONE))
    return time.perf_counter() - start


async def while_a_file_runs(open_pipe: Open, chat: Pipe, count: int) -> list[float]:
    """Round trips on one stream while another is kept full."""
    file = await open_pipe(SINK + (1 << 50).to_bytes(8, "big"))

    async def fill() -> None:
        while True:
            await file.write(CHUNK)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(fill)
        await trio.sleep(0.1)
        took = await round_trips(chat, count)
        nursery.cancel_scope.cancel()
    return took


def percentile(values: list[float], share: float) -> float:
    return sorted(values)[int(len(values) * share)]


async def measure(kind: Kind, where: str, scale: float) -> dict[str, float]:
    """One round of one kind."""
    figures = dict[str, float]()
    if kind.startswith("stock"):
        scale *= STOCK_SHARE
    async with connected(kind, where) as open_pipe:
        chat = await open_pipe(ECHO + bytes(8))
        await round_trips(chat, 200)
        count = int(4000 * scale)
        spent = time.process_time()
        took = await round_trips(chat, count)
        figures["round trip p50 ms"] = percentile(took, 0.5)
        figures["round trip p99 ms"] = percentile(took, 0.99)
        figures["processor a round trip and side ms"] = (time.process_time() - spent) * 1e3 / count
        count = int(20_000 * scale)
        figures["messages/s, a write each"] = count / await pushed(open_pipe, MESSAGE, count)
        count = int(2_000 * scale)
        seconds = await pushed(open_pipe, MESSAGE * COALESCED, count)
        figures[f"messages/s, {COALESCED} a write"] = count * COALESCED / seconds
        count = int(2_000 * scale)
        figures["bulk MB/s"] = count * len(CHUNK) / 1e6 / await pushed(open_pipe, CHUNK, count)
        if kind != "floor":
            took = await while_a_file_runs(open_pipe, chat, int(400 * scale))
            figures["chat beside a file p50 ms"] = percentile(took, 0.5)
            figures["chat beside a file p99 ms"] = percentile(took, 0.99)
    return figures


Figures = dict[Kind, dict[str, float]]
"""By kind, by name."""


async def run(places: dict[Kind, str], rounds: int, scale: float) -> Figures:
    """The medians of all rounds."""
    seen: dict[Kind, list[dict[str, float]]] = {kind: [] for kind in KINDS}
    for _ in range(rounds):
        for kind in KINDS:
            seen[kind].append(await measure(kind, places[kind], scale))
    return {
        kind: {name: statistics.median(one[name] for one in several) for name in several[0]}
        for kind, several in seen.items()
    }


RATIOS: tuple[tuple[Kind, Kind], ...] = (
    ("stock", "lean"),
    ("stock host", "lean host"),
    ("lean", "floor"),
)


def better(name: str, one: float | None, other: float | None) -> str:
    """How many times better the other is."""
    if one is None or other is None:
        return ""
    return f"{one / other if name.endswith('ms') else other / one:.1f} ×"


def table(figures: Figures) -> str:
    """The figures as Markdown; the last columns say how many times better the second is."""
    heads = ["", *KINDS, *(f"{one} → {other}" for one, other in RATIOS)]
    lines = [f"| {' | '.join(heads)} |", f"|---|{'---:|' * (len(heads) - 1)}"]
    for name in figures["lean"]:
        values = {kind: figures[kind].get(name) for kind in KINDS}
        digits = 3 if name.endswith("ms") else 0
        cells = ["" if value is None else f"{value:,.{digits}f}" for value in values.values()]
        cells += [better(name, values[one], values[other]) for one, other in RATIOS]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="a tenth of the work")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        trio.run(serve)
        return
    command = [sys.executable, __file__, "--serve"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            places: dict[Kind, str] = {kind: server.stdout.readline().strip() for kind in KINDS}
            figures = trio.run(run, places, arguments.rounds, 0.1 if arguments.quick else 1.0)
        finally:
            server.terminate()
    print(table(figures))


if __name__ == "__main__":
    main()
