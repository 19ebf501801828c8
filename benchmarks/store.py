"""What does it cost to have a message on disk, and to page through many?

A message is an op and its text, in five trees, encrypted. The yardstick is the same SQLite without
encryption, inserting the same bytes into one table with one index, at the same `synchronous=FULL`;
rounds alternate, so that a busy machine slows both. "Through the worker" is what a trio task waits
for one commit, the hand-over to the writer thread and back included.

    python -m benchmarks.store [--messages 100000] [--rounds 3] [--quick]
"""

from __future__ import annotations

import argparse
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from functools import partial
from hashlib import blake2b
from itertools import count, islice
from pathlib import Path
from random import Random
from typing import cast

import sqlcipher3.dbapi2 as sqlcipher  # pyright: ignore[reportMissingTypeStubs]
import trio

from p2pchat.model.change import AddMessage, AddOp, Change, Counting, PutConversation
from p2pchat.model.ids import AccountId, ConversationId, DeviceId, OpId
from p2pchat.model.op import Chain, Header, Kind, Op
from p2pchat.model.search import Query
from p2pchat.store.home import open_home
from p2pchat.store.port import Page
from p2pchat.store.sqlite import SqliteStore
from p2pchat.store.worker import open_worker

BATCHES = (1, 64, 200)
COMMITS = {1: 500, 64: 100, 200: 40}
TEXT_CHARS = 200
CONVERSATION = ConversationId(bytes(32))
PAGE = 50


