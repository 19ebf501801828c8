"""A program that fills the small disk HOME lies on, makes room again, and tells what it saw.

store_full_disk.py HOME
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

from p2pchat.errors import DiskFull
from p2pchat.model.change import PutSetting
from p2pchat.store.home import open_home
from p2pchat.store.sqlite import SqliteStore

LEFT_BYTES = 500_000  # what is left to write into, once a home is made


def fill(store: SqliteStore) -> tuple[int, str]:
    """Commit until the disk is full: how many commits were acknowledged, and what was said."""
    for count in range(10_000):
        try:
            store.commit([PutSetting(str(count), bytes(3_000))])
        except DiskFull as error:
            return count, str(error)
    raise SystemExit("the disk was never full")


def take_room(ballast: Path, left_bytes: int) -> None:
    """Leave `left_bytes` on the disk."""
    free_bytes = shutil.disk_usage(ballast.parent).free
    ballast.write_bytes(bytes(free_bytes - left_bytes))


def try_to_open(home: Path) -> str:
    try:
        with open_home(home):
            return "opened"
    except DiskFull as error:
        return str(error)


def main(home: Path) -> dict[str, object]:
    ballast = home.parent / "ballast"
    with open_home(home) as opened:
        take_room(ballast, LEFT_BYTES)
        acknowledged, said = fill(opened.store)
        present = len(opened.store.snapshot().settings)
        ballast.unlink()
        opened.store.commit([PutSetting("room", b"again")])
        take_room(ballast, 0)
    said_at_open = try_to_open(home)
    ballast.unlink()
    with open_home(home) as opened:
        return {
            "acknowledged": acknowledged,
            "present": present,
            "said": said,
            "said_at_open": said_at_open,
            "present_at_last": len(opened.store.snapshot().settings),
        }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(Path(sys.argv[1]))))
