"""Nobody who is owed something is given up.

Whoever could not be reached is met again in many ways: the other side dials, peering seeks company,
a look-up in the DHT passes by. So in a small world a lost retry does no harm that could be seen,
and in a large one a message waits for chance. Therefore it is the retry that is asked for.
"""

from __future__ import annotations

from p2pchat.model.change import Change
from p2pchat.model.ids import PeerId
from p2pchat.protocol.recipient import Link
from p2pchat.testing.checkers.base import Checker, Complaints
from p2pchat.testing.lives import Life
from p2pchat.wire.frames import Frame

__all__ = ["Perseverance"]

RESTING = frozenset({Link.WAITING, Link.PAUSED})


class Perseverance(Checker):
    """A device that is owed something and not being served has a timer."""

    def committed(self, life: Life, change: Change) -> Complaints:
        yield from self._forsaken(life)

    def sent(self, life: Life, to: PeerId, frame: Frame) -> Complaints:
        yield from self._forsaken(life)

    def _forsaken(self, life: Life) -> Complaints:
        if life.node is None:
            return
        outbox = life.node.chat.outbox
        for device, recipient in outbox.recipients.by_device.items():
            if recipient.link in RESTING and not recipient.timer_set and outbox.owes(recipient):
                yield f"{life.peer.name} has given up {device.peer_id.short}"
