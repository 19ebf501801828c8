"""Nobody is told what could still be lost.

A reply to `send` and every event come after the commit of what they speak of, so a crash in the
next instant makes no liar of the program.
"""

from __future__ import annotations

from p2pchat.events import (
    ContactAccepted,
    ContactRequested,
    Event,
    MessageReceived,
    MessageStateChanged,
    RoomJoined,
)
from p2pchat.model.ids import OpId
from p2pchat.model.message import Message
from p2pchat.testing.checkers.base import Checker, Complaints
from p2pchat.testing.lives import Life

__all__ = ["Promises"]


class Promises(Checker):
    """What subscribers and callers hear is on disk."""

    def promised(self, life: Life, message: Message) -> Complaints:
        yield from self._stored(life, message.id)

    def told(self, life: Life, event: Event) -> Complaints:
        disk = self.ledger.disk(life.peer.identity.device)
        match event:
            case MessageReceived(message):
                yield from self._stored(life, message.id)
            case MessageStateChanged(id):
                yield from self._stored(life, id)
            case ContactRequested(account) | ContactAccepted(account):
                if account not in disk.contacts:
                    yield f"{life.peer.name} is told of a contact that is not on its disk"
            case RoomJoined(room):
                if room.id not in disk.rooms:
                    yield f"{life.peer.name} is told of a room that is not on its disk"
            case _:
                pass

    def _stored(self, life: Life, op: OpId) -> Complaints:
        if not self.ledger.has_stored(life.peer.identity.device, op):
            yield f"{life.peer.name} is told of {str(op)[:8]}, which is not on its disk"
