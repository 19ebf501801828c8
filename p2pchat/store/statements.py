"""SQL as text, made once from the tables of `schema`.

A message costs two statements: building them anew would take longer than the disk does.
"""

from __future__ import annotations

from sqlalchemy import Table, bindparam, delete, select
from sqlalchemy.dialects import sqlite
from sqlalchemy.dialects.sqlite import Insert, insert
from sqlalchemy.sql import ClauseElement

__all__ = ["Row", "add", "add_row", "drop", "insert_row", "key_of", "put", "text"]

Row = dict[str, int | str | bytes | None]

_DIALECT = sqlite.dialect(paramstyle="named")


def text(statement: ClauseElement) -> str:
    return str(statement.compile(dialect=_DIALECT))


def insert_row(table: Table) -> Insert:
    """An insert of all columns by their names, but a surrogate key, which the database gives."""
    columns = [c for c in table.columns if c.name != "key"]
    return insert(table).values({c: bindparam(c.name) for c in columns})


def add_row(table: Table) -> str:
    return text(insert_row(table))


def add(table: Table, unique: str) -> str:
    """Insert, unless it is there."""
    return text(insert_row(table).on_conflict_do_nothing(index_elements=[unique]))


def put(table: Table) -> str:
    """Insert or replace by the primary key."""
    statement = insert_row(table)
    replaced = {c.name: statement.excluded[c.name] for c in table.columns if not c.primary_key}
    key = list(table.primary_key)
    if not replaced:
        return text(statement.on_conflict_do_nothing(index_elements=key))
    return text(statement.on_conflict_do_update(index_elements=key, set_=replaced))


def drop(table: Table, *columns: str) -> str:
    return text(delete(table).where(*(table.c[name] == bindparam(name) for name in columns)))


def key_of(table: Table) -> str:
    return text(select(table.c.key).where(table.c.id == bindparam("id")))
