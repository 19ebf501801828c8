"""The power goes at any moment: nothing that was acknowledged is lost, and nothing is damaged."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.process,
    pytest.mark.skipif(
        sys.platform != "linux" or not shutil.which("cc"),
        reason="what a program does to files is recorded by a library made here, on Linux",
    ),
]

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with a home, a copy of what it was before, and the log of what happened since."""
    directory = tmp_path_factory.mktemp("power")
    library = directory / "recorder.so"
    source = str(HERE / "power" / "recorder.c")
    subprocess.run(["cc", "-shared", "-fPIC", "-o", str(library), source, "-ldl"], check=True)
    log, home = directory / "log", directory / "home"
    seen = run("record", home, POWER_ROOT=str(home), POWER_LOG=str(log), LD_PRELOAD=str(library))
    assert seen["records"] > 200, "the recorder sees what the store does"
    return home


def run(mode: str, home: Path, *count: str, **environment: str) -> dict[str, int]:
    program = str(HERE / "store_power.py")
    done = subprocess.run(
        [sys.executable, program, mode, str(home), str(home.with_name("log")), *count],
        env={"PYTHONPATH": str(ROOT), "PYTHONHASHSEED": "0", **environment},
        capture_output=True,
        text=True,
        timeout=1_200,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    "cuts", [pytest.param(1_000, marks=pytest.mark.slow), 60], ids=["thorough", "fast"]
)
def test_a_power_cut_at_any_point_loses_nothing_that_was_acknowledged(
    recorded: Path, cuts: int
) -> None:
    assert run("cut", recorded, str(cuts)) == {"cuts": cuts, "lost": 0, "corrupt": 0}


def test_a_disk_that_forgets_what_it_was_told_to_keep_is_noticed(recorded: Path) -> None:
    seen = run("forget", recorded, "20")
    assert seen["lost"] + seen["corrupt"] > 0
