"""The log of one conversation: which ops are here, which are known to be missing.

Every device has two hash chains. An op is applied only when its predecessor is; until then it
waits, and the gap is known exactly. Two ops with one predecessor are a fork: both branches stay,
because voiding a forked log would let a thief erase history. A chain may begin at a floor instead
of at 0; what lies below is absent by policy and neither waited for nor counted.

In memory stand the heads, the ids of control ops, and a bounded window of recent ops; bodies stay
on disk.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum, auto
from hashlib import blake2b

from p2pchat.errors import MalformedMessage
from p2pchat.model.ids import AccountId, DeviceId, OpId
from p2pchat.model.machine import Now
from p2pchat.model.op import Chain, Header, Op, Position
from p2pchat.protocol.held_back import HeldBack
from p2pchat.protocol.parts import ChainKey, Floor, Parts, Tip
from p2pchat.protocol.timeline import sort_key
from p2pchat.protocol.wordless import Wordless

__all__ = [
    "BRANCHES_MAX",
    "ChainKey",
    "Claim",
    "Floor",
    "Log",
    "Place",
    "Tip",
    "digest_of",
    "place_of",
]

RECENT_MAX = 1024
"""Ops remembered by id, to tell a repeat from a fork without the disk."""
WAITING_BYTES_MAX = 4 << 20
"""Bytes of the ops of one conversation that are held back."""
BRANCHES_MAX = 4
AFTER_MAX = 4


class Place(Enum):
    """Where an op stands relative to what is here."""

    NEXT = auto()
    """Its predecessors are here: apply it."""
    KNOWN = auto()
    """It is here already."""
    WAITS = auto()
    """A predecessor is missing: hold it."""
    FORK = auto()
    """Its predecessor is here, and so is another successor of that."""
    SUSPECT = auto()
    """Its place is taken: only the disk can tell a repeat from a fork."""
    BELOW = auto()
    """It lies below the chain's floor: absent by policy."""
    BENEATH = auto()
    """It lies there, in a part of the chain that is ours: it begins it, or follows its end."""


@dataclass(slots=True)
class _Whole:
    """All heads, sorted, with their tips, and the digest once somebody asked for it."""

    heads: tuple[tuple[Position, Tip], ...]
    positions: tuple[Position, ...]
    digest: bytes | None = None


@dataclass(frozen=True, slots=True)
class Claim:
    """A peer says that a chain, of which we held `count` ops then, begins at `floor`."""

    floor: Floor
    count: int
    is_free: bool
    """Whether nothing is given up for it: only then a chain may begin there."""


