"""The tables of mailboxes that are kept for others, as SQLAlchemy Core knows them.

They are plain on purpose, so that SQLite and PostgreSQL have the same. Every mailbox belongs to a
relay: several relay processes may share one database, and each sees its own. There is nothing to
migrate yet; `form` says what a later version finds.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    UniqueConstraint,
)

__all__ = ["FORM", "METADATA", "blobs", "form", "mailboxes", "relays"]

FORM = 1
METADATA = MetaData()
_NUMBER = BigInteger().with_variant(Integer, "sqlite")


def _key() -> Column[int]:
    return Column("key", _NUMBER, primary_key=True)


def _number(name: str, *, primary_key: bool = False) -> Column[int]:
    return Column(name, _NUMBER, primary_key=primary_key, nullable=False, autoincrement=False)


def _bytes(name: str, *, nullable: bool = False) -> Column[bytes]:
    return Column(name, LargeBinary, nullable=nullable)


form = Table("mailbox_form", METADATA, _number("version", primary_key=True), sqlite_strict=True)

relays = Table(
    "mailbox_relays",
    METADATA,
    _key(),
    _bytes("peer"),
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
    _number("is_intro"),
    _number("stored_ms"),
    _number("size_bytes"),
    _bytes("blob"),
    UniqueConstraint("mailbox", "hash"),
    Index("mailbox_blobs_by_age", "stored_ms"),
    sqlite_strict=True,
)
