"""Who shall have what we say in a room by invitation, and how much of it was delivered for good.

What was called delivered until now stays so: that was what all have who ever signed for something
there. Who is expected is filled in by the chat when it starts, for the members follow from ops.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "expected",
        _of("conversation", "conversations", cascades=True, is_key=True),
        _of("account", "accounts", cascades=False, is_key=True),
        sa.Column("since", sa.Integer, nullable=False),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_table(
        "settled",
        _of("conversation", "conversations", cascades=True, is_key=True),
        sa.Column("talk", sa.Integer, nullable=False),
        sqlite_strict=True,
    )
    op.execute(
        """
        INSERT INTO settled (conversation, talk)
        SELECT conversation, min(talk) FROM (
            SELECT conversation, account, max(talk_acked) AS talk
            FROM deliveries GROUP BY conversation, account
        )
        WHERE conversation IN (
            SELECT conversation FROM conversation_details WHERE kind = 'invited'
        )
        GROUP BY conversation HAVING min(talk) > 0
        """
    )


def _of(name: str, target: str, *, cascades: bool, is_key: bool) -> sa.Column[int]:
    reference = sa.ForeignKey(f"{target}.key", ondelete="CASCADE" if cascades else None)
    return sa.Column(name, sa.Integer, reference, primary_key=is_key, nullable=False)