class Log:
    """Heads, floors and waiting ops of one conversation."""

    def __init__(self, waiting_ops_max: int, held_back: HeldBack | None = None) -> None:
        self.tips: dict[ChainKey, list[Tip]] = {}
        self.floors: dict[ChainKey, Floor] = {}
        self.claims: dict[ChainKey, Claim] = {}
        """Where a peer says that chains begin. Believed when the author's own op there says the
        same, and nothing was added to the chain here in the meantime."""
        self.control: set[OpId] = set()
        self.wordless = Wordless()
        self.parts = Parts()
        self._recent: dict[OpId, Tip] = {}
        """The ops applied last: whatever follows one of them is among them, or came below a floor
        (`Parts.was_mended`)."""
        self._waiting = Waiting(waiting_ops_max, held_back or HeldBack())
        self._shown: deque[tuple[DeviceId, OpId]] = deque(maxlen=2 * AFTER_MAX)
        self._whole: _Whole | None = None

    # What is here

    def count(self, device: DeviceId, chain: Chain) -> int:
        """How long a chain is: the highest seq plus one, 0 when there is none."""
        tips = self.tips.get((device, chain))
        return max(tip.seq for tip in tips) + 1 if tips else 0

    def tip(self, device: DeviceId, chain: Chain) -> Tip | None:
        """The highest op of a chain."""
        tips = self.tips.get((device, chain))
        return max(tips, key=lambda tip: tip.seq) if tips else None

    def end(self, device: DeviceId, chain: Chain) -> tuple[int, OpId | None]:
        """Seq and `prev` of the next op of a chain."""
        tip, floor = self.tip(device, chain), self.floors.get((device, chain))
        if tip is not None:
            return tip.seq + 1, tip.id
        return (floor.seq, floor.prev) if floor is not None else (0, None)

    def control_heads(self) -> tuple[OpId, ...]:
        """What a new op depends on."""
        return tuple(tip.id for (_, chain), tips in self.tips.items() if not chain for tip in tips)

    def shown_heads(self, own: DeviceId) -> tuple[OpId, ...]:
        """At most four of the newest talk ops of others, which a new op is shown after."""
        newest: dict[DeviceId, OpId] = {}
        for device, id in reversed(self._shown):
            if device != own:
                newest.setdefault(device, id)
        return tuple(newest.values())[:AFTER_MAX]

    def accounts(self) -> set[AccountId]:
        """Authors of anything that is here."""
        return {tip.account for tips in self.tips.values() for tip in tips}

    @property
    def positions(self) -> tuple[Position, ...]:
        """All heads, sorted."""
        return self._heads().positions

    @property
    def heads(self) -> tuple[tuple[Position, Tip], ...]:
        """The same, each with its tip."""
        return self._heads().heads

    def digest(self, control: Callable[[], Iterable[OpId]] | None = None) -> bytes:
        """As `digest_of` all heads: equal exactly when both hold the same ops."""
        whole = self._heads()
        if whole.digest is None:
            whole.digest = digest_of(whole.positions, control)
        return whole.digest

    def _heads(self) -> _Whole:
        if self._whole is None:
            heads = [
                (Position(device, chain, tip.seq, tip.id), tip)
                for (device, chain), tips in self.tips.items()
                for tip in tips
            ]
            heads.sort(key=lambda head: place_of(head[0]))
            self._whole = _Whole(tuple(heads), tuple(position for position, _ in heads))
        return self._whole

    def knows(self, key: ChainKey, id: OpId) -> bool:
        """Whether an op of a chain is certainly here; older ones may be, too."""
        is_tip = any(tip.id == id for tip in self.tips.get(key, ()))
        return is_tip or id in self._recent or id in self.parts.here

    def begins_at(self, key: ChainKey) -> int:
        """The first seq that a chain has here, or will have."""
        floor = self.floors.get(key)
        return floor.seq if floor is not None else 0

    def vouched_from(self, device: DeviceId) -> int:
        """The first op of a device's talk of which a receipt says anything."""
        return max(self.begins_at((device, Chain.TALK)), self.wordless.known_from(device))

    def pulled_from(self, key: ChainKey) -> int:
        """From where on a chain is asked for of which nothing is here."""
        claim = self.claims.get(key)
        return claim.floor.seq if claim is not None else self.begins_at(key)

    @property
    def waiting_count(self) -> int:
        return len(self._waiting)

    @property
    def waiting_accounts(self) -> set[AccountId]:
        """The authors of all that is held back."""
        return self._waiting.accounts()

    def waiting(self) -> tuple[Op, ...]:
        """The ops that are held back until what they follow is here."""
        return self._waiting.all()

    # What comes

    def place(self, op: Op) -> Place:
        """Where `op` stands now. Raises `MalformedMessage` when it skips a number."""
        if op.id in self._recent or op.id in self._waiting:
            return Place.KNOWN
        if self._missing(op) is None:
            return Place.NEXT
        header = op.header
        floor = self.floors.get((header.device, header.chain))
        if floor is not None and header.seq < floor.seq:
            return Place.BELOW
        if header.seq >= self.count(header.device, header.chain):
            return Place.WAITS
        prev = self._recent.get(header.prev) if header.prev is not None else None
        if prev is None or self.parts.was_mended(header):
            return Place.SUSPECT
        _require_next(prev, header)
        return Place.FORK if self._dependency(op) is None else Place.WAITS

    def knows_dependencies(self, op: Op) -> bool:
        """Whether all control ops are here that `op` depends on."""
        return self._dependency(op) is None

    def apply(self, op: Op, now: Now) -> int:
        """Make `op` a head; its sort key. Its place is `NEXT`, or it is a proven fork."""
        header = op.header
        tips = self.tips.setdefault((header.device, header.chain), [])
        prev = _taken(tips, header.prev)
        if prev is None and header.prev is not None:
            prev = self._recent.get(header.prev)  # a fork's, which is no tip any more
        tip = self._tip(op, prev, now)
        self._remember(tip)
        tips.append(tip)
        if header.chain is Chain.CONTROL:
            self.control.add(op.id)
        else:
            self._shown.append((header.device, op.id))
        return tip.sort_key

    def apply_beneath(self, op: Op, now: Now) -> Tip:
        """Take `op` into a part below the floor of its chain, where it is no head; which part that
        is says `protocol.room_parts`. Its place is `BENEATH`. It is none of those applied last:
        what follows it may be on disk for long."""
        span = self.parts.ends_with((op.header.device, op.header.chain), op.header.prev)
        self.parts.mend(op.header)
        self._changed()
        return self._tip(op, None if span is None else span.tip, now)

    def _tip(self, op: Op, prev: Tip | None, now: Now) -> Tip:
        """The end of a part that is `op`, which is here from now on."""
        header = op.header
        before = [self._recent[id].sort_key for id in header.after if id in self._recent]
        if prev is not None:
            before.append(prev.sort_key)
        key = sort_key(header.hlc, now.wall_ms, before)
        tip = Tip(header.account, header.seq, op.id, key, _known(header, prev))
        if op.content is None:
            self.wordless.add(header.device, header.seq)
        return tip

    def hold(self, op: Op) -> bool:
        """Keep `op` until what it misses is here; False when something had to go for it."""
        missing = self._missing(op)
        assert missing is not None, "an op that misses nothing is applied"
        return self._waiting.put(missing, op)

    def hold_until(self, id: OpId, op: Op) -> bool:
        """Keep `op`, though it misses nothing, until another is here."""
        return self._waiting.put(id, op)

    def let_go(self, op: Op) -> bool:
        """Hold an op back no longer; False when it was not."""
        return self._waiting.drop(op)

    def held(self, id: OpId) -> Op | None:
        """An op that waits."""
        return self._waiting.find(id)

    def awaited(self, op: Op) -> OpId | None:
        """What an op is held back for."""
        return self._waiting.misses(op.id)

    def lacks_before(self, op: Op) -> bool:
        """Whether an op is held back for the one before it, which does not wait itself."""
        before = op.header.prev
        if before is None or self.awaited(op) != before:
            return False
        return before not in self._waiting

    def released(self, id: OpId) -> list[Op]:
        """The ops that waited for `id`; they are no longer held."""
        return self._waiting.take(id)

    def awaited_by(self, id: OpId) -> set[AccountId]:
        """The authors of all that is held back because it follows an op."""
        return self._waiting.behind(id)

    def set_floor(self, key: ChainKey, floor: Floor) -> None:
        """Let a chain begin at `floor`; a head just below stays, for the chain continues there."""
        self.floors[key] = floor
        tips = [tip for tip in self.tips.pop(key, []) if tip.seq >= floor.seq - 1]
        if tips:
            self.tips[key] = tips
        self.parts.owed = None
        self._changed()

    def lower_floor(self, key: ChainKey, floor: Floor | None) -> None:
        """What lies below is here now, down to another floor or the beginning of the chain."""
        if floor is None:
            del self.floors[key]
        else:
            self.floors[key] = floor
        self.parts.owed = None
        self._changed()

    def may_begin_at(self, key: ChainKey, seq: int) -> bool:
        """Whether nothing of a chain is here, but perhaps a head without its op, so that it may go
        on at `seq` without what lies between."""
        floor, count = self.floors.get(key), self.count(*key)
        is_bare = count == 0 or (floor is not None and floor.seq >= count)
        return is_bare and seq >= max(count, 1)

    def claim(self, key: ChainKey, floor: Floor, *, is_free: bool) -> None:
        """Note what a peer says."""
        self.claims[key] = Claim(
            floor, self.count(*key), is_free or self.may_begin_at(key, floor.seq)
        )

    def claimed(self, op: Op) -> Floor | None:
        """The claim that this op proves, if it does: its chain begins with it."""
        key = (op.header.device, op.header.chain)
        claim = self.claims.pop(key, None)
        if claim is None or not self._is_proven(claim, op.header):
            return None
        return claim.floor

    # How it is restored

    def restore(self, key: ChainKey, tip: Tip) -> None:
        """A head as of the last commit; the one shown last comes last."""
        self.tips.setdefault(key, []).append(tip)
        self._remember(tip)
        if key[1] is Chain.TALK:
            self._shown.append((key[0], tip.id))

    def _missing(self, op: Op) -> OpId | None:
        """The first predecessor that is not here."""
        header = op.header
        key = (header.device, header.chain)
        if header.prev is not None and not self._follows(key, header):
            is_fork = header.prev in self._recent
            is_first = is_fork or header.chain is Chain.TALK  # a chain may begin for us with it
            return (self._dependency(op) if is_first else None) or header.prev
        if header.prev is None and key in self.tips:
            return op.id
        return self._dependency(op)

    def _dependency(self, op: Op) -> OpId | None:
        """The first control op it depends on that is not here."""
        header = op.header
        return next((id for id in (*header.deps, *header.was) if id not in self.control), None)

    def _follows(self, key: ChainKey, header: Header) -> bool:
        for tip in self.tips.get(key, ()):
            if tip.id == header.prev:
                _require_next(tip, header)
                return True
        claim, floor = self.claims.get(key), self.floors.get(key)
        if claim is not None and self._is_proven(claim, header):
            return True
        is_floor = floor is not None and (floor.seq, floor.prev) == (header.seq, header.prev)
        return is_floor and self.may_begin_at(key, header.seq)

    def _is_proven(self, claim: Claim, header: Header) -> bool:
        key, floor = (header.device, header.chain), claim.floor
        is_there = (floor.seq, floor.prev) == (header.seq, header.prev)
        return claim.is_free and is_there and claim.count == self.count(*key) < floor.seq

    def _changed(self) -> None:
        self._whole = None
        self.parts.shared.clear()

    def _remember(self, tip: Tip) -> None:
        self._changed()
        self._recent[tip.id] = tip
        if len(self._recent) > RECENT_MAX:
            del self._recent[next(iter(self._recent))]


