"""Every log is a prefix of what its author wrote.

So a gap is known exactly, nothing can be slipped in between, and two peers that hold as much of a
chain hold the same of it.
"""

from __future__ import annotations

from p2pchat.model.change import AddOp, Change, SetFloor
from p2pchat.model.op import Chain, Op
from p2pchat.testing.checkers.base import Checker, Complaints
from p2pchat.testing.lives import Life

__all__ = ["Prefixes"]


class Prefixes(Checker):
    """A chain grows by the op that its author put next, and begins where it has to."""

    def committed(self, life: Life, change: Change) -> Complaints:
        match change:
            case AddOp(op) if op.header.device == life.peer.identity.device:
                yield from self._written(life, op)
            case AddOp(op) if self.ledger.is_honest(op.header.device):
                yield from self._taken(life, change)
            case SetFloor() if self.ledger.parties(change.conversation) is not None:
                yield f"{life.peer.name} lets a chain of a direct conversation begin late"
            case SetFloor(id, device, Chain.TALK) if device == life.peer.identity.device:
                disk, key = self.ledger.disk(device), (device, Chain.TALK)
                if change.seq > disk.floor(id, key) + len(disk.chain(id, key)):
                    yield f"{life.peer.name} lets its own chain begin above all that it holds"
            case _:
                pass

    def _written(self, life: Life, op: Op) -> Complaints:
        header = op.header
        before = self.ledger.written(header.conversation, (header.device, header.chain))
        if op.id in before[header.seq : header.seq + 1]:
            return  # it left a room, and is given back what it ruled there
        prev = before[-1] if before else None
        if (header.seq, header.prev) != (len(before), prev):
            yield f"{life.peer.name} writes a second op number {header.seq} into one chain"

    def _taken(self, life: Life, added: AddOp) -> Complaints:
        op, header = added.op, added.op.header
        disk = self.ledger.disk(life.peer.identity.device)
        key = (header.device, header.chain)
        written = self.ledger.written(header.conversation, key)
        author = self.ledger.names[header.device]
        if op.id not in written[header.seq : header.seq + 1]:
            yield f"{life.peer.name} takes an op number {header.seq} that {author} never wrote"
        if added.is_beneath:
            if header.seq >= disk.floor(header.conversation, key):
                yield f"{life.peer.name} takes op {header.seq} of {author} for one below its floor"
            return
        held = len(disk.chain(header.conversation, key))
        due = disk.floor(header.conversation, key) + held
        if header.seq != due:
            yield f"{life.peer.name} takes op {header.seq} of {author}, though {due} comes next"
