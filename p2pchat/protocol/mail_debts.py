"""Debts of mail: what a device that is written to is owed, and is put into its next letter.

In a direct conversation that is what its receipt does not cover and its mailbox does not hold. In a
small room by invitation it is the same, of *our own* ops, for contacts who are members: mailboxes
take letters of contacts alone, and whoever is there with others brings them what those said. A
letter with ops of a room brings its welcome before them, where it may be news: without secret and
epochs a room cannot be entered.

Nobody but us dials for what is owed of a room, so whoever is behind is looked at now and then.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import dropwhile, takewhile

from p2pchat.model.ids import ConversationId, DeviceId, Party
from p2pchat.model.machine import Now
from p2pchat.model.op import Chain, Op
from p2pchat.model.query import OpsQuery
from p2pchat.protocol.machine import Effect, Load
from p2pchat.protocol.mail_rooms import OPS_MAX, party_in, rooms_of
from p2pchat.protocol.mail_routes import (
    LETTER_OPS_BYTES,
    LETTER_OPS_MAX,
    LETTER_PARTS_MAX,
    REMAIL_MS,
    Letter,
    Passed,
    Route,
    enclose,
)
from p2pchat.protocol.mail_vocabulary import ForMail
from p2pchat.protocol.outbox import Outbox
from p2pchat.protocol.recipient import Delivery
from p2pchat.protocol.room_history import given_from, is_for
from p2pchat.protocol.room_state import welcome_to
from p2pchat.protocol.state import Conversation, State
from p2pchat.wire.frames import Welcome

__all__ = ["Debts"]


class Debts:
    """What is owed to whom."""

    def __init__(self, state: State, outbox: Outbox) -> None:
        self._state = state
        self.outbox = outbox

    def owes(self, route: Route, conversation: Conversation, now: Now) -> bool:
        """Whether a device neither has all that we wrote in a room, nor finds it in its mailbox."""
        delivery = self.delivery(route.to, conversation.id)
        return any(
            self.start(route, delivery, chain, now) < self.outbox.total(conversation, chain)
            for chain in Chain
        )

    def is_behind(self, route: Route) -> bool:
        """Whether a device that is away may have to be written to without that we say more."""
        return route.is_away and (
            len(route.beside.words) > 0
            or any(
                self._first(self.delivery(route.to, room.id), chain)
                < self.outbox.total(room, chain)
                for room in rooms_of(self._state, route.to)
                for chain in Chain
            )
        )

    def delivery(self, to: Party, id: ConversationId) -> Delivery:
        """How far a device has come; one of a room that never sent a receipt has nothing."""
        known = self.outbox.recipients.delivery(to.device, id)
        return known if known is not None else Delivery(id, to.account)

    def party(self, id: ConversationId, device: DeviceId) -> Party | None:
        """Whom a device acts for in a direct conversation, or in a room that is mailed."""
        conversation = self._state.conversations.get(id)
        if conversation is None:
            return None
        if conversation.other is not None:
            return Party(conversation.other, device)
        return party_in(self._state, conversation, device)

    def fill(self, route: Route, letter: Letter, now: Now) -> Effect | None:
        """Put owed ops into a letter; what has to be read from disk first is asked for."""
        recipient = self.outbox.recipients.by_device.get(route.to.device)
        known = recipient.deliveries if recipient is not None else ()
        direct = [found for id in known if (found := self._state.conversations.get(id))]
        owed = [found for found in direct if found.other == route.to.account]
        for conversation in (*owed, *rooms_of(self._state, route.to)):
            load = self._enclose(route, letter, conversation, now)
            if load is not None:
                return load
        return None

    def _enclose(
        self, route: Route, letter: Letter, conversation: Conversation, now: Now
    ) -> Effect | None:
        delivery = self.delivery(route.to, conversation.id)
        for chain in self.sendable(route, conversation):
            is_full = letter.size >= LETTER_OPS_BYTES or len(letter.frames) >= LETTER_PARTS_MAX
            start, stop = self._due(route, delivery, chain, now)
            while start < stop and not is_full:
                ops = conversation.own_recent(chain, start, stop)
                if ops is None:
                    return self._load(route, conversation, chain, start)
                if self.enclose(route, letter, (conversation, chain), ops):
                    break
                start, stop = self._due(route, delivery, chain, now)
        return None

    def _due(self, route: Route, delivery: Delivery, chain: Chain, now: Now) -> tuple[int, int]:
        """From where to where our ops are gone through for the next letter."""
        conversation = self._state.conversations[delivery.conversation]
        start = self.start(route, delivery, chain, now)
        stop = min(self.outbox.total(conversation, chain), start + LETTER_OPS_MAX)
        if conversation.other is None:
            known = self._passed(route, conversation, chain)
            is_past = known is not None and known.upto <= start
            first = known.upto if known and is_past else self._first(delivery, chain)
            stop = min(stop, first + OPS_MAX)
        return start, stop

    def _passed(self, route: Route, conversation: Conversation, chain: Chain) -> Passed | None:
        """Ops of ours that were gone through of which none is for the recipient."""
        known, room = route.passed.get((conversation.id, chain)), conversation.invited
        if known is None or room is None:
            return None
        return known if known.counting == room.membership.counting else None

    def enclose(
        self, route: Route, letter: Letter, part: tuple[Conversation, Chain], ops: Sequence[Op]
    ) -> bool:
        """Put ops into a letter, as many as have room, and before them what they are of no use
        without. That alone is no cause for a letter, so it goes with ops or not at all. False where
        none of them is for the recipient: they are gone through once."""
        conversation, chain = part
        given, room = list(self._given(route, conversation, ops)), conversation.invited
        if not given and room is not None:
            first, known = ops[0].header.seq, self._passed(route, conversation, chain)
            since = known.since if known is not None and known.upto == first else first
            passed = Passed(room.membership.counting, since, ops[-1].header.seq + 1)
            route.passed[conversation.id, chain] = passed
            return False
        welcome = self._welcome(route, letter, conversation)
        enclose(letter, (conversation.id, chain), given, welcome)
        return True

    def _given(self, route: Route, conversation: Conversation, ops: Iterable[Op]) -> Iterable[Op]:
        """The first run of ops that are for the recipient by the room's history: where it begins
        is only a hint, that anybody may have written."""
        room, account = conversation.invited, route.to.account
        if room is None or room.shows_all:
            return ops

        def is_given(op: Op) -> bool:
            return op.header.chain is Chain.CONTROL or is_for(room, (account,), op.header)

        return takewhile(is_given, dropwhile(lambda op: not is_given(op), ops))

    def sendable(self, route: Route, conversation: Conversation) -> Iterable[Chain]:
        """The chains of ours that may be mailed; what admits to a room goes before talk."""
        if conversation.other is not None:
            return self.outbox.sendable(conversation, route.to.device)
        return Chain if conversation in rooms_of(self._state, route.to) else ()

    def _welcome(self, route: Route, letter: Letter, conversation: Conversation) -> Welcome | None:
        """How a room is entered, where it may be news."""
        room, id = conversation.invited, conversation.id
        if room is None or id in letter.welcomes:
            return None
        welcome = welcome_to(room, ())
        is_there = any(self.delivery(route.to, id).acked.values())
        is_news = not is_there or route.before.welcomes.get(id) != welcome
        return welcome if is_news else None

    def _load(self, route: Route, conversation: Conversation, chain: Chain, start: int) -> Effect:
        query = OpsQuery(
            conversation.id, self._state.me.device, chain, start, LETTER_OPS_MAX, LETTER_OPS_BYTES
        )
        return Load(ForMail(route.to, conversation.id, chain), query)

    def start(self, route: Route, delivery: Delivery, chain: Chain, now: Now) -> int:
        """The first op that the recipient neither has nor finds in its mailbox. What lies there
        for too long without a receipt is taken for lost."""
        mailed, first = route.mailed.get(delivery.conversation), self._first(delivery, chain)
        if mailed is not None:
            if not 0 <= now.wall_ms - mailed.since_ms < REMAIL_MS:
                mailed.counts = dict.fromkeys(Chain, 0)
            first = max(first, mailed.counts[chain])
        conversation = self._state.conversations.get(delivery.conversation)
        known = self._passed(route, conversation, chain) if conversation is not None else None
        return known.upto if known is not None and known.since <= first < known.upto else first

    def _first(self, delivery: Delivery, chain: Chain) -> int:
        """The first op that the recipient does not have and is to have by the room's history."""
        conversation = self._state.conversations.get(delivery.conversation)
        room = conversation.invited if conversation is not None else None
        if conversation is None or room is None or room.shows_all or chain is Chain.CONTROL:
            return delivery.acked[chain]
        expected = self.outbox.recipients.expected.get(delivery.conversation)
        known = expected.since if expected is not None else {}
        since = known.get(delivery.account, self.outbox.total(conversation, chain))
        device = self._state.me.device
        return max(delivery.acked[chain], given_from(room, delivery.account, device, since))
