"""A room's parts: how talk chains come to have holes for us, on disk and from it.

What is for somebody in a room that does not show all its history is said in `protocol.histories`;
how the parts of a chain are held, in `protocol.parts`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from p2pchat.model.change import AddOp, Change, SetFloor
from p2pchat.model.ids import ConversationId, OpId
from p2pchat.model.machine import Now
from p2pchat.model.op import Chain, Header, Op, Position
from p2pchat.model.room_change import DropSpan, PutSpan
from p2pchat.model.snapshot import RoomsSnapshot
from p2pchat.protocol.histories import Spot, spot_before
from p2pchat.protocol.log import Log
from p2pchat.protocol.parts import ChainKey, Floor, Span, Stop, Tip
from p2pchat.protocol.state import Conversation, Left, State
from p2pchat.wire.ops import restore_op

__all__ = [
    "Owed",
    "above",
    "enter_log",
    "floor_at",
    "lacks_below",
    "leave_behind",
    "lengthen",
    "owed_below",
    "restore_parts",
    "stop_below",
]

Owed = Mapping[ChainKey, list[Floor]]
NOTHING = OpId(bytes(32))
"""What stands on disk below the first op of a chain."""


def stop_below(header: Header) -> Stop:
    """The end of what a chain says to somebody, just below an op that repeats what was known
    there."""
    assert header.prev is not None, "the first op of a chain repeats nothing"
    return Stop(Tip(header.account, header.seq - 1, header.prev, 0, header.was), header.deps)


def enter_log(conversation: Conversation, op: Op, now: Now) -> tuple[AddOp, list[Change]]:
    """Put an op into its log, and note where it stops what its chain says to somebody; what is
    written beside it."""
    header, log, room = op.header, conversation.log, conversation.invited
    is_stopped = (
        room is not None
        and not room.shows_all
        and header.chain is Chain.TALK
        and bool(header.was)
        and _tells_truly(log, header)
        and room.membership.histories.ends_by(header.was, header.deps) != 0
    )
    if is_stopped:
        log.parts.stop((header.device, header.chain), stop_below(header))
    if room is None or header.seq >= log.begins_at((header.device, header.chain)):
        return AddOp(op, log.apply(op, now), now.wall_ms, is_stopped), []
    tip = log.apply_beneath(op, now)
    added = AddOp(op, tip.sort_key, now.wall_ms, is_stopped, is_beneath=True)
    return added, lengthen(conversation, header, tip)


def _tells_truly(log: Log, header: Header) -> bool:
    """Whether an author repeats what it knew of the room, where that is here to be compared: who
    did not could make very many stops of a chain in which it learnt nothing."""
    key = (header.device, header.chain)
    ends = [*log.tips.get(key, ()), *(span.tip for span in log.parts.spans.get(key, ()))]
    return all(tip.known in ((), header.was) for tip in ends if tip.id == header.prev)


def floor_at(header: Header) -> Floor:
    """Where a chain, or a part of it, begins with an op that is not its first."""
    below = spot_before(header)
    assert header.prev is not None, "a chain that begins with its first op has no floor"
    assert below is not None
    return Floor(header.seq, header.prev, below.known)


def lengthen(conversation: Conversation, header: Header, tip: Tip) -> list[Change]:
    """An op came below the floor of its chain, and is the end of a part now; where that reaches
    what lies above, they are one."""
    log, key = conversation.log, (header.device, header.chain)
    below = log.parts.ends_with(key, header.prev)
    floor = None if header.prev is None else floor_at(header)
    span = Span(floor if below is None else below.floor, tip)
    device, above = key[0], log.floors[key]
    if above.prev == tip.id:
        log.lower_floor(key, span.floor)
        begun = span.floor or Floor(0, NOTHING)
        changes: list[Change] = [
            SetFloor(conversation.id, *key, begun.seq, begun.prev, spares=True)
        ]
        if below is not None:
            log.parts.drop(key, below)
            changes.append(DropSpan(conversation.id, device, below.first))
        return changes
    spans = log.parts.spans.get(key, [])
    joined = next((one for one in spans if one.floor and one.floor.prev == tip.id), None)
    if joined is None:
        return [*put_span(conversation, key, span)]
    log.parts.drop(key, joined)
    longer = put_span(conversation, key, Span(span.floor, joined.tip))
    return [DropSpan(conversation.id, device, joined.first), *longer]


def owed_below(state: State, conversation: Conversation) -> Owed:
    """Our floors below which something is for us all the same: by a control op that came since, or
    that counts since. It is missing until somebody gives it."""
    room, log = conversation.invited, conversation.log
    if room is None or room.shows_all:
        return {}
    counting = room.membership.counting
    if log.parts.owed is None or log.parts.owed[0] != counting:
        places = [(key, floor) for key, floor in log.floors.items()]
        places += [
            (key, one.floor)
            for key, spans in log.parts.spans.items()
            for one in spans
            if one.floor is not None
        ]
        found = dict[ChainKey, list[Floor]]()
        for key, floor in places:
            spot = Spot(key[0], floor.seq - 1, floor.known)
            if floor.known and room.membership.may_have(state.me.account, spot):
                found.setdefault(key, []).append(floor)
        log.parts.owed = counting, found
    return log.parts.owed[1]


def lacks_below(
    conversation: Conversation, key: ChainKey, heads: Iterable[Position]
) -> set[int] | None:
    """The places below the floor of a chain at which a peer has what is for us and is not here;
    None where chains have no parts."""
    room, log = conversation.invited, conversation.log
    if room is None or room.shows_all or key[1] is Chain.CONTROL:
        return None
    floor, holding = log.begins_at(key), log.parts.holding
    below = (head.seq for head in heads if head.seq < floor)
    return {seq for seq in below if holding(key, seq) is None}


def above(log: Log, key: ChainKey, heads: Iterable[Position]) -> list[Position]:
    """The heads of a chain that do not lie below its floor, without those at which it only ends for
    somebody and goes on here."""
    floor, stops = log.begins_at(key), {stop.tip.id for stop in log.parts.stops.get(key, ())}
    return [head for head in heads if head.seq >= floor and head.head not in stops]


def leave_behind(
    conversation: Conversation, key: ChainKey, floor: Floor
) -> list[PutSpan | DropSpan]:
    """A chain goes on for us at a floor, above a hole: what we have of it becomes a span."""
    log = conversation.log
    changes = list[PutSpan | DropSpan]()
    for tip in log.tips.get(key, ()):
        if tip.seq < floor.seq - 1:
            changes += put_span(conversation, key, Span(log.floors.get(key), tip))
    return changes


def put_span(conversation: Conversation, key: ChainKey, span: Span) -> list[PutSpan | DropSpan]:
    """Keep a span, and on disk."""
    forgotten = conversation.log.parts.put(key, span)
    begun = span.floor or Floor(0, NOTHING)
    tip, id = span.tip, conversation.id
    put = PutSpan(id, tip.account, key[0], begun.seq, begun.prev, tip.seq, tip.id, tip.sort_key)
    return [put] if forgotten is None else [put, DropSpan(id, key[0], forgotten.first)]


def restore_parts(state: State, rooms: RoomsSnapshot, entered: Collection[ConversationId]) -> None:
    """All parts, as of the last commit."""
    known = {row.id: restore_op(row).header for row in rooms.talk}
    floors = dict[tuple[ConversationId, ChainKey], dict[OpId, Floor]]()
    for row in rooms.begun:
        header = restore_op(row).header
        key = (header.device, header.chain)
        if header.prev is not None and header.conversation in entered:
            floors.setdefault((header.conversation, key), {})[header.prev] = floor_at(header)
    for (id, key), found in floors.items():
        log = state.conversations[id].log
        if key in log.floors:
            log.floors[key] = found.get(log.floors[key].prev, log.floors[key])
    for row in rooms.spans:
        if row.conversation in entered and row.id in known:
            header = known[row.id]
            key = (header.device, header.chain)
            begun = floors.get((row.conversation, key), {})
            floor = begun.get(row.prev, Floor(row.seq, row.prev)) if row.seq else None
            tip = Tip(row.account, row.end, row.id, row.sort_key, header.deps)
            state.conversations[row.conversation].log.parts.put(key, Span(floor, tip))
    for row in rooms.stops:
        header = restore_op(row).header
        stop = stop_below(header)
        if header.conversation in entered:
            parts = state.conversations[header.conversation].log.parts
            parts.stop((header.device, header.chain), stop)
        else:
            state.left.setdefault(header.conversation, Left()).stops.append(stop)
