"""The routing table: who is where in the key space, as far as we know first-hand.

Keys and peers meet in one space of 256 bits, SHA-256 of their bytes, and the distance of two is
their xor. A bucket holds the peers that share exactly so many leading bits with us, so the table
knows our neighbourhood well and the far side roughly; that is what makes lookups logarithmic.

A full bucket favours those who have been there longest, because they are the likeliest to stay
(Maymounkov & Mazières 2002, section 2.2): a newcomer waits until an entry fails. The table asks
nobody anything itself; `offer` names the entry whose turn it is to be asked.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha256
from math import inf
from typing import TYPE_CHECKING

from p2pchat.kad.config import KadConfig
from p2pchat.model.ids import PeerId
from p2pchat.model.machine import Now
from p2pchat.wire.kad_codec import KadPeer

if TYPE_CHECKING:
    from random import Random

__all__ = ["KEY_BITS", "Entry", "RoutingTable", "kad_id", "key_in_bucket", "shared_bits"]

KEY_BITS = 256
_CACHE_ENTRIES = 8192
_SHA256_MULTIHASH = b"\x12\x20"
_NEIGHBOURS_MIN = 5
"""So many neighbours say how densely ids are spread."""


@lru_cache(maxsize=_CACHE_ENTRIES)
def kad_id(key: bytes) -> int:
    """Where a key or peer is in the key space."""
    return int.from_bytes(sha256(key).digest(), "big")


def shared_bits(left: int, right: int) -> int:
    """How many leading bits two places share."""
    return KEY_BITS - (left ^ right).bit_length()


def key_in_bucket(own_id: int, bucket: int, random: Random) -> bytes:
    """A random key that shares exactly `bucket` bits with us, found by trying: 2^(bucket+1) hashes
    on average. It has the form of a peer id, which some implementations insist on."""
    while True:
        key = _SHA256_MULTIHASH + random.randbytes(32)
        if shared_bits(own_id, int.from_bytes(sha256(key).digest(), "big")) == bucket:
            return key


def _least(bucket: int) -> int:
    """The least distance from us in a bucket's range, which reaches to twice that."""
    return 1 << KEY_BITS - 1 - bucket


@dataclass(slots=True)
class Entry:
    """A server that we have spoken with."""

    peer: PeerId
    addresses: tuple[str, ...]
    """Where it can be dialled."""
    networks: tuple[str, ...]
    """The public networks of its connections, for the diversity limits."""
    seen: Now
    is_checked: bool = False
    """It is being asked whether it is still there."""
    place: int = field(init=False)
    contact: KadPeer = field(init=False)

    def __post_init__(self) -> None:
        self.place = kad_id(self.peer)
        self.contact = KadPeer(self.peer, self.addresses)


@dataclass(slots=True)
class _Bucket:
    """Entries and those who wait for a place, each with the longest silent first."""

    entries: dict[PeerId, Entry] = field(default_factory=dict[PeerId, Entry])
    waiting: dict[PeerId, Entry] = field(default_factory=dict[PeerId, Entry])
    looked_up_s: float = -inf
    """Monotonic time of the last lookup in its range."""


