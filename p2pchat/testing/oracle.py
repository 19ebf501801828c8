"""The reference model: who said what where, and so what everybody must be able to read.

It knows nothing of ops, chains or receipts; it heard the calls that people made. A call that was
answered binds: its text is in the history of everybody in the conversation, once, and marked as
delivered at its author. A call that a crash cut short binds to nothing: its text is there for all
or for nobody. Calls that followed each other are read in that order; those that overlapped in
either. Who leaves a room takes along what it said that had not reached anybody yet, and brings it
back: its words bind while it is in the room.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import inf

import trio

from p2pchat.model.ids import ConversationId
from p2pchat.model.message import Message, MessageState
from p2pchat.store.port import PAGE_LIMIT_MAX, Page
from p2pchat.testing.ledger import Ledger
from p2pchat.testing.lives import Peer

__all__ = ["Oracle", "Statement"]


@dataclass(slots=True, eq=False)
class Statement:
    """One call of `send`."""

    author: str
    conversation: ConversationId
    text: str
    began_s: float
    ended_s: float = inf
    is_answered: bool = False


class Oracle:
    """Everything that was said."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._said: dict[ConversationId, dict[str, Statement]] = {}
        self._deserted: set[ConversationId] = set()
        """Rooms that somebody left. Leaving an open room is silent, so that the others go on to
        count who is gone, and call nothing delivered that one has not."""

    @property
    def binding_count(self) -> int:
        """Texts that everybody concerned must be able to read."""
        return sum(len(self._binding(id)) for id in self._said)

    def begin(self, author: str, conversation: ConversationId, text: str) -> Statement:
        """Somebody calls `send`; no text is said twice in one conversation."""
        statement = Statement(author, conversation, text, trio.current_time())
        said = self._said.setdefault(conversation, {})
        assert text not in said, "a text names its statement"
        said[text] = statement
        return statement

    def answered(self, statement: Statement) -> None:
        """`send` returned to a caller that lives."""
        statement.ended_s = trio.current_time()
        statement.is_answered = True

    def left(self, conversation: ConversationId) -> None:
        """Somebody is about to leave a room."""
        self._deserted.add(conversation)

    def objections(self, peers: Sequence[Peer]) -> Iterator[str]:
        """Where the histories of peers are not what the model predicts."""
        by_device = {peer.identity.device: peer for peer in peers}
        for id, said in self._said.items():
            devices = self._ledger.parties(id) or self._ledger.members(id)
            members = [by_device[device] for device in sorted(devices) if device in by_device]
            binding = self._binding(id)
            histories = {p.name: p.store.history(id, Page(PAGE_LIMIT_MAX)) for p in members}
            authors = {peer.identity.account: peer.name for peer in peers}
            for reader, history in histories.items():
                spoken = [m for m in history if m.author in authors]
                yield from _unfaithful(reader, spoken, said)
                yield from _lacking(reader, spoken, binding)
                if self._is_acknowledged(id, members):
                    own = [m for m in spoken if authors[m.author] == reader]
                    yield from _undelivered(reader, own)
            yield from _unequal(histories, said.keys() - self._of_present(id))

    def _of_present(self, id: ConversationId) -> set[str]:
        """The texts of those who are in a conversation."""
        devices = self._ledger.parties(id) or self._ledger.members(id)
        names = {self._ledger.names[device] for device in devices}
        return {text for text, one in self._said[id].items() if one.author in names}

    def _binding(self, id: ConversationId) -> list[Statement]:
        """What everybody in a conversation must be able to read."""
        return [one for text in self._of_present(id) if (one := self._said[id][text]).is_answered]

    def _is_acknowledged(self, conversation: ConversationId, members: Sequence[Peer]) -> bool:
        """Whether receipts of everybody reach every author. In a room they travel between members
        that are connected, which in a large one not all are."""
        mesh = min(peer.options.config.limits.mesh_peers_max for peer in members)
        return 1 < len(members) <= mesh and conversation not in self._deserted


def _unfaithful(
    reader: str, history: Sequence[Message], said: dict[str, Statement]
) -> Iterator[str]:
    """What one reader has twice, never was said, or has in a wrong order."""
    texts = [message.text for message in history]
    yield from (f"{reader} reads {text!r}, which nobody said" for text in texts if text not in said)
    if len(set(texts)) < len(texts):
        yield f"{reader} reads {len(texts) - len(set(texts))} texts twice"
    statements = [said[text] for text in texts if text in said]
    for author in dict.fromkeys(one.author for one in statements):
        yield from _disordered(reader, [one for one in statements if one.author == author])


def _lacking(
    reader: str, history: Sequence[Message], binding: Iterable[Statement]
) -> Iterator[str]:
    """What one reader lacks."""
    texts = {message.text for message in history}
    lacking = [one for one in binding if one.text not in texts]
    if lacking:
        first = min(lacking, key=lambda one: one.began_s)
        yield f"{reader} lacks {len(lacking)} texts, the first {first.text!r} of {first.author}"


def _disordered(reader: str, statements: Iterable[Statement]) -> Iterator[str]:
    """A later place in a history for what was answered before an earlier one was begun."""
    latest_began_s = -inf
    for statement in statements:
        if statement.ended_s < latest_began_s:
            yield f"{reader} reads {statement.text!r} of {statement.author} too late"
        latest_began_s = max(latest_began_s, statement.began_s)


def _undelivered(author: str, own: Sequence[Message]) -> Iterator[str]:
    """What its author believes not to have arrived, though everybody is there."""
    arrived = (MessageState.DELIVERED, MessageState.READ)
    waiting = [message for message in own if message.state not in arrived]
    if waiting:
        yield f"{author} has {len(waiting)} texts {waiting[0].state}, such as {waiting[0].text!r}"


def _unequal(histories: Mapping[str, Sequence[Message]], taken: set[str]) -> Iterator[str]:
    """Members of one conversation with different sets of messages, those aside that somebody who
    has left may have taken along."""
    sets = {
        frozenset(message.id for message in history if message.text not in taken): reader
        for reader, history in histories.items()
    }
    if len(sets) > 1:
        yield f"{' and '.join(sorted(sets.values())[:2])} read different histories"
