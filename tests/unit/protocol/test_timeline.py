"""Order and time, with clocks that lie."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from p2pchat.model.machine import Now
from p2pchat.protocol.timeline import AHEAD_MS_MAX, HybridClock, hlc_at, sort_key
from tests.unit.protocol.people import WALL_MS

NOW = Now(WALL_MS, 0.0)
YEAR_MS = 365 * 24 * 3600 * 1000


def test_a_clock_never_runs_backwards():
    clock = HybridClock()
    times = [clock.tick(Now(WALL_MS - step, 0.0)) for step in range(100)]
    assert times == sorted(set(times))
    assert times[0] == hlc_at(WALL_MS)


def test_a_clock_follows_what_it_saw():
    clock = HybridClock()
    clock.observe(hlc_at(WALL_MS + 1000) + 7, NOW)
    assert clock.tick(NOW) == hlc_at(WALL_MS + 1000) + 8


def test_a_clock_far_ahead_moves_nobody():
    clock = HybridClock()
    clock.observe(hlc_at(WALL_MS + AHEAD_MS_MAX) + 1, NOW)
    assert clock.tick(NOW) == hlc_at(WALL_MS)


def test_a_clock_before_the_epoch_is_at_the_epoch():
    assert HybridClock().tick(Now(-5, 0.0)) == 1
    assert hlc_at(-5) == 0


def test_a_message_from_the_future_is_shown_five_minutes_ahead_at_most():
    assert sort_key((1 << 63) - 1, WALL_MS, []) == hlc_at(WALL_MS + AHEAD_MS_MAX)


@given(st.integers(0, (1 << 63) - 1), st.lists(st.integers(0, 1 << 62), max_size=6))
def test_a_message_is_shown_after_its_predecessors(hlc: int, keys: list[int]):
    assert all(sort_key(hlc, WALL_MS, keys) > key for key in keys)


def test_sort_keys_stay_far_below_the_largest_integer_of_a_database():
    """A chain of a million ops that all claim the end of time, heard in the year 3000."""
    received_ms = WALL_MS + 1000 * YEAR_MS
    key = 0
    for _ in range(1000):
        key = sort_key((1 << 63) - 1, received_ms, [key])
    assert key + 1_000_000 < 1 << 62
