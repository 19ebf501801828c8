"""Mailboxes in memory, on SQLite and on PostgreSQL behind one fixture."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from p2pchat.config.limits import MailboxLimits
from p2pchat.model.ids import PeerId
from p2pchat.store.mailbox_memory import MemoryMailboxes
from p2pchat.store.mailbox_port import MailboxStore
from p2pchat.store.mailboxes import open_database, open_file
from tests.unit.protocol.people import BOB, CAROL

KEY = bytes(range(32))
RELAY, OTHER_RELAY = CAROL.device.peer_id, BOB.device.peer_id
PROGRAM = shutil.which("pg_ctl")
USER = "nobody" if os.name == "posix" and os.getuid() == 0 else None
"""PostgreSQL does not run as root."""


@dataclass
class Opened:
    """A store, and what a process sees that opens it anew, as this relay or another."""

    store: MailboxStore
    reopen: Callable[..., MailboxStore]


def run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, user=USER, timeout=60, cwd="/")


@pytest.fixture(scope="session")
def database_url() -> Iterator[str]:
    """A PostgreSQL server of our own, on a socket in a directory of its own."""
    if PROGRAM is None:
        pytest.skip("no PostgreSQL on this machine")
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        if USER is not None:
            shutil.chown(folder, USER)
        data = str(folder / "data")
        run(PROGRAM, "initdb", "-D", data, "-o", "-A trust -U dchat -E UTF8 --locale=C")
        options = f"-c listen_addresses= -c unix_socket_directories={folder}"
        run(PROGRAM, "start", "-w", "-D", data, "-l", f"{data}/log", "-o", options)
        try:
            yield f"postgresql+psycopg://dchat@/postgres?host={folder}"
        finally:
            run(PROGRAM, "stop", "-D", data, "-m", "fast")


@pytest.fixture
def fresh_url(database_url: str) -> str:
    """A database in which nothing is."""
    from sqlalchemy import create_engine, text

    admin = create_engine(database_url, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text("DROP DATABASE IF EXISTS mailboxes WITH (FORCE)"))
        connection.execute(text("CREATE DATABASE mailboxes"))
    admin.dispose()
    return database_url.replace("/postgres?", "/mailboxes?")


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Opened]:
    with ExitStack() as stack:

        def reopen(relay: PeerId = RELAY) -> MailboxStore:
            if request.param == "sqlite":
                store = open_file(tmp_path / "mailboxes.db", KEY, relay, MailboxLimits())
            else:
                store = open_database(request.getfixturevalue("fresh_url"), relay)
            stack.callback(store.close)
            return store

        if request.param == "memory":
            memory = MemoryMailboxes()
            yield Opened(memory, lambda: memory)
        else:
            yield Opened(reopen(), reopen)


@pytest.fixture
def store(opened: Opened) -> MailboxStore:
    return opened.store
