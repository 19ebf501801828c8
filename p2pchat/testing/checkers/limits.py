"""Queues stay within their limits.

What a remote peer can make grow is bounded in `config.limits`; the bounds are measured here, where
things are kept, at every step. A queue may be over by what was put last: that is what empties it.
"""

from __future__ import annotations

from operator import sub

from p2pchat.config.limits import Limits
from p2pchat.model.change import Change
from p2pchat.model.ids import PeerId
from p2pchat.node.node import Node
from p2pchat.testing.checkers.base import Checker, Complaints
from p2pchat.testing.lives import Life
from p2pchat.wire.frames import Frame

__all__ = ["QueueLimits"]


class QueueLimits(Checker):
    """Held-back ops, unacknowledged ops and bytes that wait are bounded."""

    def committed(self, life: Life, change: Change) -> Complaints:
        if life.node is not None:
            yield from self._measure(life, life.node)

    def sent(self, life: Life, to: PeerId, frame: Frame) -> Complaints:
        if life.node is not None:
            yield from self._measure(life, life.node)

    def _measure(self, life: Life, node: Node) -> Complaints:
        limits, name = life.peer.options.config.limits, life.peer.name
        for conversation in node.chat.state.conversations.values():
            if conversation.log.waiting_count > limits.pending_ops_max:
                yield f"{name} holds back {conversation.log.waiting_count} ops"
        yield from _unacknowledged(name, node, limits)
        queued = node.around.lanes.longest_queue_bytes
        if queued > limits.peer_queue_bytes_max + limits.frame_bytes_max:
            yield f"{name} lets {queued} bytes wait for one peer"


def _unacknowledged(name: str, node: Node, limits: Limits) -> Complaints:
    for recipient in node.chat.outbox.recipients.by_device.values():
        for delivery in recipient.deliveries.values():
            most = max(
                map(sub, delivery.sent.values(), map(delivery.acked.__getitem__, delivery.sent))
            )
            if most > limits.unacknowledged_ops_max:
                yield f"{name} has {most} ops unacknowledged"
