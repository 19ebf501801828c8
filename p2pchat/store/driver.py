"""The one place that knows SQLCipher: connections, engines, and what its errors mean.

SQLCipher speaks the interface of the standard library's `sqlite3`; connections are typed as such.
The raw key is the first statement of each connection, never part of a URL, which would end in logs
and tracebacks; the settings that durability and secrecy rest on follow.
"""

from __future__ import annotations

import logging
import sqlite3
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

import sqlcipher3.dbapi2 as sqlcipher  # pyright: ignore[reportMissingTypeStubs] -- compiled
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import QueuePool

from p2pchat.errors import Corrupted, DiskFull, HomeUnwritable, StoreError, WrongKey
from p2pchat.model.search import index_text

__all__ = ["connect", "damaged", "make_engine", "store_errors"]

BUSY_TIMEOUT_S = 5.0

# At DEBUG SQLAlchemy logs each row it reads; ours hold messages and keys, so we never let it.
_LOG_NAME = "p2pchat"
logging.getLogger(f"sqlalchemy.engine.Engine.{_LOG_NAME}").setLevel(logging.WARNING)
_DatabaseError = cast(
    "type[sqlite3.DatabaseError]",
    sqlcipher.DatabaseError,  # pyright: ignore[reportAttributeAccessIssue]
)


def connect(path: Path, key: bytes, *pragmas: str) -> sqlite3.Connection:
    """Open the existing database at `path` with its 32-byte key, and any extra `pragmas`."""
    assert len(key) == 32, "a database key has 32 bytes"
    connection = cast(
        "sqlite3.Connection",
        sqlcipher.connect(  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]
            f"{path.absolute().as_uri()}?mode=rw",
            uri=True,
            timeout=BUSY_TIMEOUT_S,
            isolation_level=None,  # no implicit BEGIN: transactions are written out
            check_same_thread=False,  # one thread at a time, not always the same one
            cached_statements=256,
        ),
    )
    try:
        connection.execute(f"PRAGMA key = \"x'{key.hex()}'\"")
        connection.execute("PRAGMA cipher_log_level = NONE")  # else it writes to stderr
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")  # a ratchet must never step back
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA secure_delete = ON")
        connection.execute("PRAGMA temp_store = MEMORY")  # nothing readable in a temporary file
        if sys.platform == "darwin":
            connection.execute("PRAGMA fullfsync = ON")  # fsync alone stops at the drive's cache
        for pragma in pragmas:
            connection.execute(f"PRAGMA {pragma}")
        connection.create_function("index_text", 1, _index_text, deterministic=True)
    except BaseException:
        connection.close()
        raise
    return connection


def _index_text(text: bytes) -> str:
    """As bytes, for a text would end at its first NUL."""
    return index_text(text.decode())


def make_engine(path: Path, key: bytes, begin: str, *pragmas: str, pool_size: int = 1) -> Engine:
    """An engine of at most `pool_size` connections whose transactions open with `begin`."""
    engine = create_engine(
        "sqlite+pysqlite://",
        logging_name=_LOG_NAME,
        hide_parameters=True,
        module=sqlcipher,
        creator=lambda: connect(path, key, *pragmas),
        poolclass=QueuePool,
        pool_size=pool_size,
        max_overflow=0,
    )

    @event.listens_for(engine, "begin")
    def _(connection: Connection) -> None:  # pyright: ignore[reportUnusedFunction]
        connection.exec_driver_sql(begin)

    return engine


@contextmanager
def store_errors(path: Path) -> Generator[None]:
    """Say in our own words what the disk or the database refused; our own faults (broken
    constraints, wrong SQL) pass as they are."""
    try:
        yield
    except DBAPIError as error:
        cause = error.orig
        if isinstance(cause, _DatabaseError):
            _raise_meaning(path, cause)
        raise
    except _DatabaseError as error:
        _raise_meaning(path, error)
        raise


def _raise_meaning(path: Path, error: sqlite3.DatabaseError) -> None:
    name = error.sqlite_errorname
    match error.sqlite_errorcode & 0xFF:
        case sqlite3.SQLITE_FULL:
            raise DiskFull(
                f"the disk that holds {path} is full: free some space; what was being written was"
                " not acknowledged to anyone"
            ) from error
        case sqlite3.SQLITE_NOTADB:
            raise WrongKey(
                f"the key does not open {path}: put back the key file that belongs to it (if it is"
                " the right one, the beginning of the database is damaged: import an export, or put"
                " back a copy, which is an older device)"
            ) from error
        case sqlite3.SQLITE_CORRUPT:
            raise Corrupted(damaged(path, str(error))) from error
        case sqlite3.SQLITE_IOERR:
            raise StoreError(
                f"the disk that holds {path} failed ({name}): check its room and its health"
            ) from error
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_PERM:
            raise HomeUnwritable(
                f"{path} cannot be opened for writing ({name}): check its permissions"
            ) from error
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            raise StoreError(f"another program is using {path}: end it and try again") from error
        case _:
            pass


def damaged(path: Path, finding: str) -> str:
    """What to tell about a damaged database."""
    return (
        f"{path} is damaged ({finding}): move the directory away, and import an export or begin"
        " anew; or put back a copy of it, which is this device as it was: what it wrote since"
        " counts twice, and mail that was under way may be lost"
    )
