"""What a room costs as its history and its members grow, and what catching up takes.

    python -m benchmarks.history [--quick]

A room by invitation of three, each in a process of its own, on disk. One writes, in bursts of a
thousand; what each message costs is the processor time of the writer and of one who reads. Then the
reader goes, one message of a hundred more is written, the writer goes, and the reader comes back to
the third one, who has all of it. The members of larger rooms share two processes, as in
`benchmarks.chat`. The plots go to `docs/benchmarks/`.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.chat import Process, processes
from benchmarks.sealing import room
from benchmarks.simulation.svg import Line, Plot

PLOTS = Path(__file__).parents[1] / "docs" / "benchmarks"
BURST = 1_000
STEPS = 10
MEMBERS = (3, 5, 10, 20, 30)


class Three:
    """A writer, a reader, and one who holds everything for when the writer is gone."""

    def __init__(self, place: Path, all_: list[Process]) -> None:
        self.writer, self.reader, self.holder = all_
        self.place = place
        first = self.writer.call("open", str(place / "writer"), [])["address"]
        accounts: list[str] = []
        for process, name in ((self.reader, "reader"), (self.holder, "holder")):
            there = process.call("open", str(place / name), [first])
            process.call("accept_all", 0)
            accounts.append(self.writer.call("befriend", 0, there["link"]))
        self.address = there["address"]
        self.writer.call("create_room", 0, accounts)
        for process in all_:
            process.call("entered", 0, 3)
        for process in (self.reader, self.holder):
            process.call("count", 0)

    def write(self, count: int, readers: list[Process]) -> None:
        """So many messages, until these have them."""
        while count > 0:
            now = min(count, BURST)
            self.writer.call("burst", 0, now)
            for process in readers:
                assert len(process.call("heard", 0, now)) == now, "a message is missing"
            count -= now


def growth(three: Three, total: int) -> Iterator[tuple[int, float, float, float, float]]:
    """Messages so far, seconds for the last step, milliseconds of processor a message at who writes
    and at who reads, and bytes on disk a message."""
    step = total // STEPS
    for number in range(1, STEPS + 1):
        before = time.perf_counter(), three.writer.cpu_s, three.reader.cpu_s
        three.write(step, [three.reader, three.holder])
        after = time.perf_counter(), three.writer.cpu_s, three.reader.cpu_s
        took_s, writer_s, reader_s = (b - a for a, b in zip(before, after, strict=True))
        kept = sum(one.stat().st_size for one in (three.place / "reader").glob("p2pchat.db*"))
        written = number * step
        yield written, took_s, writer_s * 1e3 / step, reader_s * 1e3 / step, kept / written


def catch_up(three: Three, missing: int) -> Iterator[str]:
    """What the reader needs for what was written while it was gone."""
    three.reader.close()
    three.write(missing, [three.holder])
    digest = three.holder.call("digest", 0)
    three.writer.close()
    back = Process()
    for process in (back, three.holder):
        process.call("watch_frames")
    took_s = back.call("whole", str(three.place / "reader"), [three.address, digest])
    asked, answered = (process.call("frames") for process in (back, three.holder))
    back.close()
    sent = sum(size for _, size in [*asked.values(), *answered.values()])
    pulls = asked.get("SyncPull", [0, 0])[0]
    yield f"| {missing:,} messages are missing: until all are on disk | {took_s:.2f} s |"
    yield f"| asked for in | {pulls} rounds |"
    yield f"| frames in both directions | {sent / 1e6:.2f} MB |"
    yield f"| of that a message | {sent / missing:.0f} bytes |"


def histories(total: int) -> Iterator[str]:
    with tempfile.TemporaryDirectory() as place, processes(3) as all_:
        three = Three(Path(place), all_)
        yield "| messages | messages/s | writer ms | reader ms | bytes on disk a message |"
        yield "|---:|---:|---:|---:|---:|"
        rows: list[tuple[int, float, float, float, float]] = []
        for row in growth(three, total):
            rows.append(row)
            written, took_s, writer_ms, reader_ms, kept = row
            rate = total / STEPS / took_s
            yield f"| {written:,} | {rate:,.0f} | {writer_ms:.2f} | {reader_ms:.2f} | {kept:,.0f} |"
        lines = [
            Line("who writes", [(row[0] / 1e3, row[2]) for row in rows]),
            Line("who reads", [(row[0] / 1e3, row[3]) for row in rows]),
        ]
        draw("history", "A message in a room of 3", "thousand messages before it", lines)
        yield "\n| catching up | |\n|---|---:|"
        yield from catch_up(three, total // 100)


def sizes(quick: bool) -> Iterator[str]:
    yield "\n| members, at 50/s | p50 ms | p99 ms | delivered | processor a delivery ms |"
    yield "|---:|---:|---:|---:|---:|"
    points: list[tuple[float, float]] = []
    for members in MEMBERS:
        found = room(members, {}, quick)
        points.append((members, found["processor"]))
        yield (
            f"| {members} | {found['p50']:.1f} | {found['p99']:.1f} | {found['delivery']:.2f} |"
            f" {found['processor']:.2f} |"
        )
    draw("members", "A delivery in a room", "members", [Line("who reads", points)])


def draw(name: str, title: str, x: str, lines: list[Line]) -> None:
    PLOTS.mkdir(exist_ok=True)
    plot = Plot(title, x, "processor, ms", lines)
    (PLOTS / f"{name}.svg").write_text(plot.svg())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a hundredth of the history")
    arguments = parser.parse_args()
    for line in histories(2_000 if arguments.quick else 100_000):
        print(line, flush=True)
    for line in sizes(arguments.quick):
        print(line, flush=True)
    print(
        "\n![cost by history](benchmarks/history.svg)\n![cost by members](benchmarks/members.svg)"
    )


if __name__ == "__main__":
    main()
