"""The log of one conversation: which ops are here, which are known to be missing.

Every device has two hash chains. An op is applied only when its predecessor is; until then it
waits, and the gap is known exactly. Two ops with one predecessor are a fork: both branches stay,
because voiding a forked log would let a thief erase history. A chain may begin at a floor instead
of at 0; what lies below is absent by policy and neither waited for nor counted.

In memory stand the heads, the ids of control ops, and a bounded window of recent ops; bodies stay
on disk.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import Enum, auto
from hashlib import blake2b

from p2pchat.errors import MalformedMessage
from p2pchat.model.ids import AccountId, DeviceId, OpId
from p2pchat.model.machine import Now
from p2pchat.model.op import Chain, Op, Position
from p2pchat.protocol.timeline import sort_key

ChainKey = tuple[DeviceId, Chain]

RECENT_MAX = 1024
"""Ops remembered by id, to tell a repeat from a fork without the disk."""
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
    SUSPECT = auto()
    """Its place is taken or below a floor: only the disk can tell a repeat from a fork."""


@dataclass(frozen=True, slots=True)
class Tip:
    """The newest op of a branch."""

    account: AccountId
    seq: int
    id: OpId
    sort_key: int


@dataclass(frozen=True, slots=True)
class Floor:
    """The chain begins at `seq`; `prev` is the hash just below."""

    seq: int
    prev: OpId


class Log:
    """Heads, floors and waiting ops of one conversation."""

    def __init__(self, waiting_ops_max: int) -> None:
        self.tips: dict[ChainKey, list[Tip]] = {}
        self.floors: dict[ChainKey, Floor] = {}
        self.control: set[OpId] = set()
        self._recent: dict[OpId, int] = {}
        self._waiting: dict[OpId, list[Op]] = {}
        self._waiting_ids: set[OpId] = set()
        self._waiting_max = waiting_ops_max
        self._shown: deque[tuple[DeviceId, OpId]] = deque(maxlen=2 * AFTER_MAX)
        self._digest: bytes | None = None

    # What is here

    def count(self, device: DeviceId, chain: Chain) -> int:
        """How long a chain is: the highest seq plus one, 0 when there is none."""
        tips = self.tips.get((device, chain))
        return max(tip.seq for tip in tips) + 1 if tips else 0

    def tip(self, device: DeviceId, chain: Chain) -> Tip | None:
        """The highest op of a chain."""
        tips = self.tips.get((device, chain))
        return max(tips, key=lambda tip: tip.seq) if tips else None

    def control_heads(self) -> tuple[OpId, ...]:
        """What a new op depends on."""
        return tuple(tip.id for (_, chain), tips in self.tips.items() if not chain for tip in tips)

    def shown_heads(self, own: DeviceId) -> tuple[OpId, ...]:
        """At most four of the newest talk ops of others, which a new op is shown after."""
        newest = {device: id for device, id in self._shown if device != own}
        return tuple(newest.values())[-AFTER_MAX:]

    def accounts(self) -> set[AccountId]:
        """Authors of anything that is here."""
        return {tip.account for tips in self.tips.values() for tip in tips}

    def positions(self) -> list[Position]:
        """All heads, sorted."""
        return sorted(
            (
                Position(device, chain, tip.seq, tip.id)
                for (device, chain), tips in self.tips.items()
                for tip in tips
            ),
            key=lambda p: (p.device, p.chain, p.seq, p.head),
        )

    def digest(self) -> bytes:
        """BLAKE2b-256 over the sorted heads: equal exactly when both hold the same ops."""
        if self._digest is None:
            hasher = blake2b(b"dchat/frontier/1\0", digest_size=32)
            for p in self.positions():
                hasher.update(p.device + bytes((p.chain,)) + p.seq.to_bytes(8, "big") + p.head)
            self._digest = hasher.digest()
        return self._digest

    @property
    def waiting_count(self) -> int:
        return len(self._waiting_ids)

    # What comes

    def place(self, op: Op) -> Place:
        """Where `op` stands now. Raises `MalformedMessage` when it skips a number."""
        if op.id in self._recent or op.id in self._waiting_ids:
            return Place.KNOWN
        if self._missing(op) is None:
            return Place.NEXT
        header = op.header
        floor = self.floors.get((header.device, header.chain))
        taken = header.seq < self.count(header.device, header.chain)
        if taken or (floor is not None and header.seq < floor.seq):
            return Place.SUSPECT
        return Place.WAITS

    def apply(self, op: Op, now: Now) -> int:
        """Make `op` a head; its sort key. Its place is `NEXT`, or it is a proven fork."""
        header = op.header
        key = (header.device, header.chain)
        tips = self.tips.setdefault(key, [])
        prev_keys = [tip.sort_key for tip in tips if tip.id == header.prev]
        known = [self._recent[id] for id in header.after if id in self._recent]
        place = sort_key(header.hlc, now.wall_ms, [*prev_keys, *known])
        tips[:] = [tip for tip in tips if tip.id != header.prev]
        tips.append(Tip(header.account, header.seq, op.id, place))
        if header.chain is Chain.CONTROL:
            self.control.add(op.id)
        else:
            self._shown.append((header.device, op.id))
        self._remember(op.id, place)
        return place

    def hold(self, op: Op) -> bool:
        """Keep `op` until what it misses is here; False when too many wait already."""
        missing = self._missing(op)
        assert missing is not None, "an op that misses nothing is applied"
        if len(self._waiting_ids) >= self._waiting_max:
            return False
        self._waiting.setdefault(missing, []).append(op)
        self._waiting_ids.add(op.id)
        return True

    def released(self, id: OpId) -> list[Op]:
        """The ops that waited for `id`; they are no longer held."""
        ops = self._waiting.pop(id, [])
        self._waiting_ids.difference_update(op.id for op in ops)
        return ops

    def branch_is_free(self, op: Op) -> bool:
        """Whether one more branch of this chain may be kept."""
        tips = self.tips.get((op.header.device, op.header.chain), [])
        return len(tips) < BRANCHES_MAX

    def set_floor(self, key: ChainKey, floor: Floor) -> None:
        """Let a chain begin at `floor`."""
        self.floors[key] = floor
        self._digest = None

    # How it is restored

    def restore(self, key: ChainKey, tip: Tip) -> None:
        """A head as of the last commit."""
        self.tips.setdefault(key, []).append(tip)
        self._remember(tip.id, tip.sort_key)
        if key[1] is Chain.TALK:
            self._shown.append((key[0], tip.id))

    def _missing(self, op: Op) -> OpId | None:
        """The first predecessor that is not here."""
        header = op.header
        key = (header.device, header.chain)
        prev = header.prev
        if prev is not None and not self._follows(key, op):
            return prev
        if prev is None and key in self.tips:
            return op.id
        return next((id for id in header.deps if id not in self.control), None)

    def _follows(self, key: ChainKey, op: Op) -> bool:
        for tip in self.tips.get(key, ()):
            if tip.id == op.header.prev:
                if tip.seq + 1 != op.header.seq or tip.account != op.header.account:
                    raise MalformedMessage("an op skips a number of its chain")
                return True
        floor = self.floors.get(key)
        return (
            floor is not None
            and key not in self.tips
            and (floor.seq, floor.prev) == (op.header.seq, op.header.prev)
        )

    def _remember(self, id: OpId, key: int) -> None:
        self._digest = None
        self._recent[id] = key
        if len(self._recent) > RECENT_MAX:
            del self._recent[next(iter(self._recent))]
