"""From a file to a database that can be trusted: the right key, undamaged, in our form.

A database is made beside its place and renamed into it when it is whole, so a file at `path` always
has its tables; one without them was damaged, and nothing is ever made anew in its stead. Before it
is renamed its log must be in it: the log keeps its own name, and would be left behind.
"""

from __future__ import annotations

import logging
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from p2pchat.errors import Corrupted, StoreError
from p2pchat.store.copies import begin_anew, run_of, set_run
from p2pchat.store.driver import connect, damaged, store_errors
from p2pchat.store.files import create_private
from p2pchat.store.marker import Found

__all__ = [
    "MIGRATIONS",
    "Migrations",
    "begin_run",
    "create_database",
    "prepare_database",
    "settle_database",
]

logger = logging.getLogger(__name__)

SLOW_CHECK_BYTES = 64 << 20
"""A database of this size takes about a second to read: whoever waits is told what for."""


@dataclass(frozen=True, slots=True)
class Migrations:
    """A directory of alembic migrations, and the newest revision in it."""

    directory: Path
    newest: str


MIGRATIONS = Migrations(Path(str(files("p2pchat.store") / "migrations")), newest="0024")


def create_database(path: Path, key: bytes, migrations: Migrations = MIGRATIONS) -> None:
    """Make an empty database at `path`, where nothing is yet."""
    create_private(path)
    with store_errors(path):
        _migrate(path, key, migrations, None)


def prepare_database(
    path: Path, key: bytes, migrations: Migrations = MIGRATIONS, *, last: Found
) -> None:
    """Make sure that `key` opens the database, that it is whole (by reading all of it if the mark
    of the `last` run says so), that it has the newest form, and that nothing more is sealed with
    what is in it if it is a copy.

    Raises `WrongKey`, `Corrupted`, `SchemaTooNew`.
    """
    with store_errors(path):
        with closing(connect(path, key)) as connection:
            if last.must_check:
                _check(path, connection)
            revision = _revision(path, connection)
            is_copy = run_of(connection) != (last.run or 0)
        if revision != migrations.newest:
            _migrate(path, key, migrations, revision)
        if is_copy:
            logger.warning("%s is a copy that was put back: sealing begins anew", path)
            with closing(connect(path, key)) as connection:
                begin_anew(connection)


def begin_run(path: Path, key: bytes, run: int) -> None:
    """Give the database the number of a new run."""
    with store_errors(path), closing(connect(path, key)) as connection:
        set_run(connection, run)


def settle_database(path: Path, key: bytes) -> None:
    """Take the log into the database at `path`, which nobody has open, so that the file is all of
    it. To close it tries that too, but says nothing when it fails.

    Raises `DiskFull` and other `StoreError`s.
    """
    with store_errors(path), closing(connect(path, key)) as connection:
        (is_busy, *_) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if is_busy:
            raise StoreError(f"another program is using {path}: end it and try again")


def _check(path: Path, connection: sqlite3.Connection) -> None:
    size_bytes = path.stat().st_size
    logger.log(
        logging.WARNING if size_bytes >= SLOW_CHECK_BYTES else logging.INFO,
        "reading all %.0f MB of %s, to see that it is whole",
        size_bytes / 1e6,
        path,
    )
    (finding,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if finding != "ok":
        raise Corrupted(damaged(path, finding.splitlines()[0]))


def _revision(path: Path, connection: sqlite3.Connection) -> str:
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_schema")}
    if "alembic_version" not in tables:
        raise Corrupted(damaged(path, "it holds no tables"))
    row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    if row is None:
        raise Corrupted(damaged(path, "it does not say its form"))
    return row[0]


def _migrate(path: Path, key: bytes, migrations: Migrations, current: str | None) -> None:
    # Alembic takes longer to import than a start may spend on it, and few starts need it.
    from p2pchat.store.migrating import migrate

    migrate(path, key, migrations.directory, current)
