from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from p2pchat.errors import HomeInUse
from p2pchat.store.lock import hold_lock

HOLD = """
import sys
from pathlib import Path
from p2pchat.store.lock import hold_lock
with hold_lock(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_lock_is_held_once_and_free_again_afterwards(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    for _ in range(2):
        with hold_lock(path):
            with pytest.raises(HomeInUse), hold_lock(path):
                pass
            assert path.stat().st_mode & 0o777 == 0o600


def test_who_holds_a_lock_is_named(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with hold_lock(path), pytest.raises(HomeInUse) as caught, hold_lock(path):
        pass
    program = Path(sys.argv[0]).name
    assert f"{tmp_path} is in use by process {os.getpid()} ({program})" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", [b"", b"\xff\xfe", b"12", b"x y\n", b"12 \x1b[31m\n"])
def test_a_holder_that_cannot_be_read_is_another_process(tmp_path: Path, text: bytes) -> None:
    path = tmp_path / "lock"
    with hold_lock(path):
        path.write_bytes(text)
        with pytest.raises(HomeInUse, match="in use by another process"), hold_lock(path):
            pass


def test_a_lock_of_a_killed_process_does_not_block(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(HomeInUse, match=f"process {holder.pid} "), hold_lock(path):
            pass
        holder.kill()
        holder.wait()
        with hold_lock(path):
            pass
