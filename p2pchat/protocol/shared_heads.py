"""Shared heads: what two who meet compare, of what is for both.

Of each chain every part is told that is for the other side, by the op with which it ends there: the
newest one of all may be for others alone. That follows from the ops that are here, so two who hold
all that is for both tell each other the same.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import zip_longest

from p2pchat.model.ids import AccountId, DeviceId, OpId
from p2pchat.model.op import PARTS_MAX, Chain, Position
from p2pchat.protocol.histories import Spot
from p2pchat.protocol.log import Log, digest_of, place_of
from p2pchat.protocol.membership import Membership
from p2pchat.protocol.parts import ChainKey, Shared, Stop, Tip, Told
from p2pchat.protocol.room_history import readers_behind
from p2pchat.protocol.room_state import InvitedRoom
from p2pchat.protocol.state import Conversation, State

__all__ = ["digest_for", "shared_by", "shared_with"]


def shared_with(state: State, conversation: Conversation, peer: DeviceId) -> Shared:
    """What we compare with a device."""
    room = conversation.invited
    if room is None or room.shows_all:
        return Shared(conversation.log.positions, conversation.digest())
    return shared_by(conversation, room, readers_behind(state, room, peer))


def digest_for(state: State, conversation: Conversation, peer: DeviceId) -> bytes:
    """The digest of that."""
    return shared_with(state, conversation, peer).digest


def shared_by(
    conversation: Conversation, room: InvitedRoom, accounts: tuple[AccountId, ...]
) -> Shared:
    """What we compare with a device that acts for these members. It costs a look at each chain, so
    it is remembered until something comes to the log, or other control ops count."""
    parts, counting = conversation.log.parts, room.membership.counting
    before, known = parts.shared.get(accounts, (counting, None))
    if known is None or before != counting:
        heads = _heads_for(conversation.log, room, accounts)
        known = Shared(heads, digest_of(heads, room.membership.last))
        parts.remember(accounts, counting, known)
    return known


def _heads_for(
    log: Log, room: InvitedRoom, accounts: tuple[AccountId, ...]
) -> tuple[Position, ...]:
    spans = [(key, span.tip) for key, spans in log.parts.spans.items() for span in spans]
    if any(one in room.membership.genesis.owners for one in accounts):
        found, more = log.positions, spans
    else:
        told = log.parts.told_to(accounts, room.membership.counting)
        reader = _Reader(room.membership, accounts, told)
        found = tuple(
            head
            for head, tip in log.heads
            if head.chain is Chain.CONTROL or reader.has(head.device, tip)
        )
        more = [(key, tip) for key, tip in spans if reader.has(key[0], tip)]
        for key in log.parts.stops:
            more += [(key, tip) for tip in _stopped(log, key, reader)]
    if not more:
        return found
    below = (Position(*key, tip.seq, tip.id) for key, tip in more)
    return _highest(sorted((*found, *below), key=place_of))


def _highest(heads: Sequence[Position]) -> tuple[Position, ...]:
    """Of each talk chain the last ends, as many as parts are remembered where there are holes: who
    remembers more of them must not tell others of what they have forgotten."""
    return tuple(
        head
        for head, later in zip_longest(heads, heads[PARTS_MAX:])
        if head.chain is Chain.CONTROL or later is None or later.device != head.device
    )


class _Reader:
    """What is for some accounts, asked for very many places of which most were told by the same."""

    def __init__(self, membership: Membership, accounts: Collection[AccountId], told: Told) -> None:
        self._membership = membership
        self._accounts = accounts
        self._going: int | None = None
        """The ops by which they went, or who let them in."""
        self._told = told

    def has(self, device: DeviceId, tip: Tip) -> bool:
        """Whether an op is for one of them."""
        told = self._told.get(tip.known)
        if told is None:
            told = self._told[tip.known] = self._is_told(tip.known)
        if told or tip.account in self._accounts:
            return True
        spot = Spot(device, tip.seq, tip.known)
        return any(self._membership.may_have(one, spot) for one in self._accounts)

    def may_end_at(self, stop: Stop) -> bool:
        """Whether a chain may end for them at a stop. Of very many stops few are theirs, and only
        these are judged."""
        membership = self._membership
        if not stop.by:
            stop.by = (membership.histories.ends_by(stop.tip.known, stop.then),)
        if self._going is None:
            self._going = membership.histories.going(self._accounts, membership.counting)
        (by,) = stop.by
        return by is None or by & self._going != 0

    def _is_told(self, known: tuple[OpId, ...]) -> bool:
        membership = self._membership
        return all(id in membership for id in known) and any(
            membership.standing(one, known).may_read for one in self._accounts
        )


def _stopped(log: Log, key: ChainKey, reader: _Reader) -> list[Tip]:
    """The ops of a chain that are for somebody, and of which none that follows is."""
    floors = [span.floor for span in log.parts.spans.get(key, ())] + [log.floors.get(key)]
    absent = {floor.prev for floor in floors if floor is not None}
    tips = dict[OpId, Tip]()
    going_on = set[OpId]()
    for stop in log.parts.stops[key]:
        tip = stop.tip
        if not reader.may_end_at(stop):
            going_on.add(tip.id)  # if it is for them at all
            continue
        if tip.id in absent or not reader.has(key[0], tip):
            continue
        tips[tip.id] = tip
        if reader.has(key[0], _after(stop)):
            going_on.add(tip.id)
    return [tip for id, tip in tips.items() if id not in going_on]


def _after(stop: Stop) -> Tip:
    """The op that follows a stop, as far as it matters for whom it is."""
    return Tip(stop.tip.account, stop.tip.seq + 1, stop.tip.id, 0, stop.then)
