"""What later ops make of messages: edits and deletions, which message shows an edit, what took an
op's content away, and which ops came without theirs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "edits",
        *_relation(),
        sa.Column("hlc", sa.Integer, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sqlite_strict=True,
    )
    op.create_index("edits_of_message", "edits", ["target", "account"])
    op.create_table("deletions", *_relation(), sqlite_strict=True)
    op.create_index("deletions_of_message", "deletions", ["target", "account"])
    op.create_table(
        "revised",
        _op(),
        sa.Column("hlc", sa.Integer, nullable=False),
        _id("edit"),
        sqlite_strict=True,
    )
    op.create_table(
        "dropped",
        _op(),
        sa.Column("header", sa.LargeBinary, nullable=False),
        sa.Column("signature", sa.LargeBinary, nullable=False),
        sqlite_strict=True,
    )
    op.create_table("wordless", _op(), sqlite_strict=True)
    op.execute(
        "CREATE TRIGGER search_changed AFTER UPDATE OF text ON messages BEGIN"
        " INSERT INTO search(search, rowid, body, room)"
        " VALUES ('delete', old.op, index_text(CAST(old.text AS BLOB)), 'c' || old.conversation);"
        " INSERT INTO search(rowid, body, room)"
        " VALUES (new.op, index_text(CAST(new.text AS BLOB)), 'c' || new.conversation); END"
    )


def _relation() -> tuple[sa.Column[int] | sa.Column[bytes], ...]:
    conversation = sa.ForeignKey("conversations.key", ondelete="CASCADE")
    account = sa.ForeignKey("accounts.key")
    return (
        _op(),
        sa.Column("conversation", sa.Integer, conversation, nullable=False),
        _id("target"),
        sa.Column("account", sa.Integer, account, nullable=False),
    )


def _id(name: str) -> sa.Column[bytes]:
    size = sa.CheckConstraint(f"length({name}) = 32", name=f"{name}_size")
    return sa.Column(name, sa.LargeBinary, size, nullable=False)


def _op() -> sa.Column[int]:
    reference = sa.ForeignKey("ops.key", ondelete="CASCADE")
    return sa.Column("op", sa.Integer, reference, primary_key=True, nullable=False)
