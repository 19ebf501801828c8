"""Errors of py-libp2p become one of ours, whatever shape they have."""

from __future__ import annotations

import pytest

from p2pchat.net.libp2p.foreign import Failed, foreign_errors


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
