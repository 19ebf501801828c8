"""A home directory: one database, its key, and one process at a time.

    p2pchat.lock     who has it open
    p2pchat.key      the database key: 32 random bytes, bare or locked (`crypto.vault`)
    p2pchat.db       everything else, encrypted (and `-wal`, `-shm` while it is open)
    p2pchat.state    how the last run ended, and with which database

All are 0600 under any umask; other files are left alone. Database and key are made beside their
places and renamed into them, the database first: so a key without a database, or a database without
a key, is never a start that was cut short but a loss, and is said, not papered over.

The key file is rewritten in one step when another lock is put on the key; how a key is locked is
decided above, and comes in as a `KeyFile`.
"""

from __future__ import annotations

import os
import secrets  # noqa: TID251 -- the key to this disk is born here and nowhere else
from collections.abc import Callable, Generator, Iterable
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Protocol

from p2pchat.errors import Corrupted, HomeNotEmpty, SchemaTooNew, WrongKey
from p2pchat.model.snapshot import Snapshot
from p2pchat.store.files import home_errors, make_private_directory, replace, write_private
from p2pchat.store.lock import hold_lock
from p2pchat.store.marker import Marker
from p2pchat.store.opening import (
    MIGRATIONS,
    Migrations,
    begin_run,
    create_database,
    prepare_database,
    settle_database,
)
from p2pchat.store.sqlite import SqliteStore

__all__ = [
    "BARE",
    "DATABASE_FILE",
    "KEY_FILE",
    "Home",
    "KeyFile",
    "change_key_file",
    "open_home",
    "relock_home",
    "restore_home",
]

KEY_BYTES = 32
_RUNS = 2**31 - 1
"""Numbers of runs are drawn: a copy goes on from the number of another run than we did."""
KEY_FILE = "p2pchat.key"
DATABASE_FILE = "p2pchat.db"
LOCK_FILE = "p2pchat.lock"

_one_writer = Lock()
"""Of key files: whoever changes one reads it first."""


@dataclass(frozen=True, slots=True)
class Home:
    """An open home directory."""

    path: Path
    store: SqliteStore


class KeyFile(Protocol):
    """What a key file holds (`crypto.vault.Vault`)."""

    def unlock(self, raw: bytes) -> bytes:
        """The database key in a file's content."""
        ...

    def lock(self, key: bytes) -> bytes:
        """The content of a new home's file."""
        ...


class _BareKey:
    """The key as it is."""

    def unlock(self, raw: bytes) -> bytes:
        if len(raw) != KEY_BYTES:
            raise WrongKey(f"is not a key ({KEY_BYTES} bytes): put back the one of this home")
        return raw

    def lock(self, key: bytes) -> bytes:
        return key


BARE: KeyFile = _BareKey()


@contextmanager
def open_home(
    path: str | os.PathLike[str], migrations: Migrations = MIGRATIONS, *, keys: KeyFile = BARE
) -> Generator[Home]:
    """Open the home at `path`, made if it is not there, for this process alone.

    Raises `HomeUnwritable`, `HomeInUse`, `WrongKey`, `Corrupted`, `SchemaTooNew`, `DiskFull`, and
    what `keys` raises.
    """
    home = Path(path).absolute()
    with ExitStack() as stack:
        with home_errors(home):
            make_private_directory(home)
            stack.enter_context(hold_lock(home / LOCK_FILE))
            key = _key(home / DATABASE_FILE, home / KEY_FILE, migrations, keys)
            store = stack.enter_context(_open_store(home, migrations, key))
        yield Home(home, store)


@contextmanager
def _open_store(home: Path, migrations: Migrations, key: bytes) -> Generator[SqliteStore]:
    database = home / DATABASE_FILE
    marker = Marker(home / "p2pchat.state", database)
    prepare_database(database, key, migrations, last=marker.look())
    run = 1 + secrets.randbelow(_RUNS)
    store = SqliteStore(database, key)
    try:
        marker.opened(run)
        begin_run(database, key, run)
        yield store
    finally:
        marker.closing(run)
        store.close()
        marker.closed(run)


def restore_home(
    path: str | os.PathLike[str],
    fill: Callable[[SqliteStore], None],
    *,
    keys: KeyFile = BARE,
    migrations: Migrations = MIGRATIONS,
) -> None:
    """Make the home at `path` with what `fill` writes into its database, all of it or nothing: also
    when the disk has no room for the last of it. In its place there is no home yet, or one in which
    nothing has happened, whose key stays.

    Raises `HomeNotEmpty`, as `open_home` does, and what `fill` raises.
    """
    home = Path(path).absolute()
    lock = home / LOCK_FILE
    had_home, had_lock = home.exists(), lock.exists()
    with home_errors(home), ExitStack() as undoing:
        make_private_directory(home)
        with hold_lock(lock):
            undoing.callback(_undo, [] if had_lock else [lock], [] if had_home else [home])
            _restore(home, fill, keys, migrations)
            undoing.pop_all()


