"""The stores as trio tasks hold them: `AsyncStore` and `AsyncMailboxStore`, each twice.

SQLAlchemy and SQLite block, and a commit ends in an fsync, so `StoreWorker` gives writes a thread
of their own, which is all the locking they need, and reads up to four more. Opening a home may read
all of a large database: it has a thread for that long. Virtual time must not wait for threads (it
would jump past them), so `InlineStore` calls a memory store on the spot. Mailboxes are written to
more seldom, so that their writes take a thread of trio's, one at a time.
"""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import ExitStack, asynccontextmanager, suppress
from functools import partial
from queue import Empty, SimpleQueue
from threading import Thread
from time import monotonic
from typing import TypeVar

import outcome
import trio

from p2pchat.model.change import Change, PutReadMark, PutReceipt
from p2pchat.model.ids import AccountId, ConversationId, OpId
from p2pchat.model.mailbox_change import MailboxChange, PageQuery, Removed, StoredMailbox
from p2pchat.model.message import Message
from p2pchat.model.query import OpsRead, StoredOp
from p2pchat.model.search import Query
from p2pchat.store.home import BARE, Home, KeyFile, open_home
from p2pchat.store.mailbox_port import MailboxStore
from p2pchat.store.port import READERS_MAX, Page, Store
from p2pchat.wire.mailbox_codec import Page as MailboxPage

__all__ = [
    "InlineMailboxes",
    "InlineStore",
    "MailboxWorker",
    "StoreWorker",
    "open_home_aside",
    "open_mailboxes_aside",
    "open_worker",
]

T = TypeVar("T")

PUT_OFF_S = 0.5
"""So long something is put off; when it is over, the next commit waits for it."""
PUT_OFF_MAX = 256
"""Messages put off, or texts of as much weight, beyond which the next commit waits for them."""


class _Write:
    """One commit on its way through the writer thread, and the task that waits for it."""

    __slots__ = ("_task", "_token", "changes")

    def __init__(self, changes: Sequence[Change]) -> None:
        self.changes = changes
        self._task = trio.lowlevel.current_task()
        self._token = trio.lowlevel.current_trio_token()

    def end(self, result: outcome.Outcome[object]) -> None:
        self._token.run_sync_soon(trio.lowlevel.reschedule, self._task, result)


def _never_abort(_: Callable[[], None]) -> trio.lowlevel.Abort:
    return trio.lowlevel.Abort.FAILED


