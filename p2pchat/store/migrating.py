"""Bringing a database to the form this program knows, one transaction a step.

Foreign keys are off meanwhile: a batch migration drops and remakes a table, and with them on the
drop would take the rows of other tables along. They are checked at the end of each step instead,
inside its transaction, so that a step that breaks one leaves nothing behind.
"""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path
from threading import Lock

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from p2pchat.errors import SchemaTooNew, StoreError
from p2pchat.store.copies import strip
from p2pchat.store.driver import connect, make_engine
from p2pchat.store.files import create_private, replace

__all__ = ["migrate"]

_ONE_AT_A_TIME = Lock()
"""Alembic keeps its step in globals, and each home is opened in a thread of its own."""


def migrate(path: Path, key: bytes, directory: Path, current: str | None) -> None:
    """Take the database at `path` from revision `current` (None: empty) to the newest that the
    migrations in `directory` know. An older database is copied first, to `<name>.before`.

    Raises `SchemaTooNew`, touching nothing, when they do not know `current`.
    """
    config = Config()
    config.set_main_option("script_location", str(directory).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    scripts = ScriptDirectory.from_config(config)
    revisions = [script.revision for script in scripts.walk_revisions()][::-1]
    if current is not None:
        if current not in revisions:
            raise SchemaTooNew(
                f"{path} was written by a newer version of this program (its form is {current}):"
                " use that version, or a later one"
            )
        _copy(path, key)
        revisions = revisions[revisions.index(current) + 1 :]
    engine = make_engine(path, key, "BEGIN IMMEDIATE", "foreign_keys = OFF")
    try:
        for revision in revisions:
            with _ONE_AT_A_TIME, engine.begin() as connection:
                _step(config, connection, revision)
    finally:
        engine.dispose()


def _step(config: Config, connection: Connection, revision: str) -> None:
    config.attributes["connection"] = connection
    command.upgrade(config, revision)
    if connection.exec_driver_sql("PRAGMA foreign_key_check").first() is not None:
        raise StoreError(f"the database could not be brought to form {revision}: it is as it was")


def _copy(path: Path, key: bytes) -> None:
    """A copy under the same key, whole or not there, and without ratchets."""
    target = path.with_name(path.name + ".before")
    beside = path.with_name(target.name + ".new")
    create_private(beside)
    with closing(connect(path, key)) as connection:
        connection.execute("VACUUM INTO ?", (str(beside),))
    with closing(connect(beside, key, "journal_mode = DELETE")) as connection:
        strip(connection)
    with beside.open("rb+") as file:
        os.fsync(file.fileno())
    replace(beside, target)
