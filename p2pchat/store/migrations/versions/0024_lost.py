"""What we said in a room by invitation to those alone who went before they had it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    reference = sa.ForeignKey("conversations.key", ondelete="CASCADE")
    op.create_table(
        "lost",
        sa.Column("conversation", sa.Integer, reference, primary_key=True, nullable=False),
        sa.Column("first", sa.Integer, primary_key=True, nullable=False),
        sa.Column("end", sa.Integer, nullable=False),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
