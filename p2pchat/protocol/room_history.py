"""A room's history towards its members: what each is told of, given and begins with.

What is for whom follows from the room's ops alone (`protocol.histories`). Here that is asked for a
device that is connected, for ourselves, and for what we say of somebody whom we let in.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from p2pchat.model.control import History, TalkFloor
from p2pchat.model.ids import AccountId, DeviceId
from p2pchat.model.op import Chain, Header
from p2pchat.model.query import LatestQuery, StoredOp
from p2pchat.protocol.histories import spot_before, spot_of
from p2pchat.protocol.room_state import InvitedRoom
from p2pchat.protocol.state import Conversation, State
from p2pchat.wire.control import FLOORS_MAX
from p2pchat.wire.ops import DEPS_MAX, restore_op

__all__ = [
    "Own",
    "begins_for_us",
    "floors_of",
    "given_from",
    "is_for",
    "is_for_us",
    "is_strange_to_some",
    "latest_of",
    "readers_behind",
]


def is_for(room: InvitedRoom, accounts: Collection[AccountId], header: Header) -> bool:
    """Whether a talk op, all that it knew is here, is for one of these accounts."""
    if room.shows_all or header.account in accounts:
        return True
    spot = spot_of(header)
    return any(room.membership.may_have(one, spot) for one in accounts)


def is_for_us(state: State, room: InvitedRoom, header: Header) -> bool:
    """Whether a talk op is for our own account; what we wrote ourselves is in any case."""
    return is_for(room, (state.me.account,), header)


def begins_for_us(state: State, room: InvitedRoom, header: Header) -> bool:
    """Whether a talk op is for us and the one before it is not: our part of the chain begins, or
    goes on, with it, and nobody has to be believed."""
    before, me = spot_before(header), state.me.account
    if before is None or room.shows_all or not is_for_us(state, room, header):
        return False
    return header.account != me and not room.membership.may_have(me, before)


def readers_behind(state: State, room: InvitedRoom, peer: DeviceId) -> tuple[AccountId, ...]:
    """The members whom a device acts for: mostly one, but anybody may certify any device."""
    members, directory = room.membership.members(), state.directory
    greeted = directory.accounts.get(peer)
    return tuple(one for one in members if one == greeted or peer in directory.acting(one))


def given_from(
    room: InvitedRoom, account: AccountId, device: DeviceId, since: int, *, is_last: bool = False
) -> int:
    """From which op of a device's talk on an account is given it, to whom all is said from `since`
    on; `is_last`: without what it was given before it was out for the last time."""
    if room.shows_all:
        return 0
    return min([since, *room.membership.places(account, device, is_last=is_last)])


@dataclass(frozen=True, slots=True)
class Own:
    """Our device, and how many of its talk ops somebody else has where we are alone in the room:
    what we said to nobody is for whom we let in, and waits for them."""

    device: DeviceId
    heard: int

    def floor(self, conversation: Conversation) -> TalkFloor:
        count = conversation.log.count(self.device, Chain.TALK)
        room = conversation.invited
        is_alone = room is None or len(room.membership.members()) == 1
        return TalkFloor(self.device, min(count, self.heard) if is_alone else count)


def _floors_here(conversation: Conversation, own: Own) -> Iterator[TalkFloor]:
    """Where we stand with each device's talk, ours first, then those that spoke last: what comes is
    for whom we let in now."""
    yield own.floor(conversation)
    newest: dict[DeviceId, int] = {}
    for (device, chain), tips in conversation.log.tips.items():
        if chain is Chain.TALK and device != own.device:
            newest[device] = max(tip.sort_key for tip in tips)
    for device in sorted(newest, key=lambda device: (-newest[device], device)):
        yield TalkFloor(device, conversation.log.count(device, Chain.TALK))


def latest_of(conversation: Conversation) -> LatestQuery | None:
    """What has to be looked up for who comes to a room, where they are given the last messages."""
    room = conversation.invited
    if room is None or room.membership.genesis.history is not History.LAST:
        return None
    last = room.membership.genesis.history_last
    return LatestQuery(conversation.id, last, FLOORS_MAX)


def floors_of(conversation: Conversation, rows: Iterable[StoredOp], own: Own) -> list[TalkFloor]:
    """What somebody whom we let in is given of a room's past, what is worth most first. `rows` are
    the ops with which the last messages of each device begin."""
    room = conversation.invited
    if room is None or room.shows_all:
        return []
    if room.membership.genesis.history is History.NONE:
        floor = own.floor(conversation)
        return [floor] if floor.seq < conversation.log.count(own.device, Chain.TALK) else []
    headers = [restore_op(row).header for row in rows]
    at = {own.device: own.floor(conversation).seq}
    last = [TalkFloor(h.device, min(h.seq, at.get(h.device, h.seq))) for h in headers]
    named = {floor.device for floor in last}
    here = (one for one in _floors_here(conversation, own) if one.device not in named)
    return [*last, *here]


def is_strange_to_some(state: State, conversation: Conversation) -> bool:
    """Whether somebody came since we spoke last, who may not be given our name of then."""
    room, me = conversation.invited, state.me
    tip = conversation.log.tip(me.device, Chain.TALK)
    if room is None or room.shows_all or tip is None:
        return False
    membership = room.membership
    if tip.known == membership.heads(DEPS_MAX, me.account):
        return False
    if not all(id in membership for id in tip.known):
        return True
    return any(not membership.standing(one, tip.known).may_read for one in membership.members())
