"""Newcomers at the door, in virtual time."""

from __future__ import annotations

from itertools import islice, pairwise

import pytest
import trio
from trio.testing import MockClock

from p2pchat.net.libp2p.door import (
    KNOCKED_MAX,
    KNOCKED_S,
    LINE_S_MAX,
    PAUSE_S_MAX,
    PAUSE_TURNS,
    Door,
)
from tests.unit.protocol.people import person

NEWCOMERS = 4


def entries(turn_s: float, newcomers: int = NEWCOMERS) -> list[tuple[int, float]]:
    """Who goes in and when, where a turn of the event loop takes so long."""
    clock, went_in = MockClock(), list[tuple[int, float]]()

    async def main() -> None:
        door = Door()

        async def come(number: int) -> None:
            await door.line_up()
            went_in.append((number, trio.current_time()))

        async with trio.open_nursery() as nursery:
            coming = iter(range(newcomers))
            while len(went_in) < newcomers:
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


def test_nobody_waits_for_long_however_many_there_are():
    came = entries(turn_s=0.02, newcomers=40)
    assert max(at_s for _, at_s in came) <= LINE_S_MAX + 50 * 0.02  # one comes each turn


def test_two_meetings_in_one_place_are_both_kept_the_first_one_first():
    alice, bob = (person(name).device.peer_id for name in ("alice", "bob"))
    door, there = Door(), ("192.0.2.1", 4001)
    with door.meets(alice, [there]):
        with door.meets(bob, [there]):
            assert door.met("::ffff:192.0.2.1", 4001) == alice
        assert door.met(*there) is None
    with door.meets(alice, [there]), door.meets(bob, [there]):
        assert [door.met(*there) for _ in range(3)] == [alice, bob, None]


def test_for_a_minute_a_call_from_where_we_knocked_may_come_through_our_hole():
    clock = MockClock()

    async def main() -> None:
        door = Door()
        door.knocks(["192.0.2.1"])
        assert door.has_knocked("::ffff:192.0.2.1")
        assert not door.has_knocked("192.0.2.2")
        clock.jump(KNOCKED_S)
        assert not door.has_knocked("192.0.2.1")
        door.knocks(f"198.51.{number // 256}.{number % 256}" for number in range(KNOCKED_MAX + 1))
        assert not door.has_knocked("198.51.0.0")
        assert door.has_knocked("198.51.0.1")

    trio.run(main, clock=clock)


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
