"""How much of a room is forwarded: so many ops a second of one author, and of all together.

Whoever names an open room is in it, so gossip would carry one member's flood to every other. What
is over the pace is ignored, which is held against nobody: it is history like any other, and sync
brings what is wanted of it.

Nobody uses up another's pace: an op counts for its author when it is new, and once. What is old, or
was counted before, anybody could have said again; all of that has one pace together. Signatures
were verified before.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable

from p2pchat.model.ids import ConversationId, DeviceId, OpId
from p2pchat.model.machine import Now
from p2pchat.model.op import Op
from p2pchat.protocol.pace import Buckets, Rate
from p2pchat.wire.frames import Ops

__all__ = ["RoomPace"]

AUTHOR = Rate(per_s=200, burst=2_000)
ROOM = Rate(per_s=2_000, burst=10_000)
NEW_MS = 10 * 60 * 1000
"""An op whose clock is further from ours is not news."""
COUNTED_MAX = 8_192
"""Ops that are known to have been counted, of all rooms."""


class RoomPace:
    """The pace of all authors in all rooms."""

    def __init__(self, now: Callable[[], Now]) -> None:
        self._now = now
        self._authors = Buckets[tuple[ConversationId, DeviceId | None]](AUTHOR)
        self._rooms = Buckets[ConversationId](ROOM)
        self._counted: OrderedDict[OpId, None] = OrderedDict()

    def __len__(self) -> int:
        """How many ops are known to have been counted."""
        return len(self._counted)

    def admits(self, room: ConversationId, ops: Ops) -> bool:
        """Whether a blob keeps the pace; counted if so. The authors first: who is over takes
        nothing from the others."""
        now = self._now()
        authors = Counter(self._counts_for(op, now) for op in ops.ops)
        return all(
            self._authors.of((room, author), now.monotonic_s).take(count, now.monotonic_s)
            for author, count in authors.items()
        ) and self._rooms.of(room, now.monotonic_s).take(len(ops.ops), now.monotonic_s)

    def _counts_for(self, op: Op, now: Now) -> DeviceId | None:
        """Its author; None when somebody else may be saying it again."""
        is_old = abs(op.header.written_ms - now.wall_ms) > NEW_MS
        if is_old or op.id in self._counted:
            return None
        self._counted[op.id] = None
        if len(self._counted) > COUNTED_MAX:
            self._counted.popitem(last=False)
        return op.header.device
