"""What is told of a connected peer to those who look for direct ways."""

from __future__ import annotations

from p2pchat.model.route import Path
from p2pchat.net.port import Connectedness
from p2pchat.node.traversal import _seen
from tests.unit.protocol.people import person

PEER, RELAY = (person(name).device.peer_id for name in ("peer", "relay"))


def test_a_peer_is_where_its_direct_connection_leads_and_not_where_its_relay_is():
    circuit = f"/ip4/8.8.4.4/tcp/1/p2p/{RELAY}/p2p-circuit"
    both = Connectedness(PEER, (circuit, "/ip4/9.9.9.9/tcp/1"), Path.DIRECT, inbound=False)
    assert _seen(both).address == "/ip4/9.9.9.9/tcp/1"


def test_what_counts_of_a_peer_is_its_ip_address_and_not_the_name_we_dialled():
    named = Connectedness(
        PEER, ("/ip4/9.9.9.9/tcp/1",), Path.DIRECT, False, dialled=("/dns4/peer.example/tcp/1",)
    )
    assert _seen(named).address == "/ip4/9.9.9.9/tcp/1"
