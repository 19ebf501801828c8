"""Both stores behind one fixture, each with a way to open it again."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from p2pchat.store.memory import MemoryStore
from p2pchat.store.opening import create_database
from p2pchat.store.port import Store
from p2pchat.store.sqlite import SqliteStore
from tests.compliance.store.values import ROOMS

KEY = bytes(range(32))


@dataclass
class Opened:
    """A store, and what a process sees that opens it anew."""

    store: Store
    reopen: Callable[[], Store]


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty database under `KEY`, to be copied."""
    path = tmp_path_factory.mktemp("store") / "empty.db"
    create_database(path, KEY)
    return path


@pytest.fixture
def sqlite_store(empty_database: Path, tmp_path: Path) -> Iterator[Opened]:
    path = tmp_path / "store.db"
    shutil.copy(empty_database, path)
    with ExitStack() as stack:

        def open_store() -> SqliteStore:
            store = SqliteStore(path, KEY)
            stack.callback(store.close)
            return store

        yield Opened(open_store(), open_store)


@pytest.fixture(params=["memory", "sqlite"])
def opened(request: pytest.FixtureRequest) -> Opened:
    if request.param == "sqlite":
        return request.getfixturevalue("sqlite_store")
    store = MemoryStore()
    return Opened(store, store.fork)


@pytest.fixture
def store(opened: Opened) -> Store:
    """One that is in both rooms."""
    opened.store.commit(ROOMS)
    return opened.store
