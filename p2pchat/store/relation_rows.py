"""What later ops made of messages, on disk.

Edits and deletions stand in rows of their own, also for a message that is not here yet, and go with
their op. What is shown stands in the message's own row: a page costs what it did, and words that
were taken back leave the index of words with it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Table,
    Text,
    bindparam,
    exists,
    literal_column,
    null,
    select,
    update,
)

from p2pchat.model.change import AddDeletion, AddEdit, AddMessage, RestoreContent
from p2pchat.model.ids import AccountId, ConversationId, OpId
from p2pchat.model.op import Op, edited
from p2pchat.store.schema import deletions, dropped, edits, messages, ops, revised, wordless
from p2pchat.store.statements import Row, add, drop, insert_row, put, text

__all__ = ["RelationWriter"]


def _about(table: Table) -> list[ColumnElement[bool]]:
    return [table.c[name] == bindparam(name) for name in ("conversation", "target", "account")]


_PUT_EDIT, _PUT_DELETION = put(edits), put(deletions)
_PUT_REVISED, _PUT_DROPPED = put(revised), put(dropped)
_DROP_REVISED, _DROP_EDIT = drop(revised, "op"), drop(edits, "op")
_ADD_WORDLESS, _DROP_WORDLESS = add(wordless, "op"), drop(wordless, "op")
_DROP_DROPPED = drop(dropped, "op")

_OP: BindParameter[int] = bindparam("op")
_NOTHING: ColumnElement[str] = literal_column("''", Text)
_EMPTY = text(update(ops).where(ops.c.key == bindparam("row")).values(content=null()))
_FILL = text(update(ops).where(ops.c.key == bindparam("row")).values(content=bindparam("content")))
_SAY = text(
    update(messages)
    .where(messages.c.op == bindparam("row"))
    .values(text=bindparam("words"), reply_to=bindparam("reply"))
)
_REWORD = text(
    update(messages).where(messages.c.op == bindparam("row")).values(text=bindparam("words"))
)
_BLANK = text(update(messages).where(messages.c.op == _OP).values(text=_NOTHING, reply_to=null()))
_SIGNED = text(select(ops.c.key, ops.c.header, ops.c.signature).where(ops.c.id == bindparam("id")))
_PROOF = text(select(dropped.c.header, dropped.c.signature).where(dropped.c.op == _OP))
_IS_WORDLESS = text(select(wordless.c.op).where(wordless.c.op == _OP))
_MESSAGE = text(
    select(messages.c.op)
    .join_from(ops, messages, messages.c.op == ops.c.key)
    .where(
        ops.c.id == bindparam("target"),
        ops.c.conversation == bindparam("conversation"),
        ops.c.account == bindparam("account"),
    )
)
_ADD_MESSAGE = text(
    insert_row(messages)
    .on_conflict_do_nothing(index_elements=["op"])
    .returning(
        exists().where(dropped.c.op == _OP).label("is_dropped"),
        exists().where(*_about(deletions)).label("is_deleted"),
        exists().where(*_about(edits)).label("is_edited"),
    )
)
"""Answers what has become of a message before it came, if it was not here."""
_DELETION = text(
    select(ops.c.header, ops.c.signature)
    .join_from(deletions, ops, deletions.c.op == ops.c.key)
    .where(*_about(deletions))
    .order_by(ops.c.id)
)
_EDITS = text(select(edits.c.op).where(*_about(edits)))
_LATEST = text(
    select(edits.c.hlc, ops.c.id, edits.c.text)
    .join_from(edits, ops, edits.c.op == ops.c.key)
    .where(*_about(edits))
    .order_by(edits.c.hlc.desc(), ops.c.id.desc())
)
_SHOWN = text(select(revised.c.hlc, revised.c.edit).where(revised.c.op == _OP))

_Proof = tuple[bytes, bytes]
"""Header and signature of the op that took a content away."""


@dataclass(frozen=True, slots=True)
class RelationWriter:
    """Applies changes through a cursor; `conversation` and `account` give surrogate keys."""

    cursor: sqlite3.Cursor
    conversation: Callable[[bytes], int]
    account: Callable[[bytes], int]

    def came_without_content(self, key: int, deletion: Op) -> None:
        """An op is on disk as others have it: with what took its content away."""
        self._drop(key, (deletion.header_bytes, deletion.signature))
        self.cursor.execute(_ADD_WORDLESS, {"op": key})

    def restore(self, change: RestoreContent) -> None:
        """An op that came without its content is whole after all, unless that was deleted here."""
        op, header = change.op, change.op.header
        found = self.cursor.execute(_SIGNED, {"id": op.id}).fetchone()
        target = edited(header) or op.id
        about = self._about(header.conversation, target, header.account)
        if found is None or self._deletion(about) is not None or self._proof(found[0]) is None:
            return
        key = found[0]
        self.cursor.execute(_DROP_DROPPED, {"op": key})
        self.cursor.execute(_DROP_WORDLESS, {"op": key})
        self.cursor.execute(_FILL, {"row": key, "content": op.content})
        words = {"row": key, "words": change.text, "reply": change.reply_to}
        self.cursor.execute(_SAY, words)
        latest = self.cursor.execute(_LATEST, about).fetchone()
        if target == op.id and latest is not None:
            self._show(key, *latest)

    def add_message(self, key: int, message: AddMessage) -> None:
        """A message is here, if it was not; then what was said about it before applies."""
        about = self._about(message.conversation, message.op, message.author)
        row: Row = {
            "op": key,
            "id": message.op,
            "sort_key": message.sort_key,
            "own": int(message.own),
            "type": message.type,
            "text": message.text,
            "sent_ms": message.sent_ms,
            "reply_to": message.reply_to,
        }
        fates = self.cursor.execute(_ADD_MESSAGE, about | row).fetchall()
        for fate in fates:
            self._befall(key, about, fate)

    def _befall(self, key: int, about: Row, fate: tuple[int, int, int]) -> None:
        is_dropped, is_deleted, is_edited = fate
        if is_dropped or is_deleted:
            self._delete(key, about, self._deletion(about) or self._proof(key))
        elif is_edited:
            self._show(key, *self.cursor.execute(_LATEST, about).fetchone())

    def apply(self, change: AddEdit | AddDeletion) -> None:
        about = self._about(change.conversation, change.target, change.account)
        found = self.cursor.execute(_MESSAGE, about).fetchone()
        message = None if found is None else found[0]
        key, *signed = self.cursor.execute(_SIGNED, {"id": change.op}).fetchone()
        match change:
            case AddEdit():
                self._edit(change, key, message, about)
            case AddDeletion():
                self.cursor.execute(_PUT_DELETION, about | {"op": key})
                self._delete(message, about, (signed[0], signed[1]))

    def _edit(self, change: AddEdit, key: int, message: int | None, about: Row) -> None:
        proof = self._deletion(about) if message is None else self._proof(message)
        if proof is not None or self._proof(key) is not None:
            self._drop(key, proof)
            return
        row = {"op": key, "hlc": change.hlc, "text": change.text}
        self.cursor.execute(_PUT_EDIT, about | row)
        if message is not None:
            self._show(message, change.hlc, change.op, change.text)

    def _show(self, message: int, hlc: int, edit: bytes, words: str) -> None:
        """Show an edit, unless a later one is shown."""
        shown = self.cursor.execute(_SHOWN, {"op": message}).fetchone()
        if shown is None or tuple(shown) < (hlc, edit):
            self.cursor.execute(_REWORD, {"row": message, "words": words})
            self.cursor.execute(_PUT_REVISED, {"op": message, "hlc": hlc, "edit": edit})

    def _delete(self, message: int | None, about: Row, proof: _Proof | None) -> None:
        """Take the words of a message, if it is here, and of all its edits."""
        for (edit,) in self.cursor.execute(_EDITS, about).fetchall():
            self._drop(edit, proof)
            self.cursor.execute(_DROP_EDIT, {"op": edit})
        if message is not None:
            self._drop(message, proof)
            self.cursor.execute(_BLANK, {"op": message})
            self.cursor.execute(_DROP_REVISED, {"op": message})

    def _drop(self, key: int, proof: _Proof | None) -> None:
        """Take an op's content, unless that is done. What an op without content came with gives way
        to what is in our log."""
        if proof is None or (self._proof(key) is not None and not self._is_wordless(key)):
            return
        self.cursor.execute(_EMPTY, {"row": key})
        self.cursor.execute(_PUT_DROPPED, {"op": key, "header": proof[0], "signature": proof[1]})

    def _proof(self, key: int) -> _Proof | None:
        return self.cursor.execute(_PROOF, {"op": key}).fetchone()

    def _is_wordless(self, key: int) -> bool:
        return self.cursor.execute(_IS_WORDLESS, {"op": key}).fetchone() is not None

    def _deletion(self, about: Row) -> _Proof | None:
        return self.cursor.execute(_DELETION, about).fetchone()

    def _about(self, conversation: ConversationId, target: OpId, account: AccountId) -> Row:
        """Which message, and whose: what anybody else says of it does not count."""
        return {
            "conversation": self.conversation(conversation),
            "target": target,
            "account": self.account(account),
        }
