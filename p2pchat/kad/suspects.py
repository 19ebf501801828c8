"""Peers that we would like to have in the table but do not trust at the moment.

A peer that fails leaves the routing table at once, so that no lookup waits for it again; but it may
only have been restarting. It stays here and is tried again, ever more rarely, until it answers or
is forgotten. Peers of an earlier run begin here as well: they count when they answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

from p2pchat.kad.config import KadConfig
from p2pchat.model.ids import PeerId
from p2pchat.wire.kad_codec import KadPeer

__all__ = ["Suspects"]


@dataclass(slots=True)
class _Suspect:
    """A peer to try again, and when."""

    contact: KadPeer
    due_s: float
    """Monotonic; infinite while it is being tried."""
    failures: int = 0


class Suspects:
    """Bounded; of too many, the one with the most failures is forgotten."""

    def __init__(self, config: KadConfig) -> None:
        self._config = config
        self._suspects: dict[PeerId, _Suspect] = {}

    def __len__(self) -> int:
        return len(self._suspects)

    def __contains__(self, peer: PeerId) -> bool:
        return peer in self._suspects

    @property
    def contacts(self) -> list[KadPeer]:
        """All of them: better than nobody when the table is empty."""
        return [suspect.contact for suspect in self._suspects.values()]

    def restore(self, contact: KadPeer, now_s: float) -> None:
        """A peer known from an earlier run, to be tried at once."""
        self._suspects.setdefault(contact.peer, _Suspect(contact, now_s))
        self._keep_within_bounds()

    def failed(self, contact: KadPeer, now_s: float) -> None:
        """Note a failure; the wait doubles with each."""
        suspect = self._suspects.setdefault(contact.peer, _Suspect(contact, now_s))
        suspect.failures += 1
        wait_s = self._config.retry_min_s * 2.0 ** (suspect.failures - 1)
        suspect.due_s = now_s + min(wait_s, self._config.retry_max_s)
        if suspect.failures > self._config.retries_max:
            del self._suspects[contact.peer]
        self._keep_within_bounds()

    def clear(self, peer: PeerId) -> None:
        """It answered, or came up by itself."""
        self._suspects.pop(peer, None)

    def take_due(self, now_s: float) -> list[KadPeer]:
        """Peers to try now, as many as may be under way until they fail or are cleared."""
        under_way = sum(suspect.due_s == inf for suspect in self._suspects.values())
        due = [suspect for suspect in self._suspects.values() if suspect.due_s <= now_s]
        del due[max(0, self._config.probes_max - under_way) :]
        for suspect in due:
            suspect.due_s = inf
        return [suspect.contact for suspect in due]

    def next_due_s(self) -> float | None:
        """When the next one is to be tried; None if none waits for that."""
        waiting = [s.due_s for s in self._suspects.values() if s.due_s < inf]
        return min(waiting, default=None)

    def _keep_within_bounds(self) -> None:
        if len(self._suspects) > self._config.suspects_max:
            worst = max(self._suspects.values(), key=lambda suspect: suspect.failures)
            del self._suspects[worst.contact.peer]
