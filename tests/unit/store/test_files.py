from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from p2pchat.errors import DiskFull, FileExists, FileUnusable, HomeUnwritable
from p2pchat.store.files import (
    create_private,
    home_errors,
    make_private_directory,
    new_file,
    write_private,
)


@pytest.fixture(params=[0o000, 0o022, 0o077, 0o777])
def any_umask(request: pytest.FixtureRequest) -> Iterator[None]:
    before = os.umask(request.param)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.usefixtures("any_umask")
def test_files_are_private_under_any_umask(tmp_path: Path) -> None:
    write_private(tmp_path / "written", b"data")
    create_private(tmp_path / "empty")
    with new_file(tmp_path / "new") as file:
        file.write(b"data")
    assert {mode(file) for file in tmp_path.iterdir()} == {0o600}


@pytest.mark.usefixtures("any_umask")
def test_a_directory_is_made_private_under_any_umask(tmp_path: Path) -> None:
    make_private_directory(tmp_path / "home")
    assert mode(tmp_path / "home") == 0o700


def test_directories_above_are_made_too(tmp_path: Path) -> None:
    make_private_directory(tmp_path / "some" / "where" / "home")
    assert mode(tmp_path / "some" / "where" / "home") == 0o700


def test_a_directory_that_exists_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir(mode=0o755)
    make_private_directory(tmp_path / "home")
    assert mode(tmp_path / "home") == 0o755


def test_a_file_is_replaced_whole_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    write_private(tmp_path / "file", b"a long first text")
    write_private(tmp_path / "file", b"short")
    assert (tmp_path / "file").read_bytes() == b"short"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_write_that_fails_leaves_the_old_file_and_nothing_beside_it(tmp_path: Path) -> None:
    (tmp_path / "file").mkdir()
    with pytest.raises(OSError, match="directory"):
        write_private(tmp_path / "file", b"data")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_private_file_is_never_written_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "target").write_bytes(b"somebody else's")
    (tmp_path / "link").symlink_to(tmp_path / "target")
    with pytest.raises(OSError, match="symbolic links"):
        create_private(tmp_path / "link")
    assert (tmp_path / "target").read_bytes() == b"somebody else's"


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_no_room_is_told_as_a_full_disk(tmp_path: Path, code: int) -> None:
    with pytest.raises(DiskFull, match="free some space"), home_errors(tmp_path):
        raise OSError(code, os.strerror(code))


def test_any_other_refusal_is_told_as_an_unwritable_home(tmp_path: Path) -> None:
    with pytest.raises(HomeUnwritable, match="Read-only file system"), home_errors(tmp_path):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))


def written(path: Path, data: bytes, *, overwrite: bool = False) -> None:
    with new_file(path, overwrite=overwrite) as file:
        file.write(data)


def contents(directory: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in directory.iterdir()}


def test_a_new_file_touches_nothing_beside_it(tmp_path: Path) -> None:
    (tmp_path / "export.new").write_bytes(b"somebody's own")
    written(tmp_path / "export", b"first")
    written(tmp_path / "export", b"second", overwrite=True)
    assert contents(tmp_path) == {"export": b"second", "export.new": b"somebody's own"}


def without_links(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)


@pytest.mark.parametrize("has_links", [True, False])
def test_what_came_while_a_file_was_written_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, has_links: bool
) -> None:
    if not has_links:
        without_links(monkeypatch)
    path = tmp_path / "export"
    with pytest.raises(FileExists, match="choose another name"), new_file(path):
        path.write_bytes(b"there first")
    assert contents(tmp_path) == {"export": b"there first"}
    path.unlink()
    written(path, b"now")
    assert contents(tmp_path) == {"export": b"now"}


def test_a_new_file_follows_no_link(tmp_path: Path) -> None:
    (tmp_path / "export").symlink_to(tmp_path / "nowhere")
    with pytest.raises(FileExists):
        written(tmp_path / "export", b"data")
    assert not (tmp_path / "nowhere").exists()
    written(tmp_path / "export", b"data", overwrite=True)
    assert contents(tmp_path) == {"export": b"data"}


def test_a_new_file_that_fails_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), new_file(tmp_path / "export"):
        raise ZeroDivisionError
    with pytest.raises(DiskFull), new_file(tmp_path / "export"):
        raise OSError(errno.ENOSPC, "No space left on device")
    with pytest.raises(FileUnusable, match="cannot be written"):
        written(tmp_path / "none" / "export", b"data")
    assert contents(tmp_path) == {}
