"""Power cuts: what of a store is on the disk when the machine stops at any point.

    store_power.py record HOME LOG       commit a few messages; each acknowledgement goes to the log
    store_power.py cut HOME LOG COUNT    rebuild the disk at so many points, and look what is there
    store_power.py forget HOME LOG COUNT the same of a disk that forgets what it was told to keep

The first runs under `recorder.c`, which writes down every change of a file. A disk keeps what was
synced. Of what was written since, it may keep any part, in any order, torn at any sector: so each
cut keeps a part drawn at random. One line of JSON tells what was seen.
"""

from __future__ import annotations

import json
import os
import shutil
import struct
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from p2pchat.errors import StoreError
from tests.process.store_kills import commit, survivors

SECTOR = 512
COMMITS = 60
BEFORE = 3
"""Commits that are on the disk when the recording begins."""
_HEAD = struct.Struct("<cQQQ")


@dataclass(frozen=True, slots=True)
class Record:
    """One thing that happened: w(rite), t(runcate), s(ync), u(nlink), or a(cknowledged)."""

    kind: str
    path: str
    where: int
    data: bytes


@dataclass(slots=True)
class Disk:
    """The files as the disk has them for sure, and what is under way to it."""

    files: dict[str, bytearray]
    pending: dict[str, list[Record]] = field(default_factory=dict)

    def take(self, record: Record) -> None:
        match record.kind:
            case "s":
                for one in self.pending.pop(record.path, ()):
                    self._apply(one)
            case "w" | "t" | "u":
                self.pending.setdefault(record.path, []).append(record)
            case _:
                pass

    def cut(self, rng: Random) -> dict[str, bytearray]:
        """What is there after the power went, with a part of what was under way."""
        disk = Disk({path: bytearray(data) for path, data in self.files.items()})
        for records in self.pending.values():
            share = rng.choice((0.0, 0.5, 1.0))
            for one in records:
                for part in _torn(one, rng, share):
                    disk._apply(part)
        return disk.files

    def _apply(self, one: Record) -> None:
        if one.kind == "u":
            self.files.pop(one.path, None)
            return
        data = self.files.setdefault(one.path, bytearray())
        if one.kind == "t":
            del data[one.where :]
            data.extend(bytes(one.where - len(data)))
            return
        data.extend(bytes(max(0, one.where - len(data))))
        data[one.where : one.where + len(one.data)] = one.data


def _torn(one: Record, rng: Random, share: float) -> Iterator[Record]:
    """Those sectors of a write that arrived."""
    if one.kind != "w":
        if rng.random() < share:
            yield one
        return
    for at in range(0, len(one.data), SECTOR):
        if rng.random() < share:
            yield Record("w", one.path, one.where + at, one.data[at : at + SECTOR])


def read_log(log: Path) -> list[Record]:
    raw, at, found = log.read_bytes(), 0, list[Record]()
    while at < len(raw):
        kind, path, where, size = _HEAD.unpack_from(raw, at)
        at += _HEAD.size
        name = raw[at : at + path].decode()
        at += path
        found.append(Record(kind.decode(), name, where, raw[at : at + size]))
        at += size
    return found


def record(home: Path, log: Path) -> dict[str, int]:
    """The home as it is when the recording begins lies beside it."""
    commit(home, lambda _: None, BEFORE)
    shutil.copytree(home, home.with_name("before"))
    os.truncate(log, 0)
    with closing(os.fdopen(os.open(log, os.O_WRONLY | os.O_APPEND), "wb", buffering=0)) as told:
        commit(home, lambda count: told.write(_HEAD.pack(b"a", 0, count, 0)), COMMITS)
    return {"records": len(read_log(log))}


def cut(home: Path, log: Path, count: int, *, forgets: bool) -> dict[str, int]:
    records = read_log(log)
    last = max(n for n, one in enumerate(records) if one.kind == "a")
    rng, seen = Random(7), {"cuts": 0, "lost": 0, "corrupt": 0}
    for point in sorted(rng.randrange(last + 2) for _ in range(count)):
        acknowledged = rebuild(home, records[:point], rng, forgets=forgets)
        seen["cuts"] += 1
        try:
            seen["lost"] += survivors(home) < acknowledged
        except (StoreError, AssertionError):
            seen["corrupt"] += 1
    return seen


def rebuild(home: Path, records: Sequence[Record], rng: Random, *, forgets: bool) -> int:
    """Make the home anew as the disk has it; how many commits were acknowledged by then."""
    before = home.with_name("before")
    disk = Disk({str(home / one.name): bytearray(one.read_bytes()) for one in before.iterdir()})
    acknowledged = BEFORE
    for one in records:
        acknowledged = one.where if one.kind == "a" else acknowledged
        if one.kind != "s" or not forgets:
            disk.take(one)
    shutil.rmtree(home, ignore_errors=True)
    shutil.copytree(before, home)
    for path in home.iterdir():
        path.unlink()
    for path, data in disk.cut(rng).items():
        Path(path).write_bytes(data)
        Path(path).chmod(0o600)
    return acknowledged


def main(mode: str, home: str, log: str, count: str = "0") -> None:
    if mode == "record":
        seen = record(Path(home), Path(log))
    else:
        seen = cut(Path(home), Path(log), int(count), forgets=mode == "forget")
    sys.stdout.write(json.dumps(seen) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
