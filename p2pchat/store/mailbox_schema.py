"""The tables of mailboxes that are kept for others, as SQLAlchemy Core knows them.

They are plain on purpose, so that SQLite and PostgreSQL have the same. Every mailbox belongs to a
relay: several relay processes may share one database, and each sees its own. `form` says what a
later version finds, and `to_newest` brings an older one to this.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    UniqueConstraint,
    update,
)
from sqlalchemy import text as sql
from sqlalchemy.schema import CreateColumn

__all__ = ["FORM", "METADATA", "blobs", "form", "mailboxes", "relays", "to_newest"]

FORM = 2
METADATA = MetaData()
_NUMBER = BigInteger().with_variant(Integer, "sqlite")


def _key() -> Column[int]:
    return Column("key", _NUMBER, primary_key=True)


def _number(name: str, *, primary_key: bool = False, begins_with: str | None = None) -> Column[int]:
    return Column(
        name,
        _NUMBER,
        primary_key=primary_key,
        nullable=False,
        autoincrement=False,
        server_default=begins_with,
    )


def _bytes(name: str, *, nullable: bool = False) -> Column[bytes]:
    return Column(name, LargeBinary, nullable=nullable)


form = Table("mailbox_form", METADATA, _number("version", primary_key=True), sqlite_strict=True)

relays = Table(
    "mailbox_relays",
    METADATA,
    _key(),
    _bytes("peer"),
    _number("generation", begins_with="0"),
    UniqueConstraint("peer"),
    sqlite_strict=True,
)

mailboxes = Table(
    "mailboxes",
    METADATA,
    _key(),
    Column("relay", _NUMBER, ForeignKey(relays.c.key), nullable=False),
    _bytes("mailbox"),
    _bytes("writers"),
    _bytes("intro", nullable=True),
    _number("is_shared"),
    _number("seen_ms"),
    _number("last_id"),
    _number("maker", begins_with="0"),
    UniqueConstraint("relay", "mailbox"),
    sqlite_strict=True,
)

blobs = Table(
    "mailbox_blobs",
    METADATA,
    Column(
        "mailbox",
        _NUMBER,
        ForeignKey(mailboxes.c.key, ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
    ),
    _number("id", primary_key=True),
    _bytes("hash"),
    _bytes("writer", nullable=True),
    _number("stored_ms"),
    _number("size_bytes"),
    _bytes("blob"),
    UniqueConstraint("mailbox", "hash"),
    Index("mailbox_blobs_by_age", "stored_ms"),
    sqlite_strict=True,
)
"""Of what strangers left nobody is the writer."""

_SOMEBODY = b"\0"
"""The writer where it was not written down."""


def to_newest(connection: Connection, found: int) -> None:
    """Bring the tables of an older form to this one."""
    if found < 2:
        for column in (relays.c.generation, mailboxes.c.maker, blobs.c.writer):
            made = CreateColumn(column).compile(dialect=connection.dialect)
            connection.exec_driver_sql(f"ALTER TABLE {column.table.name} ADD COLUMN {made}")
        somebodys = sql("is_intro = 0")
        connection.execute(update(blobs).where(somebodys).values(writer=_SOMEBODY))
        connection.exec_driver_sql("ALTER TABLE mailbox_blobs DROP COLUMN is_intro")
    connection.execute(update(form).values(version=FORM))
