"""A client for threads that may wait, such as a script's only one."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Self

from p2pchat.portal.feeds import BATCH_MAX, Feed, Told
from p2pchat.portal.thread import Lives

__all__ = ["BlockingEvents", "BlockingPortal"]


class BlockingPortal(Lives):
    """One client, used by any number of threads; `start` and `close`, or `with`."""

    def start(self) -> None:
        """Open the client; when it has ended, again. Raises what keeps it from opening."""
        thread = self._begin()
        try:
            thread.started.result()
        except BaseException:
            self.close()
            raise

    def call(self, method: str, /, timeout_s: float | None = None, **params: object) -> object:
        """Call a method of JSON-RPC by its name and wait for the answer. When the wait ends before
        that (`TimeoutError` after `timeout_s`, Ctrl-C) the client leaves off.

        Raises what the method does, and `NodeClosed` when the client is not open.
        """
        answer = self._submit(method, params)
        try:
            return answer.result(timeout_s)
        finally:
            answer.cancel()

    def events(self) -> BlockingEvents:
        """All events from now on, and the steps of the start so far; before `start`, from the
        start on."""
        events = BlockingEvents()
        self._hear(events.feed)
        return events

    def close(self) -> None:
        """Close the client and wait until nothing of it is left."""
        if self._thread is not None:
            self._thread.stop()
            self._thread.join()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class BlockingEvents:
    """`for event in events`; ends with the client."""

    def __init__(self) -> None:
        self._news = threading.Event()
        self._unread: list[Told] = []
        self.feed = Feed(self._news.set)

    def __iter__(self) -> Iterator[Told]:
        return self

    def __next__(self) -> Told:
        """The next event. Raises what ended the client, if it was a fault."""
        while not self._unread:
            self._news.clear()
            self._unread = self.feed.take(BATCH_MAX)[::-1]
            if self._unread:
                break
            if self.feed.is_over:
                raise StopIteration
            self._news.wait()
        return self._unread.pop()

    def close(self) -> None:
        """Read no further."""
        self.feed.leave()
