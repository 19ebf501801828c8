"""The outbox: what lies between our head and each recipient's last receipt.

It is no queue of messages. A recipient device acknowledges heads; what is above them is owed, is
sent when the device is connected, and is sent again when no receipt comes. Ops are taken from the
last few in memory or else from disk, so that owing a million costs nothing but the disk. Repeats
are harmless, because an op's id is its hash.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto

from p2pchat.events import MessageStateChanged
from p2pchat.model.change import PutReceipt, SetDelivery, SetPublished
from p2pchat.model.ids import AccountId, ConversationId, DeviceId, OpId
from p2pchat.model.machine import ClearTimer, Now, SetTimer
from p2pchat.model.message import MessageState
from p2pchat.model.op import Chain, Kind, Op
from p2pchat.model.query import OpsQuery
from p2pchat.protocol.machine import (
    Dial,
    Effect,
    Emit,
    ForOutbox,
    ForStates,
    Lane,
    Load,
    Loaded,
    Persist,
    Published,
    Send,
)
from p2pchat.protocol.state import Conversation, State
from p2pchat.wire.frames import OPS_PER_FRAME_MAX, Ops
from p2pchat.wire.ops import restore_op
from p2pchat.wire.receipts import SignedReceipt

FLUSH_TIMER = "outbox"
FLUSH_DELAY_S = 0.025
"""State that is nobody's only proof rides on the next commit, or waits this long."""
RETRY_PREFIX = "retry:"
SILENCE_S = 15.0
"""Without a receipt for so long what was sent is taken for lost."""
BACK_OFF_S_MIN, BACK_OFF_S_MAX = 1.0, 60.0
UNANSWERED_S_MAX = 600.0


class Link(Enum):
    """How a recipient is reached at the moment."""

    IDLE = auto()
    """Not connected, and nothing owed."""
    DIALLING = auto()
    WAITING = auto()
    """Not connected; a timer will try again."""
    UP = auto()
    PAUSED = auto()
    """Connected, but what was sent got lost; a timer will send again."""


class Turn(Enum):
    """What happens to a link."""

    DIAL = auto()
    FAILED = auto()
    REST = auto()
    CONNECTED = auto()
    RESUME = auto()
    LOST = auto()


TRANSITIONS: dict[tuple[Link, Turn], Link] = {
    (Link.IDLE, Turn.DIAL): Link.DIALLING,
    (Link.IDLE, Turn.CONNECTED): Link.UP,
    (Link.IDLE, Turn.FAILED): Link.WAITING,
    (Link.DIALLING, Turn.FAILED): Link.WAITING,
    (Link.DIALLING, Turn.REST): Link.IDLE,
    (Link.DIALLING, Turn.CONNECTED): Link.UP,
    (Link.WAITING, Turn.DIAL): Link.DIALLING,
    (Link.WAITING, Turn.REST): Link.IDLE,
    (Link.WAITING, Turn.CONNECTED): Link.UP,
    (Link.UP, Turn.FAILED): Link.PAUSED,
    (Link.UP, Turn.LOST): Link.IDLE,
    (Link.PAUSED, Turn.RESUME): Link.UP,
    (Link.PAUSED, Turn.LOST): Link.IDLE,
}


@dataclass(slots=True, eq=False)
class Delivery:
    """How far one recipient device has come with our ops of one conversation (counts of ops)."""

    conversation: ConversationId
    acked: dict[Chain, int] = field(default_factory=lambda: dict.fromkeys(Chain, 0))
    sent: dict[Chain, int] = field(default_factory=lambda: dict.fromkeys(Chain, 0))
    """On this connection; back to `acked` when it is lost."""
    talk_told: int = 0
    """The highest count ever sent, which is what `sent` means to a person."""
    loading: bool = False


@dataclass(slots=True, eq=False)
class Recipient:
    """One device that is owed our ops."""

    device: DeviceId
    account: AccountId
    link: Link = Link.IDLE
    attempts: int = 0
    next_try_ms: int = 0
    last_error: str = ""
    deliveries: dict[ConversationId, Delivery] = field(
        default_factory=dict[ConversationId, Delivery]
    )
    progress_s: float = 0.0
    """When it last acknowledged something, or had nothing to."""
    timer_set: bool = False


