"""What a router counted, for status pages, metrics and tests."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Counts", "GossipStatistics"]


@dataclass(slots=True)
class Counts:
    """Since the start; all parts of a router add to the same."""

    published: int = 0
    delivered: int = 0
    duplicates: int = 0
    """Messages heard again."""
    ignored: int = 0
    rejected: int = 0
    unfit: int = 0
    """Parts of RPCs left out because this network has no use for them."""
    foreign: int = 0
    """Messages of topics that we do not hear."""
    over_limit: int = 0
    """Parts of RPCs skipped because their sender was over a limit."""
    cut_off: int = 0
    """Times more was to be said to a peer at once than may be."""
    punished: int = 0


@dataclass(frozen=True, slots=True)
class GossipStatistics:
    """Counts so far, and sizes at the time of asking."""

    counts: Counts
    peers: int
    topics: int
    subscriptions: int
    """Of all peers, to all topics."""
    backoffs: int
    seen: int
    cached: int
    cached_bytes: int
