"""A cable with weather: what goes through it is lost, late, doubled and overtaken.

    alice, bob = net.add("alice"), net.add("bob")
    async with bad_cable(alice, bob, Weather(loss=0.3, delay_ms=200)) as cable:
        ...  # alice is 10.78.0.1, bob is 10.78.0.2
        await cable.change(Weather())

The kernel can do this by itself (`tc netem`) where it has been built in, which is not everywhere.
So a program of ours holds a TUN device in each of two hosts and carries packets between them. It
draws from a seed; it keeps `PACKETS_MAX` packets at most, as a router does, and loses the rest. The
devices are gone when it ends.
"""

from __future__ import annotations

import ctypes
import fcntl
import heapq
import json
import os
import select
import struct
import subprocess
import sys
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from itertools import count
from random import Random

import trio

from tests.netns.ns import Host

__all__ = ["Cable", "Weather", "bad_cable", "missing"]

DEVICE = "tun0"
ADDRESSES = ("10.78.0.1", "10.78.0.2")
PACKETS_MAX = 4096
PACKET_BYTES_MAX = 65_536
PIPE_BYTES = 4096  # what is written at once, and less than that, comes at once
TUN = "/dev/net/tun"
TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x0001, 0x1000
START_TIMEOUT_S = 60.0


@dataclass(frozen=True, slots=True)
class Weather:
    """What happens to a packet; shares are of all packets, in each direction."""

    loss: float = 0.0
    loss_back: float = 0.0
    """The share that is lost from the second host to the first."""
    delay_ms: float = 0.0
    jitter_ms: float = 0.0
    duplicates: float = 0.0
    overtaking: float = 0.0
    """The share that is not delayed, and so comes before those sent earlier."""

    def delays_s(self, loss: float, random: Random) -> list[float]:
        """How late each copy of one packet comes; none, when it is lost."""
        copies = 1 + (random.random() < self.duplicates)
        return [self._delay_s(random) for _ in range(copies) if random.random() >= loss]

    def _delay_s(self, random: Random) -> float:
        if random.random() < self.overtaking:
            return 0.0
        return max(random.uniform(-1, 1) * self.jitter_ms + self.delay_ms, 0.0) / 1000


def missing() -> str | None:
    """Why there can be no such cable here; None when there can."""
    return None if os.access(TUN, os.R_OK | os.W_OK) else f"bad cables need {TUN}"


class Cable:
    """A cable in use."""

    def __init__(self, process: trio.Process) -> None:
        self._process = process

    async def change(self, weather: Weather) -> None:
        """From now on it is like this; what is on its way is late as before."""
        assert self._process.stdin is not None
        await self._process.stdin.send_all(json.dumps(asdict(weather)).encode() + b"\n")


@asynccontextmanager
async def bad_cable(one: Host, other: Host, weather: Weather) -> AsyncGenerator[Cable]:
    """Join two hosts; each gets the address of `ADDRESSES` at its place."""
    command = [sys.executable, "-m", "tests.netns.weather", one.space, other.space]
    process = await trio.lowlevel.open_process(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        with trio.fail_after(START_TIMEOUT_S):
            assert await process.stdout.receive_some(16) == b"ready\n"
        for host, own, far in ((one, *ADDRESSES), (other, *reversed(ADDRESSES))):
            host.ip("address", "add", own, "peer", far, "dev", DEVICE)
            host.ip("link", "set", DEVICE, "up")
        cable = Cable(process)
        await cable.change(weather)
        yield cable
    finally:
        process.kill()
        with trio.CancelScope(shield=True):
            await process.wait()


# ---- the program between the hosts ----


def open_device(space: str) -> int:
    """The far end of a new TUN device in a namespace. This process is in there afterwards."""
    libc = ctypes.CDLL(None, use_errno=True)
    namespace = os.open(f"/run/netns/{space}", os.O_RDONLY)
    if libc.setns(namespace, 0):
        raise OSError(ctypes.get_errno(), f"cannot enter {space}")
    os.close(namespace)
    device = os.open(TUN, os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(device, TUNSETIFF, struct.pack("16sH22x", DEVICE.encode(), IFF_TUN | IFF_NO_PI))
    return device


class Between:
    """Packets on their way."""

    def __init__(self, one: int, other: int, random: Random) -> None:
        self._one = one
        self._ways = {one: other, other: one}
        self._random = random
        self._late: list[tuple[float, int, int, bytes]] = []
        self._serial = count()
        self.weather = Weather()

    def run(self) -> None:
        """Carry packets until nobody tells us about the weather any more."""
        poll = select.poll()
        for source in (0, *self._ways):
            poll.register(source, select.POLLIN)
        while True:
            wait_s = self._late[0][0] - time.monotonic() if self._late else 1.0
            for source, _ in poll.poll(max(wait_s, 0.0) * 1000):
                if source:
                    self._take(source)
                elif not self._listen():
                    return
            self._deliver()

    def _listen(self) -> bool:
        orders = os.read(0, PIPE_BYTES).splitlines()
        if orders:
            self.weather = Weather(**json.loads(orders[-1]))
        return bool(orders)

    def _take(self, source: int) -> None:
        packet = os.read(source, PACKET_BYTES_MAX)
        loss = self.weather.loss if source == self._one else self.weather.loss_back
        for delay_s in self.weather.delays_s(loss, self._random):
            if len(self._late) < PACKETS_MAX:
                entry = time.monotonic() + delay_s, next(self._serial), self._ways[source], packet
                heapq.heappush(self._late, entry)

    def _deliver(self) -> None:
        while self._late and self._late[0][0] <= time.monotonic():
            _, _, target, packet = heapq.heappop(self._late)
            try:
                os.write(target, packet)
            except OSError:
                continue  # the device is not up: no host listens there, and the packet is lost


def main() -> None:
    one, other = (open_device(space) for space in sys.argv[1:])
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    Between(one, other, Random(78)).run()


if __name__ == "__main__":
    main()