class Outbox:
    """Who is owed what, and the way it takes."""

    def __init__(self, state: State) -> None:
        self._state = state
        self.recipients: dict[DeviceId, Recipient] = {}
        self._watching: dict[ConversationId, dict[DeviceId, Recipient]] = {}
        self._touched: dict[ConversationId, None] = {}
        self._dirty: dict[tuple[DeviceId, ConversationId], None] = {}

    # Restart

    def restore(self, row: SetDelivery) -> None:
        """A delivery as of the last commit."""
        recipient = self._recipient(row.account, row.device)
        recipient.attempts, recipient.last_error = row.attempts, row.last_error
        acked = {Chain.CONTROL: row.control_acked, Chain.TALK: row.talk_acked}
        delivery = Delivery(row.conversation, acked, dict(acked), row.talk_sent)
        self._add(recipient, delivery)

    def start(self) -> list[Effect]:
        """Try everybody who is owed something."""
        owing = [r for r in self.recipients.values() if self.owes(r)]
        return [effect for recipient in owing for effect in self._dial(recipient)]

    # What is owed

    def watch(
        self, conversation: ConversationId, account: AccountId, device: DeviceId
    ) -> list[Effect]:
        """From now on a device is owed our ops of a conversation."""
        recipient = self._recipient(account, device)
        if conversation in recipient.deliveries:
            return []
        delivery = Delivery(conversation)
        self._add(recipient, delivery)
        if device in self._state.connected:
            self._turn(recipient, Turn.CONNECTED)
        self._touched[conversation] = None
        return [Persist(self._row(recipient, delivery))]

    def touch(self, conversation: ConversationId) -> None:
        """We wrote something, or something became sendable; `settle` sends it."""
        self._touched[conversation] = None

    @property
    def is_flushed(self) -> bool:
        """Whether the disk knows all that is known here."""
        return not self._dirty

    def owed_count(self) -> int:
        """How many of our messages some recipient has not acknowledged."""
        return sum(
            max(0, self._total(id, Chain.TALK) - self._delivered(id)) for id in self._watching
        )

    def owed_devices(self) -> list[DeviceId]:
        """Who is owed something."""
        return [device for device, row in self.recipients.items() if self.owes(row)]

    # Links

    def peer_up(self, device: DeviceId, now: Now) -> list[Effect]:
        recipient = self.recipients.get(device)
        if recipient is None:
            return []
        self._turn(recipient, Turn.CONNECTED)
        recipient.progress_s = now.monotonic_s
        return self._begin_again(recipient)

    def peer_down(self, device: DeviceId, reason: str, now: Now) -> list[Effect]:
        recipient = self.recipients.get(device)
        if recipient is None:
            return []
        self._turn(recipient, Turn.LOST)
        self._rewind(recipient)
        return self._fail(recipient, reason, now)

    def dial_failed(self, device: DeviceId, reason: str, now: Now) -> list[Effect]:
        recipient = self.recipients.get(device)
        if recipient is None or recipient.link is not Link.DIALLING:
            return []
        return self._fail(recipient, reason, now)

    def send_failed(self, device: DeviceId, reason: str, now: Now) -> list[Effect]:
        """What was queued is gone, though the device may still be connected."""
        recipient = self.recipients.get(device)
        if recipient is None or recipient.link is not Link.UP:
            return []
        self._rewind(recipient)
        return self._fail(recipient, reason, now)

    def fired(self, device: DeviceId, now: Now) -> list[Effect]:
        """A recipient's timer: dial again, or take what was sent for lost."""
        recipient = self.recipients.get(device)
        if recipient is None:
            return []
        recipient.timer_set = False
        match recipient.link:
            case Link.WAITING if self.owes(recipient):
                return self._dial(recipient)
            case Link.WAITING:
                self._turn(recipient, Turn.REST)
                return []
            case Link.PAUSED:
                self._turn(recipient, Turn.RESUME)
                return self._begin_again(recipient)
            case Link.UP if self._in_flight(recipient):
                return self._check_silence(recipient, now)
            case _:
                return []

    def _check_silence(self, recipient: Recipient, now: Now) -> list[Effect]:
        """Send again when no receipt came for long."""
        silence_s = now.monotonic_s - recipient.progress_s
        if silence_s < SILENCE_S:
            return self._set_timer(recipient, SILENCE_S - silence_s)
        effects = self._begin_again(recipient)
        return effects + self._retry_later(recipient, "no receipt came", now, UNANSWERED_S_MAX)

    def _begin_again(self, recipient: Recipient) -> list[Effect]:
        """Send from the last acknowledgement on, when the batch is decided."""
        self._rewind(recipient)
        for conversation in recipient.deliveries:
            self._touched[conversation] = None
        return self._clear_timer(recipient)

    def _fail(self, recipient: Recipient, reason: str, now: Now) -> list[Effect]:
        """Try again later what is owed."""
        if not self.owes(recipient):
            self._turn(recipient, Turn.REST)
            return []
        self._turn(recipient, Turn.FAILED)
        return self._retry_later(recipient, reason, now, BACK_OFF_S_MAX)

    # Receipts

    def receipt(self, signed: SignedReceipt, now: Now) -> list[Effect]:
        """A device says what it holds of ours."""
        receipt, me = signed.receipt, self._state.me
        conversation = self._state.conversations.get(receipt.conversation)
        if conversation is None or not self._may_acknowledge(conversation, signed):
            self._state.refuse("receipt out of place")
            return []
        effects = self.watch(conversation.id, receipt.account, receipt.device)
        recipient = self.recipients[receipt.device]
        delivery = recipient.deliveries[conversation.id]
        before = self._delivered(conversation.id)
        moved = False
        for entry in receipt.entries:
            count = entry.seq + 1
            if entry.device != me.device or count > self._total(conversation.id, entry.chain):
                continue
            if count > delivery.acked[entry.chain]:
                delivery.acked[entry.chain] = count
                delivery.sent[entry.chain] = max(delivery.sent[entry.chain], count)
                moved = True
        if not moved:
            return effects
        if recipient.attempts and recipient.link is Link.UP:
            effects += self._clear_timer(recipient)  # it may be minutes away
        recipient.progress_s, recipient.attempts = now.monotonic_s, 0
        recipient.last_error, recipient.next_try_ms = "", 0
        self._touched[conversation.id] = None
        self._mark(recipient, delivery)
        effects.append(
            Persist(PutReceipt(conversation.id, receipt.device, signed.body, signed.signature))
        )
        return effects + self._tell(conversation, before)

    def published(self, input: Published) -> list[Effect]:
        """Peers of a room took our ops."""
        conversation = self._state.conversations.get(input.conversation)
        if conversation is None or not input.peers or input.talk_sent <= conversation.published:
            return []
        first, conversation.published = conversation.published, input.talk_sent
        effects: list[Effect] = [Persist(SetPublished(conversation.id, input.talk_sent))]
        delivered = self._delivered(conversation.id)
        start = max(first, delivered)
        return effects + self._states(conversation, start, input.talk_sent, MessageState.SENT)

    # Sending

    def loaded(self, tag: ForOutbox, loaded: Loaded) -> list[Effect]:
        """Older ops came from disk."""
        recipient = self.recipients.get(tag.device)
        delivery = recipient.deliveries.get(tag.conversation) if recipient else None
        conversation = self._state.conversations.get(tag.conversation)
        if recipient is None or delivery is None or conversation is None:
            return []
        delivery.loading = False
        self._touched[tag.conversation] = None
        if recipient.link is not Link.UP or not loaded.rows:
            return []
        if loaded.rows[0].seq != delivery.sent[tag.chain]:
            return []  # the connection was lost and made again in between
        ops = [restore_op(row) for row in loaded.rows]
        return self._send(recipient, delivery, tag.chain, ops)

    def states_loaded(self, tag: ForStates, loaded: Loaded) -> list[Effect]:
        """Own ops that a receipt newly covered, too old to be in memory."""
        ops = [restore_op(row) for row in loaded.rows if row.seq < tag.upto]
        effects = _events(ops, tag.state)
        if ops and ops[-1].header.seq + 1 < tag.upto:
            effects += self._load_states(tag, ops[-1].header.seq + 1)
        return effects

    def settle(self, now: Now, *, is_committing: bool) -> list[Effect]:
        """Send what the touched conversations owe; put what changed on disk when a commit is
        due anyway, else soon."""
        effects: list[Effect] = []
        for id in self._touched:
            conversation = self._state.conversations.get(id)
            if conversation is not None:
                effects += self._pump(conversation, now)
        self._touched.clear()
        if self._dirty and is_committing:
            effects += self.flush()
        elif self._dirty:
            effects.append(SetTimer(FLUSH_TIMER, FLUSH_DELAY_S))
        return effects

    def flush(self) -> list[Effect]:
        """All changed deliveries, for the disk."""
        rows = [
            Persist(self._row(self.recipients[device], self.recipients[device].deliveries[id]))
            for device, id in self._dirty
            if id in self.recipients[device].deliveries
        ]
        self._dirty.clear()
        return list(rows)

    def forget(self, conversation: ConversationId) -> None:
        """A conversation is left."""
        for recipient in self._watching.pop(conversation, {}).values():
            del recipient.deliveries[conversation]

    def _pump(self, conversation: Conversation, now: Now) -> list[Effect]:
        effects: list[Effect] = []
        if conversation.other is None:
            return effects  # rooms are served by gossip and sync; receipts only move states
        for recipient in self._watching.get(conversation.id, {}).values():
            delivery = recipient.deliveries[conversation.id]
            if recipient.link is Link.UP:
                effects += self._advance(recipient, delivery, conversation, now)
            elif recipient.link is Link.IDLE and self.owes(recipient):
                effects += self._dial(recipient)
        return effects

    def _advance(
        self, recipient: Recipient, delivery: Delivery, conversation: Conversation, now: Now
    ) -> list[Effect]:
        effects: list[Effect] = []
        if not self._in_flight(recipient):
            recipient.progress_s = now.monotonic_s
        for chain in self._sendable(conversation):
            sent, acked = delivery.sent[chain], delivery.acked[chain]
            window = self._state.limits.unacknowledged_ops_max
            stop = min(self._total(conversation.id, chain), acked + window)
            if sent >= stop or delivery.loading:
                continue
            ops = conversation.own_recent(chain, sent, stop)
            if ops is None:
                delivery.loading = True
                effects.append(self._load(recipient, delivery, chain, stop - sent))
            else:
                effects += self._send(recipient, delivery, chain, ops)
        if self._in_flight(recipient) and not recipient.timer_set:
            effects += self._set_timer(recipient, SILENCE_S)
        return effects

    def _send(
        self, recipient: Recipient, delivery: Delivery, chain: Chain, ops: Sequence[Op]
    ) -> list[Effect]:
        effects: list[Effect] = [
            Send(recipient.device, Lane.LIVE, Ops(tuple(part)))
            for part in split_ops(ops, self._state.limits.page_bytes_max)
        ]
        delivery.sent[chain] = ops[-1].header.seq + 1
        if chain is Chain.TALK and delivery.sent[chain] > delivery.talk_told:
            fresh = [op for op in ops if op.header.seq >= delivery.talk_told]
            delivery.talk_told = delivery.sent[chain]
            effects += _events(fresh, MessageState.SENT)
        self._mark(recipient, delivery)
        return effects

    def _load(self, recipient: Recipient, delivery: Delivery, chain: Chain, limit: int) -> Effect:
        query = OpsQuery(
            delivery.conversation,
            self._state.me.device,
            chain,
            delivery.sent[chain],
            limit,
            self._state.limits.page_bytes_max,
        )
        return Load(ForOutbox(recipient.device, delivery.conversation, chain), query)

    # States

    def _tell(self, conversation: Conversation, before: int) -> list[Effect]:
        """Which messages are delivered now that were not before."""
        after = self._delivered(conversation.id)
        return self._states(conversation, before, after, MessageState.DELIVERED)

    def _states(
        self, conversation: Conversation, start: int, stop: int, state: MessageState
    ) -> list[Effect]:
        if start >= stop:
            return []
        ops = conversation.own_recent(Chain.TALK, start, stop)
        if ops is not None:
            return _events(ops, state)
        return self._load_states(ForStates(conversation.id, stop, state), start)

    def _load_states(self, tag: ForStates, start: int) -> list[Effect]:
        me = self._state.me
        query = OpsQuery(tag.conversation, me.device, Chain.TALK, start, 256, 1 << 20)
        return [Load(tag, query)]

    def _delivered(self, conversation: ConversationId) -> int:
        """How many of our talk ops every recipient account has on disk."""
        best: dict[AccountId, int] = {}
        for recipient in self._watching.get(conversation, {}).values():
            acked = recipient.deliveries[conversation].acked[Chain.TALK]
            best[recipient.account] = max(best.get(recipient.account, 0), acked)
        return min(best.values(), default=0)

    # Small things

    def _recipient(self, account: AccountId, device: DeviceId) -> Recipient:
        return self.recipients.setdefault(device, Recipient(device, account))

    def _add(self, recipient: Recipient, delivery: Delivery) -> None:
        recipient.deliveries[delivery.conversation] = delivery
        self._watching.setdefault(delivery.conversation, {})[recipient.device] = recipient

    def _may_acknowledge(self, conversation: Conversation, signed: SignedReceipt) -> bool:
        receipt = signed.receipt
        if not self._state.directory.certifies(receipt.account, receipt.device):
            return False
        if receipt.account == self._state.me.account:
            return False
        return conversation.other in (None, receipt.account)

    def _total(self, conversation: ConversationId, chain: Chain) -> int:
        known = self._state.conversations.get(conversation)
        return known.log.count(self._state.me.device, chain) if known else 0

    def _sendable(self, conversation: Conversation) -> Iterable[Chain]:
        return Chain if self._state.is_accepted(conversation) else (Chain.CONTROL,)

    def owes(self, recipient: Recipient) -> bool:
        """Whether something that may be sent is not acknowledged."""
        return any(
            delivery.acked[chain] < self._total(id, chain)
            for id, delivery in recipient.deliveries.items()
            if (known := self._state.conversations.get(id)) and known.other is not None
            for chain in self._sendable(known)
        )

    def _touch_all(self, recipient: Recipient) -> None:
        for conversation in recipient.deliveries:
            self._touched[conversation] = None

    def _in_flight(self, recipient: Recipient) -> bool:
        return any(d.sent[c] > d.acked[c] for d in recipient.deliveries.values() for c in Chain)

    def _rewind(self, recipient: Recipient) -> None:
        for delivery in recipient.deliveries.values():
            delivery.sent = dict(delivery.acked)
            delivery.loading = False

    def _dial(self, recipient: Recipient) -> list[Effect]:
        self._turn(recipient, Turn.DIAL)
        return [Dial(recipient.device)]

    def _turn(self, recipient: Recipient, turn: Turn) -> None:
        recipient.link = TRANSITIONS.get((recipient.link, turn), recipient.link)

    def _retry_later(
        self, recipient: Recipient, reason: str, now: Now, most_s: float
    ) -> list[Effect]:
        recipient.attempts += 1
        recipient.last_error = reason
        delay_s = min(BACK_OFF_S_MIN * 2 ** min(recipient.attempts - 1, 20), most_s)
        delay_s *= self._state.rng.uniform(0.5, 1.0)
        recipient.next_try_ms = now.wall_ms + int(delay_s * 1000)
        for delivery in recipient.deliveries.values():
            self._mark(recipient, delivery)
        return self._set_timer(recipient, delay_s)

    def _set_timer(self, recipient: Recipient, delay_s: float) -> list[Effect]:
        recipient.timer_set = True
        return [SetTimer(RETRY_PREFIX + recipient.device.hex(), delay_s)]

    def _clear_timer(self, recipient: Recipient) -> list[Effect]:
        if not recipient.timer_set:
            return []
        recipient.timer_set = False
        return [ClearTimer(RETRY_PREFIX + recipient.device.hex())]

    def _mark(self, recipient: Recipient, delivery: Delivery) -> None:
        self._dirty[recipient.device, delivery.conversation] = None

    def _row(self, recipient: Recipient, delivery: Delivery) -> SetDelivery:
        return SetDelivery(
            conversation=delivery.conversation,
            account=recipient.account,
            device=recipient.device,
            control_acked=delivery.acked[Chain.CONTROL],
            talk_acked=delivery.acked[Chain.TALK],
            talk_sent=delivery.talk_told,
            attempts=recipient.attempts,
            next_try_ms=recipient.next_try_ms,
            last_error=recipient.last_error,
        )


def split_ops(ops: Sequence[Op], bytes_max: int) -> list[list[Op]]:
    """Runs of at most 64 ops and `bytes_max` bytes (a single op may exceed the latter)."""
    parts: list[list[Op]] = []
    size = 0
    for op in ops:
        op_bytes = len(op.header_bytes) + len(op.content or b"") + 96
        if not parts or len(parts[-1]) >= OPS_PER_FRAME_MAX or size + op_bytes > bytes_max:
            parts.append([])
            size = 0
        parts[-1].append(op)
        size += op_bytes
    return parts


def _events(ops: Iterable[Op], state: MessageState) -> list[Effect]:
    ids: list[OpId] = [op.id for op in ops if op.header.kind == Kind.TEXT]
    return [Emit(MessageStateChanged(id, state)) for id in ids]
