"""Where the talk chains of rooms go on in knowledge of others."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    def of(target: str, name: str, *, primary_key: bool = False) -> sa.Column[int]:
        ondelete = None if target == "devices" else "CASCADE"
        reference = sa.ForeignKey(f"{target}.key", ondelete=ondelete)
        return sa.Column(name, sa.Integer, reference, primary_key=primary_key, nullable=False)

    op.create_table(
        "turns",
        of("ops", "op", primary_key=True),
        of("conversations", "conversation"),
        of("devices", "device"),
        sa.Column("seq", sa.Integer, nullable=False),
        sqlite_strict=True,
    )
    op.create_index("turns_of_chain", "turns", ["conversation", "device", "seq"])
