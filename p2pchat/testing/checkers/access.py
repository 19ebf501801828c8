"""Nobody reads or writes where they may not.

A direct conversation is the business of two devices: no third writes in it, no frame about it goes
to a third, none of its ops lands on a third disk, and what is said there is found in no other bytes
that leave a peer - not in gossip, not in the DHT. Who asks to be a contact learns nothing before
the answer.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import assert_never

from p2pchat.model.change import AddOp, Change
from p2pchat.model.contact import ContactState
from p2pchat.model.ids import ConversationId, PeerId
from p2pchat.net.port import ProtocolId
from p2pchat.testing.checkers.base import Checker, Complaints
from p2pchat.testing.lives import Life
from p2pchat.wire.frames import (
    Compare,
    Frame,
    Hello,
    Ops,
    SyncDigest,
    SyncFrontier,
    SyncPage,
    SyncPull,
    Typing,
    Welcome,
)
from p2pchat.wire.joining import Join, JoinRefused
from p2pchat.wire.receipts import SignedReceipt
from p2pchat.wire.sender_keys import SignedSenderKey

__all__ = ["CANARY", "Access"]

CANARY = "whispered"
"""A word that every text of a direct conversation holds, and nothing else."""


class Access(Checker):
    """What is about a direct conversation stays between its two."""

    def committed(self, life: Life, change: Change) -> Complaints:
        if isinstance(change, AddOp):
            header = change.op.header
            parties = self.ledger.parties(header.conversation)
            if parties is not None and life.peer.identity.device not in parties:
                yield f"{life.peer.name} holds an op of a conversation of others"
            elif parties is not None and header.device not in parties:
                author = self.ledger.names.get(header.device, "somebody")
                yield f"{life.peer.name} lets {author} write in a conversation of others"

    def sent(self, life: Life, to: PeerId, frame: Frame) -> Complaints:
        for conversation in _conversations(frame):
            parties = self.ledger.parties(conversation)
            if parties is None:
                continue
            reader = self.ledger.names.get(to.device, "somebody") if to.device else "somebody"
            what = type(frame).__name__
            if to.device not in parties:
                yield f"{life.peer.name} gives {reader} a {what} about a conversation of others"
            elif self._is_unanswered(life, conversation):
                yield f"{life.peer.name} gives {reader} a {what} before it said yes or no"

    def uttered(self, life: Life, to: PeerId, protocol: ProtocolId, frame: bytes) -> Complaints:
        if CANARY.encode() in frame:
            yield f"{life.peer.name} tells on {protocol} what was said in confidence"

    def _is_unanswered(self, life: Life, conversation: ConversationId) -> bool:
        """Whether the other side of a conversation has asked and got no answer."""
        own = life.peer.identity.device
        states = self.ledger.disk(own).contacts
        other = self.ledger.other_account(conversation, own)
        return states.get(other) is ContactState.REQUEST


def _conversations(frame: Frame) -> Iterator[ConversationId]:
    """Which conversations a frame speaks about."""
    match frame:
        case Ops(ops):
            yield from {op.header.conversation: None for op in ops}
        case SignedReceipt(receipt):
            yield receipt.conversation
        case SyncDigest(id) | SyncFrontier(id) | SyncPull(id) | SyncPage(id):
            yield id
        case Welcome():
            yield frame.conversation
        case SignedSenderKey(said):
            yield said.conversation
        case Hello() | Compare() | Typing() | Join() | JoinRefused():
            pass  # whoever has a link may ask, and nothing of a conversation is said
        case _:
            assert_never(frame)
