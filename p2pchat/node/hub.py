"""Telling subscribers: every event to everyone who asked for its kind, never waiting for anyone.

A subscriber that reads too slowly loses the newest events and is told how many; what they said is
on disk and can be read again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Generator
from contextlib import contextmanager

import trio

from p2pchat.errors import NodeClosed
from p2pchat.events import Event, EventsDropped, StartupProgress

__all__ = ["Hub", "Subscription"]

PROGRESS_MAX = 64
"""Steps of the start that are kept: it begins before anybody can subscribe."""


class Subscription:
    """An async iterator over events; ends when the node does."""

    def __init__(self, kinds: tuple[type[Event], ...], events_max: int) -> None:
        self._kinds = kinds or (Event,)
        self._events: deque[Event] = deque()
        self._events_max = events_max
        self._dropped = 0
        self._news = trio.Event()
        self._closed = False

    def offer(self, event: Event) -> None:
        """Take an event if it was asked for and there is room."""
        if not isinstance(event, self._kinds):
            return
        if len(self._events) >= self._events_max:
            self._dropped += 1
            return
        self._events.append(event)
        self._news.set()

    def close(self) -> None:
        """No more events will come; what is queued can still be read."""
        self._closed = True
        self._news.set()

    def __aiter__(self) -> AsyncIterator[Event]:
        return self

    async def __anext__(self) -> Event:
        while not self._events and not self._dropped:
            if self._closed:
                raise StopAsyncIteration
            self._news = trio.Event()
            await self._news.wait()
        if self._events:
            return self._events.popleft()
        dropped, self._dropped = self._dropped, 0
        return EventsDropped(dropped)


class Hub:
    """All subscriptions of one node."""

    def __init__(self, events_max: int) -> None:
        self._events_max = events_max
        self._subscriptions: dict[Subscription, None] = {}
        self._progress: list[StartupProgress] = []
        self._closed = False

    @contextmanager
    def subscribe(self, *kinds: type[Event]) -> Generator[Subscription]:
        """Hear events of these kinds (all, when none is named) from now on.

        Who asks for steps of the start is told those before, too. Raises `NodeClosed` after
        `close`.
        """
        if self._closed:
            raise NodeClosed("the node is closed; open it again")
        subscription = Subscription(kinds, self._events_max)
        self._subscriptions[subscription] = None
        if any(issubclass(kind, StartupProgress) for kind in kinds):
            for event in self._progress:
                subscription.offer(event)
        try:
            yield subscription
        finally:
            del self._subscriptions[subscription]
            subscription.close()

    def emit(self, event: Event) -> None:
        """Tell everybody."""
        if isinstance(event, StartupProgress) and len(self._progress) < PROGRESS_MAX:
            self._progress.append(event)
        for subscription in self._subscriptions:
            subscription.offer(event)

    def close(self) -> None:
        """End all subscriptions."""
        self._closed = True
        for subscription in self._subscriptions:
            subscription.close()