def texts() -> Iterator[str]:
    """Endless texts, three of four of made-up words, of which some are frequent as in a language,
    and one of Chinese characters; one of a thousand holds the sought ones."""
    rng = Random(1)
    words = ["".join(rng.choices("aeiounrtsl", k=rng.randrange(2, 9))) for _ in range(20_000)]
    signs = [chr(0x4E00 + n) for n in range(3_000)]
    often = [1 / (n + 1) for n in range(len(words))]
    for number in count():
        sought = " sought 火车" if number % 1_000 == 0 else ""
        if number % 4:
            text = " ".join(rng.choices(words, often, k=TEXT_CHARS // 5))
        else:
            text = "".join(rng.choices(signs, often[: len(signs)], k=TEXT_CHARS // 4))
        yield text[: TEXT_CHARS - len(sought)] + sought


def messages() -> Iterator[list[Change]]:
    """Endless messages of one chain, each as the changes that store it."""
    account, device = AccountId(b"a" * 32), DeviceId(b"d" * 32)
    prev: OpId | None = None
    for seq, text in enumerate(texts()):
        raw = seq.to_bytes(8, "big") + bytes(172)
        hlc = (1_800_000_000_000 + seq) << 16
        header = Header(
            CONVERSATION, Chain.TALK, account, device, seq, prev, hlc, Kind.TEXT, bytes(32)
        )
        op = Op(OpId.of(raw), header, raw, b"s" * 64, text.encode())
        shown = AddMessage(
            op.id,
            CONVERSATION,
            account,
            device,
            seq,
            Counting.HERE,
            text,
            "text",
            hlc,
            hlc,
            hlc,
            None,
        )
        yield [AddOp(op, hlc, hlc), shown]
        prev = op.id


def batches(source: Iterator[list[Change]], size: int, count: int) -> list[list[Change]]:
    return [[c for message in islice(source, size) for c in message] for _ in range(count)]


class Yardstick:
    """Plain SQLite, one table."""

    def __init__(self, path: Path) -> None:
        connect = cast(
            "Callable[..., sqlite3.Connection]",
            sqlcipher.connect,  # pyright: ignore[reportAttributeAccessIssue] -- compiled
        )
        self._connection = connect(str(path), isolation_level=None)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = FULL")
        self._connection.execute("CREATE TABLE t (key INTEGER PRIMARY KEY, id BLOB UNIQUE, b BLOB)")
        self._count = 0

    def commit(self, size: int) -> None:
        first, self._count = self._count, self._count + size
        rows = [
            (blake2b(n.to_bytes(8, "big"), digest_size=32).digest(), bytes(444))
            for n in range(first, self._count)
        ]
        self._connection.execute("BEGIN IMMEDIATE")
        self._connection.executemany("INSERT INTO t (id, b) VALUES (?, ?)", rows)
        self._connection.execute("COMMIT")

    def close(self) -> None:
        self._connection.close()


def timed(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return (time.perf_counter() - began) * 1e3


def spread(times_ms: Sequence[float]) -> str:
    ordered = sorted(times_ms)
    return f"{statistics.median(ordered):7.2f} {ordered[int(len(ordered) * 0.99)]:7.2f}"


def write(store: SqliteStore, yardstick: Yardstick, source: Iterator[list[Change]]) -> None:
    print(
        f"{'batch':>5} {'messages/s':>11} {'p50 ms':>7} {'p99 ms':>7} {'plain/s':>9} {'ratio':>6}"
    )
    for size in BATCHES:
        ours: list[float] = []
        plain: list[float] = []
        for changes in batches(source, size, COMMITS[size]):
            ours.append(timed(lambda changes=changes: store.commit(changes)))
            plain.append(timed(lambda size=size: yardstick.commit(size)))
        rate, floor = (size * len(t) / sum(t) * 1e3 for t in (ours, plain))
        print(f"{size:5} {rate:11,.0f} {spread(ours)} {floor:9,.0f} {rate / floor:6.2f}")


async def hand_over(store: SqliteStore, source: Iterator[list[Change]]) -> None:
    """One after the other: while a worker is open the store's writes are its thread's alone."""
    direct = [timed(partial(store.commit, one)) for one in batches(source, 1, 500)]
    through: list[float] = []
    async with open_worker(store) as worker:
        for one in batches(source, 1, 500):
            began = time.perf_counter()
            await worker.commit(one)
            through.append((time.perf_counter() - began) * 1e3)
    print(f"one message, direct             {spread(direct)}")
    print(f"one message, through the worker {spread(through)}")


def read(store: SqliteStore, total: int) -> None:
    newest = store.history(CONVERSATION, Page(PAGE))
    middle = newest[0].id
    for _ in range(total // 10_000):
        middle = store.history(CONVERSATION, Page(5_000, before=middle))[0].id
    pages = {
        "newest page": Page(PAGE),
        "page before the middle": Page(PAGE, before=middle),
        "page after the middle": Page(PAGE, after=middle),
    }
    for name, page in pages.items():
        times = [timed(lambda page=page: store.history(CONVERSATION, page)) for _ in range(200)]
        print(f"{name:31} {spread(times)}")
    print(
        f"{'one message':31} {spread([timed(lambda: store.message(middle)) for _ in range(200)])}"
    )
    for asked in ("sought", "火车", "sou", "no such"):
        query = Query.of(asked)
        assert query is not None
        times = [timed(lambda query=query: store.search(query, None, PAGE)) for _ in range(100)]
        print(f"{f'search {asked!r}':31} {spread(times)}")
    print(f"{'snapshot':31} {spread([timed(store.snapshot) for _ in range(20)])}")


def main() -> None:
    parser = argparse.ArgumentParser(description="Cost of commits and pages of the store.")
    parser.add_argument("--messages", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="a tenth of the messages, one round")
    options = parser.parse_args()
    if options.quick:
        options.messages, options.rounds = options.messages // 10, 1
    source = messages()
    with tempfile.TemporaryDirectory() as directory:
        home = Path(directory) / "home"
        with open_home(home) as opened, closing(Yardstick(home / "plain.db")) as yardstick:
            opened.store.commit([PutConversation(CONVERSATION, None, "", 0)])
            for _ in range(options.rounds):
                write(opened.store, yardstick, source)
            print(f"\n{'ms':31} {'p50':>7} {'p99':>7}")
            trio.run(hand_over, opened.store, source)
            for _ in range(options.messages // 1_000):
                [changes] = batches(source, 1_000, 1)
                opened.store.commit(changes)
            print(f"\n{options.messages:,} messages more\n{'ms':31} {'p50':>7} {'p99':>7}")
            write(opened.store, yardstick, source)
            while opened.store.put_off:
                opened.store.catch_up()  # as the worker does when half a second is over
            read(opened.store, options.messages)
        began = time.perf_counter()
        with open_home(home):
            print(f"{'open':31} {(time.perf_counter() - began) * 1e3:7.2f}")


if __name__ == "__main__":
    main()
