"""What is expected of nobody any more, and nobody had, is never delivered."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from p2pchat.model import expected
from p2pchat.model.expected import Expected, without

RANGES = st.tuples(st.integers(0, 20), st.integers(0, 20))


@given(whole=RANGES, parts=st.lists(RANGES))
def test_what_is_left_of_a_range_without_others(
    whole: tuple[int, int], parts: list[tuple[int, int]]
) -> None:
    left = without(whole, parts)
    taken = {seq for part in parts for seq in range(*part)}
    assert [seq for part in left for seq in range(*part)] == sorted({*range(*whole)} - taken)
    assert all(first < end for first, end in left)


def test_what_members_had_is_not_lost_and_nothing_is_lost_twice() -> None:
    room = Expected[str]()
    assert room.lose(1, 8, [(0, 2), (5, 6)])
    assert room.lost == [(2, 5), (6, 8)]
    assert not room.lose(2, 8, [(5, 6)])
    assert [seq for seq in range(10) if room.is_lost(seq)] == [2, 3, 4, 6, 7]


def test_what_is_given_to_who_comes_is_not_lost_any_more() -> None:
    room = Expected[str]()
    assert room.lose(1, 8, [(4, 5)])
    assert room.lost == [(1, 4), (5, 8)]
    assert room.lose(2, 6, [(2, 6)])
    assert room.lost == [(1, 4), (5, 6)], "what is expected from 6 on is not lost"
    assert room.lose(3, 0, [])
    assert room.lost == [(1, 3)], "what is delivered already stays as it was"


def test_of_very_many_ranges_the_lowest_become_one() -> None:
    room = Expected[str]()
    for number in range(expected.LOST_MAX + 1):
        assert room.lose(3 * number, 3 * number + 1, [])
    assert room.lost[:2] == [(0, 4), (6, 7)]
    assert len(room.lost) == expected.LOST_MAX
