"""Receipts we owe: one signed statement a batch, covering everything below its heads.

In a direct conversation it goes out with the batch that stored the ops. In rooms, where every
member owes every author one, they are gathered for a second.
"""

from __future__ import annotations

from p2pchat.model.ids import ConversationId, DeviceId
from p2pchat.model.machine import Now, SetTimer
from p2pchat.model.op import Chain, Position
from p2pchat.protocol.machine import Effect, Lane, Send
from p2pchat.protocol.reading import Reading
from p2pchat.protocol.reading_vocabulary import ReadingCommand
from p2pchat.protocol.state import Conversation, State
from p2pchat.wire.receipts import Receipt, SignedReceipt, sign_receipt

__all__ = ["Receipts"]

TIMER = "receipts"
ROOM_DELAY_S = 1.0


class Receipts:
    """Which authors are owed a receipt in which conversations."""

    def __init__(self, state: State) -> None:
        self._state = state
        self.reading = Reading(state)
        self._direct: dict[tuple[ConversationId, DeviceId], None] = {}
        self._rooms: dict[tuple[ConversationId, DeviceId], None] = {}
        self._missed: dict[tuple[ConversationId, DeviceId], None] = {}
        self._timer_set = False

    def take_missed(self) -> list[tuple[ConversationId, DeviceId]]:
        """Receipts for authors who were not connected, since it was asked last."""
        missed = list(self._missed)
        self._missed.clear()
        return missed

    def owe(self, conversation: Conversation, author: DeviceId) -> None:
        """Something of `author` is stored (or is still, when it came again)."""
        if author == self._state.me.device:
            return
        owed = self._direct if conversation.other is not None else self._rooms
        owed[conversation.id, author] = None

    def read(self, command: ReadingCommand) -> list[Effect]:
        """The person has read something, or says who is told of that: a receipt tells it."""
        effects, authors = self.reading.handle(command)
        if command.conversation is not None and authors:
            for author in authors:
                self.owe(self._state.conversations[command.conversation], author)
        return effects

    def peer_up(self, author: DeviceId) -> None:
        """What was told of reading may have been lost, and nobody asks for it again."""
        for conversation in self.reading.marked(author):
            self.owe(conversation, author)

    def lost(self, author: DeviceId) -> None:
        """What was on its way to a device is lost, receipts for rooms perhaps among it. Unlike the
        author in a direct conversation, nobody in a room sends again what has no receipt."""
        self.peer_up(author)
        for conversation in self._state.conversations.values():
            if conversation.other is None and conversation.log.count(author, Chain.TALK):
                self.owe(conversation, author)

    def settle(self, now: Now) -> list[Effect]:
        """Receipts of direct conversations at once, those of rooms in a while."""
        effects = self._send(self._direct, now)
        if self._rooms and not self._timer_set:
            self._timer_set = True
            effects.append(SetTimer(TIMER, ROOM_DELAY_S))
        return effects

    def fired(self, now: Now) -> list[Effect]:
        """The gathering of room receipts is over."""
        self._timer_set = False
        return self._send(self._rooms, now)

    def _send(self, owed: dict[tuple[ConversationId, DeviceId], None], now: Now) -> list[Effect]:
        effects: list[Effect] = []
        for id, author in owed:
            conversation = self._state.conversations.get(id)
            if conversation is None:
                continue
            if author not in self._state.connected:
                # Who comes back sends again what it has no receipt for; by mail it may be sooner.
                self._missed[id, author] = None
            elif self._state.may_answer(conversation):
                receipt = self.receipt(conversation, author, now)
                effects.append(Send(author, Lane.LIVE, receipt))
        owed.clear()
        return effects

    def receipt(self, conversation: Conversation, author: DeviceId, now: Now) -> SignedReceipt:
        """What we hold of an author's ops, signed; and of which the content never came."""
        me = self._state.me
        entries = tuple(
            Position(author, chain, tip.seq, tip.id)
            for (device, chain), tips in conversation.log.tips.items()
            if device == author
            for tip in tips
        )
        log = conversation.log
        begin = log.vouched_from(author)
        receipt = Receipt(
            conversation.id,
            me.account,
            me.device,
            entries,
            now.wall_ms,
            begin,
            log.wordless.of(author, begin),
            self.reading.told(conversation, author),
        )
        return sign_receipt(receipt, me.signer)
