"""The collector has its usual pace again after a world, however that ended."""

from __future__ import annotations

import gc

import pytest

from p2pchat.testing.litter import seldom_collected


def test_inside_the_young_are_looked_at_seldom_and_the_old_not_at_all():
    usual, frozen = gc.get_threshold(), gc.get_freeze_count()
    with seldom_collected():
        assert gc.isenabled()
        assert all(now > then for now, then in zip(gc.get_threshold(), usual, strict=True))
        assert gc.get_freeze_count() > frozen
    assert gc.get_threshold() == usual
    assert gc.get_freeze_count() == 0


def test_a_world_that_breaks_leaves_the_usual_pace():
    usual = gc.get_threshold()
    with pytest.raises(AssertionError), seldom_collected():
        raise AssertionError
    assert gc.get_threshold() == usual
    assert gc.get_freeze_count() == 0
