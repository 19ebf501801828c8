"""Mailboxes on disk: SQLAlchemy Core, on SQLCipher beside the relay's key or on PostgreSQL by URL.

One connection writes, others read. What is confirmed to a sender has been committed with an fsync
before. On SQLite the file has a size that it cannot outgrow, whatever is counted wrong: then a
commit fails, and whoever serves refuses puts.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import assert_never

from sqlalchemy import Connection, Engine, Row, create_engine, delete, func, insert, select, update
from sqlalchemy import text as sql
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError, IntegrityError, SQLAlchemyError
from sqlalchemy.sql.elements import ColumnElement

from p2pchat.config.limits import MailboxLimits
from p2pchat.errors import HomeInUse, SchemaTooNew, StoreError
from p2pchat.model.ids import KEY_BYTES, PeerId
from p2pchat.model.mailbox_change import (
    STRANGERS,
    AddBlob,
    DropBlobs,
    DropExpired,
    DropMailbox,
    Held,
    MailboxChange,
    PageQuery,
    PutMailbox,
    Removed,
    StoredMailbox,
)
from p2pchat.store.driver import make_engine, store_errors
from p2pchat.store.files import create_private
from p2pchat.store.mailbox_schema import (
    FORM,
    METADATA,
    blobs,
    form,
    mailboxes,
    relays,
    to_newest,
)
from p2pchat.store.port import READERS_MAX
from p2pchat.wire.mailbox_codec import PAGE_BLOBS_MAX, Page, PageRow

__all__ = ["SqlMailboxes", "open_database", "open_file"]

SPARE_BYTES = 64 << 20
"""The file may be larger by this, and by a quarter, than what is counted in it."""
WAL_BYTES_MAX = 32 << 20
PAGE_BYTES = 4096
_INSERTS = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}

Errors = Callable[[], AbstractContextManager[None]]


class SqlMailboxes:
    """`store.mailbox_port.MailboxStore` of one relay, on a database that is all prepared."""

    def __init__(self, writer: Engine, readers: Engine, errors: Errors, relay: PeerId) -> None:
        self._writer = writer
        self._readers = readers
        self._errors = errors
        self._keys: dict[bytes, int] = {}
        """The surrogate key of each mailbox, for the one that writes."""
        self._closing = ExitStack()
        self._closing.callback(writer.dispose)
        self._closing.callback(readers.dispose)
        with errors(), writer.begin() as connection:
            _prepare(connection)
            self._relay, self._generation = _take_over(connection, relay)

    def closing(self, stack: ExitStack) -> None:
        """What else ends when this is closed."""
        self._closing.push(stack)

    def snapshot(self) -> list[StoredMailbox]:
        with self._errors(), self._readers.connect() as connection:
            self._require_ours(connection)
            left = _left_in_mailboxes(connection, [])
            rows = connection.execute(
                select(mailboxes).where(mailboxes.c.relay == self._relay)
            ).all()
            return [StoredMailbox(_mailbox(row), left.get(row.key, {})) for row in rows]

    def commit(self, changes: Sequence[MailboxChange]) -> list[Removed]:
        try:
            with self._errors(), self._writer.begin() as connection:
                _make_durable(connection)
                self._require_ours(connection)
                removed = [one for change in changes for one in self._apply(connection, change)]
                self._number(connection, changes)
        except IntegrityError as error:  # of SQLite; of PostgreSQL it is a `StoreError` already
            self._keys.clear()
            raise StoreError("two blobs of one mailbox have one number") from error
        except BaseException:
            self._keys.clear()
            raise
        return removed

    def _require_ours(self, connection: Connection) -> None:
        """Whoever opens the mailboxes of this relay after us has them alone from then on: locks
        can be lost without a word. The row is held, so that nobody opens them in between."""
        statement = select(relays.c.generation).where(relays.c.key == self._relay)
        found = connection.execute(statement.with_for_update(read=True)).scalar()
        if found != self._generation:
            raise StoreError("another process serves the mailboxes of this relay: end one of them")

    def page(self, query: PageQuery) -> Page:
        with self._errors(), self._readers.connect() as connection:
            key = self._look_up(connection, query.mailbox)
            where = [
                blobs.c.mailbox == key,
                blobs.c.id > query.after,
                blobs.c.stored_ms >= query.since_ms,
            ]
            known = connection.execute(
                select(blobs.c.id, blobs.c.stored_ms, func.length(blobs.c.blob).label("size"))
                .where(*where)
                .order_by(blobs.c.id)
                .limit(PAGE_BLOBS_MAX + 1)
            ).all()
            shown = known[: _count([row.size for row in known], query)]
            found: dict[int, bytes] = {}
            if shown and not query.without_blobs:
                where.append(blobs.c.id <= shown[-1].id)
                rows = connection.execute(select(blobs.c.id, blobs.c.blob).where(*where))
                found = {row.id: row.blob for row in rows}
        entries = [PageRow(r.id, r.stored_ms, r.size, found.get(r.id, b"")) for r in shown]
        return Page(tuple(entries), has_more=len(shown) < len(known))

    def close(self) -> None:
        self._closing.close()

    # ---- changes ----

    def _apply(self, connection: Connection, change: MailboxChange) -> list[Removed]:
        match change:
            case PutMailbox():
                self._put(connection, change)
                return []
            case DropMailbox(mailbox):
                self._drop(connection, mailbox)
                return []
            case AddBlob():
                return self._add(connection, change)
            case DropBlobs(mailbox, ids):
                key = self._find(connection, mailbox)
                return self._remove(connection, [blobs.c.mailbox == key, blobs.c.id.in_(ids)])
            case DropExpired(before_ms):
                ours = select(mailboxes.c.key).where(mailboxes.c.relay == self._relay)
                where = [blobs.c.stored_ms < before_ms, blobs.c.mailbox.in_(ours)]
                return self._remove(connection, where)
            case _:
                assert_never(change)

    def _put(self, connection: Connection, row: PutMailbox) -> None:
        values = {
            "writers": b"".join(sorted(row.writers)),
            "intro": row.intro,
            "is_shared": int(row.is_shared),
            "seen_ms": row.seen_ms,
            "last_id": row.last_id,
            "maker": row.maker,
        }
        key = self._find(connection, row.mailbox)
        if key is not None:
            connection.execute(update(mailboxes).where(mailboxes.c.key == key).values(values))
            return
        values |= {"relay": self._relay, "mailbox": row.mailbox}
        connection.execute(insert(mailboxes).values(values))

    def _drop(self, connection: Connection, mailbox: bytes) -> None:
        key = self._find(connection, mailbox)
        connection.execute(delete(blobs).where(blobs.c.mailbox == key))
        connection.execute(delete(mailboxes).where(mailboxes.c.key == key))
        self._keys.pop(mailbox, None)

    def _add(self, connection: Connection, add: AddBlob) -> list[Removed]:
        key = self._find(connection, add.mailbox)
        assert key is not None, "a mailbox is there before its blobs"
        known = [blobs.c.mailbox, blobs.c.hash]  # another blob of one number is an error
        statement = _INSERTS[connection.dialect.name](blobs).on_conflict_do_nothing(
            index_elements=known
        )
        done = connection.execute(
            statement.execution_options(preserve_rowcount=True),
            {
                "mailbox": key,
                "id": add.id,
                "hash": add.hash,
                "writer": None if add.writer == STRANGERS else add.writer,
                "stored_ms": add.stored_ms,
                "size_bytes": add.held.size_bytes,
                "blob": add.blob,
            },
        )
        if done.rowcount == 1:
            return []
        return [Removed(add.mailbox, {add.writer: add.held})]

    def _remove(self, connection: Connection, where: list[ColumnElement[bool]]) -> list[Removed]:
        left = _left_in_mailboxes(connection, where)
        if not left:
            return []
        connection.execute(delete(blobs).where(*where))
        rows = connection.execute(
            select(mailboxes.c.key, mailboxes.c.mailbox).where(mailboxes.c.key.in_(left))
        )
        return [Removed(row.mailbox, left[row.key]) for row in rows]

    def _number(self, connection: Connection, changes: Sequence[MailboxChange]) -> None:
        """Ids never go back, also when all that had one are gone."""
        newest = {add.mailbox: add.id for add in changes if isinstance(add, AddBlob)}
        for mailbox, id in newest.items():
            key = self._find(connection, mailbox)
            connection.execute(update(mailboxes).where(mailboxes.c.key == key).values(last_id=id))

    def _find(self, connection: Connection, mailbox: bytes) -> int | None:
        key = self._keys.get(mailbox)
        if key is None:
            key = self._look_up(connection, mailbox)
            if key is not None:
                self._keys[mailbox] = key
        return key

    def _look_up(self, connection: Connection, mailbox: bytes) -> int | None:
        ours = mailboxes.c.relay == self._relay
        statement = select(mailboxes.c.key).where(ours, mailboxes.c.mailbox == mailbox)
        return connection.execute(statement).scalar()


def open_file(path: Path, key: bytes, relay: PeerId, limits: MailboxLimits) -> SqlMailboxes:
    """The mailboxes in a file of our own, made if it is not there. Raises `StoreError`s."""
    with store_errors(path):
        if not path.exists():
            create_private(path)
        largest = limits.bytes_max + limits.bytes_max // 4 + SPARE_BYTES
        bounds = (
            f"max_page_count = {largest // PAGE_BYTES}",
            f"journal_size_limit = {WAL_BYTES_MAX}",
        )
        writer = make_engine(path, key, "BEGIN IMMEDIATE", *bounds)
        errors = partial(store_errors, path)
        readers = make_engine(path, key, "BEGIN", "query_only = ON", pool_size=READERS_MAX)
        return SqlMailboxes(writer, readers, errors, relay)


def open_database(url: str, relay: PeerId) -> SqlMailboxes:
    """The mailboxes of this relay in a PostgreSQL database, for this process alone.

    Raises `HomeInUse` when another process serves as this relay, and other `StoreError`s.
    """
    with _database_errors(), ExitStack() as stack:
        engine = create_engine(
            url, pool_size=READERS_MAX + 2, pool_pre_ping=True, hide_parameters=True
        )
        stack.callback(engine.dispose)
        lock = stack.enter_context(engine.connect())
        number = int.from_bytes(relay[-8:], "big", signed=True)
        if not lock.scalar(sql("SELECT pg_try_advisory_lock(:n)").bindparams(n=number)):
            raise HomeInUse(
                f"another process serves the mailboxes of {relay.short} in this database: end it"
            )
        lock.commit()  # the lock is the connection's, and no transaction stays open for it
        store = SqlMailboxes(engine, engine, _database_errors, relay)
        store.closing(stack.pop_all())
        return store


@contextmanager
def _database_errors() -> Generator[None]:
    try:
        yield
    except DBAPIError as error:
        raise StoreError(f"the database of mailboxes failed: {error.orig}") from error
    except (SQLAlchemyError, ImportError) as error:
        raise StoreError(f"the database of mailboxes cannot be used: {error}") from error


def _prepare(connection: Connection) -> None:
    METADATA.create_all(connection)
    found = connection.execute(select(func.max(form.c.version))).scalar()
    if found is None:
        connection.execute(insert(form).values(version=FORM))
    elif found > FORM:
        raise SchemaTooNew(
            f"the mailboxes were written by a newer version of this program (their form is"
            f" {found}): use that version, or a later one"
        )
    elif found < FORM:
        to_newest(connection, found)


def _take_over(connection: Connection, relay: PeerId) -> tuple[int, int]:
    """The key of this relay, and the number of those who served as it, with us."""
    statement = _INSERTS[connection.dialect.name](relays).on_conflict_do_nothing(
        index_elements=[relays.c.peer]
    )
    connection.execute(statement, {"peer": bytes(relay)})
    ours = relays.c.peer == bytes(relay)
    connection.execute(update(relays).where(ours).values(generation=relays.c.generation + 1))
    row = connection.execute(select(relays.c.key, relays.c.generation).where(ours)).one()
    return row.key, row.generation


def _make_durable(connection: Connection) -> None:
    """What is confirmed is on disk, whatever the role or the database have as their habit."""
    if connection.dialect.name == "postgresql":
        connection.execute(sql("SET LOCAL synchronous_commit = on"))


def _left_in_mailboxes(
    connection: Connection, where: list[ColumnElement[bool]]
) -> dict[int, dict[bytes, Held]]:
    """Of each mailbox, by its key: what each writer left."""
    rows = connection.execute(
        select(
            blobs.c.mailbox,
            blobs.c.writer,
            func.count().label("blobs"),
            func.sum(blobs.c.size_bytes).label("size"),
        )
        .where(*where)
        .group_by(blobs.c.mailbox, blobs.c.writer)
    )
    left: dict[int, dict[bytes, Held]] = {}
    for row in rows:
        held = Held(int(row.blobs), int(row.size))
        left.setdefault(row.mailbox, {})[row.writer or STRANGERS] = held
    return left


def _mailbox(row: Row[tuple[object, ...]]) -> PutMailbox:
    writers: bytes = row.writers
    keys = (writers[at : at + KEY_BYTES] for at in range(0, len(writers), KEY_BYTES))
    return PutMailbox(
        row.mailbox,
        frozenset(keys),
        row.intro,
        bool(row.is_shared),
        row.seen_ms,
        row.last_id,
        row.maker,
    )


def _count(sizes: Sequence[int], query: PageQuery) -> int:
    """How many blobs of these sizes go into a page: one at least."""
    most = min(len(sizes), PAGE_BLOBS_MAX)
    if query.without_blobs:
        return most
    total = 0
    for count, size in enumerate(sizes[:most]):
        total += size
        if total > query.bytes_max and count:
            return count
    return most