class StoreWorker:
    """A store whose `commit` runs on one thread and whose reads may run on several.

    Made by `open_worker`. The store's reads must be safe to call from any thread.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._readers = trio.CapacityLimiter(READERS_MAX)
        self._aside = trio.Lock()
        self._writes: SimpleQueue[_Write | None] = SimpleQueue()
        self._thread = Thread(target=self._run, name="p2pchat-store")
        self._closed = False
        self._due_s: float | None = None
        """When what was put off is to be done, on the monotonic clock."""
        self._is_behind = False
        """What was put off could not be done: each commit tries it first, and fails of it, too."""

    async def commit(self, changes: Sequence[Change]) -> None:
        if self._closed:
            raise trio.ClosedResourceError("the store is closed")
        self._writes.put(_Write(changes))
        await trio.lowlevel.wait_task_rescheduled(_never_abort)

    async def ops(self, query: OpsRead) -> list[StoredOp]:
        return await self._read(partial(self._store.ops, query))

    async def op(self, id: OpId) -> StoredOp | None:
        return await self._read(partial(self._store.op, id))

    async def history(self, conversation: ConversationId, page: Page) -> list[Message]:
        return await self._read(partial(self._store.history, conversation, page))

    async def message(self, id: OpId) -> Message | None:
        return await self._read(partial(self._store.message, id))

    async def search(
        self, query: Query, conversation: ConversationId | None, limit: int
    ) -> list[Message]:
        return await self._read(partial(self._store.search, query, conversation, limit))

    async def authors(self, conversation: ConversationId) -> list[tuple[AccountId, str]]:
        return await self._read(partial(self._store.authors, conversation))

    async def receipts(self, conversation: ConversationId) -> list[PutReceipt]:
        return await self._read(partial(self._store.receipts, conversation))

    async def unread(self, conversation: ConversationId) -> int:
        return await self._read(partial(self._store.unread, conversation))

    async def first_unread(self, conversation: ConversationId) -> OpId | None:
        return await self._read(partial(self._store.first_unread, conversation))

    async def marks_to(self, id: OpId) -> list[PutReadMark]:
        return await self._read(partial(self._store.marks_to, id))

    async def aside(self, read: Callable[[], T]) -> T:
        """Run a read of the store that takes long in a reader's place, on its thread; one at a
        time, so that the other readers stay for everybody else. Whoever cancels it waits until it
        looks (`trio.from_thread.check_cancelled`)."""
        async with self._aside:
            return await self._read(read)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """Refuse further commits and wait for the thread: it ends after those already queued, of
        which there are none once their tasks are gone. Leaves the store open."""
        self._closed = True
        self._writes.put(None)
        self._thread.join()

    async def _read(self, call: Callable[[], T]) -> T:
        return await trio.to_thread.run_sync(call, limiter=self._readers)

    def _run(self) -> None:
        while (write := self._next()) is not None:
            write.end(outcome.capture(self._commit, write.changes))

    def _commit(self, changes: Sequence[Change]) -> None:
        if self._is_behind:
            self._store.catch_up()
            self._is_behind = False
        self._store.commit(changes)

    def _next(self) -> _Write | None:
        """What to write next; what commits put off is done while there is nothing, and between two
        of them once it is much or has waited long."""
        while not self._is_behind and (put_off := self._store.put_off):
            now_s = monotonic()
            self._due_s = now_s + PUT_OFF_S if self._due_s is None else self._due_s
            if put_off < PUT_OFF_MAX and now_s < self._due_s:
                with suppress(Empty):
                    return self._writes.get(timeout=self._due_s - now_s)
            done = outcome.capture(self._store.catch_up)
            self._is_behind = isinstance(done, outcome.Error)  # nobody waits who could be told
        self._due_s = None
        return self._writes.get()


@asynccontextmanager
async def open_worker(store: Store) -> AsyncGenerator[StoreWorker]:
    """Run `store` (which stays the caller's to close) on threads while the block lasts."""
    worker = StoreWorker(store)
    worker.start()
    try:
        yield worker
    finally:
        worker.close()


@asynccontextmanager
async def open_home_aside(
    path: str | os.PathLike[str], keys: KeyFile = BARE
) -> AsyncGenerator[Home]:
    """`open_home` while other tasks go on: to read a large database, or to stretch a passphrase,
    takes its time. A cancellation is noticed when the opening ends: it
    leaves no home half open."""
    with ExitStack() as stack:
        yield await trio.to_thread.run_sync(stack.enter_context, open_home(path, keys=keys))


class InlineStore:
    """A memory store called on the spot: no thread, no waiting, deterministic."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def commit(self, changes: Sequence[Change]) -> None:
        self._store.commit(changes)
        await trio.lowlevel.cancel_shielded_checkpoint()

    async def ops(self, query: OpsRead) -> list[StoredOp]:
        await trio.lowlevel.checkpoint()
        return self._store.ops(query)

    async def op(self, id: OpId) -> StoredOp | None:
        await trio.lowlevel.checkpoint()
        return self._store.op(id)

    async def history(self, conversation: ConversationId, page: Page) -> list[Message]:
        await trio.lowlevel.checkpoint()
        return self._store.history(conversation, page)

    async def message(self, id: OpId) -> Message | None:
        await trio.lowlevel.checkpoint()
        return self._store.message(id)

    async def search(
        self, query: Query, conversation: ConversationId | None, limit: int
    ) -> list[Message]:
        await trio.lowlevel.checkpoint()
        return self._store.search(query, conversation, limit)

    async def authors(self, conversation: ConversationId) -> list[tuple[AccountId, str]]:
        await trio.lowlevel.checkpoint()
        return self._store.authors(conversation)

    async def receipts(self, conversation: ConversationId) -> list[PutReceipt]:
        await trio.lowlevel.checkpoint()
        return self._store.receipts(conversation)

    async def unread(self, conversation: ConversationId) -> int:
        await trio.lowlevel.checkpoint()
        return self._store.unread(conversation)

    async def first_unread(self, conversation: ConversationId) -> OpId | None:
        await trio.lowlevel.checkpoint()
        return self._store.first_unread(conversation)

    async def marks_to(self, id: OpId) -> list[PutReadMark]:
        await trio.lowlevel.checkpoint()
        return self._store.marks_to(id)


class MailboxWorker:
    """Mailboxes on disk: one commit at a time, and reads beside it. The store stays its opener's to
    close."""

    def __init__(self, store: MailboxStore) -> None:
        self._store = store
        self._writer = trio.CapacityLimiter(1)
        self._readers = trio.CapacityLimiter(READERS_MAX)

    async def snapshot(self) -> list[StoredMailbox]:
        return await trio.to_thread.run_sync(self._store.snapshot, limiter=self._readers)

    async def commit(self, changes: Sequence[MailboxChange]) -> list[Removed]:
        return await trio.to_thread.run_sync(self._store.commit, changes, limiter=self._writer)

    async def page(self, query: PageQuery) -> MailboxPage:
        return await trio.to_thread.run_sync(self._store.page, query, limiter=self._readers)


@asynccontextmanager
async def open_mailboxes_aside(open: Callable[[], MailboxStore]) -> AsyncGenerator[MailboxWorker]:
    """A store of mailboxes while the block lasts, opened while other tasks go on."""
    store = await trio.to_thread.run_sync(open)
    try:
        yield MailboxWorker(store)
    finally:
        store.close()


class InlineMailboxes:
    """Mailboxes in memory, called on the spot."""

    def __init__(self, store: MailboxStore) -> None:
        self._store = store

    async def snapshot(self) -> list[StoredMailbox]:
        await trio.lowlevel.checkpoint()
        return self._store.snapshot()

    async def commit(self, changes: Sequence[MailboxChange]) -> list[Removed]:
        removed = self._store.commit(changes)
        await trio.lowlevel.cancel_shielded_checkpoint()
        return removed

    async def page(self, query: PageQuery) -> MailboxPage:
        await trio.lowlevel.checkpoint()
        return self._store.page(query)