def place_of(position: Position) -> tuple[DeviceId, Chain, int, OpId]:
    """Where a head stands among all of them."""
    return position.device, position.chain, position.seq, position.head


def digest_of(
    positions: Iterable[Position], control: Callable[[], Iterable[OpId]] | None = None
) -> bytes:
    """BLAKE2b-256 over sorted heads. Where `control` is given, over what it gives instead of the
    heads of control chains."""
    hasher = blake2b(b"dchat/frontier/1\0", digest_size=32)
    for p in positions:
        if p.chain is Chain.TALK or control is None:
            hasher.update(p.device + bytes((p.chain,)) + p.seq.to_bytes(8, "big") + p.head)
    for id in sorted(control()) if control is not None else ():
        hasher.update(id)
    return hasher.digest()


def _known(header: Header, prev: Tip | None) -> tuple[OpId, ...]:
    if header.chain is Chain.CONTROL:
        return ()
    return prev.known if prev is not None and prev.known == header.deps else header.deps


class Waiting:
    """Ops that miss a predecessor, bounded in number and bytes.

    What never gets its predecessor would stay for ever, so the oldest makes room. Of the device
    that takes most, that is: whoever floods pushes out nobody but itself.
    """

    def __init__(self, ops_max: int, held_back: HeldBack) -> None:
        self._ops_max = ops_max
        self._share = held_back.join(self)
        self._ops: dict[OpId, dict[OpId, Op]] = {}
        """By what they miss."""
        self._missing: dict[OpId, OpId] = {}
        self._sizes: dict[DeviceId, dict[OpId, int]] = {}
        """Of each device, oldest first."""
        self._taken = Counter[DeviceId]()
        """Bytes of each."""
        self._authors = Counter[AccountId]()
        self._bytes_total = 0

    def __len__(self) -> int:
        return len(self._missing)

    def __contains__(self, id: OpId) -> bool:
        return id in self._missing

    def put(self, missing: OpId, op: Op) -> bool:
        """Keep `op`; False when another, or this one, had to go for it."""
        assert op.id not in self, "an op waits once"
        size = op.size_bytes
        self._ops.setdefault(missing, {})[op.id] = op
        self._missing[op.id] = missing
        self._authors[op.header.account] += 1
        self._sizes.setdefault(op.header.device, {})[op.id] = size
        self._taken[op.header.device] += size
        self._bytes_total += size
        self._share.add(op.header.device, size)
        has_room = True
        while len(self) > self._ops_max or self._bytes_total > WAITING_BYTES_MAX:
            self._evict()
            has_room = False
        return self._share.fits() and has_room

    def give(self, device: DeviceId) -> int:
        oldest, size = next(iter(self._sizes.get(device, {}).items()), (None, 0))
        if oldest is not None:
            self._remove(device, oldest)
        return size

    def accounts(self) -> set[AccountId]:
        return set(self._authors)

    def all(self) -> tuple[Op, ...]:
        return tuple(op for ops in self._ops.values() for op in ops.values())

    def take(self, missing: OpId) -> list[Op]:
        ops = list(self._ops.get(missing, {}).values())
        for op in ops:
            self._remove(op.header.device, op.id)
        return ops

    def misses(self, id: OpId) -> OpId | None:
        return self._missing.get(id)

    def find(self, id: OpId) -> Op | None:
        missing = self._missing.get(id)
        return self._ops[missing][id] if missing is not None else None

    def drop(self, op: Op) -> bool:
        if op.id not in self:
            return False
        self._remove(op.header.device, op.id)
        return True

    def behind(self, id: OpId) -> set[AccountId]:
        """The authors of what waits for an op, or for what waits for it."""
        found, todo, seen = set[AccountId](), [id], {id}
        while todo:
            for op in self._ops.get(todo.pop(), {}).values():
                found.add(op.header.account)
                if op.id not in seen:
                    seen.add(op.id)
                    todo.append(op.id)
        return found

    def _evict(self) -> None:
        """Drop the oldest of the device that has most of what is scarce."""
        too_many = len(self) > self._ops_max
        device, sizes = max(
            self._sizes.items(), key=lambda row: len(row[1]) if too_many else self._taken[row[0]]
        )
        self._remove(device, next(iter(sizes)))

    def _remove(self, device: DeviceId, id: OpId) -> None:
        missing = self._missing.pop(id)
        account = self._ops[missing].pop(id).header.account
        self._authors[account] -= 1
        if not self._authors[account]:
            del self._authors[account]
        if not self._ops[missing]:
            del self._ops[missing]
        size = self._sizes[device].pop(id)
        self._bytes_total -= size
        self._taken[device] -= size
        self._share.add(device, -size)
        if not self._sizes[device]:
            del self._sizes[device], self._taken[device]


def _taken(tips: list[Tip], id: OpId | None) -> Tip | None:
    """Remove and give the tip of this id."""
    for index, tip in enumerate(tips):
        if tip.id == id:
            return tips.pop(index)
    return None


def _require_next(tip: Tip, header: Header) -> None:
    if tip.seq + 1 != header.seq or tip.account != header.account:
        raise MalformedMessage("an op skips a number of its chain")
