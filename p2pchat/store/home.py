"""A home directory: one database, its key, and one process at a time.

    p2pchat.lock     who has it open
    p2pchat.key      32 random bytes: the database key
    p2pchat.db       everything else, encrypted (and `-wal`, `-shm` while it is open)
    p2pchat.state    how the last run ended

All are 0600 under any umask; other files are left alone. Database and key are made beside their
places and renamed into them, the database first: so a key without a database, or a database without
a key, is never a start that was cut short but a loss, and is said, not papered over.
"""

from __future__ import annotations

import os
import secrets  # noqa: TID251 -- the key to this disk is born here and nowhere else
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from p2pchat.errors import Corrupted, WrongKey
from p2pchat.store.files import home_errors, make_private_directory, replace, write_private
from p2pchat.store.lock import hold_lock
from p2pchat.store.marker import Marker
from p2pchat.store.opening import MIGRATIONS, Migrations, create_database, prepare_database
from p2pchat.store.sqlite import SqliteStore

__all__ = ["Home", "open_home"]

KEY_BYTES = 32


@dataclass(frozen=True, slots=True)
class Home:
    """An open home directory."""

    path: Path
    store: SqliteStore


@contextmanager
def open_home(path: str | os.PathLike[str], migrations: Migrations = MIGRATIONS) -> Generator[Home]:
    """Open the home at `path`, made if it is not there, for this process alone.

    Raises `HomeUnwritable`, `HomeInUse`, `WrongKey`, `Corrupted`, `SchemaTooNew`, `DiskFull`.
    """
    home = Path(path).absolute()
    with ExitStack() as stack:
        with home_errors(home):
            make_private_directory(home)
            stack.enter_context(hold_lock(home / "p2pchat.lock"))
            store = stack.enter_context(_open_store(home, migrations))
        yield Home(home, store)


@contextmanager
def _open_store(home: Path, migrations: Migrations) -> Generator[SqliteStore]:
    database = home / "p2pchat.db"
    key = _key(database, home / "p2pchat.key", migrations)
    marker = Marker(home / "p2pchat.state", database)
    prepare_database(database, key, migrations, check=marker.must_check())
    store = SqliteStore(database, key)
    try:
        marker.opened()
        yield store
    finally:
        marker.closing()
        store.close()
        marker.closed()


def _key(database: Path, key: Path, migrations: Migrations) -> bytes:
    """The database's key; both are made in a new home, and what was cut short is finished."""
    unplaced = key.with_name(key.name + ".new")
    if not database.exists():
        if key.exists():
            raise Corrupted(
                f"{database} is missing though its key is there: put it back, or remove {key} to"
                " begin anew"
            )
        _create(database, unplaced, migrations)
    if not key.exists():
        if not unplaced.exists():
            raise WrongKey(f"{key} is missing, without which {database} stays shut: put it back")
        replace(unplaced, key)
    secret = key.read_bytes()
    if len(secret) != KEY_BYTES:
        raise WrongKey(f"{key} is not a key ({KEY_BYTES} bytes): put back the one of {database}")
    return secret


def _create(database: Path, key: Path, migrations: Migrations) -> None:
    unplaced = database.with_name(database.name + ".new")
    for suffix in ("", "-wal", "-shm"):
        unplaced.with_name(unplaced.name + suffix).unlink(missing_ok=True)
    secret = secrets.token_bytes(KEY_BYTES)
    write_private(key, secret)
    create_database(unplaced, secret, migrations)
    replace(unplaced, database)
