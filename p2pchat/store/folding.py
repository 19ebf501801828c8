"""How far our own messages have come, folded from what the recipients' devices acknowledged.

A message's state is never stored: it follows from a few counters a conversation, so one receipt
moves a thousand messages by writing one row. Pure, and shared by every store, so that two stores
cannot disagree.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from typing import NamedTuple, assert_never

from p2pchat.model.change import Counting
from p2pchat.model.expected import Expected
from p2pchat.model.message import MessageState

__all__ = ["Progress", "Reach"]


class Reach(NamedTuple):
    """How many of our talk ops one device of `account` has acknowledged, was sent, and has said to
    have been read."""

    account: Hashable
    talk_acked: int
    talk_sent: int
    talk_read: int = 0


@dataclass(frozen=True, slots=True)
class Progress:
    """Of our talk chain in one conversation, ops with a lower `seq` are read, delivered or
    sent; those that are `lost` are sent at most."""

    delivered: int = 0
    sent: int = 0
    read: int = 0
    lost: tuple[tuple[int, int], ...] = ()

    @classmethod
    def of(
        cls, reaches: Iterable[Reach], published: int, expected: Expected[Hashable] | None = None
    ) -> Progress:
        """Delivered to an account is what any one of its devices has; delivered at all is what
        every account has of which it is expected, or, where nobody knows who is there, that ever
        had something; so it is with what was read. Sent is what reached anybody."""
        acked: dict[Hashable, int] = {}
        read: dict[Hashable, int] = {}
        sent = published
        for reach in reaches:
            acked[reach.account] = max(acked.get(reach.account, 0), reach.talk_acked)
            read[reach.account] = max(read.get(reach.account, 0), reach.talk_read)
            sent = max(sent, reach.talk_sent, reach.talk_acked)
        if expected is None:
            return cls(min(acked.values(), default=0), sent, min(read.values(), default=0))
        lost = tuple(expected.lost)
        return cls(expected.delivered(acked), sent, expected.read(acked, read), lost)

    def state(self, seq: int, *, own: Counting) -> MessageState:
        """The state of the message at `seq`; a message of others is always delivered, and one of
        another device of ours is at least sent: it has come to us."""
        match own:
            case Counting.NOBODY:
                return MessageState.DELIVERED
            case Counting.ELSEWHERE:
                return MessageState.SENT
            case Counting.HERE if any(first <= seq < end for first, end in self.lost):
                return MessageState.SENT if seq < self.sent else MessageState.QUEUED
            case Counting.HERE if seq < self.read:
                return MessageState.READ
            case Counting.HERE if seq < self.delivered:
                return MessageState.DELIVERED
            case Counting.HERE:
                return MessageState.SENT if seq < self.sent else MessageState.QUEUED
            case _:
                assert_never(own)
