"""Sealed mail: ratchets, the keys of our bundle, bundles of others, and how far mail has gone."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def _integer(name: str, *, primary_key: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.Integer, primary_key=primary_key, nullable=False)


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False)


def _blob(name: str) -> sa.Column[bytes]:
    return sa.Column(name, sa.LargeBinary, nullable=False)


def _id(name: str, *, primary_key: bool = False) -> sa.Column[bytes]:
    size = sa.CheckConstraint(f"length({name}) = 32", name=f"{name}_size")
    return sa.Column(name, sa.LargeBinary, size, nullable=False, primary_key=primary_key)


def _of(target: str, name: str) -> sa.Column[int]:
    ondelete = "CASCADE" if target == "conversations" else None
    reference = sa.ForeignKey(f"{target}.key", ondelete=ondelete)
    return sa.Column(name, sa.Integer, reference, primary_key=True, nullable=False)


def _only(name: str) -> sa.Column[int]:
    one = sa.CheckConstraint("key = 1", name=name)
    return sa.Column("key", sa.Integer, one, primary_key=True, nullable=False)


def upgrade() -> None:
    """Make the tables."""
    _table("olm_account", _only("one_account"), _text("pickle"))
    _table("mail_keys", _only("one_set"), _id("fallback_key"), _integer("rotated_ms"))
    _table(
        "hpke_keys",
        _integer("place", primary_key=True),
        _integer("suite"),
        _blob("raw"),
        _integer("made_ms"),
    )
    _keyed(
        "ratchets",
        _id("peer", primary_key=True),
        _id("session", primary_key=True),
        _text("pickle"),
        _integer("counter"),
        _integer("is_answered"),
        _integer("used_ms"),
    )
    _keyed("spent_sessions", _id("session", primary_key=True), _integer("until_ms"))
    _keyed("seen_mail", _id("hash", primary_key=True), _integer("until_ms"))
    _keyed(
        "bundles",
        _of("devices", "device"),
        _blob("raw"),
        _integer("asked_ms"),
        _integer("suite"),
    )
    _keyed(
        "mailed",
        _of("conversations", "conversation"),
        _of("devices", "device"),
        _integer("control"),
        _integer("talk"),
        _integer("mailed_ms"),
    )


def _table(name: str, *columns: sa.Column[int] | sa.Column[str] | sa.Column[bytes]) -> None:
    op.create_table(name, *columns, sqlite_strict=True)


def _keyed(name: str, *columns: sa.Column[int] | sa.Column[str] | sa.Column[bytes]) -> None:
    op.create_table(name, *columns, sqlite_strict=True, sqlite_with_rowid=False)
