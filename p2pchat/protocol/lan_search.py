"""Which addresses to ask next: a slow walk over the configured subnets.

A broadcast ends at the router, and some networks swallow it. Where a person has named subnets, each
address in them is asked one by one, so slowly that nobody takes it for a scan of the network, and
again after a while. What is larger than a /20 only confines and is not walked.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address, IPv4Network
from itertools import chain, islice

__all__ = ["PROBE_EVERY_S", "Search"]

PROBE_EVERY_S = 1.0
PROBES_AT_ONCE_MAX = 16
SEARCHED_ADDRESSES_MAX = 4_096
REST_S = 300.0
"""From the end of one walk to the beginning of the next."""


class Search:
    """The walk over some subnets."""

    def __init__(self, subnets: Iterable[IPv4Network]) -> None:
        self.configured = tuple(subnets)
        small = (s for s in self.configured if s.num_addresses <= SEARCHED_ADDRESSES_MAX)
        self._subnets = tuple(small)
        self._left = self._walk()

    @property
    def has_ground(self) -> bool:
        """Whether there is anything to walk over."""
        return bool(self._subnets)

    def step(self) -> tuple[list[IPv4Address], float]:
        """The addresses to ask now, and after how long to go on."""
        found = list(islice(self._left, PROBES_AT_ONCE_MAX))
        if len(found) == PROBES_AT_ONCE_MAX:
            return found, PROBE_EVERY_S
        self._left = self._walk()
        return found, REST_S

    def _walk(self) -> Iterator[IPv4Address]:
        return chain.from_iterable(subnet.hosts() for subnet in self._subnets)
