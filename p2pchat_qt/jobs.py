"""Jobs: what the window does that takes time. Each belongs to something and ends with it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine

from p2pchat.errors import P2PChatError

__all__ = ["Again", "Jobs"]

logger = logging.getLogger(__name__)

Failed = Callable[[str], None]


class Jobs:
    """The jobs of one owner."""

    def __init__(self, failed: Failed) -> None:
        """`failed` is told the sentence of every error that a job ends with."""
        self._failed = failed
        self._tasks = set[asyncio.Task[None]]()
        self._is_closed = False

    def start(
        self, work: Coroutine[object, object, object], failed: Failed | None = None
    ) -> asyncio.Task[None] | None:
        """Begin; after the owner has ended, nothing."""
        if self._is_closed:
            work.close()
            return None
        task = asyncio.get_running_loop().create_task(self._guarded(work, failed or self._failed))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(lambda _: work.close())  # it may have been cancelled before a step
        return task

    def cancel(self) -> None:
        """End all of them; nobody is told."""
        for task in tuple(self._tasks):
            task.cancel()

    async def finish(self, within_s: float) -> None:
        """Wait until none is there, but no longer than this."""
        if self._tasks:
            await asyncio.wait(tuple(self._tasks), timeout=within_s)

    async def aclose(self) -> None:
        """End all of them, wait until they have, and begin no more."""
        self._is_closed = True
        self.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _guarded(self, work: Awaitable[object], failed: Failed) -> None:
        try:
            await work
        except (P2PChatError, OSError) as error:
            failed(str(error))
        except Exception as error:
            logger.exception("a job of the window failed")
            failed(f"{type(error).__name__}: {error}")


class Again:
    """Something that is read anew: once more, however often it was asked for while it ran."""

    def __init__(self, jobs: Jobs, read: Callable[[], Coroutine[object, object, None]]) -> None:
        self._jobs = jobs
        self._read = read
        self._task: asyncio.Task[None] | None = None
        self._is_wanted = False

    def ask(self) -> None:
        """Have it read, now or when the present reading is done."""
        self._is_wanted = True
        task = self._task
        if task is None or task.done() or task.cancelling():
            self._task = self._jobs.start(self._run())

    async def _run(self) -> None:
        while self._is_wanted:
            self._is_wanted = False
            await self._read()
