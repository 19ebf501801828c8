"""A peer that means harm, as a program of its own.

`python -m tests.process.hostile ATTACK ADDRESS` attacks until it is cut off or has done what it
came for. It prints a line when it begins and one at the end: how many attempts it made, after how
many seconds it was cut (null when it was not), and what came of it. `thousand` then holds what it
got until it is killed.
"""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress

import trio
from libp2p.relay.circuit_v2.pb.circuit_pb2 import HopMessage, Status

from p2pchat.errors import NetworkError
from p2pchat.kad.config import KAD_PROTOCOL
from p2pchat.model.conversation import open_room_id
from p2pchat.model.ids import PeerId
from p2pchat.net.libp2p.host import LibP2PHost, open_host
from p2pchat.net.libp2p.identify import PUSH
from p2pchat.net.libp2p.options import HostOptions
from p2pchat.net.libp2p.relay_messages import HOP, read_message, write_message
from p2pchat.net.libp2p.yamux_frames import SYN, Kind
from p2pchat.protocol.machine import Lane
from p2pchat.wire.frames import SyncPage, encode_frame
from p2pchat.wire.framing import frame
from p2pchat.wire.kad_codec import KadKind, KadMessage, encode_kad

PER_S = 10_000
TICK_S = 0.01
PEERS = 1_000
PATIENCE_S = 40.0
"""After which an attack that nobody stopped has succeeded; long, for a victim short of processor
time."""
BROKEN = (NetworkError, trio.BrokenResourceError, trio.ClosedResourceError, trio.TooSlowError)

VARINTS = {
    "2^31": b"\xff\xff\xff\xff\x07",
    "2^63": b"\xff\xff\xff\xff\xff\xff\xff\xff\x7f",
    "-1 as 64 bits": b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
    "11 bytes": b"\xff" * 10 + b"\x01",
    "without end": b"\xff" * 4096,
    "zeros that say nothing": b"\x80\x80\x80\x80\x00",
}


class Mallory:
    """One hostile host and its victim."""

    def __init__(self, host: LibP2PHost, address: str) -> None:
        self.host = host
        self.address = address
        self.victim = PeerId.parse(address.rpartition("/p2p/")[2])
        self.attempts = 0
        self.outcomes: Counter[str] = Counter()

    async def connect(self) -> None:
        await self.host.connect(self.victim, [self.address])

    @property
    def is_in(self) -> bool:
        return self.host.is_connected(self.victim)

    @property
    def muxed(self):
        connection = self.host._swarm.best(self.victim)
        return None if connection is None else connection.muxed

    async def at_a_rate(self, act: Callable[[int], Awaitable[None]]) -> None:
        """Act as often a second as a flood does, as long as we are in."""
        while self.is_in:
            await act(int(PER_S * TICK_S))
            self.attempts += int(PER_S * TICK_S)
            await trio.sleep(TICK_S)

    # ---- attacks ----

    async def streams(self) -> None:
        """Open streams, and look after none."""
        muxed = self.muxed
        muxed.session.table._next_outbound = 1 << 31 | 1  # what is answered to these is ignored
        next_id = 1_001

        async def open_some(count: int) -> None:
            nonlocal next_id
            for _ in range(count):
                muxed.session.outbox.control(Kind.WINDOW_UPDATE, SYN, next_id, 0)
                next_id += 2
            muxed.wake_writer()

        await self.at_a_rate(open_some)

    async def negotiated_streams(self) -> None:
        """Open streams in order, and use each once."""

        async def open_one() -> None:
            with suppress(*BROKEN):
                stream = await self.host.open_stream(self.victim, [HOP], timeout_s=2)
                await stream.reset()

        async with trio.open_nursery() as nursery:

            async def open_some(count: int) -> None:
                for _ in range(count):
                    nursery.start_soon(open_one)

            await self.at_a_rate(open_some)
            nursery.cancel_scope.cancel()

    async def messages(self) -> None:
        """Send valid frames of a room that the victim is not in."""
        stream = await self.host.open_stream(self.victim, [Lane.SYNC.value])
        valid = frame(encode_frame(SyncPage(open_room_id("nowhere"), more=False)))

        async def send_some(count: int) -> None:
            await stream.send_all(valid * count)

        with suppress(*BROKEN):
            await self.at_a_rate(send_some)

    async def invalid(self) -> None:
        """Send frames that are none, each on a stream of its own."""
        while self.is_in:
            self.attempts += 1
            with suppress(*BROKEN):
                stream = await self.host.open_stream(self.victim, [Lane.LIVE.value])
                await stream.send_all(frame(b"\xff\xff\xff"))
                await stream.receive_some()
            await trio.lowlevel.checkpoint()

    async def reservations(self) -> None:
        """Ask for a thousand reservations."""
        for _ in range(1_000):
            self.attempts += 1
            try:
                async with await self.host.open_stream(self.victim, [HOP]) as stream:
                    await write_message(stream, HopMessage(type=HopMessage.RESERVE))
                    reply = await read_message(stream, HopMessage())
                    self.outcomes[Status.Name(reply.status)] += 1
            except BROKEN:
                self.outcomes["broken"] += 1
                await trio.lowlevel.checkpoint()

    async def silent(self) -> None:
        """Open some streams and never say which protocol they are for."""
        held = [await self.muxed.open_stream() for _ in range(100)]
        self.attempts = len(held)

        async def wait(_count: int) -> None:
            """Say nothing."""

        await self.at_a_rate(wait)

    async def varints(self) -> None:
        """Announce lengths that nobody has, on every protocol that has lengths."""
        for protocol in (HOP, KAD_PROTOCOL, PUSH, Lane.LIVE.value, Lane.SYNC.value):
            for name, prefix in VARINTS.items():
                self.attempts += 1
                with suppress(*BROKEN), trio.fail_after(2):
                    if not self.is_in:
                        await self.connect()
                    stream = await self.host.open_stream(self.victim, [protocol])
                    await stream.send_all(prefix + os.urandom(64))
                    await stream.receive_some()
                    await stream.reset()
                self.outcomes[name] += 1

    async def questions(self) -> None:
        """Ask the hash table on all streams that we get, and read no answer."""
        question = frame(encode_kad(KadMessage(KadKind.FIND_NODE, os.urandom(32))))

        async def ask() -> None:
            stream = await self.host.open_stream(self.victim, [KAD_PROTOCOL])
            with suppress(*BROKEN):
                while True:
                    await stream.send_all(question * 1_000)
                    self.attempts += 1_000

        async with trio.open_nursery() as nursery:
            for _ in range(8):
                nursery.start_soon(ask)


