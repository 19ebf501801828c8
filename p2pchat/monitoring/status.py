"""What a relay says of itself, as one value, and whether it is well.

Everything that is shown comes from here, so that metrics, status and health never disagree: they
are three views of one snapshot. It holds counts and the relay's own addresses, and of others
nothing: who talks with whom is not an operator's business.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields

from p2pchat.kad.machine import KadStatistics
from p2pchat.net.kad import KadCarrierStatistics
from p2pchat.net.libp2p.options import HostStatistics
from p2pchat.protocol.mailbox_vocabulary import MailboxStatistics

__all__ = ["RelayStatistics", "RelayStatus", "ailment", "refusals", "render_status"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RelayStatistics:
    """What a relay holds, and what it has carried and refused since its start."""

    known_peers: int
    """Remembered, connected or not."""
    network: HostStatistics
    dht: KadStatistics
    dht_requests: KadCarrierStatistics
    mailboxes: MailboxStatistics | None = None
    """None where none are kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RelayStatus:
    """A snapshot of a running relay."""

    peer_id: str
    version: str
    addresses: tuple[str, ...]
    uptime_s: float
    is_ready: bool
    """The network is joined, or, for the first relay of all, opened."""
    statistics: RelayStatistics


def ailment(status: RelayStatus) -> str | None:
    """Why the relay is of no use to others now, in one line; None when it is well."""
    if not status.addresses:
        return "no address: nobody can reach this relay"
    if not status.is_ready:
        return "starting: the network is not joined yet"
    return None


def refusals(status: RelayStatus) -> dict[str, int]:
    """What was refused since the start, by reason; reasons that never occurred are left out."""
    host, dht = status.statistics.network, status.statistics.dht
    requests = status.statistics.dht_requests
    counts = {
        field.name.removesuffix("_total"): int(getattr(host, field.name))
        for field in fields(host)
        if "_refused_" in field.name or field.name.startswith("refused_")
    }
    counts["dht_requests_refused"] = dht.refused
    counts["dht_streams_refused"] = requests.refused_streams
    counts["dht_streams_malformed"] = requests.malformed
    mailboxes = status.statistics.mailboxes
    if mailboxes is not None:
        counts |= {f"mailboxes_{reason}": count for reason, count in mailboxes.refused.items()}
    return {reason: count for reason, count in sorted(counts.items()) if count}


def render_status(status: RelayStatus) -> bytes:
    """The snapshot as JSON; keys are only ever added."""
    host, dht = status.statistics.network, status.statistics.dht
    trouble = ailment(status)
    document = {
        "version": status.version,
        "peer_id": status.peer_id,
        "addresses": status.addresses,
        "uptime_s": round(status.uptime_s, 3),
        "healthy": trouble is None,
        "reason": trouble,
        "peers": host.peers,
        "known_peers": status.statistics.known_peers,
        "connections": host.connections,
        "reservations": host.reservations,
        "circuits": host.circuits,
        "circuit_bytes_total": host.circuit_bytes_total,
        "dht": {
            "peers": dht.table,
            "records": dht.records,
            "records_bytes": dht.records_bytes,
            "provider_keys": dht.provider_keys,
        },
        "mailboxes": _mailboxes(status.statistics.mailboxes),
        "refused": refusals(status),
        "totals": {name: count for name, count in asdict(host).items() if name.endswith("_total")},
    }
    return json.dumps(document, indent=1).encode() + b"\n"


def _mailboxes(statistics: MailboxStatistics | None) -> dict[str, int] | None:
    if statistics is None:
        return None
    return {
        "mailboxes": statistics.mailboxes,
        "blobs": statistics.blobs,
        "size_bytes": statistics.size_bytes,
        "streams": statistics.sessions,
        "stored_total": statistics.stored,
    }
