"""Nothing is sent before it is on disk.

An op that others hold and its author forgot in a crash would be followed by another op in its
place: the author would fork its own log.
"""

from __future__ import annotations

from p2pchat.model.ids import PeerId
from p2pchat.testing.checkers.base import Checker, Complaints
from p2pchat.testing.lives import Life
from p2pchat.wire.frames import Frame, Ops

__all__ = ["Persistence"]


class Persistence(Checker):
    """Own ops in frames and blobs are committed."""

    def sent(self, life: Life, to: PeerId, frame: Frame) -> Complaints:
        if isinstance(frame, Ops):
            yield from self._unstored(life, frame)

    def published(self, life: Life, to: PeerId, blob: Ops) -> Complaints:
        yield from self._unstored(life, blob)

    def _unstored(self, life: Life, frame: Ops) -> Complaints:
        own = life.peer.identity.device
        for op in frame.ops:
            if op.header.device == own and not self.ledger.has_stored(own, op.id):
                yield f"{life.peer.name} sends its op {str(op.id)[:8]}, which is not on its disk"
