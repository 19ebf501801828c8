"""A driver that is cancelled decides nothing more that somebody would have to carry."""

from __future__ import annotations

from collections.abc import Sequence

import trio
import trio.testing

from p2pchat.model.machine import Now
from p2pchat.node.ambient import SimulatedAmbient
from p2pchat.node.driver import Driver, DriverConfig


class Echo:
    """Decides what it hears; cancels the node while it decides."""

    def __init__(self, scope: trio.CancelScope) -> None:
        self._scope = scope
        self.carried: list[str] = []

    def start(self, now: Now) -> list[str]:
        return []

    def handle(self, input: str, now: Now) -> list[str]:
        self._scope.cancel()
        return [input]

    def settle(self, now: Now) -> list[str]:
        return []

    async def carry(self, effects: Sequence[str]) -> None:
        self.carried += effects


def test_what_was_decided_while_the_node_was_cancelled_is_not_carried():
    async def main() -> None:
        with trio.CancelScope() as scope:
            echo = Echo(scope)
            driver = Driver[str, str](echo, echo, SimulatedAmbient(1, "me"), DriverConfig())
            async with trio.open_nursery() as nursery:
                await nursery.start(driver.run)
                await driver.put("too late")
                await trio.sleep(1)
        assert scope.cancelled_caught
        assert echo.carried == []

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))
