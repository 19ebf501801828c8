"""The network in one word, and telling when the word changes."""

from __future__ import annotations

from collections.abc import Sequence

from p2pchat.events import NetworkStatusChanged
from p2pchat.kad.config import KAD_PROTOCOL
from p2pchat.model.status import Health
from p2pchat.net.port import Connectedness
from p2pchat.node.hub import Hub

__all__ = ["HealthWatch", "health_of"]


def health_of(peers: Sequence[Connectedness]) -> Health:
    """Good with a peer that knows others, poor with any other, offline with none."""
    if not peers:
        return Health.OFFLINE
    return Health.GOOD if any(KAD_PROTOCOL in p.protocols for p in peers) else Health.POOR


class HealthWatch:
    """Remembers what was told last; a node begins offline."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._told = Health.OFFLINE

    def look(self, peers: Sequence[Connectedness]) -> None:
        """Tell when it is no longer what it was."""
        health = health_of(peers)
        if health is not self._told:
            self._told = health
            self._hub.emit(NetworkStatusChanged(health, len(peers)))
