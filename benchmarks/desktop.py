"""What a person feels before the window: a room of 100,000 messages, a busy node, messages coming.

    python -m benchmarks.desktop [--quick]

Real windows on real homes, each in a process of its own, painted in memory by software. The room
stands in the real store, written through it. A gap is the time between two turns of the window's
loop, of which a timer asks for one each millisecond; beside it a process that does nothing but turn
such a loop says what the machine itself leaves out, and the processor time of the window's thread
what is its own. A frame is what the window's thread does to
move the list and paint the window; the yardstick is the same window painted where it stands.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from benchmarks.chat import Figure, Process, processes, quantile
from benchmarks.store import texts
from p2pchat.client.identity import make_identity
from p2pchat.client.opening import prepare_store
from p2pchat.model.change import (
    AddMessage,
    AddOp,
    AddReaction,
    Change,
    Counting,
    PutConversation,
    PutName,
)
from p2pchat.model.conversation import open_room_id
from p2pchat.model.ids import AccountId, DeviceId, OpId
from p2pchat.model.op import Chain, Header, Kind, Op
from p2pchat.model.room import RoomKind
from p2pchat.node.ambient import SystemAmbient
from p2pchat.store.home import open_home

MESSAGES = 100_000
PAGE = 60
AUTHORS = 20
ROOM = open_room_id("crowd")
CONFIG = 'fetch = false\nlisten = ["/ip4/127.0.0.1/tcp/0"]\n'
BATCH = 1_000
RATE = 200
USED = "the processor used by the window's thread"


@dataclass(slots=True)
class Crowd:
    """Who writes into the room; every seventh message replies, every ninth has a reaction."""

    accounts: list[AccountId]
    rng: Random
    seqs: list[int]
    prevs: list[OpId | None]
    before: OpId | None = None
    count: int = 0

    def say(self, text: str, at_ms: int) -> Iterator[Change]:
        """One message of somebody."""
        who = self.rng.randrange(len(self.accounts))
        op = self._op(who, Kind.TEXT, text, at_ms)
        to = self.before if self.count % 7 == 0 else None
        account, device, seq = self.accounts[who], op.header.device, op.header.seq
        own = Counting.NOBODY
        yield AddOp(op, at_ms, at_ms)
        yield AddMessage(
            op.id, ROOM, account, device, seq, own, text, "text", at_ms, at_ms, at_ms, to
        )
        self.before = op.id
        if self.count % 9 == 0:
            liked = self._op(who, Kind.REACTION, "👍", at_ms)
            yield AddOp(liked, at_ms, at_ms)
            yield AddReaction(liked.id, ROOM, op.id, account, liked.header.hlc, "👍", True)

    def _op(self, who: int, kind: Kind, text: str, at_ms: int) -> Op:
        self.count += 1
        account, seq = self.accounts[who], self.seqs[who]
        raw = b"made up" + self.count.to_bytes(8, "big") + bytes(165)
        header = Header(
            ROOM, Chain.TALK, account, DeviceId(bytes(account)), seq, self.prevs[who],
            (at_ms << 16) + self.count % 1_000, kind, bytes(32),
        )  # fmt: skip
        op = Op(OpId.of(raw), header, raw, bytes(64), text.encode())
        self.seqs[who], self.prevs[who] = seq + 1, op.id
        return op


def make_home(home: Path, messages: int) -> None:
    """A home with so many messages in the open room `crowd`, the last of them of now."""
    ambient = SystemAmbient()
    identity = make_identity("Alice", ambient)
    accounts = [AccountId(bytes([n + 1]) * 32) for n in range(AUTHORS)]
    crowd = Crowd(accounts, Random(7), [0] * AUTHORS, [None] * AUTHORS)
    words, now_ms = texts(), ambient.now().wall_ms
    with open_home(home) as opened:
        opened.store.put_identity(identity)
        prepare_store(opened.store, identity, ambient)
        names = [PutName(account, f"Person {n}", 1) for n, account in enumerate(accounts)]
        opened.store.commit([PutConversation(ROOM, RoomKind.OPEN, "crowd", 1), *names])
        for begin in range(0, messages, BATCH):
            some = range(begin, min(begin + BATCH, messages))
            said = [crowd.say(next(words), now_ms - (messages - n) * 60_000) for n in some]
            opened.store.commit([change for one in said for change in one])
    (home / "config.toml").write_text(CONFIG)


class Seat(Process):
    """One process of `benchmarks.seat`: a window and who sits before it."""

    def __init__(self, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.seat", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "QT_QPA_PLATFORM": "offscreen", "QT_QUICK_BACKEND": "software"},
        )


def reading(full: Path, small: Path, frames: int) -> Iterator[Figure]:
    """Opening the room, scrolling through it, and what that takes of memory."""
    unread = Seat(str(full), "offline")
    unread.call("begin")
    with_unread = unread.call("opens", 0, 7)
    unread.call("read_all")
    unread.close()
    ours, floor = looked_round(full, frames), looked_round(small, frames)
    still = floor["still"]
    yield Figure("opens, the first time", ours["opens"][0], "ms", "≤ 150")
    yield Figure("  a room of one page", floor["opens"][0], "ms", "")
    yield Figure("opens again, p50", quantile(ours["opens"][1:], 0.5), "ms", "≤ 150")
    yield Figure("  a room of one page", quantile(floor["opens"][1:], 0.5), "ms", "")
    yield Figure("opens where 1,000 are unread, p50", quantile(with_unread[1:], 0.5), "ms", "≤ 150")
    frame, gaps = ours["frames"], ours["gaps"]
    yield Figure("scrolling, a frame, p50", quantile(frame["wall"], 0.5), "ms", "")
    yield Figure("scrolling, a frame, p99", quantile(frame["wall"], 0.99), "ms", "≤ 8")
    yield Figure(f"  {USED}, p99", quantile(frame["used"], 0.99), "ms", "")
    yield Figure("  nothing moves, p50", quantile(still["wall"], 0.5), "ms", "")
    yield Figure("  nothing moves, p99", quantile(still["wall"], 0.99), "ms", "")
    yield Figure("scrolling, messages passed", ours["passed"][""][0], "", "")
    yield from longest("scrolling", gaps, "")
    empty = floor["empty"]
    yield Figure("memory over an empty client", ours["memory"] - empty, "MB", "≤ 150")
    yield Figure("  the empty client", empty, "MB", "")
    yield Figure("  a room of one page, over it", floor["memory"] - empty, "MB", "")


def looked_round(home: Path, frames: int) -> dict[str, Any]:
    """What one window says of itself."""
    seat = Seat(str(home), "offline")
    seat.call("begin")
    found = {"empty": seat.call("memory_mb"), "opens": seat.call("opens", 0, 11)}
    found["still"] = seat.call("still", 0, frames // 4)
    found |= seat.call("scroll", 0, frames)
    found["memory"] = seat.call("memory_mb")
    seat.close()
    return found


def longest(name: str, gaps: dict[str, list[float]], goal: str) -> Iterator[Figure]:
    """The longest gap, and the longest work within one."""
    yield Figure(f"{name}, longest gap of the loop", max(gaps["wall"]), "ms", goal)
    yield Figure(f"  {USED}, longest", max(gaps["used"]), "ms", "")


def busy(full: Path, rounds: int) -> Iterator[Figure]:
    """The node computes for 200 ms, again and again; the window stands still, then scrolls."""
    seat, bare = Seat(str(full), "online"), Seat("bare")
    seat.call("begin")
    seat.call("opens", 0, 1)
    for name, is_busy, is_moving in (
        ("node idle", False, False),
        ("node busy for 200 ms", True, False),
        ("node idle, scrolling", False, True),
        ("node busy for 200 ms, scrolling", True, True),
    ):
        bare.begin("gaps", 0, rounds * 0.3)
        gaps = seat.call("busy", 0, [rounds, is_busy, is_moving])
        yield from longest(name, gaps, "≤ 20" if is_busy else "")
        yield Figure("  a bare loop meanwhile", max(bare.end()["wall"]), "ms", "")
    seat.close()
    bare.close()


def arriving(full: Path, folder: Path, seconds: int) -> Iterator[Figure]:
    """A contact writes 200 messages a second into the open conversation."""
    with processes(1) as (writer,):
        seat, bare = Seat(str(full), "online"), Seat("bare")
        address, link = seat.call("begin")
        writer.call("open", str(folder / "writer"), [address])
        seat.begin("accept")
        account = writer.call("befriend", 0, link)
        seat.end()
        seat.begin("hears", 0, RATE * seconds)
        bare.begin("gaps", 0, seconds)
        writer.call("paced_to", 0, [account, RATE * seconds, RATE])
        machine = bare.end()
        heard = seat.end()
        seat.close()
        bare.close()
    name = f"{RATE} messages/s arriving"
    yield from longest(name, heard["gaps"], "≤ 50")
    yield Figure("  a bare loop meanwhile", max(machine["wall"]), "ms", "")
    yield Figure(f"{name}, gap p99", quantile(heard["gaps"]["wall"], 0.99), "ms", "")
    yield Figure(f"{name}, shown", heard["shown"][0] / (RATE * seconds), "", "1.0")
    yield Figure(f"{name}, last one shown after", heard["took_s"][0], "s", "")
    yield Figure("  they were sent in", float(seconds), "s", "")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer messages")
    parser.add_argument("--only", choices=["reading", "busy", "arriving"])
    parser.add_argument("--home", type=Path, help="where the homes are kept for the next time")
    arguments = parser.parse_args()
    quick = arguments.quick
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        kept = arguments.home or folder
        full, small = kept / "full", kept / "small"
        began_s = time.perf_counter()
        for home, count in ((small, PAGE), (full, MESSAGES // 10 if quick else MESSAGES)):
            if not home.exists():
                make_home(home, count)
        print(f"written in {time.perf_counter() - began_s:.1f} s", file=sys.stderr)
        suites = {
            "reading": lambda: reading(full, small, 200 if quick else 1_000),
            "busy": lambda: busy(full, 5 if quick else 20),
            "arriving": lambda: arriving(full, folder, 4 if quick else 10),
        }
        for name, suite in suites.items():
            if arguments.only in (None, name):
                for figure in suite():
                    goal = f"goal {figure.goal}" if figure.goal else ""
                    line = f"{figure.name:55} {figure.value:10.2f} {figure.unit:4} {goal}"
                    print(line.rstrip(), flush=True)


if __name__ == "__main__":
    main()
