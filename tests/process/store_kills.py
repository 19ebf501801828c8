"""A program that has itself killed while a store works, and looks what is left.

    store_kills.py creation HOME      killed at every call that making a home takes
    store_kills.py commits HOME       killed at every call that a few commits take
    store_kills.py relock HOME        killed at every call that another lock on the key takes
    store_kills.py restore HOME       killed at every call that filling a new home takes
    store_kills.py random HOME COUNT  killed COUNT times at random moments under load

A child is forked for each kill, so that a kill costs milliseconds. "Every call" is meant: a
profiling hook counts the calls into C (files, locks, SQLite) that `p2pchat.store` makes and kills
the process just before the n-th. One line of JSON tells what was seen.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from random import Random
from types import FrameType

import p2pchat.store
from p2pchat.crypto.stretching import Cost
from p2pchat.crypto.vault import Vault
from p2pchat.errors import PassphraseNeeded, WrongPassphrase
from p2pchat.model.change import Change, PutConversation, PutSetting
from p2pchat.model.room import RoomKind
from p2pchat.store import migrating  # what a child would import lazily
from p2pchat.store.home import open_home, relock_home, restore_home
from p2pchat.store.port import Page
from tests.compliance.store.values import ROOM, Writer

OURS = str(Path(p2pchat.store.__file__).parent)
COMMITS = 3
CHEAP = Cost(1, 8192)
assert migrating


def kill_before_call(number: int) -> None:
    """Have this process killed just before its `number`-th call into C from the store."""
    calls = 0

    def count(frame: FrameType, event: str, _: object) -> None:
        nonlocal calls
        if event == "c_call" and frame.f_code.co_filename.startswith(OURS):
            calls += 1
            if calls == number:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.setprofile(count)


def in_child(work: Callable[[], None]) -> bool:
    """Run `work` in a child; whether it came to its end."""
    child = os.fork()
    if child == 0:
        work()
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if os.WIFEXITED(status) and os.WEXITSTATUS(status):
        raise SystemExit(f"the child failed with {os.WEXITSTATUS(status)}")
    return os.WIFEXITED(status)


def commit(home: Path, tell: Callable[[int], None], count: int) -> None:
    """Commit messages one after another, each with a setting that counts them."""
    writer = Writer()
    with open_home(home) as opened:
        if not opened.store.snapshot().conversations:
            opened.store.commit([PutConversation(ROOM, RoomKind.OPEN, "garden", 1)])
        for _ in range(len(opened.store.history(ROOM, Page(5_000)))):
            writer.op()
        for number in range(len(writer.ops), len(writer.ops) + count):
            setting = PutSetting("count", str(number + 1).encode())
            changes: list[Change] = [*writer.message("hello"), setting]
            opened.store.commit(changes)
            tell(number + 1)


def survivors(home: Path) -> int:
    """How many commits are there; each must be whole, and none may be missing between."""
    with open_home(home) as opened:
        snapshot = opened.store.snapshot()
        messages = opened.store.history(ROOM, Page(5_000))
        count = int(snapshot.settings.get("count", b"0"))
        writer = Writer()
        expected = [writer.op().op.id for _ in range(count)]
        assert [message.id for message in messages] == expected, "a commit is missing or halved"
        assert [head.id for head in snapshot.heads] == expected[-1:], "a head is wrong"
    return count


def at_every_call(home: Path, work: Callable[[Path], None], check: Callable[[Path], None]) -> int:
    """Kill `work` before each of its calls, each time on a fresh copy of `home`."""
    number = 0
    finished = False
    while not finished:
        number += 1
        copy = home.with_name(f"{home.name}-copy")
        if home.exists():
            shutil.copytree(home, copy)

        def killed(number: int = number, copy: Path = copy) -> None:
            kill_before_call(number)
            work(copy)

        finished = in_child(killed)
        in_child(lambda copy=copy: check(copy))
        shutil.rmtree(copy)
    return number - 1


def creation(home: Path) -> dict[str, int]:
    def make(home: Path) -> None:
        with open_home(home):
            pass

    def check(home: Path) -> None:
        for _ in range(2):
            with open_home(home) as opened:
                assert opened.store.identity() is None
        assert not [file.name for file in home.iterdir() if ".new" in file.name]

    return {"kills": at_every_call(home, make, check)}


def commits(home: Path) -> dict[str, int]:
    commit(home, lambda _: None, 2)
    told = home.with_name("told")

    def work(home: Path) -> None:
        def tell(count: int) -> None:
            told.write_text(str(count))

        told.write_text("2")
        commit(home, tell, COMMITS)

    def check(home: Path) -> None:
        assert survivors(home) - int(told.read_text()) in (0, 1), "an acknowledged commit is lost"

    return {"kills": at_every_call(home, work, check)}


def relock(home: Path) -> dict[str, int]:
    """Set a passphrase, change it, take it away: one of the two opens the home after each kill,
    and no key is left behind beside its file."""
    commit(home, lambda _: None, 1)
    key = (home / "p2pchat.key").read_bytes()
    kills = 0
    for old, new in ((None, "first"), ("first", "second"), ("second", None)):
        kills += at_every_call(
            home, partial(lock_by, old, new), partial(opens_by_one, old, new, key)
        )
        lock_by(old, new, home)
    assert survivors(home) == 1
    return {"kills": kills}


def lock_by(old: str | None, new: str | None, home: Path) -> None:
    def change(raw: bytes) -> bytes:
        return Vault(new, CHEAP).lock(Vault(old, CHEAP).unlock(raw))

    relock_home(home, change)


def opens_by_one(old: str | None, new: str | None, key: bytes, home: Path) -> None:
    raws: list[bytes] = []

    def look(raw: bytes) -> bytes:
        raws.append(raw)
        return raw

    relock_home(home, look)
    opened: list[bytes] = []
    for passphrase in (old, new):
        with suppress(WrongPassphrase, PassphraseNeeded):
            opened.append(Vault(passphrase, CHEAP).unlock(raws[0]))
    assert opened == [key], "neither lock opens the home, or both"
    assert not [file.name for file in home.iterdir() if ".new" in file.name]


def restore(home: Path) -> dict[str, int]:
    """Fill a home in which nothing has happened: all of it is there after each kill, or none."""
    writer = Writer()
    changes = [*writer.messages(3), PutConversation(ROOM, None, "", 1)]

    def fill(home: Path) -> None:
        restore_home(home, lambda store: store.commit(changes))

    def check(home: Path) -> None:
        for _ in range(2):
            with open_home(home) as opened:
                assert len(opened.store.history(ROOM, Page())) in (0, 3)
                assert bool(opened.store.snapshot().conversations) == bool(
                    opened.store.history(ROOM, Page())
                )
        assert not [file.name for file in home.iterdir() if ".new" in file.name]

    with open_home(home):
        pass
    return {"kills": at_every_call(home, fill, check)}


def random_moments(home: Path, count: int) -> dict[str, int]:
    random = Random(20_240)
    acknowledged = 0
    for _ in range(count):
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            commit(home, partial(write_line, writer), 1_000)
            os._exit(1)
        os.close(writer)
        acknowledged = read_some(reader, random.randint(1, 12), acknowledged)
        os.kill(child, signal.SIGKILL)
        acknowledged = read_some(reader, 1_000, acknowledged)
        os.close(reader)
        os.waitpid(child, 0)
        left = survivors(home)
        assert left - acknowledged in (0, 1), "an acknowledged commit is lost"
        acknowledged = left
    return {"kills": count, "commits": acknowledged}


def write_line(writer: int, count: int) -> None:
    os.write(writer, b"%d\n" % count)


def read_some(reader: int, lines: int, known: int) -> int:
    """The newest count told in the next `lines` lines, or until the end."""
    text = b""
    while text.count(b"\n") < lines and (read := os.read(reader, 64)):
        text += read
    return int(text.split()[-1]) if text else known


if __name__ == "__main__":
    mode, path = sys.argv[1], Path(sys.argv[2])
    match mode:
        case "creation":
            seen = creation(path)
        case "commits":
            seen = commits(path)
        case "restore":
            seen = restore(path)
        case "relock":
            seen = relock(path)
        case _:
            seen = random_moments(path, int(sys.argv[3]))
    sys.stdout.write(json.dumps(seen))
