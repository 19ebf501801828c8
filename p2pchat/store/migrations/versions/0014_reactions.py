"""Who put which emoji to which message."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "reactions",
        _of("conversation", "conversations", cascades=True, is_key=True),
        _id("target", is_key=True),
        _of("account", "accounts", cascades=False, is_key=True),
        sa.Column("emoji", sa.Text, primary_key=True, nullable=False),
        _of("op", "ops", cascades=True, is_key=False),
        _id("id", is_key=False),
        sa.Column("hlc", sa.Integer, nullable=False),
        sa.Column("is_on", sa.Integer, nullable=False),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_index("reactions_of_op", "reactions", ["op"])


def _of(name: str, target: str, *, cascades: bool, is_key: bool) -> sa.Column[int]:
    reference = sa.ForeignKey(f"{target}.key", ondelete="CASCADE" if cascades else None)
    return sa.Column(name, sa.Integer, reference, primary_key=is_key, nullable=False)


def _id(name: str, *, is_key: bool) -> sa.Column[bytes]:
    size = sa.CheckConstraint(f"length({name}) = 32", name=f"{name}_size")
    return sa.Column(name, sa.LargeBinary, size, primary_key=is_key, nullable=False)
