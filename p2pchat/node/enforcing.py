"""Bringing a block list into force: the host at once, everybody else as soon as they look.

The host is what refuses. The machines are told so that they let go of whom they know and do not
spend dials on refusals; only the newest list counts, so one event is all that waits.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

import trio

from p2pchat.model.blocking import NOBODY, BlockList, Confinement
from p2pchat.model.ids import PeerId
from p2pchat.net.port import Host

__all__ = ["Enforcer"]

PARTED_MAX = 16
PARTED_S_MAX = 600.0


class Enforcer:
    """Keeps a node's block list in force."""

    def __init__(self, host: Host, tell: Callable[[BlockList], Awaitable[None]]) -> None:
        self._host = host
        self._tell = tell
        self.newest = NOBODY
        """Who is refused now."""
        self._asked = NOBODY
        self._confinement: Confinement | None = None
        self._parted: dict[PeerId, tuple[str, float]] = {}
        self._changed = trio.Event()
        self._told = trio.Event()
        self._told.set()

    def block(self, blocks: BlockList) -> None:
        """Refuse these, in place of the last; waits for nothing."""
        self._asked = blocks
        self._enforce()

    def confine(self, confinement: Confinement | None) -> None:
        """Refuse these on the LAN as well, in place of the last."""
        if confinement != self._confinement:
            self._confinement = confinement
            self._enforce()

    def _enforce(self) -> None:
        blocks = replace(self._asked, confinement=self._confinement)
        self._note_parted(blocks)
        self._host.block(blocks)
        self.newest = blocks
        if self._told.is_set():
            self._told = trio.Event()
        self._changed.set()

    @property
    def parted(self) -> dict[PeerId, str]:
        """Who was connected until they were blocked a while ago, and is so still: where they
        were."""
        since_s = trio.current_time() - PARTED_S_MAX
        return {
            peer: address
            for peer, (address, at_s) in self._parted.items()
            if at_s > since_s and self.newest.refusal(peer, address) is not None
        }

    def _note_parted(self, blocks: BlockList) -> None:
        now_s = trio.current_time()
        for one in self._host.peers:
            for address in one.addresses[:1]:
                if blocks.refusal(one.peer, address) is not None:
                    self._parted[one.peer] = address, now_s
        for peer in list(self._parted)[:-PARTED_MAX]:
            del self._parted[peer]

    async def wait_told(self) -> None:
        """Wait until the others know the newest list: who is welcome again is dialled then."""
        while not self._told.is_set():
            await self._told.wait()

    async def run(self) -> None:
        """Keep the others told until cancelled."""
        while True:
            await self._changed.wait()
            self._changed = trio.Event()
            blocks = self.newest
            await self._tell(blocks)
            if blocks is self.newest:
                self._told.set()
