"""Completeness: which ops of a conversation are known to exist and are not here.

An op names its predecessor by hash and its place by number, and is held back until all before it is
here. So what waits proves, by its author's signature, exactly what is missing; a peer that merely
says to have more proves nothing and is not counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from p2pchat.events import GapFilled, GapFound
from p2pchat.model.completeness import Completeness, Gap
from p2pchat.model.ids import AccountId
from p2pchat.model.op import Op
from p2pchat.protocol.log import ChainKey, Log
from p2pchat.protocol.machine import Effect, Emit
from p2pchat.protocol.state import Conversation, State

__all__ = ["Gaps", "completeness"]


def completeness(conversation: Conversation) -> Completeness:
    """What is here of a conversation, and what is known to be missing."""
    log, waiting = conversation.log, conversation.log.waiting()
    wanted = {id for op in waiting for id in op.header.deps if id not in log.control}
    return Completeness(
        conversation.id,
        conversation.digest(),
        log.positions,
        tuple(_gaps(log, waiting)),
        tuple(sorted(wanted - {op.id for op in waiting})),
    )


def _gaps(log: Log, waiting: Iterable[Op]) -> Iterator[Gap]:
    """What lies between the end of each chain and what waits further on, in order."""
    ahead: dict[tuple[AccountId, ChainKey], set[int]] = {}
    for op in waiting:
        header = op.header
        ahead.setdefault((header.account, (header.device, header.chain)), set()).add(header.seq)
    for (account, key), seqs in sorted(ahead.items()):
        start = max(log.count(*key), log.begins_at(key))
        for seq in sorted(seqs):
            if seq > start:
                yield Gap(account, *key, start, seq - 1)
            start = max(start, seq + 1)


class Gaps:
    """Conversations of which the user was told that something is missing."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._noted: dict[Conversation, None] = {}
        self._told: dict[Conversation, None] = {}

    def note(self, conversation: Conversation) -> None:
        """Something was held back in this batch."""
        self._noted[conversation] = None

    def settle(self) -> list[Effect]:
        """After a batch: tell of conversations in which something waits now, and of those in which
        nothing does any more."""
        effects: list[Effect] = []
        for conversation in self._noted:
            if conversation.log.waiting_count and conversation not in self._told:
                self._told[conversation] = None
                missing = sum(gap.count for gap in completeness(conversation).gaps)
                effects.append(Emit(GapFound(conversation.id, missing)))
        self._noted.clear()
        for conversation in [one for one in self._told if self._is_over(one)]:
            del self._told[conversation]
            if not conversation.log.waiting_count:
                effects.append(Emit(GapFilled(conversation.id)))
        return effects

    def _is_over(self, conversation: Conversation) -> bool:
        """Whether nothing waits there any more, or the conversation is left."""
        is_here = self._state.conversations.get(conversation.id) is conversation
        return not is_here or not conversation.log.waiting_count
