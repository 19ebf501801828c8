"""Private files: 0600 under any umask, and there entirely or not at all.

A file that must survive a power cut is written beside its place, flushed, and renamed into it; the
directory is flushed too, because that is where a name lives. In a home, which is ours, the name
beside is fixed, and what was left there is used or removed at the next start; elsewhere it is one
that nobody has.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import mkstemp
from typing import IO

from p2pchat.errors import DiskFull, FileExists, FileUnusable, HomeUnwritable, StoreError

__all__ = [
    "create_private",
    "file_error",
    "home_errors",
    "make_private_directory",
    "new_file",
    "open_private",
    "replace",
    "sync_directory",
    "write_private",
]

_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT})


@contextmanager
def home_errors(home: Path) -> Generator[None]:
    """Say what the file system refused, and what to do."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or type(error).__name__
        if error.errno in _NO_ROOM:
            raise DiskFull(f"the disk that holds {home} is full: free some space") from error
        raise HomeUnwritable(
            f"{home} cannot be used as a home directory ({reason}): choose a directory you may"
            " write to"
        ) from error


def make_private_directory(path: Path) -> None:
    """Make `path` (0700) and what is missing above it; one that exists is left as it is."""
    if path.is_dir():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.mkdir(mode=0o700, exist_ok=True)
    path.chmod(0o700)


def open_private(path: Path, flags: int) -> int:
    """A descriptor of `path`, made 0600 if it is not there; never through a symbolic link."""
    no_follow = 0 if sys.platform == "win32" else os.O_NOFOLLOW
    binary = os.O_BINARY if sys.platform == "win32" else 0
    descriptor = os.open(path, flags | os.O_CREAT | no_follow | binary, 0o600)
    if sys.platform != "win32":
        os.fchmod(descriptor, 0o600)
    return descriptor


def create_private(path: Path) -> None:
    """Make `path` an empty file."""
    os.close(open_private(path, os.O_WRONLY | os.O_TRUNC))


def write_private(path: Path, data: bytes) -> None:
    """Put `data` at `path`, durably and at once."""
    beside = path.with_name(path.name + ".new")
    try:
        with open(open_private(beside, os.O_WRONLY | os.O_TRUNC), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        replace(beside, path)
    except OSError:
        with suppress(OSError):  # what was written in vain must not hide why
            beside.unlink()
        raise


@contextmanager
def new_file(path: Path, *, overwrite: bool = False) -> Generator[IO[bytes]]:
    """A private file that is at `path` when the block has ended, and not at all before or when it
    fails. Beside it nothing is touched: until then it has a name that nobody else has, and only a
    program that is killed leaves it there.

    Raises `FileExists` for one that may not be overwritten, also when it comes meanwhile,
    `DiskFull`, `FileUnusable`.
    """
    if not overwrite and os.path.lexists(path):
        raise _taken(path)
    try:
        descriptor, beside = _open_beside(path)
        try:
            with open(descriptor, "wb") as file:
                yield file
                file.flush()
                os.fsync(descriptor)
            _place(beside, path, overwrite=overwrite)
        finally:
            _remove(beside)
    except OSError as error:
        raise file_error(path, error) from error


def _open_beside(path: Path) -> tuple[int, Path]:
    descriptor, name = mkstemp(".new", f"{path.name}.", path.parent)
    if sys.platform != "win32":
        os.fchmod(descriptor, 0o600)  # the umask may have taken more
    return descriptor, Path(name)


def _place(beside: Path, path: Path, *, overwrite: bool) -> None:
    """Give a file its name, in one step that fails when another has it."""
    if overwrite:
        replace(beside, path)
        return
    try:
        path.hardlink_to(beside)
    except FileExistsError as error:
        raise _taken(path) from error
    except OSError:
        _place_without_links(beside, path)
    sync_directory(path.parent)


def _place_without_links(beside: Path, path: Path) -> None:
    """On memory sticks: an empty file of our own holds the name until it is replaced."""
    try:
        os.close(open_private(path, os.O_WRONLY | os.O_EXCL))
    except FileExistsError as error:
        raise _taken(path) from error
    try:
        beside.replace(path)
    except OSError:
        _remove(path)
        raise


def _taken(path: Path) -> FileExists:
    return FileExists(f"{path} is there already: choose another name, or say to overwrite it")


def _remove(path: Path) -> None:
    with suppress(OSError):  # what was written in vain must not hide why
        path.unlink()


def file_error(path: Path, error: OSError) -> StoreError:
    """What the file system refused, in words."""
    if error.errno in _NO_ROOM:
        return DiskFull(f"the disk has no room for {path}: free some space")
    return FileUnusable(f"{path} cannot be written: {error.strerror or type(error).__name__}")


def replace(source: Path, target: Path) -> None:
    """Rename durably."""
    source.replace(target)
    sync_directory(target.parent)


def sync_directory(path: Path) -> None:
    """Make names in `path` durable (Windows does so by itself and cannot be asked)."""
    if sys.platform == "win32":
        return
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
