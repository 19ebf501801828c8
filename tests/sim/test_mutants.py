"""Every known mistake is found, by the checker whose business it is."""

from __future__ import annotations

import shlex

import pytest

from p2pchat.testing.checkers import EVERY
from tests.sim.hunt import Mutant, complaints, every_mutant, hunt, play

pytestmark = pytest.mark.sim

MUTANTS = every_mutant()


@pytest.mark.slow
@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_mutant_is_found_by_its_checker(mutant: Mutant, tmp_path):
    assert hunt(mutant, tmp_path) is not None, f"{mutant.found_by} did not notice: {mutant.what}"


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_mutant_still_applies(mutant: Mutant, tmp_path):
    mutant.apply(tmp_path)


def test_every_checker_has_a_mutant():
    names = {checker.__name__ for checker in EVERY} | {"Histories"}
    assert names == {mutant.found_by for mutant in MUTANTS}


def test_the_printed_line_shows_the_same_again(tmp_path):
    mutant = next(mutant for mutant in MUTANTS if mutant.name == "dedupe-off")
    find = hunt(mutant, tmp_path)
    assert find is not None
    again = play(tmp_path, *shlex.split(find.again))
    assert again.returncode == 1
    assert complaints(again.stdout) == find.checkers
    assert "Uniqueness" in find.checkers
