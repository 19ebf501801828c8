from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy.exc import IntegrityError

from p2pchat.errors import Corrupted, DiskFull, HomeUnwritable, P2PChatError, StoreError, WrongKey
from p2pchat.model.change import PutName
from p2pchat.store.driver import BUSY_TIMEOUT_S, connect, make_engine, store_errors
from p2pchat.store.home import open_home
from p2pchat.store.port import Page
from tests.compliance.store.values import ALICE, ROOM, ROOMS, Writer

KEY = b"k" * 32


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "db"
    path.touch()
    with closing(connect(path, KEY)) as connection:
        connection.execute("CREATE TABLE t (key INTEGER PRIMARY KEY, b BLOB NOT NULL) STRICT")
    return path


@pytest.fixture
def connection(database: Path) -> Iterator[sqlite3.Connection]:
    with closing(connect(database, KEY, "busy_timeout = 0")) as connection:
        yield connection


def test_a_connection_is_durable_and_leaves_nothing_readable(database: Path) -> None:
    expected = {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "secure_delete": 1,
        "temp_store": 2,
        "busy_timeout": BUSY_TIMEOUT_S * 1000,
        "cipher_log_level": "NONE",
    }
    with closing(connect(database, KEY)) as connection:
        got = {name: connection.execute(f"PRAGMA {name}").fetchone()[0] for name in expected}
    assert got == expected


def test_an_engine_that_may_only_ask_cannot_write(database: Path) -> None:
    engine = make_engine(database, KEY, "BEGIN", "query_only = ON")
    with pytest.raises(HomeUnwritable), store_errors(database), engine.connect() as connection:
        connection.exec_driver_sql("INSERT INTO t (b) VALUES (x'00')")
    engine.dispose()


def test_a_transaction_that_is_rolled_back_takes_its_tables_along(database: Path) -> None:
    engine = make_engine(database, KEY, "BEGIN IMMEDIATE")
    with engine.connect() as connection:
        connection.exec_driver_sql("CREATE TABLE u (key INTEGER PRIMARY KEY)")
        connection.rollback()
    with engine.connect() as connection:
        names = connection.exec_driver_sql("SELECT name FROM sqlite_schema").scalars().all()
    assert names == ["t"]
    engine.dispose()


def test_a_database_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(HomeUnwritable, match="cannot be opened"), store_errors(tmp_path / "db"):
        connect(tmp_path / "db", KEY)
    assert list(tmp_path.iterdir()) == []


def test_another_key_is_told(database: Path) -> None:
    with pytest.raises(WrongKey), store_errors(database):
        connect(database, b"w" * 32)


def test_a_database_in_use_is_told(database: Path, connection: sqlite3.Connection) -> None:
    with closing(connect(database, KEY)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="another program is using"), store_errors(database):
            connection.execute("BEGIN IMMEDIATE")


def test_no_room_is_told(database: Path, connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA max_page_count = 3")
    with pytest.raises(DiskFull, match="free some space"), store_errors(database):
        connection.execute("INSERT INTO t (b) VALUES (zeroblob(100000))")


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (sqlite3.SQLITE_IOERR, StoreError),
        (sqlite3.SQLITE_IOERR_FSYNC, StoreError),
        (sqlite3.SQLITE_CORRUPT, Corrupted),
        (sqlite3.SQLITE_READONLY_DBMOVED, HomeUnwritable),
    ],
)
def test_what_the_disk_refused_is_told_in_one_line(
    database: Path, connection: sqlite3.Connection, code: int, kind: type[StoreError]
) -> None:
    try:
        connection.execute("nonsense")
    except Exception as error:
        template = error
    template.sqlite_errorcode = code
    with pytest.raises(P2PChatError) as caught, store_errors(database):
        raise template
    assert type(caught.value) is kind
    assert str(database) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_our_own_faults_pass_as_they_are(database: Path, connection: sqlite3.Connection) -> None:
    with pytest.raises(Exception, match="NOT NULL") as caught, store_errors(database):
        connection.execute("INSERT INTO t (b) VALUES (NULL)")
    assert not isinstance(caught.value, P2PChatError)
    engine = make_engine(database, KEY, "BEGIN IMMEDIATE")
    with pytest.raises(IntegrityError), store_errors(database), engine.begin() as other:
        other.exec_driver_sql("INSERT INTO t (b) VALUES (?)", (None,))
    engine.dispose()


def test_nothing_of_a_home_is_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, logger="sqlalchemy")
    logging.getLogger("canary").debug("sung")
    with open_home(tmp_path) as opened:
        writer = Writer()
        changes = [*writer.message("a private text"), PutName(ALICE.account, "A. Private", 1)]
        opened.store.commit([*ROOMS, *changes])
        assert opened.store.history(ROOM, Page())[0].text == "a private text"
        assert opened.store.snapshot().names[0].name == "A. Private"
    key = (tmp_path / "p2pchat.key").read_bytes()
    logged = "\n".join([caplog.text, *(repr(record.args) for record in caplog.records)])
    assert "sung" in logged
    for secret in ("a private text", "A. Private", key.hex(), repr(key), repr(writer.ops[0].id)):
        assert secret not in logged
