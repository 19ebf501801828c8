"""What accounts say of themselves, and how sure we are whose they are."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "profiles",
        _account(),
        sa.Column("bio", sa.Text, nullable=False),
        sa.Column("avatar", sa.LargeBinary, nullable=False),
        sa.Column("hlc", sa.Integer, nullable=False),
        sqlite_strict=True,
    )
    op.create_table(
        "trust",
        _account(),
        sa.Column("verified_ms", sa.Integer, nullable=False),
        sa.Column("claimed", sa.LargeBinary, nullable=True),
        sa.Column("is_confirmed", sa.Integer, nullable=False),
        sqlite_strict=True,
    )


def _account() -> sa.Column[int]:
    return sa.Column(
        "account",
        sa.Integer,
        sa.ForeignKey("accounts.key"),
        primary_key=True,
        nullable=False,
    )
