"""The outbox: what lies between our head and each recipient's last receipt.

It is no queue of messages. A recipient device acknowledges heads; what is above them is owed, is
sent when the device is connected, and is sent again when no receipt comes. Ops are taken from the
last few in memory or else from disk, so that owing a million costs nothing but the disk. Repeats
are harmless, because an op's id is its hash.

Whoever is owed something has a connection, a dial on its way, or a timer: always.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from p2pchat.errors import BadSignature
from p2pchat.model.change import PutReceipt, SetDelivery
from p2pchat.model.ids import AccountId, ConversationId, DeviceId
from p2pchat.model.machine import ClearTimer, Now, SetTimer
from p2pchat.model.op import Chain, Op, Position
from p2pchat.model.query import OpsQuery
from p2pchat.protocol.log import BRANCHES_MAX
from p2pchat.protocol.machine import (
    Dial,
    Drop,
    Effect,
    ForOutbox,
    ForReceipt,
    Lane,
    Load,
    Loaded,
    Persist,
    Published,
    Send,
)
from p2pchat.protocol.recipient import Delivery, Link, Recipient, Recipients, Turn
from p2pchat.protocol.state import LEFT, Conversation, State
from p2pchat.protocol.states import States
from p2pchat.wire.frames import Ops, split_ops
from p2pchat.wire.ops import OP_BYTES_MAX, restore_op
from p2pchat.wire.receipts import Receipt, SignedReceipt, verify_receipt

__all__ = ["NO_RECEIPT", "Outbox"]

FLUSH_TIMER = "outbox"
FLUSH_DELAY_S = 0.025
"""State that is nobody's only proof rides on the next commit, or waits this long."""
RETRY_PREFIX = "retry:"
SILENCE_S = 15.0
"""Without a receipt for so long what was sent is taken for lost."""
NO_RECEIPT = "no receipt came"
GRAIN_S = 0.01
"""A timer may run out this early by rounding; to wait for the rest would be to wait in a loop."""
BACK_OFF_S_MIN, BACK_OFF_S_MAX = 1.0, 60.0
UNANSWERED_S_MAX = 600.0
CHECKS_MAX = 64
"""Receipts that wait for the disk to tell whether they name our history."""
CHECK_BYTES_MAX = BRANCHES_MAX * OP_BYTES_MAX


