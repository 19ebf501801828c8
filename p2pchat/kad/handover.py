"""Records handed on to those who came later.

Holders leave and others come to be nearest, while whoever published a record may be asleep for
days. So at each refresh a holder gives what it holds to those who have newly become one of the k
nearest (Maymounkov & Mazières 2002, section 2.5). Only the few nearest do, else each newcomer
would get every record twenty times; but whether those hold it nobody knows, so whoever comes to be
one of them gets it from all who do. A record that names its own end lives no longer for
being handed on; others are left to their publisher, since they would live for ever.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from p2pchat.kad.config import KadConfig
from p2pchat.kad.records import RecordStore
from p2pchat.kad.table import Entry, RoutingTable, kad_id
from p2pchat.model.ids import PeerId
from p2pchat.wire.kad_codec import KadRecord

__all__ = ["Handover"]

_GIVERS = 3
"""So many of the nearest hand a record on to all: one that left or keeps silent is made up for."""


class Handover:
    """Who is nearest to what we hold, as it was when last looked at."""

    def __init__(
        self, own: PeerId, config: KadConfig, table: RoutingTable, records: RecordStore
    ) -> None:
        self._own_id = kad_id(own)
        self._config = config
        self._table = table
        self._records = records
        self._nearest: dict[bytes, frozenset[PeerId]] = {}
        """By key, the one looked at longest ago first. Who was near when we got a record has got
        it as well."""

    def take_due(self, now_ms: int) -> Iterator[tuple[Entry, KadRecord]]:
        """What to give to whom now."""
        held = self._records.dated(now_ms)
        for key in [key for key in self._nearest if key not in held]:
            del self._nearest[key]
        fresh = (key for key in held if key not in self._nearest)
        half = self._config.handover_records_max // 2
        for key in [*islice(self._nearest, half), *islice(fresh, half)]:
            for entry in self._newcomers(key):
                yield entry, KadRecord(key, held[key])

    def _newcomers(self, key: bytes) -> list[Entry]:
        place = kad_id(key)
        nearest = self._table.closest(place, self._config.k)
        before = self._nearest.pop(key, None)
        self._nearest[key] = frozenset(entry.peer for entry in nearest)
        nearer = sum(entry.place ^ place < self._own_id ^ place for entry in nearest)
        if before is None:
            return []
        served = self._config.k - 1 if nearer < _GIVERS else _GIVERS
        return [entry for entry in nearest[:served] if entry.peer not in before]
