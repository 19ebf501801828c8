"""Which devices of a contact spoke for another account: each is told once."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.rename_table("trust", "trust_before")
    op.create_table(
        "trust",
        sa.Column(
            "account",
            sa.Integer,
            sa.ForeignKey("accounts.key"),
            primary_key=True,
            nullable=False,
        ),
        sa.Column("verified_ms", sa.Integer, nullable=False),
        sa.Column("claimed", sa.LargeBinary, nullable=True),
        sa.Column("is_confirmed", sa.Integer, nullable=False),
        sa.Column("devices", sa.LargeBinary, nullable=False),
        sqlite_strict=True,
    )
    op.execute(
        "INSERT INTO trust SELECT account, verified_ms, claimed, is_confirmed, x''"
        " FROM trust_before"
    )
    op.drop_table("trust_before")
