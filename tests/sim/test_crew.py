"""A room by invitation falls apart and comes together: known worlds, and a thousand at length."""

from __future__ import annotations

import time

import pytest

from p2pchat.testing.crew import CrewPlan, play_crew
from tests.sim.test_scenarios import first_fresh_seed, show

pytestmark = pytest.mark.sim

KNOWN = (13, 104, 120, 160)
"""Of few people, who change much: each takes some seconds. In 13 somebody comes back, and was told
that what it had said was delivered before those who had been in all the time were known again."""
WORLDS = 1_000
HISTORIES = ("all", "joining", "all", "none", "all", "last:5")


@pytest.mark.parametrize("seed", KNOWN)
def test_a_room_falls_apart_and_comes_together(seed: int):
    report = play_crew(CrewPlan(seed))
    show(report)
    assert report.healed_after_s is not None


def test_a_room_that_does_not_show_all_its_history_falls_apart_and_comes_together():
    report = play_crew(CrewPlan(120, history="joining"))
    show(report)
    assert report.healed_after_s is not None


@pytest.mark.slow
@pytest.mark.parametrize(
    ("seed", "history"),
    [
        (403, "joining"),  # who was put out said something to somebody, and then to others alone
        (424, "joining"),  # where parts of a chain meet what lies above is here already
        (601, "joining"),  # who is in by an admission too many is out again, and nobody said so
        (611, "joining"),  # who was to have it is gone, and who came since signs for what follows
        (670, "last:5"),  # somebody like that goes on behind a hole
        (694, "last:5"),  # somebody is let in to read alone, and had said something to others
        (737, "joining"),  # who went by itself had said something too late, and then in time
        (907, "joining"),  # who left is welcomed by two, and the first goes without telling
        (710, "joining"),  # nobody is left, and what waited is given to who comes
    ],
)
def test_worlds_that_ended_wrong_end_well(seed: int, history: str):
    report = play_crew(CrewPlan(seed, history=history))
    show(report)
    assert report.healed_after_s is not None


@pytest.mark.slow
def test_a_thousand_partitions_and_mergers_end_equal(minutes: float):
    """As many as there is time for."""
    until_s = time.monotonic() + minutes * 60
    first = first_fresh_seed()
    played = 0
    for seed in range(first, first + WORLDS):
        show(play_crew(CrewPlan(seed, history=HISTORIES[seed % len(HISTORIES)])))
        played += 1
        if time.monotonic() > until_s:
            break
    show(f"{played} of {WORLDS} rooms fell apart and came together")


def test_a_plan_prints_as_the_line_that_plays_it():
    assert str(CrewPlan(7, 41.3)) == "python -m p2pchat.testing --crew --seed 7 --until 41.3"
    shown = "python -m p2pchat.testing --crew --seed 7 --history last:5"
    assert str(CrewPlan(7, history="last:5")) == shown


def test_a_cut_changes_nothing_that_comes_before_it():
    short, again = play_crew(CrewPlan(120, until_s=8.0)), play_crew(CrewPlan(120, until_s=8.0))
    assert short.healed_after_s is None
    assert short.digest == again.digest
    assert play_crew(CrewPlan(120, until_s=10.0)).steps > short.steps
