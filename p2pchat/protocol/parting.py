"""What who was put out of a room by invitation is given to hear of it.

The op that put it out may hang, by `deps`, on ops of others that it lacks: then it is held back for
these, and its device takes itself for a member. So whoever may read a room no more is answered as
far as the ops go by which that came, all that they hang on, and nothing else: it was a member by
what their pasts say. It gets no talk, nothing that was written beside or after, and no secret.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

from p2pchat.model.ids import AccountId, ConversationId, DeviceId, OpId
from p2pchat.model.op import Chain, Position
from p2pchat.protocol.control_graph import Graph
from p2pchat.protocol.state import State
from p2pchat.wire.frames import Wanted

__all__ = ["Parting", "parting_of"]


class Parting:
    """For an account the ops by which it could read no more, and their pasts. They stay so,
    whatever comes."""

    def __init__(self, account: AccountId, graph: Graph, past: int) -> None:
        self.account = account
        self._graph = graph
        self._past = past

    def __contains__(self, id: OpId) -> bool:
        index = self._graph.index.get(id)
        return index is not None and bool(self._past >> index & 1)

    def heads(self) -> tuple[Position, ...]:
        """Where each chain ends in it, sorted by device."""
        return tuple(Position(device, Chain.CONTROL, seq, id) for device, seq, id in self._ends)

    def within(self, wanted: Iterable[Wanted]) -> list[Wanted]:
        """What is asked for that begins no higher than the chain ends in it."""
        ends = {device: seq for device, seq, _ in self._ends}
        return [
            one
            for one in wanted
            if one.chain is Chain.CONTROL and one.from_seq <= ends.get(one.device, -1)
        ]

    @cached_property
    def _ends(self) -> list[tuple[DeviceId, int, OpId]]:
        """Found once: it is much work where somebody forked a long chain."""
        return self._graph.chain_ends(self._past)


def parting_of(state: State, id: ConversationId, peer: DeviceId) -> Parting | None:
    """What a peer may have of a room for having been put out of it, or having gone; None where it
    may read the room, or never was in it, or there is none. Who is out itself answers its own other
    devices alone."""
    conversation, account = state.conversations.get(id), state.directory.accounts.get(peer)
    room = conversation.invited if conversation is not None else None
    if conversation is None or room is None or account is None or not room.is_entered:
        return None
    if state.may_read(conversation, peer):
        return None
    membership, me = room.membership, state.me.account
    last = membership.removal(account)
    if not last or (account != me and not membership.standing(me).may_read):
        return None
    graph = membership.histories.graph
    return Parting(account, graph, graph.closure(last))
