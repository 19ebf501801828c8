"""All tables of the first release.

A migration is history: it repeats what `schema` said at its time and imports nothing that moves.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def _integer(name: str, *, primary_key: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.Integer, primary_key=primary_key, nullable=False)


def _text(name: str, *, primary_key: bool = False, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text, primary_key=primary_key, nullable=nullable)


def _blob(name: str, *, primary_key: bool = False, nullable: bool = False) -> sa.Column[bytes]:
    return sa.Column(name, sa.LargeBinary, primary_key=primary_key, nullable=nullable)


def _id(name: str, *, unique: bool = False, primary_key: bool = False) -> sa.Column[bytes]:
    size = sa.CheckConstraint(f"length({name}) = 32", name=f"{name}_size")
    return sa.Column(
        name, sa.LargeBinary, size, nullable=False, unique=unique, primary_key=primary_key
    )


def _of(target: str, name: str, *, primary_key: bool = False) -> sa.Column[int]:
    ondelete = "CASCADE" if target in {"conversations", "ops"} else None
    reference = sa.ForeignKey(f"{target}.key", ondelete=ondelete)
    return sa.Column(name, sa.Integer, reference, primary_key=primary_key, nullable=False)


def upgrade() -> None:
    """Make the tables."""
    for target in ("conversations", "accounts", "devices"):
        _table(target, _integer("key", primary_key=True), _id("id", unique=True))
    _make_identity()
    _make_logs()
    _make_delivery()
    _make_people()
    _make_surroundings()


def _table(name: str, *columns: sa.Column[int] | sa.Column[str] | sa.Column[bytes]) -> None:
    op.create_table(name, *columns, sqlite_strict=True)


def _keyed(name: str, *columns: sa.Column[int] | sa.Column[str] | sa.Column[bytes]) -> None:
    op.create_table(name, *columns, sqlite_strict=True, sqlite_with_rowid=False)


def _make_identity() -> None:
    one_row = sa.CheckConstraint("key = 1", name="one_row")
    _table(
        "identity",
        sa.Column("key", sa.Integer, one_row, primary_key=True, nullable=False),
        _id("account"),
        _id("device"),
        _text("name"),
        _integer("created_ms"),
        _blob("account_seed"),
        _blob("device_seed"),
        _blob("device_set"),
    )


def _make_logs() -> None:
    _table(
        "conversation_details",
        _of("conversations", "conversation", primary_key=True),
        _text("kind", nullable=True),
        _text("name"),
        _integer("created_ms"),
    )
    _table(
        "ops",
        _integer("key", primary_key=True),
        _id("id", unique=True),
        _of("conversations", "conversation"),
        _of("accounts", "account"),
        _of("devices", "device"),
        _integer("chain"),
        _integer("seq"),
        _integer("received_ms"),
        _blob("header"),
        _blob("signature"),
        _blob("content", nullable=True),
    )
    op.create_index("ops_of_chain", "ops", ["conversation", "device", "chain", "seq"])
    op.create_index("ops_of_control", "ops", ["conversation"], sqlite_where=sa.text("chain = 0"))
    _keyed(
        "heads",
        *_chain(),
        _id("id", primary_key=True),
        _of("accounts", "account"),
        _integer("seq"),
        _integer("sort_key"),
        _integer("hlc"),
    )
    _keyed("floors", *_chain(), _integer("seq"), _id("prev"))
    _table(
        "messages",
        _of("ops", "op", primary_key=True),
        _id("id"),
        _of("conversations", "conversation"),
        _integer("sort_key"),
        _integer("own"),
        _text("type"),
        _text("text"),
        _integer("sent_ms"),
        _blob("reply_to", nullable=True),
    )
    op.create_index("messages_in_order", "messages", ["conversation", "sort_key", "id"])


def _chain() -> tuple[sa.Column[int], sa.Column[int], sa.Column[int]]:
    return (
        _of("conversations", "conversation", primary_key=True),
        _of("devices", "device", primary_key=True),
        _integer("chain", primary_key=True),
    )


def _make_delivery() -> None:
    _keyed(
        "deliveries",
        _of("conversations", "conversation", primary_key=True),
        _of("devices", "device", primary_key=True),
        _of("accounts", "account"),
        _integer("control_acked"),
        _integer("talk_acked"),
        _integer("talk_sent"),
        _integer("attempts"),
        _integer("next_try_ms"),
        _text("last_error"),
    )
    _table(
        "published",
        _of("conversations", "conversation", primary_key=True),
        _integer("talk_sent"),
    )
    _keyed(
        "receipts",
        _of("conversations", "conversation", primary_key=True),
        _of("devices", "device", primary_key=True),
        _blob("body"),
        _blob("signature"),
    )


def _make_people() -> None:
    _table("names", _of("accounts", "account", primary_key=True), _text("name"), _integer("hlc"))
    _table(
        "contacts",
        _of("accounts", "account", primary_key=True),
        _id("conversation"),
        _text("state"),
        _integer("created_ms"),
        _blob("intro"),
    )
    _table("device_sets", _of("accounts", "account", primary_key=True), _blob("raw"))


def _make_surroundings() -> None:
    _keyed("peers", _blob("peer", primary_key=True), _text("addresses"), _integer("last_seen_ms"))
    _keyed("settings", _text("name", primary_key=True), _blob("value"))
