"""What was read and begun to be written, and who is told. What is here already counts as read."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table, column in (("readers", "talk_read"), ("read_marks", "below")):
        op.create_table(
            table,
            _conversation(),
            sa.Column(
                "device", sa.Integer, sa.ForeignKey("devices.key"), primary_key=True, nullable=False
            ),
            sa.Column(column, sa.Integer, nullable=False),
            sqlite_strict=True,
            sqlite_with_rowid=False,
        )
    op.create_table(
        "telling",
        _conversation(),
        sa.Column("is_on", sa.Integer, nullable=False),
        sqlite_strict=True,
    )
    op.create_table(
        "drafts",
        _conversation(),
        sa.Column("text", sa.Text, nullable=False),
        sqlite_strict=True,
    )
    op.execute(
        "INSERT INTO read_marks (conversation, device, below)"
        " SELECT conversation, device, max(seq) + 1 FROM heads WHERE chain = 1"
        " GROUP BY conversation, device"
    )


def _conversation() -> sa.Column[int]:
    reference = sa.ForeignKey("conversations.key", ondelete="CASCADE")
    return sa.Column("conversation", sa.Integer, reference, primary_key=True, nullable=False)
