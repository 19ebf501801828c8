"""Where one peer may be reached, by who said so.

What we were told to use, what somebody who wants the peer knows, and where it was reached before is
never displaced by what others tell: they may tell anything, and tell it again and again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

__all__ = ["ADDRESSES_MAX", "OWN_ADDRESSES_MAX", "Place", "Source", "merged"]

ADDRESSES_MAX = 16
OWN_ADDRESSES_MAX = 8
"""Addresses of one peer that are no hearsay; the rest is left to those, since a peer may move."""


class Source(IntEnum):
    """How we learnt of a peer, or of an address; a lower one is kept longer."""

    CONFIGURED = 0
    WANTED = 1
    REMEMBERED = 2
    LAN = 3
    LISTED = 4
    DISCOVERED = 5


@dataclass(frozen=True, slots=True)
class Place:
    """A multiaddr, and the best of those who told it."""

    address: str
    source: Source

    @property
    def is_hearsay(self) -> bool:
        return self.source > Source.REMEMBERED


def merged(places: Sequence[Place], addresses: Sequence[str], source: Source) -> tuple[Place, ...]:
    """Places and new addresses: best sources first, of one source the newest; bounded."""
    known = {one.address: one for one in places}
    fresh = [
        Place(address, source)
        for address in dict.fromkeys(addresses)
        if address not in known or source < known[address].source
    ]
    names = {one.address for one in fresh}
    every = [*fresh, *(one for one in places if one.address not in names)]
    every.sort(key=lambda one: one.source)
    own = [one for one in every if not one.is_hearsay][:OWN_ADDRESSES_MAX]
    told = [one for one in every if one.is_hearsay]
    return (*own, *told[: ADDRESSES_MAX - len(own)])
