"""A relay's status to show, without a relay."""

from __future__ import annotations

from p2pchat.kad.machine import KadStatistics
from p2pchat.monitoring.status import RelayStatistics, RelayStatus
from p2pchat.net.kad import KadCarrierStatistics
from p2pchat.net.libp2p.options import HostStatistics
from p2pchat.protocol.mailbox_vocabulary import MailboxStatistics

PEER_ID = "12D3KooWBbv5gzvSpSSjWtsgM7wKVFbxgLJsXZMy7oUPCkB2FqaP"
ADDRESS = f"/ip4/203.0.113.7/tcp/4001/p2p/{PEER_ID}"

MAILBOXES = MailboxStatistics(
    mailboxes=2, blobs=3, size_bytes=4_000, sessions=1, stored=9, refused={"busy": 5, "slow": 1}
)


def status(network: HostStatistics | None = None, **changes) -> RelayStatus:
    statistics = RelayStatistics(
        known_peers=7,
        network=network or HostStatistics(),
        dht=KadStatistics(
            table=5,
            suspects=0,
            operations=0,
            records=3,
            records_bytes=300,
            provider_keys=2,
            refused=changes.pop("dht_refused", 0),
        ),
        mailboxes=changes.pop("mailboxes", None),
        dht_requests=KadCarrierStatistics(
            idle_streams=0, served_streams=4, queries=0, refused_streams=0, malformed=0
        ),
    )
    shown = {
        "peer_id": PEER_ID,
        "version": "1.2.3",
        "addresses": (ADDRESS,),
        "uptime_s": 12.5,
        "is_ready": True,
        "statistics": statistics,
    }
    return RelayStatus(**{**shown, **changes})
