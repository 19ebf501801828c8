"""Sessions that nothing more is sealed with stay, to open what is still on its way."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.rename_table("ratchets", "ratchets_before")
    op.create_table(
        "ratchets",
        _id("peer"),
        _id("session"),
        sa.Column("pickle", sa.Text, nullable=False),
        sa.Column("counter", sa.Integer, nullable=False),
        sa.Column("is_answered", sa.Integer, nullable=False),
        sa.Column("used_ms", sa.Integer, nullable=False),
        sa.Column("is_barred", sa.Integer, nullable=False),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.execute(
        "INSERT INTO ratchets"
        " SELECT peer, session, pickle, counter, is_answered, used_ms, 0 FROM ratchets_before"
    )
    op.drop_table("ratchets_before")


def _id(name: str) -> sa.Column[bytes]:
    size = sa.CheckConstraint(f"length({name}) = 32", name=f"{name}_size")
    return sa.Column(name, sa.LargeBinary, size, nullable=False, primary_key=True)
