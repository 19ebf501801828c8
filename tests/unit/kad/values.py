"""What the scripts of the machine share."""

from __future__ import annotations

KEY = b"/test/key"
PUBLIC = "/ip4/8.8.4.4/tcp/4001"


def table_of(stage):
    """The peers in the routing table."""
    return sorted(entry.peer for entry in stage.machine._peers.table)
