"""A client for a running asyncio loop, Qt's (qasync) among them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Self

from p2pchat.portal.feeds import BATCH_MAX, Feed, Told
from p2pchat.portal.thread import Lives

__all__ = ["Events", "Portal"]

FRAME_S = 1 / 60


class Portal(Lives):
    """One client; `start` and `aclose`, or `async with`."""

    async def start(self) -> None:
        """Open the client; when it has ended, by `aclose` or by a fault, again. Raises what keeps
        it from opening (`HomeInUse`, `WrongPassphrase`, `ConfigError`, ...)."""
        thread = self._begin()
        try:
            await asyncio.wrap_future(thread.started)
        except BaseException:
            await self.aclose()
            raise

    async def call(self, method: str, /, **params: object) -> object:
        """Call a method of JSON-RPC by its name. Cancelling this cancels it in the client.

        Raises what the method does, and `NodeClosed` when the client is not open.
        """
        return await asyncio.wrap_future(self._submit(method, params))

    def events(self) -> Events:
        """All events from now on, and the steps of the start so far; before `start`, from the
        start on."""
        events = Events()
        self._hear(events.feed)
        return events

    async def aclose(self) -> None:
        """Close the client and wait until nothing of it is left. The loop goes on meanwhile."""
        if self._thread is not None:
            self._thread.stop()
            await asyncio.shield(asyncio.wrap_future(self._thread.ended))
            self._thread.join()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


class Events:
    """Events one by one, `async for event in events`, or a batch at a time."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._news = asyncio.Event()
        self._unread: list[Told] = []
        self.feed = Feed(self._wake)

    def __aiter__(self) -> AsyncIterator[Told]:
        return self

    async def __anext__(self) -> Told:
        """The next event. Raises what ended the client, if it was a fault."""
        if not self._unread:
            self._unread = await self._next(BATCH_MAX)
            self._unread.reverse()
        if not self._unread:
            raise StopAsyncIteration
        return self._unread.pop()

    async def batches(
        self, most: int = BATCH_MAX, every_s: float = FRAME_S
    ) -> AsyncIterator[list[Told]]:
        """What has come, so many at most and once in so many seconds: a window draws once for all
        of them, and has time for its user between two."""
        while batch := await self._next(most):
            yield batch
            await asyncio.sleep(every_s)

    def close(self) -> None:
        """Read no further."""
        self.feed.leave()

    async def _next(self, most: int) -> list[Told]:
        """At least one; none when nothing comes any more."""
        while True:
            self._news.clear()
            if taken := self.feed.take(most):
                return taken
            if self.feed.is_over:
                return []
            await self._news.wait()

    def _wake(self) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody reads any more
            self._loop.call_soon_threadsafe(self._news.set)
