"""The program as it is started."""

from __future__ import annotations

import os
import socket
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from PySide6.QtCore import QCoreApplication

from p2pchat_qt.platform.instance import Instance, Place

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


@pytest.fixture
def short(application):
    """A home with a short way to it, for the sockets in it."""
    with tempfile.TemporaryDirectory(prefix="dchat") as directory:
        yield Path(directory) / "home"


STARTS = """
import os, sys; from pathlib import Path; from PySide6.QtCore import QCoreApplication
from p2pchat_qt.platform.instance import Instance
app = QCoreApplication([])
for link in sys.argv[2:]:
    instance = Instance(Path(sys.argv[1]))
    print(instance.take(link).value, flush=True)
    if link == "killed": os.kill(os.getpid(), 9)
"""


def other_starts(home: Path, *links: str) -> list[str]:
    """What other starts of the program find, while the window of this one is alive."""
    command = [sys.executable, "-c", STARTS, str(home), *links]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        while process.poll() is None:
            QCoreApplication.processEvents()
        assert process.stdout is not None
        return process.stdout.read().split()


def test_a_second_start_hands_its_link_to_the_first(short: Path):
    first, other = Instance(short), Instance(short.with_name("elsewhere"))
    asked = list[str]()
    first.asked.connect(asked.append)
    assert first.take("") is Place.FREE
    assert other.take("") is Place.FREE
    links = ("dchat://u/AAAA", "file:///etc/passwd", "dchat://" + "x" * 5_000)
    assert other_starts(short, *links) == ["given", "given", "given"]
    assert asked == ["dchat://u/AAAA", "", ""]
    assert stat.S_IMODE((short / "window.sock").stat().st_mode) == 0o700
    first.close()
    assert Instance(short).take("") is Place.SILENT  # it has not ended yet
    first.leave()
    third = Instance(short)
    assert third.take("") is Place.FREE
    for each in (third, other):
        each.close()
        each.leave()


def test_who_listens_in_its_place_gets_no_link_and_keeps_nobody_from_starting(short: Path):
    short.mkdir(mode=0o700)
    with socket.socket(socket.AF_UNIX) as squatter:
        squatter.bind(str(short / "window.sock"))
        squatter.listen()
        squatter.setblocking(False)
        first = Instance(short)
        assert first.take("dchat://j/SECRET") is Place.FREE
        with pytest.raises(BlockingIOError):
            squatter.accept()
    first.close()
    first.leave()


def test_where_others_may_write_nothing_listens_and_nothing_is_handed_over(
    short: Path, monkeypatch
):
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    short.mkdir()
    short.chmod(0o777)
    first = Instance(short)
    assert first.take("") is Place.FREE
    assert not (short / "window.sock").exists()
    assert Instance(short).take("dchat://j/SECRET") is Place.SILENT
    first.close()
    first.leave()


def test_a_start_that_was_killed_is_in_nobodys_way(short: Path):
    assert other_starts(short, "killed") == ["free"]
    assert (short / "window.sock").exists()
    instance = Instance(short)
    assert instance.take("") is Place.FREE
    instance.close()
    instance.leave()
