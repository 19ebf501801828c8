"""Errors of py-libp2p become one of ours, whatever shape they have."""

from __future__ import annotations

import pytest

from p2pchat.net.libp2p.foreign import (
    CAUSES_MAX,
    REASON_CHARACTERS_MAX,
    Failed,
    foreign_errors,
)


def test_the_innermost_cause_is_the_reason():
    cause = ExceptionGroup("several", [OSError("the disk is on fire\nand more")])
    with pytest.raises(Failed, match=r"OSError: the disk is on fire$"), foreign_errors():
        raise RuntimeError("outer") from cause


def test_an_error_among_its_own_causes_is_told_all_the_same():
    """Two tasks that raise the same error from each other's make such a ring."""
    first, second = ValueError("first"), ValueError("second")
    first.__cause__, second.__cause__ = second, first
    with pytest.raises(Failed, match=r"ValueError: (first|second)"), foreign_errors():
        raise first


def test_a_reason_without_end_is_cut():
    with pytest.raises(Failed) as caught, foreign_errors():
        raise ValueError("x" * 10 * REASON_CHARACTERS_MAX)
    assert len(str(caught.value)) == REASON_CHARACTERS_MAX


def test_causes_without_end_are_not_all_looked_at():
    outermost = error = ValueError("0")
    for number in range(1, 2 * CAUSES_MAX):
        error.__cause__ = ValueError(str(number))
        error = error.__cause__
    with pytest.raises(Failed, match=f"ValueError: {CAUSES_MAX}$"), foreign_errors():
        raise outermost
