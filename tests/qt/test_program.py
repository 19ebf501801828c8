"""The program as it is started."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

PNG = b"\x89PNG\r\n"


def start(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    without = ("QT_QPA_PLATFORM", "QT_QUICK_BACKEND", "DISPLAY", "WAYLAND_DISPLAY")
    kept = {name: value for name, value in os.environ.items() if name not in without}
    return subprocess.run(
        [sys.executable, "-m", "p2pchat_qt", *arguments],
        env={**kept, **environment}, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere there is always a display")
def test_without_a_display_it_says_so_in_one_line():
    ended = start()
    assert ended.returncode == 1
    assert ended.stdout == ""
    assert ended.stderr.count("\n") == 1
    assert "p2pchat chat" in ended.stderr


@pytest.mark.process
def test_a_picture_of_the_demo_is_written_and_nothing_is_left(tmp_path: Path):
    file = tmp_path / "pictures" / "chat.png"
    ended = start(
        "--demo", "--page", "chat", "--theme", "dark", "--language", "zh", "--size", "640x480",
        "--screenshot", str(file), TMPDIR=str(tmp_path),
    )  # fmt: skip
    assert (ended.returncode, ended.stderr) == (0, "")
    assert file.read_bytes().startswith(PNG)
    assert [each.name for each in tmp_path.iterdir()] == ["pictures"]


def test_a_second_start_hands_its_link_to_the_first(application, tmp_path: Path):
    from PySide6.QtTest import QSignalSpy

    from p2pchat_qt.platform.instance import Instance

    first, other = Instance(tmp_path), Instance(tmp_path / "elsewhere")
    try:
        assert first.hand_over("") is False
        assert other.hand_over("") is False
        asked = QSignalSpy(first.asked)
        assert Instance(tmp_path).hand_over("dchat://u/AAAA") is True
        assert asked.count() or asked.wait(5_000)
        assert asked.at(0) == ["dchat://u/AAAA"]
        assert Instance(tmp_path).hand_over("file:///etc/passwd") is True
        assert asked.count() == 2 or asked.wait(5_000)
        assert asked.at(1) == [""]
    finally:
        first.close()
        other.close()
    third = Instance(tmp_path)
    assert third.hand_over("") is False
    third.close()
