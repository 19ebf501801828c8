"""Serving: answering peers that catch up.

A peer sends a digest and is told where our chains end; then it pulls what follows its own heads, a
page at a time. Rows are read one chain after the other, so that a page costs one read in memory
however much is asked for. Whoever may not read a conversation gets no answer, as if there were
none.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from p2pchat.model.ids import AccountId, ConversationId, DeviceId
from p2pchat.model.machine import Now
from p2pchat.model.op import Chain, Op, Position
from p2pchat.model.query import OpsQuery, StoredOp
from p2pchat.protocol.log import BRANCHES_MAX, ChainKey
from p2pchat.protocol.machine import Effect, ForPull, Lane, Load, Loaded, Send
from p2pchat.protocol.pace import Buckets, Rate
from p2pchat.protocol.parting import Parting, parting_of
from p2pchat.protocol.room_history import is_for, readers_behind
from p2pchat.protocol.shared_heads import shared_by, shared_with
from p2pchat.protocol.state import Conversation, State
from p2pchat.wire.control import CONTROL_BYTES_MAX
from p2pchat.wire.devices import DeviceSet
from p2pchat.wire.frames import (
    Ops,
    SyncDigest,
    SyncFrontier,
    SyncPage,
    SyncPull,
    Wanted,
    split_ops,
)
from p2pchat.wire.ops import HEADER_BYTES_MAX, OP_BYTES_MAX, restore_op

__all__ = ["PULL_CHAINS_MAX", "Serving"]

HEADS_MAX = 1500
"""Heads told at once, and as many floors: what one frame holds."""
PULL_CHAINS_MAX = 512
ROWS_PER_READ = 256
READ_BYTES_MIN = (BRANCHES_MAX + 1) * OP_BYTES_MAX
"""Holds every branch of a place and an op beyond, so that each read gets on."""
CONTROL_OP_BYTES = HEADER_BYTES_MAX + CONTROL_BYTES_MAX + 64
"""Of one control op at most; their chains may have more branches."""
FRAME_BYTES = 64 * 1024
SESSION_S_MAX = 10.0
EMPTY_READS_MAX = 64
"""Reads one after the other that find nothing for the asker, after which a page ends, in a room
that does not show all its history."""
SOUGHT_S_MAX = 300.0
"""So long it is remembered how far chains were gone through that hold nothing for an asker, which
asks for the same again."""
DIGEST_RATE = Rate(per_s=1, burst=8)
"""Comparisons with one peer of one conversation: each gap begins one, so they come in bursts."""
SESSIONS_MAX = 64
"""Pulls answered at the same time, one a peer and conversation; and reads under way for them, also
for those that were given up since."""
PARTING_RATE = Rate(per_s=0.5, burst=16)
"""Digests and pulls of an account that was put out, of all its devices and all rooms."""
PARTING_SESSIONS_MAX = 16
"""Of the pulls that are answered at the same time those of who was put out."""

BranchSeen = Callable[[Conversation, DeviceId, ChainKey, Now], list[Effect]]
"""What becomes of the news that a peer holds a branch that we do not."""


@dataclass(frozen=True, slots=True)
class Seek:
    """Find where a chain goes on for the asker: what stands here is not for it."""

    wanted: Wanted


@dataclass(frozen=True, slots=True)
class Sought:
    """How far chains were gone through of which nothing was found for an asker."""

    until_s: float
    counting: int
    """What counted then: by other control ops something may be for it."""
    places: Mapping[Wanted, int]
    """By what it asks for."""


@dataclass(slots=True)
class Session:
    """One pull that is being answered."""

    serial: int
    until_s: float
    wanted: deque[Wanted | Seek]
    bytes_left: int
    is_cut: bool
    """Something is left to be asked for again, whatever is sent now."""
    accounts: tuple[AccountId, ...]
    """The members for whom it is, in a room that does not show all its history."""
    told: set[DeviceSet] = field(default_factory=set[DeviceSet])
    empty: int = 0
    """So many reads found nothing, since one did."""
    asked: dict[ChainKey, Wanted] = field(default_factory=dict[ChainKey, Wanted])
    """What was asked for of the chains of which nothing was found as yet."""
    parting: Parting | None = None
    """All that it is about, if the asker was put out."""


class Serving:
    """All pulls of all peers."""

    def __init__(self, state: State, branch_seen: BranchSeen) -> None:
        self._state = state
        self._branch_seen = branch_seen
        self._sessions: dict[tuple[DeviceId, ConversationId], Session] = {}
        self._serial = 0
        self._loads = 0
        self._digests = Buckets[tuple[DeviceId, ConversationId]](DIGEST_RATE)
        self._sought: dict[tuple[DeviceId, ConversationId], Sought] = {}
        self._partings = Buckets[AccountId](PARTING_RATE)

    def digest(self, peer: DeviceId, frame: SyncDigest, now: Now) -> list[Effect]:
        """Equal, or here is what we hold: an answer that is far larger than the question, so it is
        not given all the time. Whoever is only heard is told neither, and waits for nothing; who
        was put out, where that ends which it may have."""
        parting = parting_of(self._state, frame.conversation, peer)
        conversation = self._state.conversations.get(frame.conversation)
        if parting is None:
            conversation = self._state.audible(frame.conversation, peer)
        if conversation is None:
            return []
        now_s = now.monotonic_s
        if not self._digests.of((peer, conversation.id), now_s).take(1, now_s):
            self._state.refuse("too many digests")
            return []
        if parting is not None:
            if not self._has_time_for(parting, now):
                return []
            heads = parting.heads()
        else:
            is_over = not self._state.may_read(conversation, peer)
            shared = None if is_over else shared_with(self._state, conversation, peer)
            if shared is None or shared.digest == frame.digest:
                return [Send(peer, Lane.SYNC, SyncPage(conversation.id, more=False))]
            heads = shared.heads
        if len(heads) > HEADS_MAX:  # another part each time
            first = self._state.rng.randrange(len(heads))
            heads = (heads[first:] + heads[:first])[:HEADS_MAX]
        floors = tuple(
            Position(*key, floor.seq, floor.prev)
            for key in dict.fromkeys((head.device, head.chain) for head in heads)
            if (floor := conversation.log.floors.get(key)) is not None
        )
        return [Send(peer, Lane.SYNC, SyncFrontier(conversation.id, heads, floors))]

    def pull(self, peer: DeviceId, frame: SyncPull, now: Now) -> list[Effect]:
        """Begin to send what follows the asker's heads."""
        conversation, parting = self._asked_by(peer, frame.conversation)
        key = (peer, frame.conversation)
        self.expire(now)
        if conversation is None:
            return []
        if key in self._sessions:  # whoever waits for a page asks once
            self._state.refuse("pull during a pull")
            return []
        if max(len(self._sessions), self._loads) >= SESSIONS_MAX:
            self._state.refuse("too many pulls at once")
            return []
        if parting is not None and not self._has_place_for(parting, now):
            return []
        self._serial += 1
        accounts = () if parting is not None else self._accounts(conversation, peer)
        wanted = _asked(conversation, accounts, frame.wanted)
        if parting is not None:
            wanted = parting.within(wanted)
        some = wanted[:PULL_CHAINS_MAX]
        session = self._sessions[key] = Session(
            self._serial,
            now.monotonic_s + SESSION_S_MAX,
            deque(self._resumed(conversation, peer, some, now)),
            self._state.limits.page_bytes_max,
            is_cut=len(wanted) > PULL_CHAINS_MAX,
            accounts=accounts,
            asked={(one.device, one.chain): one for one in some if accounts},
            parting=parting,
        )
        return self._next(peer, conversation, session, now)

    def loaded(self, tag: ForPull, loaded: Loaded, now: Now) -> list[Effect]:
        """Rows for a peer's pull: send those that follow its own head."""
        self._loads -= 1
        session = self._sessions.get((tag.peer, tag.conversation))
        conversation, parting = self._asked_by(tag.peer, tag.conversation)
        if session is None or conversation is None or session.serial != tag.serial:
            return []
        if (session.parting is None) != (parting is None):
            return []  # it was put out, or let in, since it asked
        wanted, rows = tag.wanted, loaded.rows
        effects: list[Effect] = []
        if tag.is_seek:
            found = _sought(conversation, session.accounts, wanted, rows)
            # Who makes a chain long that is not for the asker has no other chain wait for it.
            session.wanted.extendleft(one for one in found if isinstance(one, Wanted))
            session.wanted.extend(one for one in found if isinstance(one, Seek))
        elif _is_elsewhere(conversation, wanted, rows):
            session.wanted.appendleft(Wanted(wanted.device, wanted.chain, 0, None))
            key = (wanted.device, wanted.chain)
            effects += self._branch_seen(conversation, tag.peer, key, now)
        else:
            ops = [restore_op(row) for row in rows if row.id != wanted.head]
            shown = [op for op in ops if _is_shown(conversation, session, op)]
            effects += self._send(tag.peer, session, shown)
            if shown:
                session.asked.pop((wanted.device, wanted.chain), None)
            rest = _rest(conversation, wanted, rows)
            if session.parting is not None:
                session.wanted.extendleft(session.parting.within(rest))
            else:
                session.wanted.extendleft(rest if shown or not ops else map(Seek, rest))
        is_part = bool(session.accounts) or session.parting is not None
        session.empty = session.empty + 1 if is_part and not effects else 0
        return effects + self._next(tag.peer, conversation, session, now)

    def give_up(self, peer: DeviceId) -> None:
        """What was under way to a peer is lost."""
        for key in [key for key in self._sessions if key[0] == peer]:
            del self._sessions[key]
        self._sought = {key: sought for key, sought in self._sought.items() if key[0] != peer}

    def forget(self, conversation: ConversationId) -> None:
        """A conversation is left."""
        for key in [key for key in self._sessions if key[1] == conversation]:
            del self._sessions[key]
        self._sought = {key: one for key, one in self._sought.items() if key[1] != conversation}

    def expire(self, now: Now) -> None:
        """Forget pulls that take too long."""
        for key in [k for k, s in self._sessions.items() if s.until_s <= now.monotonic_s]:
            del self._sessions[key]

    def _asked_by(
        self, peer: DeviceId, id: ConversationId
    ) -> tuple[Conversation | None, Parting | None]:
        """The conversation, if it is served to a peer, and what of it alone."""
        parting = parting_of(self._state, id, peer)
        if parting is not None:
            return self._state.conversations[id], parting
        return self._state.readable(id, peer), None

    def _has_time_for(self, parting: Parting, now: Now) -> bool:
        """Whether who was put out is answered once more."""
        has_time = self._partings.of(parting.account, now.monotonic_s).take(1, now.monotonic_s)
        if not has_time:
            self._state.refuse("too many questions of who was put out")
        return has_time

    def _has_place_for(self, parting: Parting, now: Now) -> bool:
        """Whether one more pull of who was put out is answered."""
        running = sum(one.parting is not None for one in self._sessions.values())
        if running >= PARTING_SESSIONS_MAX:
            self._state.refuse("too many pulls of those who were put out")
            return False
        return self._has_time_for(parting, now)

    def _next(
        self, peer: DeviceId, conversation: Conversation, session: Session, now: Now
    ) -> list[Effect]:
        """Read on, or end the page. What is read for nothing takes none of it, and has its end all
        the same."""
        is_long = now.monotonic_s >= session.until_s or session.empty >= EMPTY_READS_MAX
        if not session.wanted or session.bytes_left <= 0 or is_long:
            del self._sessions[peer, conversation.id]
            self._remember(conversation, peer, session, now)
            more = session.is_cut or bool(session.wanted)
            return [Send(peer, Lane.SYNC, SyncPage(conversation.id, more))]
        first = session.wanted.popleft()
        is_seek = isinstance(first, Seek)
        wanted = first.wanted if isinstance(first, Seek) else first
        branches = len(conversation.log.tips.get((wanted.device, wanted.chain), ()))
        query = OpsQuery(
            conversation.id,
            wanted.device,
            wanted.chain,
            wanted.from_seq,
            max(ROWS_PER_READ, branches + 1),
            max(session.bytes_left, READ_BYTES_MIN, (branches + 1) * CONTROL_OP_BYTES),
            turns=is_seek,
        )
        self._loads += 1
        return [Load(ForPull(peer, conversation.id, wanted, session.serial, is_seek), query)]

    def _remember(
        self, conversation: Conversation, peer: DeviceId, session: Session, now: Now
    ) -> None:
        """Keep how far a page came with the chains of which it found nothing."""
        self._sought.pop((peer, conversation.id), None)
        room, places = conversation.invited, dict[Wanted, int]()
        for seek in (one.wanted for one in session.wanted if isinstance(one, Seek)):
            asked = session.asked.get((seek.device, seek.chain))
            if asked is not None:
                places[asked] = seek.from_seq
        if room is None or not places:
            return
        until_s = now.monotonic_s + SOUGHT_S_MAX
        self._sought[peer, conversation.id] = Sought(until_s, room.membership.counting, places)
        if len(self._sought) > SESSIONS_MAX:
            del self._sought[next(iter(self._sought))]

    def _resumed(
        self, conversation: Conversation, peer: DeviceId, wanted: Sequence[Wanted], now: Now
    ) -> Iterable[Wanted | Seek]:
        """What a peer wants, from where on it was not gone through when it wanted the same."""
        sought, room = self._sought.get((peer, conversation.id)), conversation.invited
        if sought is None or room is None or sought.until_s <= now.monotonic_s:
            return wanted
        if sought.counting != room.membership.counting:
            return wanted
        places = sought.places
        return [
            Seek(Wanted(one.device, one.chain, places[one], None)) if one in places else one
            for one in wanted
        ]

    def _accounts(self, conversation: Conversation, peer: DeviceId) -> tuple[AccountId, ...]:
        room = conversation.invited
        if room is None or room.shows_all:
            return ()
        return readers_behind(self._state, room, peer)

    def _send(self, peer: DeviceId, session: Session, ops: Sequence[Op]) -> list[Effect]:
        effects: list[Effect] = []
        for part in split_ops(ops, FRAME_BYTES):
            session.bytes_left -= sum(op.size_bytes for op in part)
            frame = Ops(tuple(part), self._untold(session, part))
            effects.append(Send(peer, Lane.SYNC, frame))
        return effects

    def _untold(self, session: Session, ops: Iterable[Op]) -> tuple[DeviceSet, ...]:
        """The device sets that verify these ops, each once a session."""
        sets = self._state.directory.sets
        needed = dict.fromkeys(op.header.account for op in ops)
        found = [sets[account] for account in needed if account in sets]
        fresh = tuple(devices for devices in found if devices not in session.told)
        session.told.update(fresh)
        return fresh


