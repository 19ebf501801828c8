"""Relations: what ops say about messages that came earlier, later, or not yet.

What a message has become is a function of the set of ops alone, whatever order they come in: the
store keeps each relation beside the message, and counts only what the message's own account said.
So nothing has to be known here to take one in. Only what is told to subscribers asks the disk
afterwards what is shown now; what concerns a message that is not here yet is told when it comes.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

from p2pchat.events import MessageDeleted, MessageEdited, ReactionChanged
from p2pchat.model.change import AddDeletion, AddEdit, AddReaction, Change
from p2pchat.model.ids import AccountId, ConversationId, OpId
from p2pchat.model.op import Kind, Op
from p2pchat.protocol.machine import Effect, Emit, Persist
from p2pchat.protocol.relation_vocabulary import Look, Looked, Said
from p2pchat.protocol.state import State
from p2pchat.wire.relations import Delete, Edit, React, Relation

__all__ = ["Relations", "relation_changes"]

LOOKS_MAX = 64
"""Messages looked at on disk at the same time."""
NOTES_MAX = 10_000
"""Messages that wait to be looked at; and as many that something was said about before they came,
remembered to tell it afterwards."""

_Saying = tuple[AccountId, Kind]
_Notes = dict[OpId, tuple[ConversationId, set[_Saying]]]


def relation_changes(op: Op, relation: Relation) -> list[Change]:
    """What an op that relates to a message becomes on disk: nothing, if it names none."""
    header = op.header
    if header.refers is None:
        return []
    match relation:
        case Edit(text):
            about = header.conversation, header.refers, header.account
            return [AddEdit(op.id, *about, header.hlc, text)]
        case Delete():
            return [AddDeletion(op.id, header.conversation, header.refers, header.account)]
        case React(emoji, is_on):
            about = header.conversation, header.refers, header.account
            return [AddReaction(op.id, *about, header.hlc, emoji, is_on)]


class Relations:
    """What is told about messages that changed."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._looking: dict[OpId, bool] = {}
        """Messages that are looked at, and whether they came meanwhile."""
        self._said: _Notes = {}
        """Since the last batch, by message."""
        self._awaited: _Notes = {}
        """By messages that are not here yet."""

    def take(self, op: Op, relation: Relation) -> list[Effect]:
        """An op that is applied says something about a message."""
        header, changes = op.header, relation_changes(op, relation)
        if not changes or header.refers is None:
            self._state.refuse("relation to nothing")
            return []
        if isinstance(relation, Delete):
            self._state.conversations[header.conversation].forget_content(op)
        by = {(header.account, Kind(header.kind))}
        self._note(self._said, header.refers, header.conversation, by)
        return [Persist(change) for change in changes]

    def came(self, op: Op) -> None:
        """A message is here; what was said before about it is told now."""
        if op.id in self._looking:
            self._looking[op.id] = True
        awaited = self._awaited.pop(op.id, None)
        if awaited is not None and awaited[0] == op.header.conversation:
            self._note(self._said, op.id, *awaited)

    def is_taken_back(self, op: Op) -> bool:
        """Whether a message that comes was deleted before it came, as far as is remembered."""
        conversation, by = self._awaited.get(op.id, (None, set[_Saying]()))
        is_here = conversation == op.header.conversation
        return is_here and (op.header.account, Kind.DELETE) in by

    def settle(self) -> list[Effect]:
        """After a batch: look at what is shown now."""
        free = (target for target in self._said if target not in self._looking)
        effects: list[Effect] = []
        for target in list(islice(free, LOOKS_MAX - len(self._looking))):
            self._looking[target] = False
            conversation, by = self._said.pop(target)
            effects.append(Look(Said(conversation, target, frozenset(by))))
        return effects

    def looked(self, looked: Looked) -> list[Effect]:
        """Tell what became of a message; nothing, if only others than its author said something."""
        said, message = looked.said, looked.message
        has_come = self._looking.pop(said.target, False)
        if message is None:
            notes = self._said if has_come else self._awaited
            self._note(notes, said.target, said.conversation, said.by)
            return []
        if message.conversation != said.conversation:
            return []
        if message.deleted and (message.author, Kind.DELETE) in said.by:
            return [Emit(MessageDeleted(message.id, message.conversation))]
        effects: list[Effect] = []
        if message.edited and (message.author, Kind.EDIT) in said.by:
            effects.append(Emit(MessageEdited(message)))
        if not message.deleted and any(kind is Kind.REACTION for _, kind in said.by):
            effects.append(Emit(ReactionChanged(message)))
        return effects

    def _note(
        self,
        notes: _Notes,
        target: OpId,
        conversation: ConversationId,
        by: Iterable[_Saying],
    ) -> None:
        known = notes.get(target)
        if known is None or known[0] != conversation:
            notes[target] = conversation, set(by)
        else:
            known[1].update(by)
        if len(notes) > NOTES_MAX:
            del notes[next(iter(notes))]
