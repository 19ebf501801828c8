"""How the last run ended, and which file it ended with: a small mark beside the database.

Reading a whole database at each start would be slow, so it is read only after an unclean end or
when the file is not as we closed it (a copy put back, a bit flipped by a program). The mark also
tells a write-ahead log that has vanished, which SQLite cannot: without it, the newest messages
would be gone in silence.

Each run has a drawn number, in the mark and in the database. A database that has another one, or
is another file than the mark names, was put back from elsewhere, and so is an older device than we
were; what follows is mild (`store.copies`), because a home that was moved to another disk looks the
same. A file is named by its inode, so a copy of all that was written into the very files is not
told, nor one that got the inode of a deleted one, nor a file system that was set back.

    open N F         run N goes on, or was killed: the log must be there; the database is file F
    closing N F      in between: there may be a log; look for damage
    closed N F S T   it ended cleanly and left S bytes, last changed at T
    no mark          it was removed: nothing is known of the file
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from p2pchat.errors import Corrupted
from p2pchat.store.files import sync_directory, write_private

__all__ = ["Found", "Marker"]

_DIGITS_MAX = 10


@dataclass(frozen=True, slots=True)
class Found:
    """What a mark says."""

    must_check: bool
    """Whether to look for damage."""
    run: int | None
    """The number that the database has if it is the one of the last run; None: it is not."""


class Marker:
    """The mark at `path` about the database at `database`."""

    def __init__(self, path: Path, database: Path) -> None:
        self._path = path
        self._database = database
        self._log = database.with_name(database.name + "-wal")

    def look(self) -> Found:
        """What the last run left. `Corrupted` when the write-ahead log is missing."""
        mark = self._path.read_bytes() if self._path.exists() else b""
        word, _, rest = mark.partition(b" ")
        number = rest.partition(b" ")[0]
        run = int(number) if number.isdigit() and len(number) <= _DIGITS_MAX else 0
        if word == b"open" and not self._log.exists():
            raise Corrupted(
                f"{self._log} is missing, and the newest messages with it: put it back, or remove"
                f" {self._path} to go on without them"
            )
        if not run or mark.split(b" ")[:3] != self._begun(word, run).split(b" "):
            self._remove()
            return Found(must_check=True, run=None)
        if word == b"open":  # opening may end early and take the log in: it is required no more
            self.closing(run)
        return Found(must_check=mark != self._closed(run), run=run)

    def opened(self, run: int) -> None:
        """The database is open, and its log exists."""
        sync_directory(self._path.parent)
        write_private(self._path, self._begun(b"open", run))

    def closing(self, run: int) -> None:
        """The log may go from here on."""
        try:
            write_private(self._path, self._begun(b"closing", run))
        except OSError:  # no room: without a mark the next start begins sealing anew, no more
            self._remove()

    def closed(self, run: int) -> None:
        """The database is closed, and all of it in one file."""
        if not self._log.exists():
            with suppress(OSError):  # the next start looks for damage: no harm
                write_private(self._path, self._closed(run))

    def _begun(self, word: bytes, run: int) -> bytes:
        return b"%s %d %d" % (word, run, self._database.stat().st_ino)

    def _closed(self, run: int) -> bytes:
        status = self._database.stat()
        end = f" {status.st_size} {status.st_mtime_ns}"
        return self._begun(b"closed", run) + end.encode()

    def _remove(self) -> None:
        self._path.unlink(missing_ok=True)
        sync_directory(self._path.parent)
