"""Who is in a conversation comes to hold the same of it. Of rooms by invitation, in which some know
that they are members and others are told so, `fellowship` asks.

Asked when the time that this may take has passed since everything healed: three sync intervals and
one more for each doubling of the members (`p2pchat.testing.scenario.healing_s`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from p2pchat.model.ids import ConversationId, DeviceId
from p2pchat.testing.checkers.base import Checker, Complaints
from p2pchat.testing.lives import Peer

__all__ = ["Convergence"]


class Convergence(Checker):
    """The heads of all members are equal, and nothing waits for what should be here."""

    def settled(self, peers: Sequence[Peer]) -> Complaints:
        by_device = {peer.identity.device: peer for peer in peers}
        for id, devices in self._conversations():
            members = [by_device[device] for device in devices if device in by_device]
            digests = {_digest(peer, id): peer.name for peer in members}
            if len(digests) > 1:
                some = " and ".join(sorted(digests.values())[:2])
                yield f"{some} hold different heads of {str(id)[:8]} among {len(members)} members"

    def _conversations(self) -> Iterator[tuple[ConversationId, Sequence[DeviceId]]]:
        for id in self.ledger.open_rooms():
            yield id, self.ledger.members(id)
        for id, parties in self.ledger.direct():
            yield id, sorted(parties)


def _digest(peer: Peer, id: ConversationId) -> bytes:
    """What a peer's log of a conversation comes to, in memory."""
    node = peer.running.node if peer.running is not None else None
    assert node is not None, "all peers are up"
    conversation = node.chat.state.conversations.get(id)
    return conversation.digest() if conversation is not None else b"none"
