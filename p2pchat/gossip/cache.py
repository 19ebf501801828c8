"""What was heard: ids known again, and recent messages that others may still ask for.

Both forget by age and by size, whichever comes first, so that no sender decides how much is kept.
Both are `OrderedDict`s: in a plain one finding the oldest walks over all that was deleted before.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from p2pchat.gossip.config import GossipConfig
from p2pchat.model.ids import PeerId
from p2pchat.wire.gossip_codec import MessageId

__all__ = ["MessageCache", "SeenCache"]

K = TypeVar("K", bound=Hashable)


class SeenCache(Generic[K]):
    """Keys for `ttl_s` from when they were first added, at most `count_max`: the oldest go."""

    def __init__(self, ttl_s: float, count_max: int) -> None:
        self._ttl_s = ttl_s
        self._count_max = count_max
        self._expiries = OrderedDict[K, float]()

    def __len__(self) -> int:
        return len(self._expiries)

    def __contains__(self, key: K) -> bool:
        return key in self._expiries

    def add(self, key: K, now_s: float) -> None:
        """Remember a key that is not there."""
        if len(self._expiries) >= self._count_max:
            self._expiries.popitem(last=False)
        self._expiries[key] = now_s + self._ttl_s

    def expire(self, now_s: float) -> None:
        """Forget what is too old; all live equally long, so the oldest stand first."""
        expiries = self._expiries
        while expiries and expiries[next(iter(expiries))] <= now_s:
            expiries.popitem(last=False)


@dataclass(slots=True)
class _Entry:
    topic: str
    publish: bytes
    window: int
    serves: dict[PeerId, int] = field(default_factory=dict[PeerId, int])


class MessageCache:
    """The encoded messages of the last heartbeats: `history_windows` of them can be asked for,
    the newest `gossip_windows` are advertised."""

    def __init__(self, config: GossipConfig) -> None:
        self._config = config
        self._entries = OrderedDict[MessageId, _Entry]()
        self._bytes = 0
        self._window = 0

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def size_bytes(self) -> int:
        """Encoded bytes held."""
        return self._bytes

    def put(self, id: MessageId, topic: str, publish: bytes) -> None:
        """Keep a new message; the oldest give way."""
        self._entries[id] = _Entry(topic, publish, self._window)
        self._bytes += len(publish)
        config = self._config
        while len(self._entries) > config.history_count_max or (
            self._bytes > config.history_bytes_max
        ):
            self._drop_oldest()

    def serve(self, id: MessageId, peer: PeerId) -> bytes | None:
        """The encoded message for a peer that asked, None when gone or asked for too often."""
        entry = self._entries.get(id)
        if entry is None:
            return None
        serves = entry.serves.get(peer, 0)
        if serves >= self._config.serves_max:
            return None
        entry.serves[peer] = serves + 1
        return entry.publish

    def recent(self) -> dict[str, list[MessageId]]:
        """By topic, what is to be advertised; the newest first."""
        return self._newest(self._config.gossip_windows)

    def fresh(self) -> dict[str, list[MessageId]]:
        """What of it has not been advertised yet."""
        return self._newest(1)

    def _newest(self, windows: int) -> dict[str, list[MessageId]]:
        ids: dict[str, list[MessageId]] = {}
        oldest = self._window - windows
        for id, entry in reversed(self._entries.items()):
            if entry.window <= oldest:
                break
            ids.setdefault(entry.topic, []).append(id)
        return ids

    def shift(self) -> None:
        """Begin a new window, at each heartbeat."""
        self._window += 1
        oldest = self._window - self._config.history_windows
        while self._entries and self._entries[next(iter(self._entries))].window <= oldest:
            self._drop_oldest()

    def _drop_oldest(self) -> None:
        _, entry = self._entries.popitem(last=False)
        self._bytes -= len(entry.publish)