async def thousand(address: str) -> None:
    """A thousand peers from one address, each asking for a reservation and keeping it."""
    outcomes: Counter[str] = Counter()
    places = trio.Semaphore(20)

    async def ask() -> None:
        async with open_host(HostOptions(seed=os.urandom(32))) as host:
            async with places:
                mallory = Mallory(host, address)
                try:
                    await mallory.connect()
                    await host.reserve(mallory.victim)
                    outcomes["granted"] += 1
                except NetworkError as error:
                    outcomes[type(error).__name__] += 1
            if outcomes.total() == PEERS:
                report({"attempts": PEERS, "cut_s": None, "outcomes": outcomes})
            await trio.sleep_forever()

    report({"begun": True})
    async with trio.open_nursery() as nursery:
        for _ in range(PEERS):
            nursery.start_soon(ask)


async def drip(address: str) -> dict[str, object]:
    """Three hundred handshakes that get a byte now and then."""
    _, _, ip, _, port, *_ = address.split("/")
    ended_s: list[float] = []

    async def one(number: int) -> None:
        sock = trio.socket.socket()
        await sock.bind((f"127.2.{1 + number // 200}.{1 + number % 200}", 0))
        began_s = trio.current_time()
        async with trio.SocketStream(sock) as stream:
            with suppress(*BROKEN, OSError):  # reset before it was accepted
                await sock.connect((ip, int(port)))
                for byte in b"\x13/multistream/1.0.0\n" * 4:
                    await stream.send_all(bytes([byte]))
                    await trio.sleep(0.3)
        ended_s.append(trio.current_time() - began_s)

    report({"begun": True})
    async with trio.open_nursery() as nursery:
        for number in range(300):
            nursery.start_soon(one, number)
    return {"attempts": 300, "cut_s": max(ended_s), "outcomes": {}}


def report(found: dict[str, object]) -> None:
    print(json.dumps(found), flush=True)  # noqa: T201


async def attack(name: str, address: str) -> None:
    match name:
        case "drip":
            report(await drip(address))
        case "thousand":
            await thousand(address)
        case _:
            report(await as_one_peer(name, address))


async def as_one_peer(name: str, address: str) -> dict[str, object]:
    async with open_host(HostOptions(seed=os.urandom(32))) as host:
        mallory = Mallory(host, address)
        await mallory.connect()
        report({"begun": True})
        began_s = trio.current_time()
        with trio.move_on_after(PATIENCE_S):
            await getattr(mallory, name)()
        cut_s = None if mallory.is_in else trio.current_time() - began_s
        return {"attempts": mallory.attempts, "cut_s": cut_s, "outcomes": mallory.outcomes}


if __name__ == "__main__":
    trio.run(attack, *sys.argv[1:3])
