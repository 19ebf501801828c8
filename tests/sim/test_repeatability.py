"""A scenario is the same in every process: what real nodes do does not depend on hash seeds."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

pytestmark = pytest.mark.sim


def digest(hash_seed: str) -> str:
    arguments = ("--seed", "31", "--peers", "6")
    printed = subprocess.run(
        [sys.executable, "-m", "p2pchat.testing", *arguments],
        env=os.environ | {"PYTHONHASHSEED": hash_seed},
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    found = re.search(r"trace ([0-9a-f]+)$", printed.strip())
    assert found is not None, printed
    return found[1]


def test_a_scenario_has_the_same_trace_whatever_the_hash_seed():
    assert digest("1") == digest("31337")
