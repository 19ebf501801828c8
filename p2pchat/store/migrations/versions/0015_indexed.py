"""How far the index of words has come: later messages are not in it yet."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

_FORGET = (
    "INSERT INTO search(search, rowid, body, room) VALUES ('delete', old.op,"
    " index_text(CAST(old.text AS BLOB)), 'c' || old.conversation);"
)
_LEARN = (
    "INSERT INTO search(rowid, body, room) VALUES (new.op,"
    " index_text(CAST(new.text AS BLOB)), 'c' || new.conversation);"
)
_IS_INDEXED = "<= (SELECT upto FROM indexed)"
_TRIGGERS = (
    ("search_added", "AFTER INSERT ON messages WHEN new.op", _LEARN),
    ("search_dropped", "AFTER DELETE ON messages WHEN old.op", _FORGET),
    ("search_changed", "AFTER UPDATE OF text ON messages WHEN old.op", _FORGET + _LEARN),
)


def upgrade() -> None:
    op.create_table(
        "indexed",
        sa.Column(
            "key", sa.Integer, sa.CheckConstraint("key = 1", name="one_mark"), nullable=False
        ),
        sa.Column("upto", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("key"),
        sqlite_strict=True,
    )
    op.execute("INSERT INTO indexed SELECT 1, coalesce(max(op), 0) FROM messages")
    for name, event, statements in _TRIGGERS:
        op.execute(f"DROP TRIGGER {name}")
        op.execute(f"CREATE TRIGGER {name} {event} {_IS_INDEXED} BEGIN {statements} END")