class Outbox:
    """Who is owed what, and the way it takes."""

    def __init__(self, state: State) -> None:
        self._state = state
        self.recipients = Recipients()
        self.states = States(state, self.recipients)
        self._touched: dict[ConversationId, None] = {}
        self._dirty: dict[tuple[DeviceId, ConversationId], PutReceipt | None] = {}
        self._flush_set = False
        self._checks = 0
        self._farewells: list[tuple[AccountId, Sequence[Op]]] = []

    # Restart

    def restore(self, row: SetDelivery) -> None:
        """A delivery as of the last commit."""
        acked = {Chain.CONTROL: row.control_acked, Chain.TALK: row.talk_acked}
        delivery = Delivery(
            row.conversation, row.account, acked, dict(acked), row.talk_read, row.talk_sent
        )
        recipient = self.recipients.add(row.device, delivery)
        recipient.attempts, recipient.last_error = row.attempts, row.last_error

    def start(self) -> list[Effect]:
        """Try everybody who is owed something."""
        owing = [r for r in self.recipients.by_device.values() if self.owes(r)]
        return [effect for recipient in owing for effect in self._dial(recipient)]

    # What is owed

    def watch(
        self, conversation: ConversationId, account: AccountId, device: DeviceId
    ) -> list[Effect]:
        """From now on a device is owed our ops of a conversation, if it acts for the account."""
        if not self._state.directory.certifies(account, device):
            return []
        self._touched[conversation] = None
        if self.recipients.delivery(device, conversation) is not None:
            return []
        delivery = Delivery(conversation, account)
        recipient = self.recipients.add(device, delivery)
        if device in self._state.connected:
            recipient.turn(Turn.CONNECTED)
        return [Persist(recipient.row(delivery))]

    def touch(self, conversation: ConversationId) -> None:
        """We wrote something, or something became sendable; `settle` sends it."""
        self._touched[conversation] = None

    @property
    def touched(self) -> Iterable[ConversationId]:
        """Conversations of which something may be sendable since the last `settle`."""
        return tuple(self._touched)

    def sendable(self, conversation: Conversation, device: DeviceId) -> Iterable[Chain]:
        """The chains of ours that a device may be given."""
        recipient = self.recipients.by_device.get(device)
        may_send = recipient is not None and self._may_send(conversation, recipient)
        return self._sendable(conversation) if may_send else ()

    def say_farewell(self, account: AccountId, words: Sequence[Op]) -> None:
        """An account, or we, are in a room no more by the last of these control ops, and it may be
        away; the others go before it."""
        self._farewells.append((account, words))

    def take_farewells(self) -> list[tuple[AccountId, Sequence[Op]]]:
        """Those since it was asked last."""
        said, self._farewells = self._farewells, []
        return said

    def mailed(self, device: DeviceId, conversation: ConversationId, count: int) -> list[Effect]:
        """So many talk ops lie in a device's mailbox: for a person that is as good as sent."""
        if self._state.conversations[conversation].other is None:
            return self.states.published(Published(conversation, count, 1))
        recipient = self.recipients.by_device.get(device)
        delivery = recipient.deliveries.get(conversation) if recipient is not None else None
        if recipient is None or delivery is None:
            return []
        self._mark(recipient, delivery)
        return self.states.mailed(delivery, count)

    def forget(self, conversation: ConversationId) -> None:
        """A conversation is left."""
        self.recipients.forget(conversation)

    def purge(self, device: DeviceId) -> list[Effect]:
        """A device is blocked, or its account no contact any more: nothing is on its way to it, and
        nothing will be tried."""
        recipient = self.recipients.by_device.get(device)
        if recipient is None:
            return []
        recipient.turn(Turn.REST)
        was_tried = recipient.attempts > 0
        recipient.attempts, recipient.next_try_ms, recipient.last_error = 0, 0, ""
        for delivery in recipient.deliveries.values():
            delivery.rewind()
            if was_tried:
                self._mark(recipient, delivery)
        return self._clear_timer(recipient)

    def owes(self, recipient: Recipient) -> bool:
        """Whether something that may be sent is not acknowledged."""
        return any(
            delivery.acked[chain] < self.total(known, chain)
            for id, delivery in recipient.deliveries.items()
            if (known := self._state.conversations.get(id)) and self._may_send(known, recipient)
            for chain in self._sendable(known)
        )

    def owed_count(self) -> int:
        """How many of our messages wait: to contacts, until they are acknowledged; in rooms, until
        anybody has taken them, for who else is to read them is not always known."""
        return sum(self._owed_in(known) for known in self._state.conversations.values())

    def _owed_in(self, known: Conversation) -> int:
        written, delivered = self.total(known, Chain.TALK), self.recipients.delivered(known.id)
        if known.other is None:
            return self._untaken_in(known, written, delivered) if known.is_entered else 0
        is_over = self._state.contact_state(known.other) in LEFT or self._is_blocked(known)
        return 0 if is_over else written - delivered

    def _untaken_in(self, room: Conversation, written: int, delivered: int) -> int:
        """What nobody in a room has yet, without our name, which is the first that we say there."""
        floor = room.log.floors.get((self._state.me.device, Chain.TALK))
        begun = 0 if floor is None else floor.seq
        taken = max(begun, delivered, room.published, self.recipients.sent(room.id))
        return max(0, written - max(taken, begun + 1))

    def owed_devices(self) -> list[DeviceId]:
        """Who is owed something."""
        return [device for device, row in self.recipients.by_device.items() if self.owes(row)]

    @property
    def is_flushed(self) -> bool:
        """Whether the disk knows all that is known here."""
        return not self._is_dirty

    @property
    def _is_dirty(self) -> bool:
        return bool(self._dirty) or self.states.is_dirty

    # Links

    def peer_up(self, device: DeviceId, now: Now) -> list[Effect]:
        recipient = self.recipients.by_device.get(device)
        if recipient is None:
            return []
        recipient.turn(Turn.CONNECTED)
        recipient.progress_s = now.monotonic_s
        return self._begin_again(recipient)

    def peer_down(self, device: DeviceId, reason: str, now: Now) -> list[Effect]:
        recipient = self.recipients.by_device.get(device)
        if recipient is None:
            return []
        recipient.turn(Turn.LOST)
        return self._fail(recipient, reason, now)

    def dial_failed(self, device: DeviceId, reason: str, now: Now) -> list[Effect]:
        recipient = self.recipients.by_device.get(device)
        if recipient is None or recipient.link is not Link.DIALLING:
            return []
        return self._fail(recipient, reason, now)

    def send_failed(self, device: DeviceId, reason: str, now: Now) -> list[Effect]:
        """What was queued is gone, though the device may still be connected."""
        recipient = self.recipients.by_device.get(device)
        if recipient is None or recipient.link is not Link.UP:
            return []
        return self._fail(recipient, reason, now)

    def fired(self, device: DeviceId, now: Now) -> list[Effect]:
        """A recipient's timer: dial again, or take what was sent for lost."""
        recipient = self.recipients.by_device.get(device)
        if recipient is None:
            return []
        recipient.timer_set = False
        match recipient.link:
            case Link.WAITING if self.owes(recipient):
                return self._dial(recipient)
            case Link.WAITING:
                recipient.turn(Turn.REST)
                return []
            case Link.PAUSED:
                recipient.turn(Turn.RESUME)
                return self._begin_again(recipient)
            case Link.UP if recipient.in_flight:
                return self._check_silence(recipient, now)
            case _:
                return []

    def _check_silence(self, recipient: Recipient, now: Now) -> list[Effect]:
        """Send again when no receipt came for long."""
        left_s = recipient.progress_s + SILENCE_S - now.monotonic_s
        if left_s > GRAIN_S:
            return self._set_timer(recipient, left_s)
        effects = self._begin_again(recipient)
        return effects + self._retry_later(recipient, NO_RECEIPT, now, UNANSWERED_S_MAX)

    def _begin_again(self, recipient: Recipient) -> list[Effect]:
        """Send from the last acknowledgement on, when the batch is decided."""
        for delivery in recipient.deliveries.values():
            delivery.rewind()
            self._touched[delivery.conversation] = None
        return self._clear_timer(recipient)

    def _fail(self, recipient: Recipient, reason: str, now: Now) -> list[Effect]:
        """Try again later what is owed."""
        for delivery in recipient.deliveries.values():
            delivery.rewind()
        if not self.owes(recipient):
            recipient.turn(Turn.REST)
            return []
        recipient.turn(Turn.FAILED)
        return self._retry_later(recipient, reason, now, BACK_OFF_S_MAX)

    def _dial(self, recipient: Recipient) -> list[Effect]:
        recipient.turn(Turn.DIAL)
        return [Dial(recipient.device)]

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

    # Receipts

    def receipt(self, peer: DeviceId, signed: SignedReceipt, now: Now) -> list[Effect]:
        """A device says what it holds of ours: believed where it names our own history. What is
        out of place anyway is not worth looking at its signature."""
        receipt, me = signed.receipt, self._state.me
        conversation = self._state.conversations.get(receipt.conversation)
        if conversation is None or not self._may_acknowledge(conversation, signed):
            self._state.refuse("receipt out of place")
            return []
        try:
            verify_receipt(signed)
        except BadSignature as error:
            self._state.refuse(error)
            return [Drop(peer, str(error))]
        delivery = self.recipients.delivery(receipt.device, conversation.id)
        counts: dict[Chain, int] = {}
        effects: list[Effect] = []
        for entry in receipt.entries:
            if entry.device != me.device or not _is_news(delivery, receipt, entry):
                continue
            if conversation.own_id(entry.chain, entry.seq) == entry.head:
                counts[entry.chain] = max(entry.seq + 1, counts.get(entry.chain, 0))
            else:
                effects += self._look_up(signed, entry)
        return effects + self._acknowledge(conversation, signed, counts, now)

    def receipt_loaded(self, tag: ForReceipt, loaded: Loaded, now: Now) -> list[Effect]:
        """Our own ops at the place that a receipt names: too old to be in memory, or others."""
        self._checks -= 1
        conversation = self._state.conversations.get(tag.signed.receipt.conversation)
        entry = tag.entry
        if conversation is None:
            return []
        if (entry.seq, entry.head) not in {(row.seq, row.id) for row in loaded.rows}:
            self._state.refuse("receipt for another history")
            return []
        return self._acknowledge(conversation, tag.signed, {entry.chain: entry.seq + 1}, now)

    def _look_up(self, signed: SignedReceipt, entry: Position) -> list[Effect]:
        if self._checks >= CHECKS_MAX:
            self._state.refuse("too many receipts to look up")
            return []
        self._checks += 1
        id, device = signed.receipt.conversation, self._state.me.device
        query = OpsQuery(id, device, entry.chain, entry.seq, BRANCHES_MAX, CHECK_BYTES_MAX)
        return [Load(ForReceipt(signed, entry), query)]

    def _acknowledge(
        self, conversation: Conversation, signed: SignedReceipt, counts: dict[Chain, int], now: Now
    ) -> list[Effect]:
        """A device has so many of our ops: tell, and keep the proof, if that is news."""
        receipt = signed.receipt
        if not counts or not self._may_acknowledge(conversation, signed):
            return []  # it may have left while the disk was asked
        if not self._may_count(conversation, receipt):
            return []
        effects = self.watch(conversation.id, receipt.account, receipt.device)
        recipient = self.recipients.by_device[receipt.device]
        delivery = recipient.deliveries[conversation.id]
        before = self.states.reach(conversation)
        before_read = self.recipients.read(conversation.id)
        if not self.states.vouches(conversation, receipt, delivery.acked[Chain.TALK]):
            counts = {chain: count for chain, count in counts.items() if chain is Chain.CONTROL}
        news = [delivery.acknowledge(chain, count) for chain, count in counts.items()]
        news.append(delivery.read_to(min(receipt.read_below, counts.get(Chain.TALK, 0))))
        if not any(news):
            return effects
        if recipient.attempts and recipient.link is Link.UP:
            effects += self._clear_timer(recipient)  # it may be minutes away
        recipient.progress_s, recipient.attempts = now.monotonic_s, 0
        recipient.last_error, recipient.next_try_ms = "", 0
        self._touched[conversation.id] = None
        proof = PutReceipt(conversation.id, receipt.device, signed.body, signed.signature)
        self._dirty[receipt.device, conversation.id] = proof
        effects += self.states.acknowledged(conversation, before)
        return effects + self.states.read(conversation, before_read)

    def _may_acknowledge(self, conversation: Conversation, signed: SignedReceipt) -> bool:
        receipt = signed.receipt
        if receipt.account == self._state.me.account:
            return False
        if not self._state.directory.certifies(receipt.account, receipt.device):
            return False
        if conversation.invited is not None:
            return conversation.invited.membership.standing(receipt.account).may_read
        return conversation.other in (None, receipt.account)

    def _may_count(self, conversation: Conversation, receipt: Receipt) -> bool:
        """Whether one more reader of a conversation is kept count of: one device of each member in
        any case, for what it has decides whether something is delivered."""
        id, account = conversation.id, receipt.account
        if self.recipients.delivery(receipt.device, id) is not None:
            return True
        if len(self.recipients.watching(id)) < self._state.limits.room_members_max:
            return True
        if conversation.invited is not None and not self.recipients.is_counted(account, id):
            return True
        self._state.refuse("too many readers")
        return False

    # Sending

    def loaded(self, tag: ForOutbox, loaded: Loaded) -> list[Effect]:
        """Older ops came from disk."""
        recipient = self.recipients.by_device.get(tag.device)
        delivery = self.recipients.delivery(tag.device, tag.conversation)
        if recipient is None or delivery is None:
            return []
        delivery.loading = False
        conversation = self._state.conversations.get(tag.conversation)
        is_wanted = conversation is not None and tag.chain in self._sendable(conversation)
        if recipient.link is not Link.UP or not loaded.rows or not is_wanted:
            return []
        self._touched[tag.conversation] = None
        if loaded.rows[0].seq != delivery.sent[tag.chain]:
            return []  # the connection was lost and made again in between
        ops = [restore_op(row) for row in loaded.rows]
        return self._send(recipient, delivery, tag.chain, ops)

    def settle(self, now: Now, *, is_committing: bool) -> list[Effect]:
        """Send what the touched conversations owe; put what changed on disk when a commit is
        due anyway, else soon."""
        effects: list[Effect] = []
        for id in self._touched:
            conversation = self._state.conversations.get(id)
            if conversation is not None and conversation.other is not None:
                effects += self._pump(conversation, now)
        self._touched.clear()
        if self._is_dirty and is_committing:
            effects += self.flush()
        elif self._is_dirty and not self._flush_set:
            self._flush_set = True
            effects.append(SetTimer(FLUSH_TIMER, FLUSH_DELAY_S))
        return effects

    def flush(self) -> list[Effect]:
        """All changed deliveries with the receipts that prove them, and what was published, for the
        disk."""
        rows = self.states.flush()
        for (device, id), proof in self._dirty.items():
            delivery = self.recipients.delivery(device, id)
            if delivery is not None:
                rows.append(Persist(self.recipients.by_device[device].row(delivery)))
                rows += [Persist(proof)] if proof is not None else []
        self._dirty.clear()
        self._flush_set = False
        return rows

    def _pump(self, conversation: Conversation, now: Now) -> list[Effect]:
        effects: list[Effect] = []
        for recipient in self.recipients.watching(conversation.id):
            if not self._may_send(conversation, recipient):
                continue
            if recipient.link is Link.UP:
                delivery = recipient.deliveries[conversation.id]
                effects += self._advance(recipient, delivery, conversation, now)
            elif recipient.link is Link.IDLE and self.owes(recipient):
                effects += self._dial(recipient)
        return effects

    def _advance(
        self, recipient: Recipient, delivery: Delivery, conversation: Conversation, now: Now
    ) -> list[Effect]:
        """Send as much as a recipient may have on its way."""
        effects: list[Effect] = []
        if not recipient.in_flight:
            recipient.progress_s = now.monotonic_s
        limits = self._state.limits
        for chain in self._sendable(conversation):
            start = delivery.sent[chain]
            most = delivery.acked[chain] + limits.unacknowledged_ops_max
            stop = min(self.total(conversation, chain), most)
            room = limits.peer_queue_bytes_max // 2 - delivery.flight_bytes
            is_full = room <= 0 < delivery.flight_bytes
            if start >= stop or is_full or delivery.loading:
                continue
            ops = conversation.own_recent(chain, start, stop)
            if ops is None:
                delivery.loading = True
                effects.append(self._load(recipient, delivery, chain, stop - start))
            else:
                effects += self._send(recipient, delivery, chain, _first(ops, room))
        if recipient.in_flight and not recipient.timer_set:
            effects += self._set_timer(recipient, SILENCE_S)
        return effects

    def _send(
        self, recipient: Recipient, delivery: Delivery, chain: Chain, ops: Sequence[Op]
    ) -> list[Effect]:
        effects: list[Effect] = [
            Send(recipient.device, Lane.LIVE, Ops(tuple(part)))
            for part in split_ops(ops, self._state.limits.page_bytes_max)
        ]
        delivery.send(chain, ops)
        if chain is Chain.TALK:
            effects += self.states.sent(delivery, ops)
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

    def total(self, conversation: Conversation, chain: Chain) -> int:
        """How many ops we wrote."""
        return conversation.log.count(self._state.me.device, chain)

    def _may_send(self, conversation: Conversation, recipient: Recipient) -> bool:
        """Whether a device acts for the other side, which is neither blocked nor in doubt: what we
        write is for nobody else."""
        state, device = self._state, recipient.device
        is_party = state.directory.certifies(conversation.other, device)
        is_refused = state.is_blocked(conversation.other, device)
        return is_party and not is_refused and not state.directory.is_doubtful(conversation.other)

    def _is_blocked(self, conversation: Conversation) -> bool:
        """Whether all who read a direct conversation are blocked."""
        readers = self.recipients.watching(conversation.id)
        return self._state.directory.blocks.is_account(conversation.other) or (
            len(readers) > 0
            and all(self._state.is_blocked(None, reader.device) for reader in readers)
        )

    def _sendable(self, conversation: Conversation) -> Iterable[Chain]:
        if self._state.contact_state(conversation.other) in LEFT:
            return ()
        return Chain if self._state.is_accepted(conversation) else (Chain.CONTROL,)

    def _mark(self, recipient: Recipient, delivery: Delivery) -> None:
        self._dirty.setdefault((recipient.device, delivery.conversation))


def _is_news(delivery: Delivery | None, receipt: Receipt, entry: Position) -> bool:
    """Whether a device says that it has more of a chain, or as much, and more of it was read."""
    if delivery is None or entry.seq >= delivery.acked[entry.chain]:
        return True
    is_same = entry.seq + 1 == delivery.acked[entry.chain]
    return is_same and entry.chain is Chain.TALK and receipt.read_below > delivery.read


def _first(ops: Sequence[Op], bytes_max: int) -> Sequence[Op]:
    """As many as fit, and one in any case."""
    size = 0
    for count, op in enumerate(ops):
        size += op.size_bytes
        if size > bytes_max and count:
            return ops[:count]
    return ops
