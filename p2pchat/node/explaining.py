"""Gathering what is known about the way of one message.

Nothing is tried out: all of it was recorded when it happened, so asking costs nobody a packet.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from p2pchat.errors import UnknownMessage
from p2pchat.model.contact import ContactState
from p2pchat.model.ids import AccountId, DeviceId, OpId, Party
from p2pchat.model.lan import LanRefusal
from p2pchat.model.machine import Now
from p2pchat.model.message_facts import (
    DeviceFacts,
    HereFacts,
    LinkFacts,
    MailFacts,
    MessageFacts,
    RecipientFacts,
    RoomFacts,
    SightFacts,
    Writer,
)
from p2pchat.model.op import Chain, Header, Kind
from p2pchat.net.machine import machine_facts
from p2pchat.node.node import Node
from p2pchat.protocol.outbox import NO_RECEIPT
from p2pchat.protocol.recipient import Link
from p2pchat.protocol.room_state import ROLES
from p2pchat.protocol.state import Conversation
from p2pchat.store.port import AsyncStore
from p2pchat.wire.ops import restore_op
from p2pchat.wire.receipts import decode_receipt

__all__ = ["message_facts"]

_DIRECT = "/dchat/direct/"


async def message_facts(node: Node, id: OpId) -> MessageFacts:
    """What is known about a message. Raises `UnknownMessage`."""
    store = await node.flushed_store()
    row = await store.op(id)
    header = restore_op(row).header if row is not None else None
    if header is None or header.kind != Kind.TEXT:
        raise UnknownMessage("no message has this id")
    writer = await _writer(node, store, id, header)
    conversation = node.chat.state.conversations.get(header.conversation)
    if conversation is None or (conversation.other is None and not conversation.is_entered):
        return MessageFacts(message=id, writer=writer, room=RoomFacts("", is_left=True))
    asked = _Asked(node, conversation, header, await _receipt_times(store, conversation))
    is_counted = writer.is_own and writer.is_this_device
    return MessageFacts(
        message=id,
        writer=writer,
        recipients=tuple(map(asked.recipient, asked.accounts())) if is_counted else (),
        room=_room(node, conversation, header.seq),
        here=_here(node, conversation),
        now_ms=asked.now.wall_ms,
    )


async def _writer(node: Node, store: AsyncStore, id: OpId, header: Header) -> Writer:
    me, directory = node.chat.state.me, node.chat.state.directory
    if header.account == me.account:
        return Writer(is_own=True, is_this_device=header.device == me.device)
    message = await store.message(id)
    received_ms = message.received_at if message is not None else 0
    return Writer(is_own=False, name=directory.name(header.account), received_ms=received_ms)


async def _receipt_times(store: AsyncStore, conversation: Conversation) -> Mapping[DeviceId, int]:
    """What time the last receipt of each device names."""
    rows = await store.receipts(conversation.id)
    return {row.device: decode_receipt(row.body, row.signature).receipt.sent_ms for row in rows}


def _room(node: Node, conversation: Conversation, seq: int) -> RoomFacts | None:
    if conversation.other is not None:
        return None
    invited = conversation.invited
    if invited is None:
        return RoomFacts(conversation.name)
    role = ROLES[invited.membership.standing(node.chat.state.me.account)]
    return RoomFacts(
        conversation.name,
        role,
        has_epoch=invited.epochs.sending() is not None,
        is_lost=node.chat.outbox.recipients.is_lost(conversation.id, seq),
    )


def _here(node: Node, conversation: Conversation) -> HereFacts:
    state, machine = node.chat.state, machine_facts(node.parts.home)
    lan = node.network.lan
    own = conversation.log.tips.get((state.me.device, Chain.TALK), ())
    return HereFacts(
        peers=len(node.parts.host.peers),
        has_address=bool(machine.addresses),
        has_route=machine.has_route,
        is_revoked=state.is_retired,
        is_forked=len(own) > 1,
        lan_peers=lan.facts.peers if lan is not None else 0,
        lan_wrong_secret=lan.facts.refused.get(LanRefusal.WRONG_SECRET, 0) if lan else 0,
        clocks_differing=len(lan.clocks) if lan is not None else 0,
    )


@dataclass(frozen=True, slots=True)
class _Asked:
    """One message of ours that is asked about."""

    node: Node
    conversation: Conversation
    header: Header
    receipts: Mapping[DeviceId, int]

    @property
    def now(self) -> Now:
        return self.node.parts.ambient.now()

    def accounts(self) -> list[AccountId]:
        """Who shall have it: the other one; in a room by invitation of whom it is expected, or, if
        that is nobody any more and it was delivered, who has it; in others who was seen there."""
        conversation, me = self.conversation, self.node.chat.state.me.account
        if conversation.other is not None:
            return [conversation.other]
        if conversation.invited is None:
            return sorted(conversation.log.accounts() - {me})
        recipients, seq = self.node.chat.outbox.recipients, self.header.seq
        awaited = recipients.awaited(conversation.id, seq)
        is_settled = seq < recipients.delivered(conversation.id)
        if not awaited and is_settled and not recipients.is_lost(conversation.id, seq):
            awaited = recipients.holders(conversation.id, seq)
        return sorted(awaited)

    def recipient(self, account: AccountId) -> RecipientFacts:
        state = self.node.chat.state
        is_direct = self.conversation.other is not None
        contact = state.contact_state(account) if is_direct else None
        if state.directory.blocks.is_account(account):
            contact = ContactState.BLOCKED
        known = state.directory.sets.get(account)
        acting = state.directory.acting(account)
        holders = [d for d in self._watching(account) if self._acked(d) > self.header.seq]
        return RecipientFacts(
            account=account,
            name=state.directory.name(account),
            has_it=bool(holders),
            has_read=any(self._read(d) > self.header.seq for d in holders),
            held_ms=min((self.receipts.get(one, 0) for one in holders), default=0),
            contact=contact,
            is_key_doubtful=is_direct and state.directory.is_doubtful(account),
            is_request_out=any(self._has_asked(Party(account, one)) for one in acting),
            has_answered=any(self.conversation.log.count(one, Chain.CONTROL) for one in acting),
            devices=tuple(self._device(Party(account, one)) for one in sorted(acting)),
            are_revoked=known is not None and bool(known.revoked) and not acting,
        )

    def _watching(self, account: AccountId) -> Iterable[DeviceId]:
        id = self.conversation.id
        return [
            one.device
            for one in self.node.chat.outbox.recipients.watching(id)
            if one.deliveries[id].account == account
        ]

    def _acked(self, device: DeviceId) -> int:
        delivery = self.node.chat.outbox.recipients.delivery(device, self.conversation.id)
        return delivery.acked[Chain.TALK] if delivery is not None else 0

    def _read(self, device: DeviceId) -> int:
        delivery = self.node.chat.outbox.recipients.delivery(device, self.conversation.id)
        return delivery.read if delivery is not None else 0

    def _has_asked(self, to: Party) -> bool:
        """Whether our request was handed over."""
        id = self.conversation.id
        delivery = self.node.chat.outbox.recipients.delivery(to.device, id)
        mail = self.node.chat.mailing.told(to, id, Chain.CONTROL, 0, self.now)
        return mail.is_kept or (delivery is not None and delivery.is_asked)

    def _device(self, to: Party) -> DeviceFacts:
        lan, peer = self.node.network.lan, to.device.peer_id
        clock_s = lan.clocks.get(peer) if lan is not None else None
        parts = self._link(to.device), self._sight(to), self._mail(to)
        return DeviceFacts(peer.short, *parts, clock_s)

    def _link(self, device: DeviceId) -> LinkFacts:
        chat, peer = self.node.chat, device.peer_id
        row = chat.outbox.recipients.by_device.get(device)
        delivery = chat.outbox.recipients.delivery(device, self.conversation.id)
        there = [one for one in self.node.parts.host.peers if one.peer == peer]
        spoken = [protocol for one in there for protocol in one.protocols]
        return LinkFacts(
            is_connected=device in chat.state.connected,
            speaks=tuple(sorted(p for p in spoken if p.startswith(_DIRECT))),
            is_handed=delivery is not None and delivery.sent[Chain.TALK] > self.header.seq,
            is_paused=row is not None and (row.link is Link.PAUSED or row.last_error == NO_RECEIPT),
            is_dialling=row is not None and row.link is Link.DIALLING,
            tries=row.attempts if row is not None else 0,
            next_try_ms=row.next_try_ms if row is not None else 0,
            last_error=row.last_error if row is not None else "",
        )

    def _sight(self, to: Party) -> SightFacts:
        peer, log = to.device.peer_id, self.conversation.log
        tips = [tip for chain in Chain for tip in log.tips.get((to.device, chain), ())]
        seen = self.node.network.sightings.of(peer)
        known = self.node.network.machine.known.get(peer)
        kept = known.remembered if known is not None else None
        return SightFacts(
            seen_ms=max(seen.seen_ms, kept.last_seen_ms if kept is not None else 0),
            receipt_ms=self.receipts.get(to.device, 0),
            spoken_ms=max((tip.sort_key >> 16 for tip in tips), default=0),
            tried_ms=seen.tried_ms,
            attempts=seen.attempts,
            is_unfound=seen.is_unfound,
            is_barred=known is not None and bool(known.barred) and not known.addresses,
            is_blocked=self.node.chat.state.is_blocked(None, to.device),
        )

    def _mail(self, to: Party) -> MailFacts:
        id, seq = self.header.conversation, self.header.seq
        return self.node.chat.mailing.told(to, id, Chain.TALK, seq, self.now)
