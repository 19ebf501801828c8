"""What multicast DNS hears of libp2p peers: the TXT records, whoever else answers beside them.

go-libp2p sends SRV and address records too, rust-libp2p sends none, so nothing but the TXT record
is waited for. A module of its own, since its class derives from one of `zeroconf`, which is loaded
late.
"""

from __future__ import annotations

from collections.abc import Callable

from zeroconf import (
    DNSText,  # pyright: ignore[reportPrivateImportUsage]  # public, and not marked so
    RecordUpdate,
    RecordUpdateListener,
    Zeroconf,
)

from p2pchat.wire.mdns import SERVICE

__all__ = ["Listener"]

_SUFFIX = f".{SERVICE}"


class Listener(RecordUpdateListener):
    """Passes the data of TXT records of the service on."""

    def __init__(self, take: Callable[[bytes], None]) -> None:
        self._take = take

    def async_update_records(self, zc: Zeroconf, now: float, records: list[RecordUpdate]) -> None:
        """Called by `zeroconf` in its own loop's thread, once a packet."""
        for record in records:
            if isinstance(record.new, DNSText) and record.new.key.endswith(_SUFFIX):
                self._take(record.new.text)

    def async_update_records_complete(self) -> None:
        """Nothing is gathered."""
