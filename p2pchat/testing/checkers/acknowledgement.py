"""Nothing is acknowledged before it is stored, and nothing is called delivered that is not.

A receipt lets the author forget its duty to send again, so a receipt that runs ahead of the disk
loses messages.
"""

from __future__ import annotations

from p2pchat.events import Event, MessageStateChanged
from p2pchat.model.ids import OpId, PeerId
from p2pchat.model.message import MessageState
from p2pchat.testing.checkers.base import Checker, Complaints
from p2pchat.testing.lives import Life
from p2pchat.wire.frames import Frame
from p2pchat.wire.receipts import SignedReceipt

__all__ = ["Acknowledgement"]


class Acknowledgement(Checker):
    """Receipts name heads that are stored; delivered is what a recipient has stored."""

    def sent(self, life: Life, to: PeerId, frame: Frame) -> Complaints:
        if not isinstance(frame, SignedReceipt):
            return
        own = life.peer.identity.device
        for entry in frame.receipt.entries:
            header = self.ledger.headers.get(entry.head)
            if not self.ledger.has_stored(own, entry.head) or header is None:
                yield f"{life.peer.name} acknowledges {str(entry.head)[:8]}, not on its disk"
            elif header.seq != entry.seq:
                yield f"{life.peer.name} acknowledges up to {entry.seq}, has up to {header.seq}"

    def told(self, life: Life, event: Event) -> Complaints:
        match event:
            case MessageStateChanged(id, MessageState.DELIVERED) if not self._is_delivered(id):
                yield f"{life.peer.name} calls {str(id)[:8]} delivered, which no recipient has"
            case _:
                pass

    def _is_delivered(self, id: OpId) -> bool:
        header = self.ledger.headers[id]
        parties = self.ledger.parties(header.conversation) or self.ledger.names
        recipients = [device for device in parties if device != header.device]
        return any(
            self.ledger.has_stored(device, id) or not self.ledger.is_honest(device)
            for device in recipients
        )
