"""Rooms by invitation by mail: what of them is left for members who are away.

In a room everybody who was there catches up whoever was not. Where two are never there at once, and
nobody else is there with both, that is never. So a small room is mailed as direct conversations
are: each device leaves *its own* ops for devices of members, in order, each once, until a receipt
covers them. Mailboxes take letters of contacts alone, so members who are contacts of each other
are reached; what others say reaches them through whoever is there with both.

A letter that brings ops of a room brings its welcome, too, where the reader may lack it: the room's
secret and its epochs. What a room is told by who goes, and who is put out of it, is owed beside: of
a room that one is not in any more nothing is owed.

Every op costs a letter for each who is away, so there are no letters in larger rooms.
"""

from __future__ import annotations

from collections.abc import Iterator

from p2pchat.model.contact import ContactState
from p2pchat.model.ids import AccountId, DeviceId, Party
from p2pchat.model.op import Chain
from p2pchat.protocol.room_state import InvitedRoom
from p2pchat.protocol.state import Conversation, State

__all__ = [
    "OPS_MAX",
    "ROOM_MEMBERS_MAX",
    "devices_of",
    "members_away",
    "party_in",
    "rooms_of",
]

ROOM_MEMBERS_MAX = 50
"""In larger rooms nothing is mailed."""
OPS_MAX = 1000
"""Of one of our chains in one room, without a receipt."""


def party_in(state: State, conversation: Conversation, device: DeviceId) -> Party | None:
    """Whom a device acts for in a room that is mailed, if that is a contact: whom it wrote for
    there, for anybody may certify it; one that wrote nothing yet, whoever alone certifies it."""
    if conversation.invited is None or not _is_mailed(state, conversation):
        return None
    members = _contacts(state, conversation.invited)
    acting = {who for who in members if device in state.directory.acting(who)}
    tips = (tip for chain in Chain for tip in conversation.log.tips.get((device, chain), ()))
    wrote_for = {tip.account for tip in tips}
    found = acting & wrote_for if wrote_for else acting
    return Party(found.pop(), device) if len(found) == 1 else None


def members_away(state: State, conversation: Conversation) -> Iterator[Party]:
    """Devices of contacts in a room that is mailed, which are not connected."""
    if conversation.invited is None or not _is_mailed(state, conversation):
        return
    for account in _contacts(state, conversation.invited):
        yield from devices_of(state, account)


def devices_of(state: State, account: AccountId) -> Iterator[Party]:
    """Devices of a contact that are not connected."""
    for device in sorted(state.directory.acting(account) - state.connected):
        yield Party(account, device)


def rooms_of(state: State, to: Party) -> Iterator[Conversation]:
    """The rooms that a contact's device is mailed."""
    for conversation in state.conversations.values():
        room = conversation.invited
        is_in = room is not None and room.membership.standing(to.account).may_read
        if is_in and _is_mailed(state, conversation):
            yield conversation


def _is_mailed(state: State, conversation: Conversation) -> bool:
    """Whether this is a room of which letters are written, and read."""
    room = conversation.invited
    if room is None or not room.is_entered or state.me.account not in room.membership.members():
        return False
    return len(room.membership.members()) <= ROOM_MEMBERS_MAX


def _contacts(state: State, room: InvitedRoom) -> list[AccountId]:
    members = room.membership.members().keys() - {state.me.account}
    return sorted(m for m in members if state.contact_state(m) is ContactState.ACCEPTED)
