"""A copy of a home seals with no ratchet that it may have used.

Who goes on from an older state seals what the other side has opened already, and will not open
again. So a database that is not the one we closed (`store.marker`) has all its sessions barred
before it is used: the next letter to each device begins another, and what is under way to us opens
as before, so that a false alarm costs a contact one session and nobody a message. A copy that is
not told apart gives nothing away (`crypto.olm` salts what it seals), and is asked to begin anew.

The copy that is made before a migration lies about for long, and is made without ratchets.
"""

from __future__ import annotations

import sqlite3

__all__ = ["begin_anew", "run_of", "set_run", "strip"]

_SECRETS = ("ratchets", "olm_account", "mail_keys", "hpke_keys", "spent_sessions")


def run_of(connection: sqlite3.Connection) -> int:
    """The number of the run that used a database last; 0 before the first."""
    return connection.execute("PRAGMA user_version").fetchone()[0]


def set_run(connection: sqlite3.Connection, run: int) -> None:
    """From here on the database is that of another run."""
    connection.execute(f"PRAGMA user_version = {run:d}")


def begin_anew(connection: sqlite3.Connection) -> None:
    """Have nothing more sealed with the sessions that are there."""
    connection.execute("UPDATE ratchets SET is_barred = 1")


def strip(connection: sqlite3.Connection) -> None:
    """Take all secrets of sealed mail out of a database, of whatever form it is."""
    there = {name for (name,) in connection.execute("SELECT name FROM sqlite_schema")}
    connection.execute("BEGIN IMMEDIATE")
    for name in there.intersection(_SECRETS):
        connection.execute(f"DELETE FROM {name}")  # noqa: S608 -- names of ours
    connection.execute("COMMIT")
