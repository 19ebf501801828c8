"""Completeness: which ops of a conversation are known to exist and are not here.

An op names its predecessor by hash and its place by number, and is held back until all before it is
here. So what waits proves, by its author's signature, exactly what is missing; a peer that merely
says to have more proves nothing and is not counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from p2pchat.events import GapFilled, GapFound
from p2pchat.model.completeness import Completeness, Gap
from p2pchat.model.ids import AccountId, OpId
from p2pchat.model.op import Op
from p2pchat.protocol.log import ChainKey, Log
from p2pchat.protocol.machine import Effect, Emit
from p2pchat.protocol.state import Conversation, State

__all__ = ["Gaps", "completeness"]


def completeness(conversation: Conversation) -> Completeness:
    """What is here of a conversation, and what is known to be missing."""
    log, waiting = conversation.log, conversation.log.waiting()
    named = (id for op in waiting for id in (*op.header.deps, *op.header.was))
    wanted = {id for id in named if id not in log.control}
    wanted |= {id for op in waiting if (id := _head(log, op)) is not None}
    return Completeness(
        conversation.id,
        conversation.digest(),
        log.positions,
        (*_gaps(log, waiting), *_owed(log)),
        tuple(sorted(wanted - {op.id for op in waiting})),
        None if conversation.invited is None else str(conversation.invited.rule),
    )


def _head(log: Log, op: Op) -> OpId | None:
    """The op that a limit names, to which one leads that waits for it: till then nobody knows
    whether it was written in time."""
    id, header = log.awaited(op), op.header
    return None if id in (op.id, header.prev, *header.deps, *header.was) else id


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


def _owed(log: Log) -> Iterator[Gap]:
    """What is known to be for us just below parts of chains, as of the last comparison."""
    found = log.parts.owed[1] if log.parts.owed is not None else {}
    for key, floors in sorted(found.items()):
        tip = log.tip(*key)
        if tip is not None:
            places = (floor.seq - 1 for floor in floors)
            yield from (Gap(tip.account, *key, place, place) for place in places)


class Gaps:
    """Authors of whose words the user was told that some are missing. Each stands for itself: what
    one invents hides no gap of another."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._noted: dict[Conversation, None] = {}
        self._told: dict[Conversation, set[AccountId]] = {}

    def note(self, conversation: Conversation) -> None:
        """Something was held back in this batch."""
        self._noted[conversation] = None

    def settle(self) -> list[Effect]:
        """After a batch: tell of authors of whom something waits now, and of those of whom nothing
        does any more."""
        effects: list[Effect] = []
        for conversation in self._noted:
            new = _awaited(conversation) - self._told.get(conversation, set())
            gaps = completeness(conversation).gaps if new else ()
            for account in sorted(new):
                missing = sum(gap.count for gap in gaps if gap.account == account)
                effects.append(Emit(GapFound(conversation.id, account, missing)))
            if new:
                self._told.setdefault(conversation, set()).update(new)
        self._noted.clear()
        for conversation, told in list(self._told.items()):
            effects += self._filled(conversation, told)
        return effects

    def _filled(self, conversation: Conversation, told: set[AccountId]) -> list[Effect]:
        is_here = self._state.conversations.get(conversation.id) is conversation
        filled = told - _awaited(conversation) if is_here else set(told)
        told -= filled
        if not told:
            del self._told[conversation]
        return [Emit(GapFilled(conversation.id, one)) for one in sorted(filled) if is_here]


def _awaited(conversation: Conversation) -> set[AccountId]:
    """Authors of what is held back."""
    return conversation.log.waiting_accounts
