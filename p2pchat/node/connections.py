"""Who follows the node's connections: each hears of every change, and has work of its own to do.

One word for the network, the devices that the chat may talk to, the relays that hold a place for
us, the peers to come back to. None of them knows the others.
"""

from __future__ import annotations

from dataclasses import dataclass

import trio

from p2pchat.net.port import Host, PeerChanged
from p2pchat.node.health import HealthWatch
from p2pchat.node.memory import PeerMemory
from p2pchat.node.presence import Presence
from p2pchat.node.relays import Relays

__all__ = ["Connections"]


@dataclass(frozen=True, slots=True)
class Connections:
    """The followers of one host's connections."""

    host: Host
    health: HealthWatch
    presence: Presence
    relays: Relays
    memory: PeerMemory

    async def changed(self, change: PeerChanged) -> None:
        """A peer came, went, or was identified."""
        self.relays.changed()
        self.presence.due()
        self.health.look(self.host.peers)
        await self.presence.changed(change)

    async def run(self, connections_max: int) -> None:
        """Keep relays, and those whose connections shall last, until cancelled; then write down
        whom we met."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self.memory.run)
            nursery.start_soon(self.relays.run)
            nursery.start_soon(self.presence.run, lambda: self.relays.held, connections_max)
