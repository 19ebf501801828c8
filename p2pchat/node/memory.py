"""The peers we met, on their way to disk: collected, and written a few seconds later together.

Who is connected to what changes by the second and is a help and no more; a durable transaction for
each change would let strangers set the pace of our disk.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

import trio

from p2pchat.model.change import Change, DropPeer, PutPeer
from p2pchat.model.ids import PeerId

__all__ = ["PeerMemory"]

SAVE_EVERY_S = 5.0
"""How long peers just met may stay unwritten."""
LAST_SAVE_TIMEOUT_S = 2.0

Commit = Callable[[Sequence[Change]], Awaitable[None]]


class PeerMemory:
    """The changes that wait; the newest of each peer counts."""

    def __init__(self, commit: Commit) -> None:
        self._commit = commit
        self._waiting: dict[PeerId, PutPeer | DropPeer] = {}

    async def note(self, change: PutPeer | DropPeer) -> None:
        """Take a change in; waits for nothing."""
        self._waiting[change.peer] = change

    async def run(self) -> None:
        """Write now and then until cancelled, and what is left then."""
        try:
            while True:
                await trio.sleep(SAVE_EVERY_S)
                await self.save()
        finally:
            with trio.CancelScope(shield=True), trio.move_on_after(LAST_SAVE_TIMEOUT_S):
                await self.save()

    async def save(self) -> None:
        """Write what waits now."""
        changes, self._waiting = list(self._waiting.values()), {}
        if changes:
            await self._commit(changes)
