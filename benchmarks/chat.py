"""What people feel: start, receipt, throughput, rooms; on disk at both ends, in real processes.

python -m benchmarks.chat [--quick]
"""

from __future__ import annotations

import argparse
import json
import os
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any


class Process:
    """One process of `benchmarks.peer`, with variables beside those of this one."""

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.peer"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **(environment or {})},
        )

    def begin(self, method: str, client: object = 0, argument: object = None) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps([method, client, argument]) + "\n")
        self.process.stdin.flush()

    def end(self) -> Any:
        assert self.process.stdout is not None
        return json.loads(self.process.stdout.readline())

    @property
    def cpu_s(self) -> float:
        """Processor time so far."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def call(self, method: str, client: object = 0, argument: object = None) -> Any:
        self.begin(method, client, argument)
        return self.end()

    def close(self) -> None:
        """End it in order."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(20)


@contextmanager
def processes(count: int, environment: Mapping[str, str] | None = None) -> Generator[list[Process]]:
    """So many processes, ended with the block."""
    started = [Process(environment) for _ in range(count)]
    try:
        yield started
    finally:
        for one in started:
            one.close()


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table."""

    name: str
    value: float
    unit: str
    goal: str


def commits_ms(path: Path, pause_s: float) -> list[float]:
    """The yardstick: durable commits of one row by plain SQLite, with a pause before each. A disk
    and a processor that rest in between take twice as long as those that do not."""
    times: list[float] = []
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("CREATE TABLE t (x BLOB)")
    for _ in range(300):
        time.sleep(pause_s)
        began_s = time.perf_counter()
        connection.execute("INSERT INTO t VALUES (?)", (bytes(600),))
        times.append((time.perf_counter() - began_s) * 1000)
    connection.close()
    return times


def quantile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def pair(messages: int) -> Iterator[Figure]:
    """Two clients, each in its process, each on disk."""
    with tempfile.TemporaryDirectory() as folder, processes(2) as (one, two):
        bob = two.call("open", str(Path(folder, "bob")), [])
        alice = one.call("open", str(Path(folder, "alice")), [bob["address"]])
        yield Figure("start to ready", alice["ready_s"], "s", "≤ 1.2")
        two.call("accept_all")
        account = one.call("befriend", 0, bob["link"])
        one.call("closed_loop", 0, [account, 100])
        times = one.call("closed_loop", 0, [account, 500])
        yield Figure("delivered receipt, closed loop, p50", quantile(times, 0.5), "ms", "≤ 2")
        yield Figure("delivered receipt, closed loop, p99", quantile(times, 0.99), "ms", "≤ 5")
        commits = commits_ms(Path(folder, "plain.db"), pause_s=quantile(times, 0.5) / 2000)
        yield Figure("  two plain commits at that pace, p50", 2 * quantile(commits, 0.5), "ms", "")
        rates = [one.call("window", 0, [account, messages]) for _ in range(3)]
        yield Figure("confirmed messages", statistics.median(rates), "1/s", "≥ 6,500")
        yield Figure("memory of a client's process", one.call("memory_mb"), "MB", "≤ 120")


def room(members: int, seconds: int) -> Iterator[Figure]:
    """A sender in its own process, the other members in two; each dials about four earlier ones."""
    with tempfile.TemporaryDirectory() as place, processes(3) as (sender, *others):
        folder = Path(place)
        addresses = [sender.call("open", str(folder / "0"), [])["address"]]
        places = [(others[i % 2], i // 2) for i in range(members - 1)]
        for number, (process, _) in enumerate(places, 1):
            step = max(1, len(addresses) // 4)
            known = addresses[::step][:4]
            addresses.append(process.call("open", str(folder / str(number)), known)["address"])
        for process, index in [(sender, 0), *places]:
            process.call("join", index, "benchmark")
        for process, index in places:
            process.call("count", index)
        sender.call("paced", 0, [50, 50])
        for process, index in places:
            process.call("heard", index, 50)
        count, before_s = 50 * seconds, sum(one.cpu_s for one in others)
        sender.call("paced", 0, [count, 50])
        times = [process.call("heard", index, count) for process, index in places]
        spent_s = sum(one.cpu_s for one in others) - before_s
        yield from _room_figures(members, times, count)
        yield Figure("  processor a delivery", spent_s * 1000 / (count * len(places)), "ms", "")
        if members >= 10:
            yield from _burst(sender, places)


ROOM_GOALS = {3: ("", ""), 10: ("≤ 2.5", "≤ 6"), 30: ("≤ 6", "≤ 15")}
"""Milliseconds at the median and in the worst of a hundred."""


def _room_figures(members: int, times: list[list[float]], count: int) -> Iterator[Figure]:
    everything = [value for one in times for value in one]
    name, (median, worst) = f"room of {members} at 50/s", ROOM_GOALS[members]
    yield Figure(f"{name}, p50", quantile(everything, 0.5), "ms", median)
    yield Figure(f"{name}, p99", quantile(everything, 0.99), "ms", worst)
    yield Figure(f"{name}, delivery", len(everything) / (count * len(times)), "", "1.0")


def _burst(sender: Process, places: list[tuple[Process, int]]) -> Iterator[Figure]:
    count = 1000
    sender.call("burst", 0, count)
    times = [process.call("heard", index, count) for process, index in places]
    slowest_s = max(max(one, default=0.0) for one in times) / 1000
    heard = sum(map(len, times))
    name = f"burst of 1,000 to {len(places) + 1} members"
    goal = "≥ 1,200" if len(places) < 10 else ""
    yield Figure(name, count / max(slowest_s, 1e-9), "1/s", goal)
    yield Figure(f"{name}, delivery", heard / (count * len(places)), "", "1.0")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer messages")
    parser.add_argument("--only", choices=["pair", "room3", "room10", "room30"])
    arguments = parser.parse_args()
    quick = arguments.quick
    suites = {
        "pair": lambda: pair(3_000 if quick else 20_000),
        "room3": lambda: room(3, 4 if quick else 10),
        "room10": lambda: room(10, 4 if quick else 10),
        "room30": lambda: room(30, 4 if quick else 10),
    }
    for name, suite in suites.items():
        if arguments.only in (None, name):
            for figure in suite():
                goal = f"goal {figure.goal}" if figure.goal else ""
                line = f"{figure.name:45} {figure.value:10.2f} {figure.unit:4} {goal}"
                print(line.rstrip(), flush=True)


if __name__ == "__main__":
    main()
