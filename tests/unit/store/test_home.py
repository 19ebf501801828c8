from __future__ import annotations

import logging
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from p2pchat.errors import (
    Corrupted,
    HomeInUse,
    HomeUnwritable,
    SchemaTooNew,
    StoreError,
    WrongKey,
)
from p2pchat.model.change import PutSetting
from p2pchat.model.identity import Identity
from p2pchat.model.ids import AccountId, DeviceId
from p2pchat.store import opening
from p2pchat.store.home import change_key_file, open_home, relock_home

SECRET = b"this text must not be readable on the disk"
IDENTITY = Identity(
    AccountId(b"a" * 32), DeviceId(b"d" * 32), "Alice", 1, b"s" * 32, b"t" * 32, b"device set"
)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home that was used and closed."""
    path = tmp_path / "home"
    with open_home(path) as opened:
        opened.store.put_identity(IDENTITY)
        opened.store.commit([PutSetting("secret", SECRET)])
    return path


def contents(home: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in home.iterdir()}


def refused(home: Path, kind: type[StoreError], *words: str) -> None:
    """Opening fails with one line that says `words`, and changes nothing but the lock's text."""
    before = contents(home)
    with pytest.raises(kind) as caught, open_home(home):
        pass
    message = str(caught.value)
    assert "\n" not in message
    for word in words:
        assert word in message
    after = contents(home)
    assert {**after, "p2pchat.lock": b""} == {**before, "p2pchat.lock": b""}


def test_what_was_committed_is_there_at_the_next_start(home: Path) -> None:
    with open_home(home) as opened:
        assert opened.path == home
        assert opened.store.identity() == IDENTITY
        assert opened.store.snapshot().settings == {"secret": SECRET}


def test_a_new_home_has_no_identity(tmp_path: Path) -> None:
    with open_home(tmp_path / "home") as opened:
        assert opened.store.identity() is None


def test_an_identity_replaces_the_one_before(home: Path) -> None:
    other = Identity(AccountId(b"b" * 32), DeviceId(b"e" * 32), "Bob", 2, b"u", b"v", b"w")
    with open_home(home) as opened:
        opened.store.put_identity(other)
        assert opened.store.identity() == other


def test_a_home_can_be_a_relative_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with open_home("some/home") as opened:
        assert opened.path == tmp_path / "some" / "home"


@pytest.fixture(params=[0o000, 0o077, 0o777])
def any_umask(request: pytest.FixtureRequest) -> Iterator[None]:
    before = os.umask(request.param)
    yield
    os.umask(before)


@pytest.mark.usefixtures("any_umask")
def test_every_file_is_private_while_open_and_after(tmp_path: Path) -> None:
    path = tmp_path / "home"
    with open_home(path) as opened:
        opened.store.commit([PutSetting("secret", SECRET)])
        seen = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.iterdir()}
    assert len(seen) == 6
    seen |= {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.iterdir()}
    assert set(seen.values()) == {0o600}
    assert stat.S_IMODE(path.stat().st_mode) == 0o700


def test_nothing_readable_is_written(home: Path) -> None:
    with open_home(home) as opened:
        opened.store.commit([PutSetting("more", SECRET)])
        raw = b"".join(contents(home).values())
    raw += b"".join(contents(home).values())
    for text in (SECRET, b"Alice", b"SQLite format", b"CREATE TABLE", IDENTITY.device_seed):
        assert text not in raw


def test_foreign_files_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "key").write_text("mine, too")
    (tmp_path / "notes.txt").chmod(0o644)
    for _ in range(2):
        with open_home(tmp_path):
            pass
    assert (tmp_path / "notes.txt").read_text() == "mine"
    assert (tmp_path / "notes.txt").stat().st_mode & 0o777 == 0o644
    assert (tmp_path / "key").read_text() == "mine, too"


def test_a_home_is_open_once(home: Path) -> None:
    with open_home(home) as opened:
        with pytest.raises(HomeInUse, match=f"process {os.getpid()}"), open_home(home):
            pass
        opened.store.commit([PutSetting("still", b"usable")])


def test_a_home_is_free_after_an_error_of_its_user(home: Path) -> None:
    with pytest.raises(OSError, match="mine"), open_home(home):
        raise OSError("mine")
    with open_home(home):
        pass


@pytest.mark.parametrize("below", ["", "home"])
def test_a_file_is_no_home(tmp_path: Path, below: str) -> None:
    file = tmp_path / "file"
    file.write_text("mine")
    with pytest.raises(HomeUnwritable, match="choose a directory"), open_home(file / below):
        pass
    assert file.read_text() == "mine"


def test_a_place_where_nothing_can_be_made_is_no_home() -> None:
    with pytest.raises(HomeUnwritable), open_home("/proc/p2pchat/home"):
        pass


def test_a_wrong_key_is_refused(home: Path) -> None:
    (home / "p2pchat.key").write_bytes(b"k" * 32)
    refused(home, WrongKey, "put back the key file")


def test_a_missing_key_is_never_made_anew(home: Path) -> None:
    (home / "p2pchat.key").unlink()
    refused(home, WrongKey, "p2pchat.key is missing", "put it back")
    assert not (home / "p2pchat.key").exists()


@pytest.mark.parametrize("text", [b"", b"k" * 31, b"k" * 33])
def test_a_key_of_another_length_is_refused(home: Path, text: bytes) -> None:
    (home / "p2pchat.key").write_bytes(text)
    refused(home, WrongKey, "is not a key")


def test_a_missing_database_is_never_made_anew(home: Path) -> None:
    (home / "p2pchat.db").unlink()
    refused(home, Corrupted, "p2pchat.db is missing", "put it back")


