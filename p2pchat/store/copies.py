"""A copy of a home holds no ratchet that is used again.

A ratchet that is rolled back seals two texts with one key, opens a second time what it opened, and
no longer opens what was sealed since. So the copy that is made before a migration is made without
ratchets; and a database that is not the one we closed loses those in it before it is used. Then
the device gets a new Olm account, its certificate is renewed, and all sessions begin anew. Keys of
envelopes stay: what comes for them tells at least who is to be asked again.
"""

from __future__ import annotations

import sqlite3

__all__ = ["begin_anew", "run_of", "set_run", "strip"]

_SECRETS = ("ratchets", "olm_account", "mail_keys", "hpke_keys", "spent_sessions")
_ANEW = (
    "DELETE FROM ratchets",
    "DELETE FROM olm_account",
    "DELETE FROM spent_sessions",
    "UPDATE mail_keys SET rotated_ms = 0",  # its fallback key went with the account
)


def run_of(connection: sqlite3.Connection) -> int:
    """The number of the run that used a database last; 0 before the first."""
    return connection.execute("PRAGMA user_version").fetchone()[0]


def set_run(connection: sqlite3.Connection, run: int) -> None:
    """From here on the database is that of another run."""
    connection.execute(f"PRAGMA user_version = {run:d}")


def begin_anew(connection: sqlite3.Connection) -> None:
    """Take out of a database what an older device must not use again."""
    _all_of(connection, _ANEW)


def strip(connection: sqlite3.Connection) -> None:
    """Take all secrets of sealed mail out of a database, of whatever form it is."""
    there = {name for (name,) in connection.execute("SELECT name FROM sqlite_schema")}
    _all_of(connection, [f"DELETE FROM {name}" for name in _SECRETS if name in there])  # noqa: S608 -- names of ours


def _all_of(connection: sqlite3.Connection, statements: list[str] | tuple[str, ...]) -> None:
    connection.execute("BEGIN IMMEDIATE")
    for statement in statements:
        connection.execute(statement)
    connection.execute("COMMIT")
