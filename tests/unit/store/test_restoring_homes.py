"""Homes that are made whole from elsewhere, on a disk that has room for nearly all of it."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from p2pchat.errors import StoreError
from p2pchat.model.change import PutSetting
from p2pchat.store.home import open_home, restore_home
from p2pchat.store.sqlite import SqliteStore

resource = pytest.importorskip("resource", reason="limits of file sizes are POSIX")
CONTENT = bytes(1 << 20)


@pytest.fixture(autouse=True)
def limits() -> Iterator[None]:
    """What a test forbids is allowed again after it."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    signal.signal(signal.SIGXFSZ, handler)


def fill(store: SqliteStore) -> None:
    store.commit([PutSetting("content", CONTENT)])


def fill_to_the_last(store: SqliteStore) -> None:
    """What is committed lies in the log; the database itself may grow no more."""
    fill(store)
    limit_to(64 << 10)


def limit_to(size_bytes: int) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, hard))


def allow() -> None:
    limit_to(resource.getrlimit(resource.RLIMIT_FSIZE)[1])


def test_a_home_whose_log_found_no_room_in_the_database_is_not_made(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with pytest.raises(StoreError, match=r"failed|is full") as refused:
        restore_home(home, fill_to_the_last)
    allow()
    assert "\n" not in str(refused.value)
    assert not home.exists()
    restore_home(home, fill)
    with open_home(home) as opened:
        assert opened.store.snapshot().settings == {"content": CONTENT}


def test_an_unused_home_stays_when_what_should_replace_it_found_no_room(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with open_home(home) as opened:
        opened.store.commit([PutSetting("before", b"1")])
    with pytest.raises(StoreError, match=r"failed|is full"):
        restore_home(home, fill_to_the_last)
    allow()
    assert not [file for file in home.iterdir() if ".new" in file.name]
    with open_home(home) as opened:
        assert opened.store.snapshot().settings == {"before": b"1"}


def test_a_log_that_an_unused_home_cannot_take_in_is_not_left_to_another(tmp_path: Path) -> None:
    home, copy = tmp_path / "home", tmp_path / "copy"
    with open_home(home) as opened:
        opened.store.commit([PutSetting("before", CONTENT)])
        copy.mkdir()
        for file in home.iterdir():  # as a kill leaves it
            (copy / file.name).write_bytes(file.read_bytes())
    limit_to(512 << 10)
    with pytest.raises(StoreError, match=r"failed|is full"):
        restore_home(copy, lambda store: store.commit([PutSetting("small", b"1")]))
    allow()
    with open_home(copy) as opened:
        assert opened.store.snapshot().settings == {"before": CONTENT}
