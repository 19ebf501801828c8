"""Recipients: how each device that is owed our ops is reached, and how far it has come.

A link's life is a table; a missing key means that nothing changes. Counts are counts of ops, so
that 0 means none and the next op to send is the one at that place.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from enum import Enum, auto

from p2pchat.model.change import SetDelivery
from p2pchat.model.expected import Expected
from p2pchat.model.ids import AccountId, ConversationId, DeviceId
from p2pchat.model.op import Chain, Op

__all__ = ["Delivery", "Link", "Recipient", "Recipients", "Turn"]


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
    (Link.PAUSED, Turn.REST): Link.UP,
    (Link.PAUSED, Turn.LOST): Link.IDLE,
}


@dataclass(slots=True, eq=False)
class Delivery:
    """How far one recipient device has come with our ops of one conversation."""

    conversation: ConversationId
    account: AccountId
    """Whom the device acts for in this conversation; anybody may have certified it, too."""
    acked: dict[Chain, int] = field(default_factory=lambda: dict.fromkeys(Chain, 0))
    sent: dict[Chain, int] = field(default_factory=lambda: dict.fromkeys(Chain, 0))
    """On this connection; back to `acked` when it is lost."""
    read: int = 0
    """How many of our talk ops a person has read there."""
    talk_told: int = 0
    """The highest count ever sent, which is what `sent` means to a person."""
    is_asked: bool = False
    """In this life something of our control chain was written to its stream."""
    loading: bool = False
    flight_bytes: int = 0
    """Talk that was sent on this connection and is not acknowledged."""
    _flight: deque[tuple[int, int]] = field(default_factory=deque[tuple[int, int]])

    def send(self, chain: Chain, ops: Iterable[Op]) -> None:
        """These ops, the next of their chain, are on their way."""
        for op in ops:
            self.sent[chain] = op.header.seq + 1
            self.is_asked |= chain is Chain.CONTROL
            if chain is Chain.TALK:
                self._flight.append((op.header.seq + 1, op.size_bytes))
                self.flight_bytes += op.size_bytes

    def acknowledge(self, chain: Chain, count: int) -> bool:
        """The recipient has so many; whether that is news."""
        if count <= self.acked[chain]:
            return False
        self.acked[chain] = count
        self.sent[chain] = max(self.sent[chain], count)
        while chain is Chain.TALK and self._flight and self._flight[0][0] <= count:
            self.flight_bytes -= self._flight.popleft()[1]
        return True

    def retract(self, count: int) -> bool:
        """It may lack what lies from here on; whether it had said to have more."""
        is_news = count < self.acked[Chain.TALK]
        if is_news:
            self.acked[Chain.TALK] = count
            self.rewind()
        return is_news

    def read_to(self, count: int) -> bool:
        """A person has read so many, which are there; whether that is news."""
        before, self.read = self.read, max(self.read, min(count, self.acked[Chain.TALK]))
        return self.read > before

    def rewind(self) -> None:
        """What was on its way is lost."""
        self.sent = dict(self.acked)
        self.loading = False
        self.flight_bytes = 0
        self._flight.clear()


@dataclass(slots=True, eq=False)
class Recipient:
    """One device that is owed our ops."""

    device: DeviceId
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

    def turn(self, turn: Turn) -> None:
        self.link = TRANSITIONS.get((self.link, turn), self.link)

    @property
    def in_flight(self) -> bool:
        """Whether something is on its way without a receipt."""
        return any(d.sent[c] > d.acked[c] for d in self.deliveries.values() for c in Chain)

    def row(self, delivery: Delivery) -> SetDelivery:
        """A delivery as the disk knows it."""
        return SetDelivery(
            conversation=delivery.conversation,
            account=delivery.account,
            device=self.device,
            control_acked=delivery.acked[Chain.CONTROL],
            talk_acked=delivery.acked[Chain.TALK],
            talk_sent=delivery.talk_told,
            attempts=self.attempts,
            next_try_ms=self.next_try_ms,
            last_error=self.last_error,
            talk_read=delivery.read,
        )


class Recipients:
    """Everybody who is owed something or was, by device and by conversation."""

    def __init__(self) -> None:
        self.by_device: dict[DeviceId, Recipient] = {}
        self.expected: dict[ConversationId, Expected[AccountId]] = {}
        """Of rooms by invitation; of all others who is there is not known, or plain."""
        self._watching: dict[ConversationId, dict[DeviceId, Recipient]] = {}

    def add(self, device: DeviceId, delivery: Delivery) -> Recipient:
        """Watch how far a device comes with a conversation."""
        recipient = self.by_device.setdefault(device, Recipient(device))
        recipient.deliveries[delivery.conversation] = delivery
        self._watching.setdefault(delivery.conversation, {})[device] = recipient
        return recipient

    def delivery(self, device: DeviceId, conversation: ConversationId) -> Delivery | None:
        recipient = self.by_device.get(device)
        return recipient.deliveries.get(conversation) if recipient is not None else None

    def conversations(self, device: DeviceId) -> list[ConversationId]:
        """What a device is owed ops of."""
        recipient = self.by_device.get(device)
        return list(recipient.deliveries) if recipient is not None else []

    def watching(self, conversation: ConversationId) -> Collection[Recipient]:
        return self._watching.get(conversation, {}).values()

    def forget(self, conversation: ConversationId) -> None:
        """A conversation is left; who is in no other is forgotten with it."""
        self.expected.pop(conversation, None)
        for device, recipient in self._watching.pop(conversation, {}).items():
            del recipient.deliveries[conversation]
            if not recipient.deliveries:
                del self.by_device[device]

    def delivered(self, conversation: ConversationId) -> int:
        """How many of our talk ops every account has on disk of which it is expected, or, where
        nobody knows who is there, that ever had something."""
        acked, expected = self.acked(conversation), self.expected.get(conversation)
        return min(acked.values(), default=0) if expected is None else expected.delivered(acked)

    def holders(self, conversation: ConversationId, seq: int) -> set[AccountId]:
        """Which accounts have signed to hold a talk op of ours."""
        return {one for one, count in self.acked(conversation).items() if count > seq}

    def is_lost(self, conversation: ConversationId, seq: int) -> bool:
        """Whether a talk op of ours in a room by invitation is never delivered."""
        expected = self.expected.get(conversation)
        return expected is not None and expected.is_lost(seq)

    def awaited(self, conversation: ConversationId, seq: int) -> set[AccountId]:
        """Of whom it is expected in a room by invitation that they have a talk op of ours."""
        expected = self.expected.get(conversation)
        return expected.awaited(seq) if expected is not None else set()

    def read(self, conversation: ConversationId) -> int:
        """How many of our talk ops every account has read that is asked for `delivered`."""
        read: dict[AccountId, int] = {}
        for recipient in self.watching(conversation):
            delivery = recipient.deliveries[conversation]
            read[delivery.account] = max(read.get(delivery.account, 0), delivery.read)
        expected = self.expected.get(conversation)
        if expected is None:
            return min(read.values(), default=0)
        return expected.read(self.acked(conversation), read)

    def acked(self, conversation: ConversationId) -> dict[AccountId, int]:
        """How many of our talk ops each account has, on any of its devices."""
        acked: dict[AccountId, int] = {}
        for recipient in self.watching(conversation):
            delivery = recipient.deliveries[conversation]
            known = acked.get(delivery.account, 0)
            acked[delivery.account] = max(known, delivery.acked[Chain.TALK])
        return acked

    def sent(self, conversation: ConversationId) -> int:
        """How many of our talk ops were sent to any recipient, or came to it by others."""
        known = (r.deliveries[conversation] for r in self.watching(conversation))
        return max((max(d.talk_told, d.acked[Chain.TALK]) for d in known), default=0)

    def is_counted(self, account: AccountId, conversation: ConversationId) -> bool:
        """Whether any device of an account is watched in a conversation."""
        watching = self.watching(conversation)
        return any(one.deliveries[conversation].account == account for one in watching)
