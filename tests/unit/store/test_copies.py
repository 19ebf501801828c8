"""What becomes of ratchets in a copy of a home."""

from __future__ import annotations

import os
import shutil
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from p2pchat.errors import DiskFull
from p2pchat.model.ids import HASH_BYTES
from p2pchat.model.ratchet import (
    HpkeSecret,
    PutMailKeys,
    PutOlmAccount,
    PutRatchet,
    SpendSession,
)
from p2pchat.store import home as homes
from p2pchat.store.driver import connect
from p2pchat.store.home import open_home
from tests.unit.protocol.people import ALICE
from tests.unit.store.test_migrating import ADD_A_COLUMN, later

ACCOUNT = PutOlmAccount("pickle")
KEYS = PutMailKeys(b"f" * 32, 5, (HpkeSecret(1, b"h" * 32, 5),))
SPENT = SpendSession(b"s" * HASH_BYTES, 9, ALICE.account)


def session(number: int) -> PutRatchet:
    return PutRatchet(b"p" * 32, b"i" * HASH_BYTES, f"step {number}", number, True, number)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    path = tmp_path / "home"
    with open_home(path) as opened:
        opened.store.commit([ACCOUNT, KEYS, SPENT, session(1)])
    return path


def step(home: Path, number: int) -> None:
    with open_home(home) as opened:
        opened.store.commit([session(number)])


def kept(home: Path):
    with open_home(home) as opened:
        mail = opened.store.snapshot().mail
    return mail.ratchets, mail.spent, mail.account


def barred(number: int):
    """Nothing more is sealed with it, and all is there that opens what is under way."""
    return (replace(session(number), is_barred=True),), (SPENT,), ACCOUNT


def test_a_home_goes_on_with_its_ratchets(home: Path) -> None:
    for number in (2, 3):
        step(home, number)
        assert kept(home) == ((session(number),), (SPENT,), ACCOUNT)


def test_a_killed_home_goes_on_with_its_ratchets(home: Path, tmp_path: Path) -> None:
    killed = tmp_path / "killed"
    with open_home(home) as opened:
        opened.store.commit([session(2)])
        killed.mkdir()
        for file in home.iterdir():
            os.link(file, killed / file.name)  # the same files, as a kill leaves them
        mark = (home / "p2pchat.state").read_bytes()
    (home / "p2pchat.state").write_bytes(mark)
    (home / "p2pchat.db-wal").write_bytes(b"")
    assert kept(home) == ((session(2),), (SPENT,), ACCOUNT)


@pytest.mark.parametrize("names", [["p2pchat.db"], ["p2pchat.db", "p2pchat.key"]])
def test_a_database_that_is_put_back_begins_anew(
    home: Path, tmp_path: Path, names: list[str]
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(home, copy)
    step(home, 2)
    for name in names:
        shutil.copy2(copy / name, home / name)
    assert kept(home) == barred(1)
    assert kept(home) == barred(1)


def test_a_database_that_is_put_back_after_a_kill_begins_anew(home: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(home, copy)
    with open_home(home) as opened:
        opened.store.commit([session(2)])
        mark = (home / "p2pchat.state").read_bytes()
    (home / "p2pchat.state").write_bytes(mark)
    (home / "p2pchat.db-wal").write_bytes(b"")
    with (home / "p2pchat.db").open("rb+") as file:  # the same file with what was in it before
        file.truncate(0)
        file.write((copy / "p2pchat.db").read_bytes())
    assert kept(home) == barred(1)


def test_a_whole_directory_whose_files_are_others_begins_anew(home: Path, tmp_path: Path) -> None:
    """Copied right after the end, all with the times that it had, while the first is there."""
    copy = tmp_path / "copy"
    shutil.copytree(home, copy)
    step(home, 2)
    shutil.rmtree(home)
    copy.rename(home)
    assert kept(home) == barred(1)


def test_a_whole_directory_that_is_written_into_its_own_files_is_not_told(
    home: Path, tmp_path: Path
) -> None:
    """As is one that is put back where the disk gives the same inodes out again."""
    copy = tmp_path / "copy"
    shutil.copytree(home, copy)
    step(home, 2)
    database = (home / "p2pchat.db").stat().st_ino
    shutil.copytree(copy, home, dirs_exist_ok=True)
    assert (home / "p2pchat.db").stat().st_ino == database
    assert kept(home) == ((session(1),), (SPENT,), ACCOUNT)


def test_a_database_from_before_there_were_numbers_begins_anew(home: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(home, copy)
    with closing(connect(copy / "p2pchat.db", (copy / "p2pchat.key").read_bytes())) as database:
        database.execute("PRAGMA user_version = 0")
    shutil.copy2(copy / "p2pchat.db", home / "p2pchat.db")
    assert kept(home) == barred(1)


def test_rights_times_and_links_of_a_home_make_no_copy_of_it(home: Path, tmp_path: Path) -> None:
    for file in home.iterdir():
        os.link(file, tmp_path / file.name)
        file.chmod(0o640)
    os.utime(home / "p2pchat.state", ns=(1, 1))
    assert kept(home) == ((session(1),), (SPENT,), ACCOUNT)


def test_a_start_that_is_cut_short_costs_no_more_than_sessions(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise DiskFull("no room for the number of this run")

    with monkeypatch.context() as patched:
        patched.setattr(homes, "begin_run", full)
        with pytest.raises(DiskFull):
            step(home, 2)
    assert kept(home) == barred(1)


def test_without_a_mark_keys_stay_and_sealing_begins_anew(home: Path) -> None:
    (home / "p2pchat.state").unlink()
    assert kept(home) == barred(1)
    with open_home(home) as opened:
        assert opened.store.snapshot().mail.keys == KEYS


def test_the_copy_before_a_migration_holds_no_secret_of_mail(home: Path, tmp_path: Path) -> None:
    with open_home(home, later(tmp_path, ADD_A_COLUMN)) as opened:
        assert opened.store.snapshot().mail.ratchets == (session(1),)
    copy = connect(home / "p2pchat.db.before", (home / "p2pchat.key").read_bytes())
    for table in ("ratchets", "olm_account", "mail_keys", "hpke_keys", "spent_sessions"):
        assert copy.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)
    copy.close()


def test_the_copy_before_a_migration_is_one_file(home: Path, tmp_path: Path) -> None:
    with open_home(home, later(tmp_path, ADD_A_COLUMN)):
        pass
    assert [file.name for file in home.glob("*.before*")] == ["p2pchat.db.before"]