def _undo(files: Iterable[Path], directories: Iterable[Path]) -> None:
    """Remove what an attempt made; what cannot be removed must not hide why it failed."""
    with suppress(OSError):
        for file in files:
            file.unlink()
        for directory in directories:
            directory.rmdir()


def _restore(
    home: Path, fill: Callable[[SqliteStore], None], keys: KeyFile, migrations: Migrations
) -> None:
    database, key = home / DATABASE_FILE, home / KEY_FILE
    if not database.exists():
        _key(database, key, migrations, keys, fill)
        return
    secret = _key(database, key, migrations, keys)
    with _open_store(home, migrations, secret) as store:
        if not is_unused(store.snapshot()):
            raise HomeNotEmpty(
                f"{home} holds contacts, rooms or messages already: choose a new directory"
            )
    settle_database(database, secret)  # its log would be taken for that of what replaces it
    _make_database(_unplaced(database), secret, migrations, fill)
    replace(_unplaced(database), database)


def is_unused(snapshot: Snapshot) -> bool:
    """Whether nothing has happened in a home but that it was made."""
    return not (snapshot.contacts or snapshot.conversations or snapshot.blocks)


def relock_home(path: str | os.PathLike[str], relock: Callable[[bytes], bytes]) -> None:
    """Put `relock` of the key file's content in its place, in a home that no process has open.

    Raises `HomeUnwritable`, `HomeInUse`, `WrongKey`, `SchemaTooNew`, `DiskFull`, and what `relock`
    raises; then nothing has changed.
    """
    home = Path(path).absolute()
    with home_errors(home):
        if not (home / DATABASE_FILE).exists():
            raise WrongKey(f"{home} holds no identity yet: nothing is there to be locked")
        with hold_lock(home / LOCK_FILE):
            _settle_key(home / DATABASE_FILE, home / KEY_FILE)
            change_key_file(home, relock)


def change_key_file(home: Path, relock: Callable[[bytes], bytes]) -> None:
    """As `relock_home`, in a home that this process has open."""
    key = home / KEY_FILE
    with home_errors(home), _one_writer, _about(key):
        write_private(key, relock(key.read_bytes()))


def _key(
    database: Path,
    key: Path,
    migrations: Migrations,
    keys: KeyFile,
    fill: Callable[[SqliteStore], None] | None = None,
) -> bytes:
    """The database's key; both are made in a new home, and what was cut short is finished."""
    if not database.exists():
        if key.exists():
            raise Corrupted(
                f"{database} is missing though its key is there: put it back, or remove {key} to"
                " begin anew"
            )
        secret = secrets.token_bytes(KEY_BYTES)
        write_private(_unplaced(key), keys.lock(secret))
        try:
            _make_database(_unplaced(database), secret, migrations, fill)
        except BaseException:
            _unplaced(key).unlink(missing_ok=True)
            raise
        replace(_unplaced(database), database)
        _settle_key(database, key)
        return secret
    _settle_key(database, key)
    with _about(key):
        return keys.unlock(key.read_bytes())


def _settle_key(database: Path, key: Path) -> None:
    """Finish a home's making that was cut short, or undo a change of its key file that was."""
    unplaced = _unplaced(key)
    if key.exists():
        unplaced.unlink(missing_ok=True)  # it may hold the key as it shall not lie here any more
        _remove_database(_unplaced(database))
    elif unplaced.exists():
        replace(unplaced, key)
    else:
        raise WrongKey(f"{key} is missing, without which {database} stays shut: put it back")


def _make_database(
    path: Path, secret: bytes, migrations: Migrations, fill: Callable[[SqliteStore], None] | None
) -> None:
    """A database beside its place, all in one file; nothing is left of one that could not be
    made."""
    _remove_database(path)
    try:
        create_database(path, secret, migrations)
        if fill is not None:
            with closing(SqliteStore(path, secret)) as store:
                fill(store)
        settle_database(path, secret)
    except BaseException:
        _remove_database(path)
        raise


def _remove_database(path: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def _unplaced(file: Path) -> Path:
    return file.with_name(file.name + ".new")


@contextmanager
def _about(key: Path) -> Generator[None]:
    """Say which file it is that cannot be used."""
    try:
        yield
    except (WrongKey, SchemaTooNew) as error:
        raise type(error)(f"{key} {error}") from error
