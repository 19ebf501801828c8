"""Rooms by invitation: how they began, and the secrets of their epochs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "rooms",
        _conversation(),
        sa.Column("genesis", sa.LargeBinary, nullable=False),
        _id("secret"),
        sqlite_strict=True,
    )
    op.create_table(
        "epochs",
        _conversation(),
        _id("op", primary_key=True),
        _id("secret"),
        sa.Column("learned_ms", sa.Integer, nullable=False),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )


def _id(name: str, *, primary_key: bool = False) -> sa.Column[bytes]:
    size = sa.CheckConstraint(f"length({name}) = 32", name=f"{name}_size")
    return sa.Column(name, sa.LargeBinary, size, nullable=False, primary_key=primary_key)


def _conversation() -> sa.Column[int]:
    reference = sa.ForeignKey("conversations.key", ondelete="CASCADE")
    return sa.Column("conversation", sa.Integer, reference, primary_key=True, nullable=False)
