"""How the last run ended: a small file beside the database.

Reading a whole database at each start would be slow, so it is read only after an unclean end or
when the file is not the one we closed (a copy put back, a bit flipped by a program). The mark also
tells a write-ahead log that has vanished, which SQLite cannot: without it, the newest messages
would be gone in silence.

    open             a program runs, or was killed: the log must be there
    closed S T       it ended cleanly and left S bytes, last changed at T
    no mark          in between: there may be a log; look for damage
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from p2pchat.errors import Corrupted
from p2pchat.store.files import sync_directory, write_private

__all__ = ["Marker"]

_OPEN = b"open"


class Marker:
    """The mark at `path` about the database at `database`."""

    def __init__(self, path: Path, database: Path) -> None:
        self._path = path
        self._database = database
        self._log = database.with_name(database.name + "-wal")

    def must_check(self) -> bool:
        """Whether to look for damage. `Corrupted` when the write-ahead log is missing."""
        mark = self._path.read_bytes() if self._path.exists() else b""
        if mark != _OPEN:
            return mark != self._closed()
        if not self._log.exists():
            raise Corrupted(
                f"{self._log} is missing, and the newest messages with it: put it back, or remove"
                f" {self._path} to go on without them"
            )
        self._remove()  # opening may end early and take the log in: it is not required any more
        return True

    def opened(self) -> None:
        """The database is open, and its log exists."""
        sync_directory(self._path.parent)
        write_private(self._path, _OPEN)

    def closing(self) -> None:
        """The log may go from here on."""
        self._remove()

    def closed(self) -> None:
        """The database is closed, and all of it in one file."""
        if not self._log.exists():
            with suppress(OSError):  # without a mark the next start looks for damage: no harm
                write_private(self._path, self._closed())

    def _closed(self) -> bytes:
        status = self._database.stat()
        return f"closed {status.st_size} {status.st_mtime_ns}".encode()

    def _remove(self) -> None:
        self._path.unlink(missing_ok=True)
        sync_directory(self._path.parent)
