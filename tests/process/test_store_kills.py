"""A killed store has all it acknowledged, and nothing by half."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.process

ROOT = Path(__file__).parents[2]


def run(*arguments: str) -> dict[str, int]:
    program = ROOT / "tests" / "process" / "store_kills.py"
    done = subprocess.run(
        [sys.executable, str(program), *arguments],
        env={"PYTHONPATH": str(ROOT), "PYTHONHASHSEED": "0"},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_home_killed_at_any_call_of_its_making_is_made_at_the_next_start(tmp_path: Path) -> None:
    assert run("creation", str(tmp_path / "home"))["kills"] > 50


def test_a_store_killed_at_any_call_of_its_commits_loses_none(tmp_path: Path) -> None:
    assert run("commits", str(tmp_path / "home"))["kills"] > 80


def test_a_home_killed_at_any_call_of_a_change_of_its_lock_opens_by_the_old_or_the_new(
    tmp_path: Path,
) -> None:
    assert run("relock", str(tmp_path / "home"))["kills"] > 60


@pytest.mark.slow
def test_a_home_killed_at_any_call_of_an_import_has_all_of_it_or_none(tmp_path: Path) -> None:
    assert run("restore", str(tmp_path / "home"))["kills"] > 50


def test_a_store_killed_at_random_moments_loses_no_commit(tmp_path: Path) -> None:
    seen = run("random", str(tmp_path / "home"), "40")
    assert seen["kills"] == 40
    assert seen["commits"] >= 40
