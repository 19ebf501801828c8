from __future__ import annotations

import os
from pathlib import Path

import pytest

from p2pchat.errors import Corrupted
from p2pchat.store.marker import Marker


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "db"
    path.write_bytes(b"rows")
    return path


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "db-wal"


@pytest.fixture
def marker(tmp_path: Path, database: Path) -> Marker:
    return Marker(tmp_path / "state", database)


def test_after_a_clean_end_nothing_is_checked(marker: Marker) -> None:
    marker.closed()
    assert not marker.must_check()
    assert not marker.must_check()


def test_without_a_mark_damage_is_looked_for(marker: Marker) -> None:
    assert marker.must_check()


def test_after_a_kill_damage_is_looked_for(marker: Marker, log: Path) -> None:
    log.write_bytes(b"newer rows")
    marker.opened()
    assert marker.must_check()


def test_a_log_that_vanished_is_a_loss_until_its_mark_is_removed(
    marker: Marker, tmp_path: Path
) -> None:
    marker.opened()
    for _ in range(2):
        with pytest.raises(Corrupted, match=f"remove {tmp_path}/state"):
            marker.must_check()
    (tmp_path / "state").unlink()
    assert marker.must_check()


def test_a_start_that_failed_after_a_kill_may_take_the_log_in(marker: Marker, log: Path) -> None:
    log.write_bytes(b"newer rows")
    marker.opened()
    assert marker.must_check()
    log.unlink()
    assert marker.must_check()


def test_an_end_that_was_cut_short_is_no_loss(marker: Marker, log: Path) -> None:
    log.write_bytes(b"newer rows")
    marker.opened()
    marker.closing()
    log.unlink()
    assert marker.must_check()


def test_an_end_that_left_a_log_is_not_clean(marker: Marker, log: Path) -> None:
    log.write_bytes(b"newer rows")
    marker.closed()
    assert marker.must_check()


@pytest.mark.parametrize("what", ["size", "time"])
def test_a_database_that_is_not_the_one_we_closed_is_checked(
    marker: Marker, database: Path, what: str
) -> None:
    marker.closed()
    before = database.stat()
    if what == "size":
        database.write_bytes(b"other rows")
        os.utime(database, ns=(before.st_atime_ns, before.st_mtime_ns))
    else:
        os.utime(database, ns=(before.st_atime_ns, before.st_mtime_ns + 1))
    assert marker.must_check()


def test_a_mark_that_cannot_be_written_does_not_spoil_the_end(
    marker: Marker, tmp_path: Path
) -> None:
    (tmp_path / "state").mkdir()
    marker.closed()
