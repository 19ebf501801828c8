"""Sessions that others began are remembered as long as the keys they were begun with."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.rename_table("olm_account", "olm_account_before")
    op.create_table(
        "olm_account",
        sa.Column(
            "key", sa.Integer, sa.CheckConstraint("key = 1", name="one_account"), primary_key=True
        ),
        sa.Column("pickle", sa.Text, nullable=False),
        sa.Column("generation", sa.Integer, nullable=False),
        sqlite_strict=True,
    )
    op.execute("INSERT INTO olm_account SELECT key, pickle, 0 FROM olm_account_before")
    op.drop_table("olm_account_before")
    op.rename_table("spent_sessions", "spent_sessions_before")
    size = sa.CheckConstraint("length(session) = 32", name="session_size")
    op.create_table(
        "spent_sessions",
        sa.Column("session", sa.LargeBinary, size, nullable=False, primary_key=True),
        sa.Column("generation", sa.Integer, nullable=False),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.execute("INSERT INTO spent_sessions SELECT session, 0 FROM spent_sessions_before")
    op.drop_table("spent_sessions_before")
