"""What later ops made of messages, in memory: the meaning of `store.relation_rows`.

A message's own row says what is shown. Edits and deletions are kept beside, also for a message that
is not here yet, and go with their op.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from p2pchat.model.change import AddDeletion, AddEdit, AddMessage, AddReaction, RestoreContent
from p2pchat.model.ids import AccountId, OpId
from p2pchat.model.message import REACTIONS_MAX, Reaction
from p2pchat.model.op import Op, edited

__all__ = ["Relations"]


_About = tuple[OpId, AccountId]


@dataclass(slots=True)
class Relations:
    """Of one conversation; `ops` and `messages` are its own."""

    ops: dict[OpId, Op]
    messages: dict[OpId, AddMessage]
    edits: dict[OpId, AddEdit] = field(default_factory=dict[OpId, AddEdit])
    deletions: dict[OpId, AddDeletion] = field(default_factory=dict[OpId, AddDeletion])
    revised: dict[OpId, tuple[int, OpId]] = field(default_factory=dict[OpId, tuple[int, OpId]])
    """Of each message that is edited, which edit it shows."""

    reactions: dict[_About, dict[str, AddReaction]] = field(
        default_factory=dict[_About, dict[str, AddReaction]]
    )
    """By message and account, what the account did last about each emoji."""

    wordless: set[OpId] = field(default_factory=set[OpId])
    """Ops that came without their content."""

    def restore(self, change: RestoreContent) -> None:
        """An op that came without its content is whole after all, unless that was deleted here."""
        op, header = change.op, change.op.header
        known = self.ops.get(op.id)
        deletion = self._deletion(edited(header) or op.id, header.account)
        if known is None or known.deletion is None or deletion is not None:
            return
        self.ops[op.id] = op
        self.wordless.discard(op.id)
        message = self.messages.get(op.id)
        if message is not None:
            whole = replace(message, text=change.text, reply_to=change.reply_to)
            self.messages[op.id] = whole
            self._show_latest(whole)

    def message_added(self, message: AddMessage) -> None:
        """A message is here now; what was said about it before applies."""
        proof = self._deletion(message.op, message.author) or self.ops[message.op].deletion
        if proof is not None:
            self._delete(message.op, message.author, proof)
        else:
            self._show_latest(message)

    def apply(self, change: AddEdit | AddDeletion | AddReaction) -> None:
        target, account = change.target, change.account
        match change:
            case AddEdit():
                self._edit(change)
            case AddDeletion():
                self.deletions[change.op] = change
                self._delete(target, account, self.ops[change.op])
            case AddReaction():
                self._react(change)

    def forget(self, op: OpId) -> None:
        """An op goes, with all that it said and was."""
        self.edits.pop(op, None)
        self.deletions.pop(op, None)
        self.revised.pop(op, None)
        self.wordless.discard(op)
        for rows in self.reactions.values():
            for emoji in [emoji for emoji, row in rows.items() if row.op == op]:
                del rows[emoji]

    def is_deleted(self, message: OpId) -> bool:
        return self.ops[message].content is None

    def reactions_to(self, message: OpId) -> tuple[Reaction, ...]:
        """In order of emoji and account; none to a message that was deleted."""
        if self.is_deleted(message):
            return ()
        found = (
            Reaction(row.emoji, account)
            for (target, account), rows in self.reactions.items()
            for row in rows.values()
            if target == message and row.is_on
        )
        return tuple(sorted(found, key=lambda put: (put.emoji.encode(), put.account)))

    def copy(self, ops: dict[OpId, Op], messages: dict[OpId, AddMessage]) -> Relations:
        edits, deletions = dict(self.edits), dict(self.deletions)
        reactions = {about: dict(rows) for about, rows in self.reactions.items()}
        revised, wordless = dict(self.revised), set(self.wordless)
        return Relations(ops, messages, edits, deletions, revised, reactions, wordless)

    def _react(self, change: AddReaction) -> None:
        about = change.target, change.account
        rows = self.reactions.get(about, {})
        known = rows.get(change.emoji)
        if known is None or _rank(known) < _rank(change):
            newest = sorted({**rows, change.emoji: change}.values(), key=_rank)[-REACTIONS_MAX:]
            self.reactions[about] = {row.emoji: row for row in newest}

    def _edit(self, change: AddEdit) -> None:
        message = self._message(change.target, change.account)
        if message is None:
            proof = self._deletion(change.target, change.account)
        else:
            proof = self.ops[message.op].deletion
        if proof is not None or self.ops[change.op].content is None:
            self._drop(change.op, proof)
            return
        self.edits[change.op] = change
        if message is not None:
            self._show_latest(message)

    def _show_latest(self, message: AddMessage) -> None:
        found = self._edits_of(message.op, message.author)
        latest = max(found, key=lambda edit: (edit.hlc, edit.op), default=None)
        if latest is None:
            return
        rank = latest.hlc, latest.op
        if rank > self.revised.get(message.op, (-1, latest.op)):
            self.revised[message.op] = rank
            self.messages[message.op] = replace(message, text=latest.text)

    def _delete(self, target: OpId, account: AccountId, proof: Op) -> None:
        for edit in list(self._edits_of(target, account)):
            self._drop(edit.op, proof)
            del self.edits[edit.op]
        message = self._message(target, account)
        if message is not None:
            self._drop(target, proof)
            self.messages[target] = replace(message, text="", reply_to=None)
            self.revised.pop(target, None)

    def _drop(self, id: OpId, proof: Op | None) -> None:
        op = self.ops[id]
        if proof is not None and (op.content is not None or id in self.wordless):
            self.ops[id] = replace(op, content=None, deletion=proof)

    def _message(self, target: OpId, account: AccountId) -> AddMessage | None:
        found = self.messages.get(target)
        return found if found is not None and found.author == account else None

    def _edits_of(self, target: OpId, account: AccountId) -> Iterable[AddEdit]:
        about = target, account
        return (edit for edit in self.edits.values() if (edit.target, edit.account) == about)

    def _deletion(self, target: OpId, account: AccountId) -> Op | None:
        about = target, account
        found = (id for id, row in self.deletions.items() if (row.target, row.account) == about)
        first = min(found, default=None)
        return None if first is None else self.ops[first]


def _rank(reaction: AddReaction) -> tuple[int, OpId]:
    return reaction.hlc, reaction.op
