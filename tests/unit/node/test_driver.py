"""A driver takes its inputs in batches, and lets no more of them wait than it may."""

from __future__ import annotations

from collections.abc import Sequence

import trio
import trio.testing

from p2pchat.config.limits import Limits
from p2pchat.model.machine import Now
from p2pchat.node.ambient import SimulatedAmbient
from p2pchat.node.driver import Driver, DriverConfig


class Notes:
    """Decides what it hears, and notes what is carried together."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []

    def start(self, now: Now) -> list[int]:
        return []

    def handle(self, input: int, now: Now) -> list[int]:
        return [input]

    def settle(self, now: Now) -> list[int]:
        return []

    async def carry(self, effects: Sequence[int]) -> None:
        self.batches.append(list(effects))


def test_who_hands_over_more_than_may_wait_waits_and_nothing_is_lost():
    limits = Limits(inbox_inputs_max=5, batch_inputs_max=3)
    config = DriverConfig(limits.inbox_inputs_max, limits.batch_inputs_max)

    async def main() -> None:
        notes = Notes()
        driver = Driver[int, int](notes, notes, SimulatedAmbient(1, "me"), config)
        handed: list[int] = []

        async def hand_over() -> None:
            for input in range(12):
                await driver.put(input)
                handed.append(input)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(hand_over)
            await trio.testing.wait_all_tasks_blocked()
            assert len(handed) == limits.inbox_inputs_max
            nursery.start_soon(driver.run)
            await trio.testing.wait_all_tasks_blocked()
            assert max(map(len, notes.batches)) == limits.batch_inputs_max
            assert [input for batch in notes.batches for input in batch] == list(range(12))
            nursery.cancel_scope.cancel()

    trio.run(main)