class RoutingTable:
    """Buckets of at most k entries by the number of bits shared with us."""

    def __init__(self, own: PeerId, config: KadConfig) -> None:
        self._own_id = kad_id(own)
        self._config = config
        self._buckets: dict[int, _Bucket] = {}
        self._entries: dict[PeerId, Entry] = {}
        self._networks: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, peer: PeerId) -> bool:
        return peer in self._entries

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._entries.values())

    def get(self, peer: PeerId) -> Entry | None:
        return self._entries.get(peer)

    def note_lookup(self, key: bytes, now_s: float) -> None:
        """A lookup of `key` begins, which refreshes the bucket that the key is in."""
        self._bucket(kad_id(key)).looked_up_s = now_s

    def stale_buckets(self, now_s: float) -> list[int]:
        """Buckets without a lookup for long, down to that of our k-th neighbour: the deeper ones
        are what a lookup of ourselves finds, and so is a table smaller than one answer."""
        neighbours = self.closest(self._own_id, self._config.k)
        if len(neighbours) < self._config.k:
            return []
        deepest = shared_bits(self._own_id, neighbours[-1].place)
        before_s = now_s - self._config.bucket_stale_s
        return [
            number
            for number in range(min(deepest, self._config.refresh_depth_max) + 1)
            if self._buckets.get(number, _Bucket()).looked_up_s <= before_s
        ]

    def offer(self, entry: Entry) -> PeerId | None:
        """Take in a server that was heard from, or note that it lives.

        When its bucket is full it waits, and the answer is the entry that has been silent for
        longest: if that one fails, the freshest that waits moves up. Who is in there and moves to
        other networks is a newcomer, or one operator would enter from many and gather in one.
        """
        bucket = self._bucket(entry.place)
        if entry.peer in bucket.entries:
            known = self._take_out(bucket, entry.peer)
            if known.networks == entry.networks or self._is_diverse(bucket, entry):
                self._put_in(bucket, entry)
            else:
                self._move_up(bucket)
            return None
        bucket.waiting.pop(entry.peer, None)
        if not self._is_diverse(bucket, entry):
            return None
        if len(bucket.entries) < self._config.k:
            self._put_in(bucket, entry)
            return None
        bucket.waiting[entry.peer] = entry
        if len(bucket.waiting) > self._config.replacements_max:
            del bucket.waiting[next(iter(bucket.waiting))]
        return next(iter(bucket.entries))

    def remove(self, peer: PeerId) -> Entry | None:
        """Forget a peer; the freshest that waits and fits takes its place. Answers its entry."""
        bucket = self._bucket(kad_id(peer))
        bucket.waiting.pop(peer, None)
        if peer not in bucket.entries:
            return None
        removed = self._take_out(bucket, peer)
        self._move_up(bucket)
        return removed

    def closest(self, place: int, count: int) -> list[Entry]:
        """The entries closest to a place, nearest first.

        The bucket that shares most bits with the place comes first, then everything nearer to
        us, then the farther buckets one by one: no more entries are sorted than are needed.
        """
        shared = shared_bits(self._own_id, place)
        found = self._sorted(place, [shared])
        if len(found) < count:
            found += self._sorted(place, [n for n in self._buckets if n > shared])
        for number in sorted((n for n in self._buckets if n < shared), reverse=True):
            if len(found) >= count:
                break
            found += self._sorted(place, [number])
        return found[:count]

    def radius(self) -> int:
        """How far around any key k peers are to be expected, since ids are spread evenly: as far
        as our own k-th neighbour is from us, where nobody crowds; in proportion while we know
        fewer, and 0 while these are too few to judge by.
        """
        crowded = self._crowded_buckets()
        distances = [
            entry.place ^ self._own_id
            for entry in self.closest(self._own_id, len(self))
            if shared_bits(self._own_id, entry.place) not in crowded
        ]
        counted = min(len(distances), self._config.k)
        if counted < min(_NEIGHBOURS_MIN, self._config.k):
            return 0
        farthest = distances[counted - 1]
        left_out = sum(
            min(farthest, 2 * least) - least for n in crowded if (least := _least(n)) < farthest
        )
        return (farthest - left_out) * self._config.k // counted

    def _crowded_buckets(self) -> list[int]:
        """Buckets that hold far more than all deeper ones, though chance puts as many there: ids
        made to surround some key stand in one bucket, as seen from here. What chance puts there is
        counted on: else one crowd makes every wider bucket look like another."""
        crowded: list[int] = []
        deeper = 0
        for number in sorted(self._buckets, reverse=True):
            held = len(self._buckets[number].entries)
            if held > 2 * deeper + self._config.k // 3:
                crowded.append(number)
                held = deeper
            deeper += held
        return crowded

    def _bucket(self, place: int) -> _Bucket:
        number = shared_bits(self._own_id, place)
        bucket = self._buckets.get(number)
        if bucket is None:
            bucket = self._buckets[number] = _Bucket()
        return bucket

    def _sorted(self, place: int, buckets: list[int]) -> list[Entry]:
        entries = [
            entry
            for number in buckets
            if (bucket := self._buckets.get(number)) is not None
            for entry in bucket.entries.values()
        ]
        entries.sort(key=lambda entry: entry.place ^ place)
        return entries

    def _is_diverse(self, bucket: _Bucket, entry: Entry) -> bool:
        """Whether the networks of a newcomer leave room for others (S/Kademlia's concern: one
        operator with one network must not fill a bucket). Local networks are not counted."""
        return all(
            self._networks[network] < self._config.network_table_max
            and sum(network in other.networks for other in bucket.entries.values())
            < self._config.network_bucket_max
            for network in entry.networks
        )

    def _move_up(self, bucket: _Bucket) -> None:
        """The freshest that waits and fits takes a place that is free."""
        for candidate in reversed(bucket.waiting.values()):
            if self._is_diverse(bucket, candidate):
                del bucket.waiting[candidate.peer]
                self._put_in(bucket, candidate)
                break

    def _put_in(self, bucket: _Bucket, entry: Entry) -> None:
        bucket.entries[entry.peer] = self._entries[entry.peer] = entry
        for network in entry.networks:
            self._networks[network] += 1

    def _take_out(self, bucket: _Bucket, peer: PeerId) -> Entry:
        entry = bucket.entries.pop(peer)
        del self._entries[peer]
        for network in entry.networks:
            self._networks[network] -= 1
            if not self._networks[network]:
                del self._networks[network]
        return entry
