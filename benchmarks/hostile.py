"""What an honest pair notices while somebody attacks: ratios to the same pair left alone.

python -m benchmarks.hostile [--quick]

The attacker is a program of its own that begins again with a new key whenever it was cut off, all
the time that is measured. An attacker elsewhere would have a processor of its own; this one gets
what the others leave, and the row of a busy program shows what sharing still costs. Memory is that
of the victim at its largest. What is over a goal is marked.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import trio

from p2pchat.testing.processes import Launch, Program, RpcPeer, befriend, open_processes
from tests.process import hostile

BUSY = "import time\nprint('{}', flush=True)\nwhile True: pass"
AT_RELAY = (
    "busy",
    "streams",
    "negotiated_streams",
    "reservations",
    "silent",
    "questions",
    "varints",
    "drip",
    "thousand",
)
AT_CLIENT = ("busy", "messages", "invalid", "varints")
ASIDE = ("nice", "-n", "19")
GROWTH_MB_MAX = 64.0
RATIO_MAX = 2.0
AGAIN_S = 0.1
LOOK_S = 0.05


@dataclass(frozen=True, slots=True)
class Row:
    """What the pair saw for some seconds."""

    name: str
    times_ms: list[float]
    growth_mb: float

    def render(self, alone: Row) -> str:
        ratios = [quantile(self, share) / quantile(alone, share) for share in (0.5, 0.99)]
        is_over = ratios[1] > RATIO_MAX or self.growth_mb > GROWTH_MB_MAX
        return (
            f"{self.name:32}{len(self.times_ms):7}{quantile(self, 0.5):9.2f}"
            f"{quantile(self, 0.99):9.2f}{ratios[0]:8.2f} x{ratios[1]:8.2f} x"
            f"{self.growth_mb:9.1f}{'  over' if is_over else ''}"
        )


def quantile(row: Row, share: float) -> float:
    ordered = sorted(row.times_ms)
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)]


def resident_mb(program: Program) -> float:
    return int(Path(f"/proc/{program.pid}/statm").read_text().split()[1]) * 4096 / 1e6


@asynccontextmanager
async def attacker(name: str, address: str) -> AsyncGenerator[None]:
    """The attack, begun when the block begins."""
    again = ["-m", "benchmarks.hostile", "--attack", name, address]
    words = ["-c", BUSY] if name == "busy" else again
    process = await trio.lowlevel.open_process(
        [*ASIDE, sys.executable, *words], stdout=subprocess.PIPE
    )
    try:
        async with trio.open_nursery() as nursery:
            assert process.stdout is not None
            await process.stdout.receive_some()
            nursery.start_soon(_drain, process.stdout)
            yield
            nursery.cancel_scope.cancel()
    finally:
        if process.poll() is None:
            process.kill()
        with trio.CancelScope(shield=True):
            await process.wait()


async def _drain(output: trio.abc.ReceiveStream) -> None:
    while await output.receive_some():
        pass  # what it has to say is not what is measured


async def attack(name: str, address: str) -> None:
    """Attack for ever, each time as somebody new."""
    while True:
        try:
            await hostile.attack(name, address)
        except* hostile.BROKEN:
            pass  # refused: it tries again
        await trio.sleep(AGAIN_S)


async def largest_mb(program: Program, found: list[float]) -> None:
    """Note how much memory a program has, until cancelled."""
    while True:
        found.append(resident_mb(program))
        await trio.sleep(LOOK_S)


async def talk(pair: tuple[RpcPeer, str], seconds: float) -> list[float]:
    """Milliseconds from send to receipt, one message after the other."""
    alice, conversation = pair
    times: list[float] = []
    until_s = time.perf_counter() + seconds
    while time.perf_counter() < until_s:
        began_s = time.perf_counter()
        sent: Any = await alice.call("send", conversation=conversation, text="all is well")
        await alice.call("wait_delivered", message_id=sent["id"])
        times.append((time.perf_counter() - began_s) * 1000)
    return times


async def under(
    names: tuple[str, ...], victim: Program, address: str, pair: tuple[RpcPeer, str], seconds: float
) -> None:
    """Print a row for the pair alone, and one for each attack."""
    await talk(pair, seconds)  # warm
    alone = Row("alone", await talk(pair, 2 * seconds), 0.0)
    print(alone.render(alone))
    for name in names:
        seen_mb = [resident_mb(victim)]
        async with attacker(name, address), trio.open_nursery() as nursery:
            nursery.start_soon(largest_mb, victim, seen_mb)
            times = await talk(pair, seconds)
            nursery.cancel_scope.cancel()
        label = "beside a busy program" if name == "busy" else name.replace("_", " ")
        print(Row(label, times, max(seen_mb) - seen_mb[0]).render(alone), flush=True)
        await talk(pair, 1)  # let it settle


async def relay(folder: Path, seconds: float) -> None:
    """A pair that talks through the relay under attack."""
    async with open_processes(folder) as processes:
        carrier = await processes.relay()
        both: list[RpcPeer] = []
        for name in ("alice", "bob"):
            one = processes.unstarted(name, knows=carrier.addresses, launch=Launch(listen=()))
            one.home.mkdir()
            (one.home / "config.toml").write_text("listen = []\n")
            await one.start()
            await one.heard("StartupProgress", step="relay_selected")
            both.append(one)
        pair = both[0], await befriend(*both)
        await under(AT_RELAY, carrier, carrier.addresses[0], pair, seconds)


async def client(folder: Path, seconds: float) -> None:
    """A pair of which one is under attack."""
    async with open_processes(folder) as processes:
        bob = await processes.peer("bob")
        account: Any = await bob.call("account")
        alice = await processes.peer("alice", knows=account["addresses"])
        pair = alice, await befriend(alice, bob)
        await under(AT_CLIENT, bob, account["addresses"][0], pair, seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer seconds")
    parser.add_argument("--attack", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.attack:
        trio.run(attack, *arguments.attack)
    seconds = 2.0 if arguments.quick else 10.0
    print(
        f"{'the pair':32}{'msgs':>7}{'p50 ms':>9}{'p99 ms':>9}{'p50':>10}{'p99':>10}{'RSS + MB':>9}"
    )
    print(f"goal{'':48}{'':9}{'≤ 2 x':>10}{f'≤ {GROWTH_MB_MAX:g}':>9}")
    for title, run in (("attack on the pair's relay", relay), ("attack on one of them", client)):
        print(title)
        with tempfile.TemporaryDirectory() as folder:
            trio.run(run, Path(folder), seconds)


if __name__ == "__main__":
    main()