def test_an_emptied_database_is_never_made_anew(home: Path) -> None:
    (home / "p2pchat.db").write_bytes(b"")
    with pytest.raises(Corrupted, match="holds no tables"), open_home(home):
        pass


def test_a_bit_flipped_anywhere_is_found_at_the_next_start(home: Path) -> None:
    database = home / "p2pchat.db"
    whole = database.read_bytes()
    for place in range(100, len(whole), 4096):
        database.write_bytes(whole[:place] + bytes((whole[place] ^ 1,)) + whole[place + 1 :])
        with pytest.raises((Corrupted, WrongKey), match="put back a copy"), open_home(home):
            pass
    database.write_bytes(whole)
    with open_home(home) as opened:
        assert opened.store.identity() == IDENTITY


@pytest.mark.parametrize("pages", [1, 2, 7])
def test_a_database_that_was_cut_is_found_at_the_next_start(home: Path, pages: int) -> None:
    database = home / "p2pchat.db"
    database.write_bytes(database.read_bytes()[: pages * 4096])
    with pytest.raises(Corrupted, match="put back a copy"), open_home(home):
        pass


@pytest.mark.parametrize(("slow_bytes", "level"), [(0, logging.WARNING), (1 << 40, logging.INFO)])
def test_whoever_waits_for_a_large_database_to_be_read_is_told_so(
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    slow_bytes: int,
    level: int,
) -> None:
    monkeypatch.setattr(opening, "SLOW_CHECK_BYTES", slow_bytes)
    caplog.set_level(logging.INFO, logger=opening.__name__)
    with open_home(home):
        assert caplog.records == []
    (home / "p2pchat.state").unlink()
    with open_home(home):
        pass
    record, anew = caplog.records
    assert "sealing begins anew" in anew.getMessage()
    assert record.levelno == level
    assert str(home / "p2pchat.db") in record.getMessage()


def test_damage_under_a_running_store_is_told_where_it_is_met(home: Path) -> None:
    database = home / "p2pchat.db"
    with open_home(home) as opened, database.open("rb+") as file:
        for page in range(1, database.stat().st_size // 4096):
            file.seek(page * 4096 + 100)
            file.write(b"damage")
        file.flush()
        with pytest.raises(Corrupted, match="is damaged"):
            opened.store.snapshot()


def test_a_database_of_a_newer_program_is_left_untouched(home: Path) -> None:
    with open_home(home) as opened:
        opened.store._connection.execute("UPDATE alembic_version SET version_num = '9999'")
    refused(home, SchemaTooNew, "newer version", "9999")


def test_a_database_that_does_not_say_its_form_is_damaged(home: Path) -> None:
    with open_home(home) as opened:
        opened.store._connection.execute("DELETE FROM alembic_version")
    refused(home, Corrupted, "does not say its form")


def test_a_key_that_was_not_yet_in_its_place_is_put_there(home: Path) -> None:
    (home / "p2pchat.key").rename(home / "p2pchat.key.new")
    with open_home(home) as opened:
        assert opened.store.identity() == IDENTITY
    assert not (home / "p2pchat.key.new").exists()


def test_what_a_start_that_was_cut_short_left_is_made_anew(tmp_path: Path) -> None:
    for name in ("p2pchat.key.new", "p2pchat.db.new", "p2pchat.db.new-wal", "p2pchat.db.new-shm"):
        (tmp_path / name).write_bytes(b"half")
    with open_home(tmp_path) as opened:
        assert opened.store.identity() is None
    assert not [name for name in contents(tmp_path) if ".new" in name]


class Turned:
    """Key files that hold the key backwards."""

    def unlock(self, raw: bytes) -> bytes:
        return raw[::-1]

    def lock(self, key: bytes) -> bytes:
        return key[::-1]


def test_what_a_key_file_holds_is_decided_elsewhere(tmp_path: Path) -> None:
    for _ in range(2):
        with open_home(tmp_path / "home", keys=Turned()):
            pass
    refused(tmp_path / "home", WrongKey, "put back the key file")


def test_the_lock_of_a_key_is_changed_in_one_step(home: Path) -> None:
    relock_home(home, lambda raw: raw[::-1])
    refused(home, WrongKey, "put back the key file")
    with open_home(home, keys=Turned()) as opened:
        assert opened.store.identity() == IDENTITY
        change_key_file(home, lambda raw: raw[::-1])
    with open_home(home) as opened:
        assert opened.store.identity() == IDENTITY
    assert stat.S_IMODE((home / "p2pchat.key").stat().st_mode) == 0o600


def test_a_lock_that_cannot_be_changed_stays(home: Path) -> None:
    def refuse(_: bytes) -> bytes:
        raise WrongKey("is not for you")

    before = contents(home)
    with pytest.raises(WrongKey, match=r"p2pchat\.key is not for you"):
        relock_home(home, refuse)
    assert {**contents(home), "p2pchat.lock": b""} == {**before, "p2pchat.lock": b""}
    with open_home(home), pytest.raises(HomeInUse):
        relock_home(home, bytes)
    assert contents(home)["p2pchat.key"] == before["p2pchat.key"]


def test_a_home_without_an_identity_has_no_lock(tmp_path: Path) -> None:
    with pytest.raises(WrongKey, match="holds no identity"):
        relock_home(tmp_path / "home", bytes)
    assert not (tmp_path / "home").exists()


def test_a_key_that_was_to_replace_another_is_not_left_behind(home: Path) -> None:
    (home / "p2pchat.key.new").write_bytes(b"k" * 32)
    with open_home(home):
        pass
    assert not (home / "p2pchat.key.new").exists()
