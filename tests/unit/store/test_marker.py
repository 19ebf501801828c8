from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from p2pchat.errors import Corrupted
from p2pchat.store.marker import Found, Marker

RUN = 7
SOUND = Found(must_check=False, run=RUN)
TO_CHECK = Found(must_check=True, run=RUN)
STRANGE = Found(must_check=True, run=None)


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
    marker.closed(RUN)
    assert marker.look() == SOUND
    assert marker.look() == SOUND


def test_without_a_mark_damage_is_looked_for(marker: Marker) -> None:
    assert marker.look() == STRANGE


def test_after_a_kill_damage_is_looked_for(marker: Marker, log: Path) -> None:
    log.write_bytes(b"newer rows")
    marker.opened(RUN)
    assert marker.look() == TO_CHECK


def test_a_log_that_vanished_is_a_loss_until_its_mark_is_removed(
    marker: Marker, tmp_path: Path
) -> None:
    marker.opened(RUN)
    for _ in range(2):
        with pytest.raises(Corrupted, match=f"remove {tmp_path}/state"):
            marker.look()
    (tmp_path / "state").unlink()
    assert marker.look() == STRANGE


def test_a_start_that_failed_after_a_kill_may_take_the_log_in(marker: Marker, log: Path) -> None:
    log.write_bytes(b"newer rows")
    marker.opened(RUN)
    assert marker.look() == TO_CHECK
    log.unlink()
    assert marker.look() == TO_CHECK


def test_an_end_that_was_cut_short_is_no_loss(marker: Marker, log: Path) -> None:
    log.write_bytes(b"newer rows")
    marker.opened(RUN)
    marker.closing(RUN)
    log.unlink()
    assert marker.look() == TO_CHECK
    assert marker.look() == TO_CHECK


def test_an_end_that_left_a_log_is_not_clean(marker: Marker, log: Path) -> None:
    log.write_bytes(b"newer rows")
    marker.closed(RUN)
    assert marker.look() == STRANGE, "there is no mark of such an end"


@pytest.mark.parametrize("what", ["size", "time"])
def test_damage_is_looked_for_in_a_database_that_is_not_as_we_closed_it(
    marker: Marker, database: Path, what: str
) -> None:
    marker.closed(RUN)
    before = database.stat()
    if what == "size":
        database.write_bytes(b"other rows")
        os.utime(database, ns=(before.st_atime_ns, before.st_mtime_ns))
    else:
        os.utime(database, ns=(before.st_atime_ns, before.st_mtime_ns + 1))
    assert marker.look() == TO_CHECK
    assert marker.look() == TO_CHECK


@pytest.mark.parametrize("how", ["opened", "closing", "closed"])
def test_a_database_in_place_of_the_one_that_was_used_is_strange(
    marker: Marker, database: Path, log: Path, how: str
) -> None:
    if how != "closed":
        log.write_bytes(b"newer rows")
    getattr(marker, how)(RUN)
    other = database.with_name("other")
    shutil.copy2(database, other)
    other.replace(database)
    assert marker.look() == STRANGE
    assert marker.look() == STRANGE


def test_a_mark_whose_times_or_rights_changed_says_the_same(marker: Marker, tmp_path: Path) -> None:
    marker.closed(RUN)
    state = tmp_path / "state"
    an_hour_ago = state.stat().st_mtime_ns - 3600 * 10**9
    os.utime(state, ns=(an_hour_ago, an_hour_ago))
    state.chmod(0o640)
    os.link(state, tmp_path / "snapshot")
    assert marker.look() == SOUND


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"open",
        b"open x y",
        b"closed 7",
        b"\xff",
        b"closing",
        b"open " + b"7" * 9_999,
        b"closing 0",
    ],
)
def test_a_mark_of_another_form_says_nothing(
    marker: Marker, tmp_path: Path, log: Path, text: bytes
) -> None:
    log.write_bytes(b"newer rows")
    (tmp_path / "state").write_bytes(text)
    assert marker.look() == STRANGE


def test_a_mark_that_cannot_be_written_does_not_spoil_the_end(
    marker: Marker, tmp_path: Path
) -> None:
    marker.opened(RUN)
    (tmp_path / "state.new").mkdir()  # where it would be written
    marker.closing(RUN)
    assert not (tmp_path / "state").exists()
    marker.closed(RUN)
    assert marker.look() == STRANGE
