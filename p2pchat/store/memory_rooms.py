"""What a conversation is, and what there is of a room by invitation, in the store in memory."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby

from p2pchat.model.change import PutConversation, SetFloor
from p2pchat.model.expected import Expected
from p2pchat.model.ids import AccountId, DeviceId, OpId
from p2pchat.model.op import STOPS_MAX, Chain, Op
from p2pchat.model.room import RoomKind
from p2pchat.model.room_change import (
    DropEpoch,
    DropSpan,
    ExpectMember,
    ForgetMember,
    PutEpoch,
    PutLeave,
    PutRoom,
    PutSpan,
    RoomChange,
    SetLost,
    SetSettled,
)
from p2pchat.model.snapshot import Head, RoomsSnapshot
from p2pchat.store.memory_reading import Reading
from p2pchat.wire.control import shows_less_than_all
from p2pchat.wire.ops import stored_op

__all__ = ["About", "rooms_of"]


@dataclass(slots=True)
class Awaited:
    """Of whom our messages are expected in a room by invitation."""

    members: dict[AccountId, ExpectMember] = field(default_factory=dict[AccountId, ExpectMember])
    settled: SetSettled | None = None
    lost: SetLost | None = None

    def folded(self) -> Expected[Hashable]:
        since: dict[Hashable, int] = {one: row.since for one, row in self.members.items()}
        lost = [] if self.lost is None else list(self.lost.ranges)
        if self.settled is None:
            return Expected(since, lost=lost)
        return Expected(since, self.settled.talk, self.settled.read, lost)

    def copy(self) -> Awaited:
        return Awaited(dict(self.members), self.settled, self.lost)


@dataclass(slots=True)
class About:
    """What a conversation is."""

    details: PutConversation | None = None
    room: PutRoom | None = None
    leave: PutLeave | None = None
    epochs: dict[OpId, PutEpoch] = field(default_factory=dict[OpId, PutEpoch])
    published: int | None = None
    reading: Reading = field(default_factory=Reading)
    expected: Awaited = field(default_factory=Awaited)
    spans: dict[tuple[DeviceId, int], PutSpan] = field(
        default_factory=dict[tuple[DeviceId, int], PutSpan]
    )
    stops: set[OpId] = field(default_factory=set[OpId])

    def apply(self, change: PutConversation | RoomChange) -> None:
        match change:
            case PutConversation():
                self.details = change
            case PutRoom():
                self.room = change
            case PutLeave():
                self.leave = change
            case PutEpoch():
                self.epochs[change.op] = change
            case DropEpoch():
                self.epochs.pop(change.op, None)
            case ExpectMember():
                self.expected.members[change.account] = change
            case ForgetMember():
                self.expected.members.pop(change.account, None)
            case SetSettled():
                self.expected.settled = change
            case SetLost():
                self.expected.lost = change
            case PutSpan():
                self.spans[change.device, change.seq] = change
            case DropSpan():
                self.spans.pop((change.device, change.seq), None)

    @property
    def is_entered(self) -> bool:
        """Whether its messages are shown: we are in it, and neither left it nor are guests."""
        return self.details is not None and (self.room is None or self.room.is_entered)

    @property
    def expectation(self) -> Expected[Hashable] | None:
        """Of whom our messages are expected; None where that is not known."""
        if self.details is None or self.details.kind is not RoomKind.INVITED:
            return None
        return self.expected.folded()

    def copy(self) -> About:
        return About(
            self.details,
            self.room,
            self.leave,
            dict(self.epochs),
            self.published,
            self.reading.copy(),
            self.expected.copy(),
            dict(self.spans),
            set(self.stops),
        )


Ops = Mapping[OpId, Op]


def rooms_of(
    conversations: Sequence[tuple[About, Ops, Iterable[Head], Iterable[SetFloor]]],
) -> RoomsSnapshot:
    """The rooms' part of a snapshot, of conversations in the order of their ids."""
    abouts = [about for about, _, _, _ in conversations]
    return RoomsSnapshot(
        rooms=tuple(about.room for about in abouts if about.room is not None),
        epochs=tuple(about.epochs[op] for about in abouts for op in sorted(about.epochs)),
        control=tuple(
            stored_op(op)
            for about, ops, _, _ in conversations
            for op in ops.values()
            if about.room is not None and op.header.chain is Chain.CONTROL
        ),
        leaves=tuple(about.leave for about in abouts if about.leave is not None),
        expected=tuple(
            about.expected.members[one]
            for about in abouts
            for one in sorted(about.expected.members)
        ),
        settled=tuple(a.expected.settled for a in abouts if a.expected.settled is not None),
        lost=tuple(a.expected.lost for a in abouts if a.expected.lost and a.expected.lost.ranges),
        talk=tuple(
            replace(stored_op(ops[id]), content=None, deletion=None)
            for about, ops, heads, _ in conversations
            for id in sorted(_ends(about, heads))
            if id in ops and _is_told_apart(about)
        ),
        spans=tuple(about.spans[place] for about in abouts for place in sorted(about.spans)),
        begun=tuple(
            replace(stored_op(op), content=None, deletion=None)
            for about, ops, _, floors in conversations
            for op in _begun(about, ops, floors)
        ),
        stops=tuple(
            replace(stored_op(ops[id]), content=None, deletion=None)
            for about, ops, _, _ in conversations
            for id in _newest(about.stops, ops)
        ),
    )


def _ends(about: About, heads: Iterable[Head]) -> set[OpId]:
    """Where talk chains and their parts end."""
    found = {head.id for head in heads if head.chain is Chain.TALK}
    return found | {span.id for span in about.spans.values()}


def _begun(about: About, ops: Ops, floors: Iterable[SetFloor]) -> list[Op]:
    """The ops where chains and their parts begin; of a fork there each branch."""
    if about.room is None or not shows_less_than_all(about.room.genesis):
        return []
    places = {(one.device, one.seq) for one in floors if one.chain is Chain.TALK}
    places |= about.spans.keys()
    talk = (op for op in ops.values() if op.header.chain is Chain.TALK)
    found = [op for op in talk if (op.header.device, op.header.seq) in places]
    return sorted(found, key=lambda op: op.id)


def _newest(stops: Iterable[OpId], ops: Ops) -> list[OpId]:
    """Of each chain as many as are told, lowest first."""
    found = list[OpId]()
    order = sorted(stops, key=lambda id: (ops[id].header.device, ops[id].header.seq, id))
    for _, ids in groupby(order, key=lambda id: ops[id].header.device):
        found += list(ids)[-STOPS_MAX:]
    return found


def _is_told_apart(about: About) -> bool:
    """Whether it matters what those knew who wrote last: in a room that does not show all its
    history, and in one that we left."""
    if about.details is None:
        return True
    room = about.room
    return room is not None and shows_less_than_all(room.genesis)
