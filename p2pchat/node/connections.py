"""Who follows the node's connections: each hears of every change, and has work of its own to do.

One word for the network, the devices that the chat may talk to, the ways round NAT, the peers to
come back to. None of them knows the others.
"""

from __future__ import annotations

from dataclasses import dataclass

import trio

from p2pchat.net.port import Host, PeerChanged
from p2pchat.node.health import HealthWatch
from p2pchat.node.memory import PeerMemory
from p2pchat.node.presence import Presence
from p2pchat.node.traversal import NatTraversal

__all__ = ["Connections"]


@dataclass(frozen=True, slots=True)
class Connections:
    """The followers of one host's connections."""

    host: Host
    health: HealthWatch
    presence: Presence
    traversal: NatTraversal
    memory: PeerMemory

    async def changed(self, change: PeerChanged) -> None:
        """A peer came, went, or was identified."""
        await self.traversal.changed(change)
        self.presence.due()
        self.health.look(self.host.peers)
        await self.presence.changed(change)

    async def run(
        self, connections_max: int, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Keep relays, and those whose connections shall last, until cancelled; then write down
        whom we met."""
        async with trio.open_nursery() as nursery:
            await nursery.start(self.traversal.run)
            task_status.started()
            nursery.start_soon(self.memory.run)
            nursery.start_soon(
                self.presence.run,
                lambda: self.traversal.relays,
                connections_max,
                self.traversal.known,
            )
