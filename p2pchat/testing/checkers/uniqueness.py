"""Nothing is accepted twice.

Repeats are normal: outboxes send again, gossip brings a blob by several ways, sync overlaps. An op
comes in once all the same, and a person is told of a message once.
"""

from __future__ import annotations

from p2pchat.events import Event, MessageReceived
from p2pchat.model.change import AddMessage, AddOp, Change
from p2pchat.model.ids import DeviceId, OpId
from p2pchat.testing.checkers.base import Checker, Complaints
from p2pchat.testing.ledger import Ledger
from p2pchat.testing.lives import Life

__all__ = ["Uniqueness"]


class Uniqueness(Checker):
    """One op, one row, one message, one event."""

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger)
        self._told: set[tuple[DeviceId, OpId]] = set()

    def committed(self, life: Life, change: Change) -> Complaints:
        disk = self.ledger.disk(life.peer.identity.device)
        match change:
            case AddOp(op):
                header = op.header
                if op.id in disk.chain(header.conversation, (header.device, header.chain)):
                    yield f"{life.peer.name} stores {str(op.id)[:8]} twice"
            case AddMessage():
                if change.op in disk.shown:
                    yield f"{life.peer.name} shows {str(change.op)[:8]} twice"
            case _:
                pass

    def told(self, life: Life, event: Event) -> Complaints:
        if isinstance(event, MessageReceived):
            key = (life.peer.identity.device, event.message.id)
            if key in self._told:
                yield f"{life.peer.name} is told of {str(event.message.id)[:8]} twice"
            self._told.add(key)
