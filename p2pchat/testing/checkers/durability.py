"""Nothing committed is lost.

Whatever befell a peer, its next life begins with exactly the heads that its disk holds, and every
op below them can be read back.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from p2pchat.model.ids import ConversationId, OpId
from p2pchat.model.query import OpsQuery
from p2pchat.testing.checkers.base import Checker, Complaints
from p2pchat.testing.ledger import ChainKey
from p2pchat.testing.lives import Life, Peer

__all__ = ["Durability"]

EVERYTHING = 1 << 30


class Durability(Checker):
    """Memory, disk and ledger agree."""

    def opened(self, life: Life) -> Complaints:
        assert life.node is not None, "its node runs"
        state = life.node.chat.state
        for id, key, held in self._chains(life.peer):
            tips = list(state.left[id].talk) if id in state.left else []
            tips += (
                state.conversations[id].log.tips.get(key, ()) if id in state.conversations else ()
            )
            if held[-1] not in [tip.id for tip in tips]:
                yield f"{life.peer.name} begins a life without op {len(held) - 1} of a chain"

    def settled(self, peers: Sequence[Peer]) -> Complaints:
        for peer in peers:
            for id, (device, chain), held in self._chains(peer):
                query = OpsQuery(id, device, chain, 0, EVERYTHING, EVERYTHING)
                found = {row.id for row in peer.store.ops(query)}
                if not found.issuperset(held):
                    yield f"{peer.name} lost {len(set(held) - found)} committed ops of a chain"

    def _chains(self, peer: Peer) -> Iterator[tuple[ConversationId, ChainKey, list[OpId]]]:
        for id, chains in self.ledger.disk(peer.identity.device).chains.items():
            for key, held in chains.items():
                yield id, key, held
