"""What stands before the op by which a room was left."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.rename_table("leaves", "leaves_before")
    op.create_table(
        "leaves",
        sa.Column(
            "conversation",
            sa.Integer,
            sa.ForeignKey("conversations.key", ondelete="CASCADE"),
            primary_key=True,
            nullable=False,
        ),
        sa.Column("seq", sa.Integer, primary_key=True, nullable=False),
        sa.Column(
            "op",
            sa.LargeBinary,
            sa.CheckConstraint("length(op) = 32", name="op_size"),
            nullable=False,
        ),
        sa.Column("header", sa.LargeBinary, nullable=False),
        sa.Column("signature", sa.LargeBinary, nullable=False),
        sa.Column("content", sa.LargeBinary, nullable=False),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.execute(
        "INSERT INTO leaves SELECT conversation, seq, op, header, signature, content"
        " FROM leaves_before"
    )
    op.drop_table("leaves_before")
