"""One process a home: a lock that names its holder and dies with it.

The operating system holds the lock, so nothing is stale after `kill -9`; the text in the file only
says who has it. The file stays: removing it would let two processes lock two files of one name.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from p2pchat.errors import HomeInUse
from p2pchat.store.files import open_private

__all__ = ["hold_lock"]

_HOLDER_BYTES_MAX = 256

if sys.platform == "win32":
    import msvcrt

    _BEYOND_THE_TEXT = 1 << 20
    """Windows refuses to read what is locked."""

    def _lock(descriptor: int) -> None:
        os.lseek(descriptor, _BEYOND_THE_TEXT, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


@contextmanager
def hold_lock(path: Path) -> Generator[None]:
    """Hold the lock file at `path`; `HomeInUse` when another process does."""
    descriptor = open_private(path, os.O_RDWR)
    try:
        try:
            _lock(descriptor)
        except (BlockingIOError, PermissionError) as error:
            raise HomeInUse(
                f"{path.parent} is in use by {_holder(descriptor)}: end it first, or choose"
                " another home directory"
            ) from error
        os.ftruncate(descriptor, 0)
        os.lseek(descriptor, 0, os.SEEK_SET)
        os.write(descriptor, f"{os.getpid()} {_program()}\n".encode())
        yield
    finally:
        os.close(descriptor)


def _program() -> str:
    """The program's file name: its arguments may hold secrets."""
    name = Path(sys.argv[0]).name if sys.argv else ""
    return name or "python"


def _holder(descriptor: int) -> str:
    os.lseek(descriptor, 0, os.SEEK_SET)
    text = os.read(descriptor, _HOLDER_BYTES_MAX).decode("utf-8", "replace")
    process, _, program = text.partition("\n")[0].partition(" ")
    if not (process.isdecimal() and program and program.isprintable()):
        return "another process"
    return f"process {process} ({program})"
