"""Timers fire once, in order, and only while they stand."""

from __future__ import annotations

import trio
import trio.testing

from p2pchat.node.timers import STALE_MAX, Timers


def fired(*steps: tuple[float, str, float | None]) -> list[tuple[float, str]]:
    """What fires, and when, after steps of (time, name, delay to set, or None to clear)."""
    log: list[tuple[float, str]] = []

    async def put(name: str) -> None:
        log.append((trio.current_time(), name))

    async def main() -> None:
        timers = Timers(put)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(timers.run)
            for at_s, name, delay_s in steps:
                await trio.sleep_until(at_s)
                if delay_s is None:
                    timers.clear(name)
                else:
                    timers.set(name, delay_s)
            await trio.sleep(100)
            nursery.cancel_scope.cancel()

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))
    return log


def test_timers_fire_in_the_order_of_their_deadlines():
    assert fired((0, "a", 5), (1, "b", 1), (1, "c", 9)) == [(2, "b"), (5, "a"), (10, "c")]


def test_a_timer_that_is_cleared_while_it_is_the_next_does_not_fire():
    assert fired((0, "a", 5), (1, "a", None)) == []


def test_a_timer_that_is_put_off_while_it_is_the_next_fires_at_its_new_time_alone():
    assert fired((0, "a", 5), (1, "a", 9)) == [(10, "a")]


def test_a_timer_that_is_cleared_lets_the_one_behind_it_fire_at_its_time():
    assert fired((0, "a", 5), (0, "b", 7), (1, "a", None)) == [(7, "b")]


def test_a_timer_can_be_set_again_after_it_fired():
    assert fired((0, "a", 1), (2, "a", 1)) == [(1, "a"), (3, "a")]


def test_many_replaced_timers_leave_one():
    steps = [(0.0, "a", 50.0 - n / 1000) for n in range(5_000)]
    assert [name for _, name in fired(*steps)] == ["a"]


def test_a_rest_too_small_for_the_clock_lets_time_pass():
    ((at_s, _),) = fired((15.0, "a", 3.6e-15))
    assert at_s > 15.0


def test_replaced_timers_are_swept_when_there_are_many():
    async def main() -> None:
        timers = Timers(never)
        for _ in range(3 * STALE_MAX):
            timers.set("a", 5)
            assert len(timers._heap) <= STALE_MAX + 2

    async def never(name: str) -> None:
        raise AssertionError(name)

    trio.run(main)
