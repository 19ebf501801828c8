"""The pump: what is due, when it is due, in the order it was given."""

from __future__ import annotations

from functools import partial

import trio
import trio.testing

from p2pchat.testing.pump import Pump, on_tick


def pumped(*plan, until_s=100.0):
    """(name, time it ran) for a plan of (name, due time)."""
    ran = []

    async def main():
        pump = Pump()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(pump.run)
            await trio.testing.wait_all_tasks_blocked()
            for name, due_s in plan:
                pump.at(due_s, lambda name=name: ran.append((name, trio.current_time())))
            await trio.sleep(until_s)
            nursery.cancel_scope.cancel()

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))
    return ran


def test_each_runs_at_its_time_whatever_was_given_first():
    assert pumped(("late", 5.0), ("early", 1.0), ("middle", 2.5)) == [
        ("early", 1.0),
        ("middle", 2.5),
        ("late", 5.0),
    ]


def test_those_of_one_time_run_in_the_order_they_were_given():
    assert [name for name, _ in pumped(*((number, 1.0) for number in range(20)))] == [*range(20)]


def test_what_is_overdue_runs_at_once():
    assert pumped(("overdue", -1.0)) == [("overdue", 0.0)]


def test_an_action_may_ask_for_another_one_before_those_that_wait():
    ran = []

    async def main():
        pump = Pump()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(pump.run)
            pump.at(1.0, lambda: pump.at(2.0, partial(ran.append, "second")))
            pump.at(3.0, partial(ran.append, "third"))
            await trio.sleep(4)
            nursery.cancel_scope.cancel()

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))
    assert ran == ["second", "third"]


def test_ticks_never_round_down():
    for when_s in (0.0, 0.1, 1.0, 3.14159, 1e6 + 0.0001):
        assert when_s <= on_tick(when_s) < when_s + 0.001
