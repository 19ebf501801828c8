"""An index of the words of all messages."""

from __future__ import annotations

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        "CREATE VIRTUAL TABLE search USING fts5(body, room, content='', columnsize=0,"
        " tokenize='unicode61 remove_diacritics 0')"
    )
    # Otherwise a word that was dropped stays in the file until the index is merged.
    op.execute("INSERT INTO search(search, rank) VALUES ('secure-delete', 1)")
    op.execute(
        "CREATE TRIGGER search_added AFTER INSERT ON messages BEGIN"
        " INSERT INTO search(rowid, body, room)"
        " VALUES (new.op, index_text(CAST(new.text AS BLOB)), 'c' || new.conversation); END"
    )
    op.execute(
        "CREATE TRIGGER search_dropped AFTER DELETE ON messages BEGIN"
        " INSERT INTO search(search, rowid, body, room)"
        " VALUES ('delete', old.op, index_text(CAST(old.text AS BLOB)), 'c' || old.conversation);"
        " END"
    )
    op.execute(
        "INSERT INTO search(rowid, body, room)"
        " SELECT op, index_text(CAST(text AS BLOB)), 'c' || conversation FROM messages ORDER BY op"
    )
