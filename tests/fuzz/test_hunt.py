"""Inputs led by what they make the decoders run (atheris), as long as `make test-all` may take."""

from __future__ import annotations

import importlib.util
import subprocess
import sys

import pytest

from tests.fuzz.decoders import DECODERS

SHARE = 0.25
"""Of the time for open-ended tests."""
SECONDS_MIN = 5
START_S = 120

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        importlib.util.find_spec("atheris") is None,
        reason="atheris is not installed: there are no wheels of it but for Linux on x86-64",
    ),
]


@pytest.mark.parametrize("name", DECODERS)
def test_a_search_finds_no_input_that_does_harm(tmp_path, minutes, name):
    seconds = max(round(minutes * 60 * SHARE / len(DECODERS)), SECONDS_MIN)
    corpus = tmp_path / "corpus"
    command = [sys.executable, "-m", "tests.fuzz.hunt", name, str(seconds), str(corpus)]
    timeout_s = seconds + START_S
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=timeout_s)
    harmful = [
        f"{path.name}: {path.read_bytes().hex()}"
        for kind in ("crash", "timeout", "oom")
        for path in corpus.glob(f"{kind}-*")
    ]
    assert done.returncode == 0, "\n".join([*harmful, done.stdout[-2000:], done.stderr[-3000:]])
