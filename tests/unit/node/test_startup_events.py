"""The steps of the start are heard by who subscribes after them."""

from __future__ import annotations

import trio

from p2pchat.events import Event, KeysFetching, Listening, Ready, StartupProgress
from p2pchat.node.hub import PROGRESS_MAX, Hub


def heard_late(hub: Hub, *kinds: type[Event]) -> list[Event]:
    """What a subscription made now has to say once the hub is closed."""

    async def main() -> list[Event]:
        with hub.subscribe(*kinds) as events:
            hub.close()
            return [event async for event in events]

    return trio.run(main)


def started() -> Hub:
    hub = Hub(1000)
    hub.emit(Listening(()))
    hub.emit(KeysFetching())
    hub.emit(Ready(()))
    return hub


def test_who_asks_for_the_start_hears_what_was_before():
    kinds = [type(event) for event in heard_late(started(), StartupProgress)]
    assert kinds == [Listening, KeysFetching, Ready]


def test_who_asks_for_one_step_hears_that_one():
    assert heard_late(started(), Ready) == [Ready(())]


def test_who_asks_for_everything_hears_news_only():
    assert heard_late(started()) == []


def test_what_is_kept_of_the_start_is_bounded():
    hub = Hub(1000)
    for _ in range(PROGRESS_MAX * 2):
        hub.emit(KeysFetching())
    assert len(heard_late(hub, StartupProgress)) == PROGRESS_MAX
