"""`make demo` shows what it says, from anywhere, and leaves nothing behind."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

DEMO = Path(__file__).parents[2] / "examples" / "demo.py"


@pytest.mark.process
def test_the_demonstration_delivers_every_message_and_cleans_up(tmp_path):
    directory, elsewhere = tmp_path / "temporary", tmp_path / "elsewhere"
    directory.mkdir()
    elsewhere.mkdir()
    shown = subprocess.run(
        [sys.executable, DEMO],
        cwd=elsewhere,
        env={**os.environ, "TMPDIR": str(directory)},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert shown.returncode == 0, shown.stdout + shown.stderr
    assert shown.stderr == ""
    assert shown.stdout.endswith("Every message arrived.\n")
    assert shown.stdout.count("queued → delivered") == 9
    assert shown.stdout.count("the same") == 2
    assert list(directory.iterdir()) == list(elsewhere.iterdir()) == []
