"""The store on disk: SQLAlchemy Core on SQLCipher, encrypted, durable at each commit.

One connection writes; up to four others, which cannot, read, each question in a transaction of its
own. In WAL mode they do not wait for each other. Reads may come from any thread, writes from one
at a time (`store.worker`).
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection

from p2pchat.model.change import (
    AddEdit,
    AddMessage,
    Change,
    PutReadMark,
    PutReceipt,
    RestoreContent,
)
from p2pchat.model.identity import Identity
from p2pchat.model.ids import AccountId, ConversationId, OpId
from p2pchat.model.message import Message
from p2pchat.model.query import OpsRead, StoredOp
from p2pchat.model.search import Query
from p2pchat.model.snapshot import Snapshot
from p2pchat.store import reading
from p2pchat.store.archiving import Archive, read_archive
from p2pchat.store.driver import connect, make_engine, store_errors
from p2pchat.store.port import READERS_MAX, Page
from p2pchat.store.reading_rows import read_first_unread, read_marks_to, read_unread
from p2pchat.store.restoring import read_identity, read_snapshot
from p2pchat.store.searching import UNINDEXED_MAX, index_more, search, weight_of
from p2pchat.store.writing import Writer

__all__ = ["SqliteStore"]

_TEXTS = AddMessage | AddEdit | RestoreContent


class SqliteStore:
    """`store.port.Store` over a prepared database (`store.opening`), and our identity in it."""

    def __init__(self, path: Path, key: bytes) -> None:
        self._path = path
        with store_errors(path):
            self._connection = connect(path, key)
            self._connection.execute("SELECT count(*) FROM sqlite_schema")  # the log exists now
        self._writer = Writer(self._connection.cursor())
        self.put_off = 1  # perhaps: the first call of `catch_up` finds out
        self._readers = make_engine(path, key, "BEGIN", "query_only = ON", pool_size=READERS_MAX)

    def commit(self, changes: Sequence[Change]) -> None:
        while self.put_off > UNINDEXED_MAX:
            self.catch_up()
        with self._write() as writer:
            writer.apply(changes)
        texts = (one.text for one in changes if isinstance(one, _TEXTS))
        self.put_off += sum(weight_of(len(text.encode())) for text in texts)

    def catch_up(self) -> None:
        with self._write():
            self.put_off = index_more(self._connection)

    def put_identity(self, identity: Identity) -> None:
        """Say who we are, in place of what was said before."""
        with self._write() as writer:
            writer.put_identity(identity)

    def identity(self) -> Identity | None:
        """Who we are, or None in a new home."""
        with self._read() as connection:
            return read_identity(connection)

    def snapshot(self) -> Snapshot:
        with self._read() as connection:
            return read_snapshot(connection)

    def ops(self, query: OpsRead) -> list[StoredOp]:
        with self._read() as connection:
            return reading.read_ops(connection, query)

    def op(self, id: OpId) -> StoredOp | None:
        with self._read() as connection:
            return reading.read_op(connection, id)

    def history(self, conversation: ConversationId, page: Page) -> list[Message]:
        with self._read() as connection:
            return reading.read_history(connection, conversation, page)

    def message(self, id: OpId) -> Message | None:
        with self._read() as connection:
            return reading.read_message(connection, id)

    def search(
        self, query: Query, conversation: ConversationId | None, limit: int
    ) -> list[Message]:
        with self._read() as connection:
            return search(connection, query, conversation, limit)

    def authors(self, conversation: ConversationId) -> list[tuple[AccountId, str]]:
        with self._read() as connection:
            return reading.read_authors(connection, conversation)

    def receipts(self, conversation: ConversationId) -> list[PutReceipt]:
        with self._read() as connection:
            return reading.read_receipts(connection, conversation)

    def unread(self, conversation: ConversationId) -> int:
        with self._read() as connection:
            return read_unread(connection, conversation)

    def first_unread(self, conversation: ConversationId) -> OpId | None:
        with self._read() as connection:
            return read_first_unread(connection, conversation)

    def marks_to(self, id: OpId) -> list[PutReadMark]:
        with self._read() as connection:
            return read_marks_to(connection, id)

    def archive(self, take: Callable[[Archive], None]) -> None:
        """Have `take` read the whole home, as it is at this moment."""
        with self._read() as connection:
            take(read_archive(connection))

    def close(self) -> None:
        self._readers.dispose()
        self._connection.close()  # the last one takes the log in

    @contextmanager
    def _write(self) -> Generator[Writer]:
        """One transaction: all of it, or none."""
        with store_errors(self._path):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._writer
                self._connection.execute("COMMIT")
            except BaseException:
                self._writer.forget()
                self._connection.rollback()
                raise

    @contextmanager
    def _read(self) -> Generator[Connection]:
        with store_errors(self._path), self._readers.connect() as connection:
            yield connection
