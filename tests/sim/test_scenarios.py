"""Bad minutes: known ones and those that once went wrong with each change, fresh ones at length."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from p2pchat.node.network import NetworkOptions
from p2pchat.testing.scenario import Plan, play

HERE = Path(__file__).parent
REGRESSIONS = [
    tuple(map(int, line.split()[:2]))
    for line in (HERE / "regressions.txt").read_text(encoding="utf-8").splitlines()
    if line and not line.startswith("#")
]
KNOWN = range(2, 5)
"""Played with each change: what they are does not depend on the commit, so that a change is refused
for what is wrong with it, and never for a seed that it happens to draw."""
CROWD = NetworkOptions().mesh + 6
"""More than one keeps connections with: not everybody has everybody."""
WORLDS = 1_000

pytestmark = pytest.mark.sim


def first_fresh_seed() -> int:
    """A seed of the present commit; of the day, where there is no repository."""
    command = ["git", "-c", "safe.directory=*", "rev-parse", "HEAD"]
    head = subprocess.run(command, cwd=HERE, check=False, capture_output=True, text=True).stdout
    return int(head[:6] or datetime.now(UTC).strftime("%y%m%d"), 16) * WORLDS


def plan(seed: int, peers: int) -> Plan:
    """In every third world relays keep mail."""
    return Plan(seed, peers, has_mail=seed % 3 == 0)


def show(what: object) -> None:
    """For who looks at the output of a test; a failure says by itself how to see it again."""
    sys.stdout.write(f"{what}\n")


@pytest.mark.parametrize(("seed", "peers"), REGRESSIONS)
def test_what_was_broken_once_stays_mended(seed: int, peers: int):
    play(Plan(seed, peers))


@pytest.mark.parametrize("seed", KNOWN)
def test_twenty_peers_come_through_a_bad_minute(seed: int):
    show(play(plan(seed, peers=20)))


@pytest.mark.slow
def test_a_crowd_comes_through_a_bad_minute():
    show(play(plan(KNOWN.stop, CROWD)))


@pytest.mark.slow
@pytest.mark.parametrize("peers", [20, 50])
def test_a_thousand_fresh_worlds(peers: int, minutes: float):
    """As many as there is time for."""
    until_s = time.monotonic() + minutes * 30
    first = first_fresh_seed()
    for seed in range(first, first + WORLDS):
        show(play(plan(seed, peers)))
        if time.monotonic() > until_s:
            show(f"no time for more than {seed - first + 1} of {WORLDS}")
            break


def test_a_plan_prints_as_the_line_that_plays_it():
    line = str(Plan(8821, 50, 41.3))
    assert line == "python -m p2pchat.testing --seed 8821 --peers 50 --until 41.3"
    assert str(Plan(7, 6, has_mail=True)) == "python -m p2pchat.testing --seed 7 --peers 6 --mail"


def test_a_cut_changes_nothing_that_comes_before_it():
    short, long = play(Plan(5, 4, until_s=6.0)), play(Plan(5, 4, until_s=12.0))
    assert short.healed_after_s is long.healed_after_s is None
    assert 0 < short.steps < long.steps
    assert play(Plan(5, 4, until_s=6.0)).digest == short.digest
    assert re.fullmatch(r"[0-9a-f]{32}", short.digest)
