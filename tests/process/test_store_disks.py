"""A disk that is full, and one that cannot be written: small file systems in a namespace of their
own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.process

ROOT = Path(__file__).parents[2]
OPEN = "from p2pchat.store.home import open_home\nwith open_home({!r}): pass"


def on_a_disk(directory: Path, options: str, *command: str) -> subprocess.CompletedProcess[str]:
    """Run `command` with a small file system mounted at `directory`."""
    mount = f"mount -t tmpfs -o {options} tmpfs {directory}"
    if subprocess.run(["unshare", "-Urm", "sh", "-c", mount], check=False).returncode:
        pytest.skip("no user namespaces to mount a small disk in")
    return subprocess.run(
        ["unshare", "-Urm", "sh", "-c", f'{mount} && exec "$@"', "sh", *command],
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin:/usr/sbin:/sbin"},
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )


def test_a_full_disk_is_said_and_nothing_that_was_acknowledged_is_lost(tmp_path: Path) -> None:
    program = str(ROOT / "tests" / "process" / "store_full_disk.py")
    home = str(tmp_path / "home")
    done = on_a_disk(tmp_path, "size=8m", sys.executable, program, home)
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert seen["acknowledged"] == seen["present"] > 5
    assert seen["present_at_last"] == seen["acknowledged"] + 1
    for said in (seen["said"], seen["said_at_open"]):
        assert "is full: free some space" in said
        assert "\n" not in said


def test_a_disk_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    code = OPEN.format(str(tmp_path / "home"))
    done = on_a_disk(tmp_path, "ro", sys.executable, "-c", code)
    last = done.stderr.splitlines()[-1]
    assert "HomeUnwritable" in last
    assert "Read-only file system" in last
    assert "choose a directory you may write to" in last
