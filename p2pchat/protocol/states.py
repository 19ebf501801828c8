"""States: telling how far our own messages have come.

A message's state is stored nowhere: it follows from counters, so one receipt may move a thousand
messages. Here it is told which ones moved; those too old to be in memory are read from disk.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from p2pchat.events import MessageStateChanged
from p2pchat.model.change import SetDelivery, SetPublished
from p2pchat.model.expected import Expected
from p2pchat.model.ids import AccountId, ConversationId
from p2pchat.model.message import MessageState
from p2pchat.model.op import Chain, Kind, Op
from p2pchat.model.query import OpsQuery
from p2pchat.model.room_change import (
    ExpectMember,
    ForgetMember,
    RoomChange,
    SetLost,
    SetSettled,
)
from p2pchat.model.snapshot import RoomsSnapshot
from p2pchat.protocol.machine import Effect, Emit, ForStates, Load, Loaded, Persist, Published
from p2pchat.protocol.recipient import Delivery, Recipients
from p2pchat.protocol.room_history import given_from
from p2pchat.protocol.room_state import InvitedRoom
from p2pchat.protocol.state import Conversation, State
from p2pchat.wire.ops import restore_op
from p2pchat.wire.receipts import Receipt

__all__ = ["States"]

READ_OPS = 256
READ_BYTES = 1 << 20


class States:
    """Which of our messages are sent and delivered."""

    def __init__(self, state: State, recipients: Recipients) -> None:
        self._state = state
        self._recipients = recipients
        self._published: dict[ConversationId, None] = {}
        """Rooms whose ops were published, which the disk does not know yet."""
        self._read: dict[ConversationId, None] = {}
        """Rooms in which more was read, which the disk does not know yet."""

    def restore(self, rooms: RoomsSnapshot) -> None:
        """Of whom what is expected, as of the last commit."""
        for id, conversation in self._state.conversations.items():
            if conversation.invited is not None and conversation.is_entered:
                self._recipients.expected[id] = Expected()
        known = self._recipients.expected
        for row in rooms.expected:
            if row.conversation in known:
                known[row.conversation].since[row.account] = row.since
        for row in rooms.settled:
            if row.conversation in known:
                known[row.conversation].settled = row.talk
                known[row.conversation].settled_read = row.read
        for row in rooms.lost:
            if row.conversation in known:
                known[row.conversation].lost = list(row.ranges)

    def start(self) -> list[Effect]:
        """Who is in each room, for one that the disk knows nothing of as yet."""
        return [one for room in self._state.conversations.values() for one in self.expect(room)]

    def expect(self, conversation: Conversation) -> list[Effect]:
        """Who is in a room by invitation was judged anew, which also does what counts for nothing.
        Who came is expected to have what we say from now on, and does not hold back what we said
        before; who went holds back nothing."""
        id, me, room = conversation.id, self._state.me, conversation.invited
        if room is None or not room.is_entered:
            return []
        members = room.membership.members()
        expected = self._recipients.expected.setdefault(id, Expected())
        came = {one for one in members if one not in expected.since and one != me.account}
        went = {one for one in expected.since if one not in members}
        if not came and not went:
            return []
        rows: list[RoomChange | SetDelivery] = []
        before, since = self._recipients.delivered(id), dict(expected.since)
        before_read = self._recipients.read(id)
        if before > expected.settled or before_read > expected.settled_read:
            expected.settled, expected.settled_read = before, before_read
            rows.append(SetSettled(id, before, before_read))
        for one in sorted(went):
            del since[one]
            rows.append(ForgetMember(id, one))
        since |= {one: self._since(conversation, room, one, before) for one in sorted(came)}
        if min(since.values(), default=0) > before:
            # What nobody had of whom it was expected is expected of all who are there now, as far
            # as they are given it; otherwise it would count as delivered.
            given = {
                one: given_from(room, one, me.device, at, is_last=True) for one, at in since.items()
            }
            since = {one: max(before, min(at, given[one])) for one, at in since.items()}
        news = [one for one in since if expected.since.get(one) != since[one]]
        rows += [ExpectMember(id, one, since[one]) for one in news]
        had = self._had(id, expected.since)
        rows += self._retract(id, expected.since, since)
        had += self._had(id, since)
        if since and expected.lose(before, min(since.values()), had):
            rows.append(SetLost(id, tuple(expected.lost)))
        expected.since = since
        told = self._delivered(conversation, before) + self.read(conversation, before_read)
        return [*map(Persist, rows), *told]

    def _since(
        self, conversation: Conversation, room: InvitedRoom, account: AccountId, before: int
    ) -> int:
        """From which of our talk on an account is expected to have it, of which it was not until
        now: as a rule from the next. When we come back into a room its ops come one after the
        other, and do not tell who is new; so before we speak there again everybody is expected to
        have what is not called delivered, as far as they are given it: who was in when we spoke
        last, or may have been, has more of it than what it was let in with."""
        me, log = self._state.me, conversation.log
        count, tip = log.count(me.device, Chain.TALK), log.tip(me.device, Chain.TALK)
        known = tip.known if tip is not None else ()
        is_clear = bool(known) and all(id in room.membership for id in known)
        if tip is None or (is_clear and room.membership.knew_all(me.account, known)):
            return count
        if not is_clear or room.membership.standing(account, known).may_read:
            return before
        return max(before, min(count, given_from(room, account, me.device, count, is_last=True)))

    def vouches(self, conversation: Conversation, receipt: Receipt, acked: int) -> bool:
        """Whether a receipt says something of all our talk that is expected of its account, where
        so many were acknowledged before: of what lies below its beginning it says nothing, and by a
        control op that its signer has not heard of that may be for it, too."""
        expected, room = self._recipients.expected.get(conversation.id), conversation.invited
        first = None if expected is None else expected.since.get(receipt.account)
        begin, own = receipt.from_seq, self._state.me.device
        if room is None or first is None or begin <= max(first, acked):
            return True
        return given_from(room, receipt.account, own, begin, is_last=True) >= begin

    def _retract(
        self,
        id: ConversationId,
        before: Mapping[AccountId, int],
        since: Mapping[AccountId, int],
    ) -> list[SetDelivery]:
        """Of whom more is expected than before, lower down, has to say anew what it has."""
        return [
            recipient.row(delivery)
            for recipient in self._recipients.watching(id)
            if (delivery := recipient.deliveries[id]).account in since
            and since[delivery.account] < before.get(delivery.account, 0)
            and delivery.retract(since[delivery.account])
        ]

    def _had(self, id: ConversationId, since: Mapping[AccountId, int]) -> list[tuple[int, int]]:
        """Which of our talk ops members have said to have, of whom that was expected."""
        acked = self._recipients.acked(id)
        return [(first, acked.get(one, 0)) for one, first in since.items()]

    def sent(self, delivery: Delivery, ops: Iterable[Op]) -> list[Effect]:
        """Talk ops are on their way to one more recipient."""
        id, recipients = delivery.conversation, self._recipients
        before = max(recipients.sent(id), recipients.delivered(id))
        delivery.talk_told = max(delivery.talk_told, delivery.sent[Chain.TALK])
        return self._events(id, (op for op in ops if op.header.seq >= before), MessageState.SENT)

    def mailed(self, delivery: Delivery, count: int) -> list[Effect]:
        """So many talk ops lie in a recipient's mailbox."""
        id, recipients = delivery.conversation, self._recipients
        before = max(recipients.sent(id), recipients.delivered(id))
        delivery.talk_told = max(delivery.talk_told, count)
        return self._tell(self._state.conversations[id], before, count, MessageState.SENT)

    def reach(self, conversation: Conversation) -> tuple[int, int]:
        """How many talk ops are delivered, and how many at least sent."""
        id, recipients = conversation.id, self._recipients
        return recipients.delivered(id), max(recipients.sent(id), conversation.published)

    def acknowledged(self, conversation: Conversation, before: tuple[int, int]) -> list[Effect]:
        """A receipt came; `before` it they had come so far. What one has and others have not is
        sent, however it came there."""
        delivered, sent = self.reach(conversation)
        first = max(delivered, before[1])
        told = self._tell(conversation, first, sent, MessageState.SENT)
        return told + self._delivered(conversation, before[0])

    def _delivered(self, conversation: Conversation, before: int) -> list[Effect]:
        after = self._recipients.delivered(conversation.id)
        return self._tell(conversation, before, after, MessageState.DELIVERED)

    def read(self, conversation: Conversation, before: int) -> list[Effect]:
        """Receipts came; `before` them so many messages were read."""
        id = conversation.id
        after, expected = self._recipients.read(id), self._recipients.expected.get(id)
        if expected is not None and after > expected.settled_read:
            expected.settled, expected.settled_read = self._recipients.delivered(id), after
            self._read[id] = None
        return self._tell(conversation, before, after, MessageState.READ)

    def published(self, input: Published) -> list[Effect]:
        """Peers of a room took our ops."""
        conversation = self._state.conversations.get(input.conversation)
        if conversation is None or not input.peers or input.talk_sent <= conversation.published:
            return []
        start = max(self.reach(conversation))
        conversation.published = input.talk_sent
        told = self._tell(conversation, start, input.talk_sent, MessageState.SENT)
        self._published[conversation.id] = None
        return told

    @property
    def is_dirty(self) -> bool:
        """Whether there is something for `flush`."""
        return bool(self._published or self._read)

    def flush(self) -> list[Effect]:
        """How far rooms' ops were published, and read for good, for the disk."""
        known = (self._state.conversations.get(id) for id in self._published)
        rows = [SetPublished(room.id, room.published) for room in known if room is not None]
        self._published.clear()
        expected = ((id, self._recipients.expected.get(id)) for id in self._read)
        settled = [
            SetSettled(id, one.settled, one.settled_read) for id, one in expected if one is not None
        ]
        self._read.clear()
        return [Persist(row) for row in (*rows, *settled)]

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
        return self._events(
            tag.conversation, (op for op in ops if op.header.seq >= first), tag.state
        )

    def _tell(
        self, conversation: Conversation, start: int, stop: int, state: MessageState
    ) -> list[Effect]:
        if start >= stop:
            return []
        ops = conversation.own_recent(Chain.TALK, start, stop)
        if ops is not None:
            return self._events(conversation.id, ops, state)
        return [self._load(ForStates(conversation.id, stop, state), start)]

    def _load(self, tag: ForStates, start: int) -> Effect:
        device = self._state.me.device
        query = OpsQuery(tag.conversation, device, Chain.TALK, start, READ_OPS, READ_BYTES)
        return Load(tag, query)

    def _events(self, id: ConversationId, ops: Iterable[Op], state: MessageState) -> list[Effect]:
        """What is told of texts; of one that was lost no more than that it was sent."""
        expected = self._recipients.expected.get(id)
        texts = (op for op in ops if op.header.kind == Kind.TEXT)
        if expected is not None and state is not MessageState.SENT:
            texts = (op for op in texts if not expected.is_lost(op.header.seq))
        return [Emit(MessageStateChanged(op.id, state)) for op in texts]
