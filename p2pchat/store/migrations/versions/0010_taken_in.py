"""Who took us into a room by invitation, and how we left those that we are in no more."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.rename_table("rooms", "rooms_before")
    op.create_table(
        "rooms",
        _conversation(),
        sa.Column("genesis", sa.LargeBinary, nullable=False),
        _id("secret"),
        sa.Column("inviter", sa.Integer, sa.ForeignKey("accounts.key"), nullable=True),
        sa.Column("is_entered", sa.Integer, nullable=False),
        sqlite_strict=True,
    )
    op.execute("INSERT INTO rooms SELECT conversation, genesis, secret, NULL, 1 FROM rooms_before")
    op.drop_table("rooms_before")
    op.create_table(
        "leaves",
        _conversation(),
        _id("op"),
        sa.Column("seq", sa.Integer, nullable=False),
        sa.Column("header", sa.LargeBinary, nullable=False),
        sa.Column("signature", sa.LargeBinary, nullable=False),
        sqlite_strict=True,
    )


def _id(name: str) -> sa.Column[bytes]:
    size = sa.CheckConstraint(f"length({name}) = 32", name=f"{name}_size")
    return sa.Column(name, sa.LargeBinary, size, nullable=False)


def _conversation() -> sa.Column[int]:
    reference = sa.ForeignKey("conversations.key", ondelete="CASCADE")
    return sa.Column("conversation", sa.Integer, reference, primary_key=True, nullable=False)