def _asked(
    conversation: Conversation, accounts: tuple[AccountId, ...], wanted: Sequence[Wanted]
) -> Sequence[Wanted]:
    """What may be for the asker of what it wants: else nothing is read for it."""
    room = conversation.invited
    if room is None or not accounts:
        return wanted
    heads = shared_by(conversation, room, accounts).heads
    chains = {(head.device, head.chain) for head in heads}
    return [one for one in wanted if (one.device, one.chain) in chains]


def _is_elsewhere(conversation: Conversation, wanted: Wanted, rows: Sequence[StoredOp]) -> bool:
    """Whether the asker's head is on a branch that is not ours (and not just below our floor)."""
    if wanted.head is None or not rows or wanted.head in {row.id for row in rows}:
        return False
    floor = conversation.log.floors.get((wanted.device, wanted.chain))
    return floor is None or wanted.from_seq >= floor.seq


def _is_shown(conversation: Conversation, session: Session, op: Op) -> bool:
    """Whether an op is for the asker by the room's history, or as who was put out."""
    room = conversation.invited
    if session.parting is not None:
        return op.id in session.parting
    if room is None or room.shows_all or op.header.chain is Chain.CONTROL:
        return True
    return is_for(room, session.accounts, op.header)


def _sought(
    conversation: Conversation,
    accounts: tuple[AccountId, ...],
    wanted: Wanted,
    rows: Sequence[StoredOp],
) -> list[Wanted | Seek]:
    """Where a chain goes on for the asker, at or above a place: with an op whose author knew more
    than before, or where somebody let the asker in and said so."""
    room, key = conversation.invited, (wanted.device, wanted.chain)
    assert room is not None, "other conversations show all of a chain"
    found = [row.seq for row in rows if is_for(room, accounts, restore_op(row).header)][:1]
    for account in accounts:
        places = room.membership.places(account, wanted.device)
        found += [seq for seq in places if seq >= wanted.from_seq][:1]
    if found:
        return [Wanted(*key, min(found), None)]
    return [Seek(Wanted(*key, rows[-1].seq + 1, None))] if rows else []


def _rest(conversation: Conversation, wanted: Wanted, rows: Sequence[StoredOp]) -> list[Wanted]:
    """What is left of a chain after a read that was cut short; the last place is read again, for
    it may hold several ops. Those in the last place of all are heads."""
    if not rows:
        return []
    last, read = rows[-1].seq, {row.id for row in rows}
    tips = conversation.log.tips.get((wanted.device, wanted.chain), ())
    if all(tip.seq < last or tip.id in read for tip in tips):
        return []
    start = last if last > rows[0].seq else last + 1
    return [Wanted(wanted.device, wanted.chain, start, None)]
