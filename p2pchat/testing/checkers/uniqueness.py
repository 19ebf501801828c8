"""Nothing is accepted twice.

Repeats are normal: outboxes send again, gossip brings a blob by several ways, sync overlaps. An op
comes in once all the same, and a person is told of a message once - or once more after leaving the
room and coming back, since leaving forgets.
"""

from __future__ import annotations

from p2pchat.events import Event, MessageReceived, RoomJoined
from p2pchat.model.change import AddMessage, AddOp, Change
from p2pchat.model.ids import ConversationId, DeviceId, OpId
from p2pchat.model.room_change import PutRoom
from p2pchat.testing.checkers.base import Checker, Complaints
from p2pchat.testing.ledger import Ledger
from p2pchat.testing.lives import Life

__all__ = ["Uniqueness"]


class Uniqueness(Checker):
    """One op, one row, one message, one event."""

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger)
        self._told: dict[tuple[DeviceId, ConversationId], set[OpId]] = {}

    def committed(self, life: Life, change: Change) -> Complaints:
        disk = self.ledger.disk(life.peer.identity.device)
        match change:
            case AddOp(op):
                header = op.header
                if op.id in disk.chain(header.conversation, (header.device, header.chain)):
                    yield f"{life.peer.name} stores {str(op.id)[:8]} twice"
            case AddMessage():
                if change.op in disk.shown.get(change.conversation, ()):
                    yield f"{life.peer.name} shows {str(change.op)[:8]} twice"
            case PutRoom(id, is_entered=True):
                self._told.pop((life.peer.identity.device, id), None)
            case _:
                pass

    def told(self, life: Life, event: Event) -> Complaints:
        """A batch is told of when all of it is on disk: what came just before a room was left is
        told after that. So a new count begins when the room is entered again: who crashes right
        then sees that, and is told of it by nobody."""
        device = life.peer.identity.device
        match event:
            case RoomJoined(room):
                self._told.pop((device, room.id), None)
            case MessageReceived(message):
                told = self._told.setdefault((device, message.conversation), set())
                if message.id in told:
                    yield f"{life.peer.name} is told of {str(message.id)[:8]} twice"
                told.add(message.id)
            case _:
                pass
