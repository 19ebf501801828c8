"""A forked log is kept whole, and everybody is warned.

Two ops in one place are the author's doing or a thief's. To drop one would leave the choice of
history to whoever is first; so both stay, at every member alike, and each member is told.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from p2pchat.events import Event, SecurityAlert
from p2pchat.model.ids import AccountId, ConversationId, DeviceId, OpId
from p2pchat.testing.checkers.base import Checker, Complaints
from p2pchat.testing.ledger import ChainKey, Ledger
from p2pchat.testing.lives import Life, Peer

__all__ = ["Forks"]


class Forks(Checker):
    """All branches of a villain's chain are at all members, who have heard of it."""

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger)
        self._warned: set[tuple[DeviceId, AccountId]] = set()

    def told(self, life: Life, event: Event) -> Complaints:
        if isinstance(event, SecurityAlert):
            self._warned.add((life.peer.identity.device, event.account))
        return ()

    def settled(self, peers: Sequence[Peer]) -> Complaints:
        for id, key, branches in self._forks():
            villain = self.ledger.names[key[0]]
            account = self.ledger.headers[next(iter(branches))].account
            for peer in peers:
                device = peer.identity.device
                disk = self.ledger.disk(device)
                if id not in disk.rooms:
                    continue
                if not branches.issubset(disk.chain(id, key)):
                    yield f"{peer.name} holds one history of {villain}, who wrote two"
                elif peer.lives == 1 and (device, account) not in self._warned:
                    yield f"{peer.name} was not warned that {villain} wrote two histories"

    def _forks(self) -> Iterator[tuple[ConversationId, ChainKey, set[OpId]]]:
        """Where several ops are known for one place, these ops."""
        places: dict[tuple[ConversationId, ChainKey, int], set[OpId]] = {}
        for id, header in self.ledger.headers.items():
            if not self.ledger.is_honest(header.device):
                key = (header.device, header.chain)
                places.setdefault((header.conversation, key, header.seq), set()).add(id)
        for (id, key, _), ops in places.items():
            if len(ops) > 1:
                yield id, key, ops
