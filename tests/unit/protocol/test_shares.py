"""Pools that are shared: who takes much leaves more to others."""

from __future__ import annotations

import pytest

from p2pchat.protocol.shares import PARTS, Shares


def greedy(shares: Shares[str], source: str, amount: int = 1) -> int:
    """How much one gets that takes whatever it can."""
    while shares.fits(source, amount):
        shares.take(source, amount)
    return shares.held_by(source)


@pytest.mark.parametrize(("sources", "left"), [(1, 0.88), (4, 0.62), (16, 0.15)])
def test_whoever_wants_all_gets_a_part_of_what_is_left_and_leaves_the_rest(sources, left):
    shares = Shares[str](100_000)
    held = [greedy(shares, str(number)) for number in range(sources)]
    assert sum(held) <= 100_000 * (1 - left)
    assert greedy(shares, "newcomer") >= 100_000 * left // (PARTS + 1)


def test_the_heaviest_get_nothing_more_while_others_do():
    shares = Shares[str](900)
    assert greedy(shares, "early") == 100
    assert greedy(shares, "late") == 88
    assert not shares.fits("early", 1)
    assert shares.fits("last", 12)


def test_what_is_given_back_may_be_taken_again():
    shares = Shares[str](9 * 5)
    shares.take("a", 5)
    assert not shares.fits("a", 1)
    shares.take("a", -5)
    assert shares.held_by("a") == 0
    assert shares.fits("a", 5)
