"""Sessions that others began are counted by the account that began them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def _id(name: str, *, primary_key: bool = False) -> sa.Column[bytes]:
    size = sa.CheckConstraint(f"length({name}) = 32", name=f"{name}_size")
    return sa.Column(name, sa.LargeBinary, size, nullable=False, primary_key=primary_key)


def upgrade() -> None:
    op.rename_table("spent_sessions", "spent_sessions_before")
    op.create_table(
        "spent_sessions",
        _id("session", primary_key=True),
        sa.Column("generation", sa.Integer, nullable=False),
        _id("account"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.execute(
        "INSERT INTO spent_sessions"
        " SELECT session, generation, zeroblob(32) FROM spent_sessions_before"
    )
    op.drop_table("spent_sessions_before")
