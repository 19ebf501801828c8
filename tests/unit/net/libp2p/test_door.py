"""Newcomers at the door, in virtual time."""

from __future__ import annotations

from itertools import islice, pairwise

import pytest
import trio
from trio.testing import MockClock

from p2pchat.net.libp2p.door import PAUSE_S_MAX, PAUSE_TURNS, Door

NEWCOMERS = 6


def entries(turn_s: float) -> list[tuple[int, float]]:
    """Who goes in and when, where a turn of the event loop takes so long."""
    clock, went_in = MockClock(), list[tuple[int, float]]()

    async def main() -> None:
        door = Door()

        async def come(number: int) -> None:
            await door.line_up()
            went_in.append((number, trio.current_time()))

        async with trio.open_nursery() as nursery:
            coming = iter(range(NEWCOMERS))
            while len(went_in) < NEWCOMERS:
                for number in islice(coming, 1):
                    nursery.start_soon(come, number)
                clock.jump(turn_s)
                await trio.lowlevel.checkpoint()

    trio.run(main, clock=clock)
    return went_in


@pytest.mark.parametrize("turn_s", [0.0001, 0.002, 0.02])
def test_newcomers_go_in_one_by_one_and_the_longer_turns_take_the_rarer(turn_s):
    came = entries(turn_s)
    assert [number for number, _ in came] == list(range(NEWCOMERS))
    gaps_s = [later - earlier for (_, earlier), (_, later) in pairwise(came)]
    assert min(gaps_s) >= min(PAUSE_TURNS * turn_s / 2, PAUSE_S_MAX)
    assert max(gaps_s) <= PAUSE_S_MAX + 6 * turn_s


def test_who_gives_up_in_the_line_holds_up_nobody():
    async def main() -> None:
        door, went_in = Door(), list[str]()

        async def come(name: str) -> None:
            await door.line_up()
            went_in.append(name)

        async with trio.open_nursery() as nursery:
            with trio.CancelScope() as impatience:
                impatience.cancel()
                await door.line_up()
            nursery.start_soon(come, "the next")
        assert went_in == ["the next"]

    trio.run(main, clock=MockClock(autojump_threshold=0))
