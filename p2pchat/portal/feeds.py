"""Feeds: events on their way from the client's thread to one reader in another.

A feed is bounded. When its reader is slow the events wait in the client's own subscription, which
is bounded as well and says how many it left out (`EventsDropped`): the node never waits for
anybody. Of events where only the newest matters, such as progress, a feed keeps the newest alone.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Hashable
from contextlib import suppress
from typing import TYPE_CHECKING, cast

import trio

from p2pchat.events import (
    DiagnosisProgress,
    Event,
    ExportProgress,
    NetworkStatusChanged,
    PathChanged,
    ReachabilityChanged,
    StartupProgress,
)

if TYPE_CHECKING:
    from p2pchat.client.client import Client

__all__ = ["BATCH_MAX", "EVENTS_MAX", "Feed", "Told", "plain"]

EVENTS_MAX = 1_000
"""Unread events of a feed."""
BATCH_MAX = 200
"""Of them read at once."""

Told = dict[str, object]
"""An event as JSON-RPC tells it: `type`, and its fields."""


class Feed:
    """Between two threads; what either side may call is said at each method."""

    def __init__(self, wake: Callable[[], None]) -> None:
        """`wake` is called, in the client's thread, when there is something to take."""
        self._wake = wake
        self._lock = threading.Lock()
        self._events: dict[Hashable, Told] = {}
        self._made = 0
        self._waiting: Callable[[], None] | None = None
        self._error: BaseException | None = None
        self.is_closed = False
        """Nothing comes any more, or nobody reads."""

    # The client's thread

    async def pump(
        self, client: Client, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Carry the client's events until it is closed, or the reader is gone; the steps of the
        start from the first."""
        async with client.subscribe(Event, StartupProgress) as events:
            task_status.started()
            async for event in events:
                await self._room()
                if self.is_closed:
                    return
                self.put(event)

    def put(self, event: Event) -> None:
        """Have it read, in place of an unread one that it makes old."""
        told = plain_event(event)
        with self._lock:
            is_first = not self._events
            self._made += 1
            self._events[_subject(event) or self._made] = told
        if is_first:
            self._wake()

    def close(self, error: BaseException | None = None) -> None:
        """Nothing comes any more; `error` is what ended the client, to be raised to the reader."""
        with self._lock:
            self.is_closed, self._error = True, error
        self._wake()

    async def _room(self) -> None:
        """Wait while more is unread than may be."""
        token, taken = trio.lowlevel.current_trio_token(), trio.Event()
        with self._lock:
            is_full = len(self._events) >= EVENTS_MAX and not self.is_closed
            self._waiting = (lambda: token.run_sync_soon(taken.set)) if is_full else None
        if is_full:
            await taken.wait()

    # The reader's thread

    def take(self, most: int) -> list[Told]:
        """The oldest unread events, so many at most; none when there are none."""
        with self._lock:
            keys = list(self._events)[:most]
            taken = [self._events.pop(key) for key in keys]
            waiting, self._waiting = self._waiting, None
        if waiting is not None:
            with suppress(trio.RunFinishedError):  # what was carried is all there is
                waiting()
        return taken

    @property
    def is_over(self) -> bool:
        """Whether all was read and nothing comes any more. Raises what ended the client."""
        with self._lock:
            if not self.is_closed or self._events:
                return False
            error, self._error = self._error, None
        if error is not None:
            raise error
        return True

    def leave(self) -> None:
        """Nobody reads any more."""
        with self._lock:
            self.is_closed = True
            self._events.clear()
        self.take(0)


def plain(value: object) -> object:
    """A value as JSON holds it, which is what JSON-RPC answers."""
    from p2pchat.cli.shapes import to_json

    return json.loads(to_json(value))


def plain_event(event: Event) -> Told:
    """An event, likewise."""
    from p2pchat.cli import shapes

    return cast("Told", plain(shapes.event(event)))


def _subject(event: Event) -> Hashable | None:
    """What an event is the newest word on; None where each matters."""
    match event:
        case NetworkStatusChanged() | ReachabilityChanged() | ExportProgress():
            return type(event)
        case DiagnosisProgress():
            return type(event)
        case PathChanged(peer_id):
            return type(event), peer_id
        case _:
            return None
