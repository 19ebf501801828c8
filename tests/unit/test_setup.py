"""`tools/setup` installs when something changed, and only then."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROGRAMS = ("ip", "iptables", "faketime")


def script(path: Path, *lines: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(("#!/bin/sh", *lines, "")))
    path.chmod(0o700)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A clone with an environment in it whose pip only notes that it was called."""
    for name in ("tools", "requirements"):
        shutil.copytree(ROOT / name, tmp_path / name)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for program in PROGRAMS:
        script(tmp_path / "bin" / program)
    script(
        tmp_path / ".venv/bin/python",
        f'[ "$1" = -c ] && exec {sys.executable} "$@"',
        f'echo "$@" >> {tmp_path}/installed',
    )
    (tmp_path / ".venv/bin/activate").write_text(f"VIRTUAL_ENV={tmp_path}/.venv\n")
    return tmp_path


def installs(tree: Path, *extent: str) -> bool:
    """Whether a set-up installed anything."""
    path = f"{tree / 'bin'}{os.pathsep}{os.environ['PATH']}"
    subprocess.run(
        [tree / "tools/setup", *extent],
        env={**os.environ, "PATH": path, "PYTHON": sys.executable},
        check=True,
        capture_output=True,
    )
    noted = tree / "installed"
    has_installed = noted.exists()
    noted.unlink(missing_ok=True)
    return has_installed


def test_what_runs_alone_needs_is_there_once_everything_is(tree: Path) -> None:
    assert installs(tree)
    assert not installs(tree, "runtime")
    assert not installs(tree)


def test_what_runs_alone_needs_is_not_everything(tree: Path) -> None:
    assert installs(tree, "runtime")
    assert not installs(tree, "runtime")
    assert installs(tree)


def test_a_changed_lock_is_installed_anew(tree: Path) -> None:
    assert installs(tree)
    with (tree / "requirements/lock.txt").open("a") as lock:
        lock.write("# changed\n")
    assert installs(tree, "runtime")
