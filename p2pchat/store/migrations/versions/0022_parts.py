"""Where the parts of talk chains end that are for somebody, and which of them are here."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    def of(target: str, name: str, *, primary_key: bool = False) -> sa.Column[int]:
        ondelete = "CASCADE" if target in ("conversations", "ops") else None
        reference = sa.ForeignKey(f"{target}.key", ondelete=ondelete)
        return sa.Column(name, sa.Integer, reference, primary_key=primary_key, nullable=False)

    def id(name: str) -> sa.Column[bytes]:
        size = sa.CheckConstraint(f"length({name}) = 32", name=f"{name}_size")
        return sa.Column(name, sa.LargeBinary, size, nullable=False)

    op.create_table("stops", of("ops", "op", primary_key=True), sqlite_strict=True)
    op.execute("INSERT INTO stops SELECT op FROM turns")  # more than need be does no harm
    op.create_table(
        "spans",
        of("conversations", "conversation", primary_key=True),
        of("devices", "device", primary_key=True),
        sa.Column("seq", sa.Integer, primary_key=True, nullable=False),
        id("prev"),
        of("accounts", "account"),
        sa.Column("end", sa.Integer, nullable=False),
        id("id"),
        sa.Column("sort_key", sa.Integer, nullable=False),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
