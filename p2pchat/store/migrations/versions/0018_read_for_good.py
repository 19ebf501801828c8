"""How much of what we said in a room by invitation was read for good."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    reference = sa.ForeignKey("conversations.key", ondelete="CASCADE")
    op.create_table(
        "settled_read",
        sa.Column("conversation", sa.Integer, reference, primary_key=True, nullable=False),
        sa.Column("talk", sa.Integer, nullable=False),
        sqlite_strict=True,
    )
