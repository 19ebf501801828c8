"""How much of a room is forwarded: so many ops a second of one author, and of all together.

Whoever names an open room is in it, so gossip would carry one member's flood to every other. What
is over the pace is ignored, which is held against nobody: it is history like any other, and sync
brings what is wanted of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from p2pchat.model.ids import ConversationId, DeviceId
from p2pchat.protocol.pace import Buckets, Rate
from p2pchat.wire.frames import Ops

__all__ = ["RoomPace"]

AUTHOR = Rate(per_s=200, burst=2_000)
ROOM = Rate(per_s=2_000, burst=10_000)


class RoomPace:
    """The pace of all authors in all rooms."""

    def __init__(self, now_s: Callable[[], float]) -> None:
        self._now_s = now_s
        self._authors = Buckets[tuple[ConversationId, DeviceId]](AUTHOR)
        self._rooms = Buckets[ConversationId](ROOM)

    def admits(self, room: ConversationId, ops: Ops) -> bool:
        """Whether a blob keeps the pace; counted if so. The authors first: who is over takes
        nothing from the others."""
        now_s = self._now_s()
        authors = Counter(op.header.device for op in ops.ops)
        return all(
            self._authors.of((room, author), now_s).take(count, now_s)
            for author, count in authors.items()
        ) and self._rooms.of(room, now_s).take(len(ops.ops), now_s)
