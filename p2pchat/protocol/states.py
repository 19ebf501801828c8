"""States: telling how far our own messages have come.

A message's state is stored nowhere: it follows from counters, so one receipt may move a thousand
messages. Here it is told which ones moved; those too old to be in memory are read from disk.
"""

from __future__ import annotations

from collections.abc import Iterable

from p2pchat.events import MessageStateChanged
from p2pchat.model.change import SetPublished
from p2pchat.model.ids import ConversationId
from p2pchat.model.message import MessageState
from p2pchat.model.op import Chain, Kind, Op
from p2pchat.model.query import OpsQuery
from p2pchat.protocol.machine import Effect, Emit, ForStates, Load, Loaded, Persist, Published
from p2pchat.protocol.recipient import Delivery, Recipients
from p2pchat.protocol.state import Conversation, State
from p2pchat.wire.ops import restore_op

__all__ = ["States"]

READ_OPS = 256
READ_BYTES = 1 << 20


class States:
    """Which of our messages are sent and delivered."""

    def __init__(self, state: State, recipients: Recipients) -> None:
        self._state = state
        self._recipients = recipients
        self.unwritten: dict[ConversationId, None] = {}
        """Rooms whose ops were published, which the disk does not know yet."""

    def sent(self, delivery: Delivery, ops: Iterable[Op]) -> list[Effect]:
        """Talk ops are on their way to one more recipient."""
        id, recipients = delivery.conversation, self._recipients
        before = max(recipients.sent(id), recipients.delivered(id))
        delivery.talk_told = max(delivery.talk_told, delivery.sent[Chain.TALK])
        return _events((op for op in ops if op.header.seq >= before), MessageState.SENT)

    def mailed(self, delivery: Delivery, count: int) -> list[Effect]:
        """So many talk ops lie in a recipient's mailbox."""
        id, recipients = delivery.conversation, self._recipients
        before = max(recipients.sent(id), recipients.delivered(id))
        delivery.talk_told = max(delivery.talk_told, count)
        return self._tell(self._state.conversations[id], before, count, MessageState.SENT)

    def delivered(self, conversation: Conversation, before: int) -> list[Effect]:
        """Receipts came; `before` them so many messages were delivered."""
        after = self._recipients.delivered(conversation.id)
        return self._tell(conversation, before, after, MessageState.DELIVERED)

    def read(self, conversation: Conversation, before: int) -> list[Effect]:
        """Receipts came; `before` them so many messages were read."""
        after = self._recipients.read(conversation.id)
        return self._tell(conversation, before, after, MessageState.READ)

    def published(self, input: Published) -> list[Effect]:
        """Peers of a room took our ops."""
        conversation = self._state.conversations.get(input.conversation)
        if conversation is None or not input.peers or input.talk_sent <= conversation.published:
            return []
        first, conversation.published = conversation.published, input.talk_sent
        start = max(first, self._recipients.delivered(conversation.id))
        told = self._tell(conversation, start, input.talk_sent, MessageState.SENT)
        self.unwritten[conversation.id] = None
        return told

    def flush(self) -> list[Effect]:
        """How far rooms' ops were published, for the disk."""
        known = (self._state.conversations.get(id) for id in self.unwritten)
        rows = [SetPublished(room.id, room.published) for room in known if room is not None]
        self.unwritten.clear()
        return [Persist(row) for row in rows]

    def loaded(self, tag: ForStates, loaded: Loaded) -> list[Effect]:
        """Own ops that changed their state, too old to be in memory."""
        if not loaded.rows:
            return []
        ops = [restore_op(row) for row in loaded.rows if row.seq < tag.upto]
        effects = self._still(tag, ops)
        if loaded.rows[-1].seq + 1 < tag.upto:
            effects.append(self._load(tag, loaded.rows[-1].seq + 1))
        return effects

    def _still(self, tag: ForStates, ops: Iterable[Op]) -> list[Effect]:
        """What was sent may have been delivered while it was read."""
        is_sent = tag.state is MessageState.SENT
        first = self._recipients.delivered(tag.conversation) if is_sent else 0
        return _events((op for op in ops if op.header.seq >= first), tag.state)

    def _tell(
        self, conversation: Conversation, start: int, stop: int, state: MessageState
    ) -> list[Effect]:
        if start >= stop:
            return []
        ops = conversation.own_recent(Chain.TALK, start, stop)
        if ops is not None:
            return _events(ops, state)
        return [self._load(ForStates(conversation.id, stop, state), start)]

    def _load(self, tag: ForStates, start: int) -> Effect:
        device = self._state.me.device
        query = OpsQuery(tag.conversation, device, Chain.TALK, start, READ_OPS, READ_BYTES)
        return Load(tag, query)


def _events(ops: Iterable[Op], state: MessageState) -> list[Effect]:
    ids = [op.id for op in ops if op.header.kind == Kind.TEXT]
    return [Emit(MessageStateChanged(id, state)) for id in ids]
