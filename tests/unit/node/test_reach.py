"""What connected peers prove about them and about us."""

from __future__ import annotations

from p2pchat.model.route import Path
from p2pchat.net.port import Connectedness
from p2pchat.node.reach import announced, dialled
from tests.unit.protocol.people import person

PEER = person("peer").device.peer_id
PUBLIC = "/ip4/8.8.8.8/tcp/4001"


def test_where_we_reached_a_peer_and_what_it_says_are_told_apart():
    told = (PUBLIC, "/ip4/192.168.0.1/tcp/22")
    outbound = Connectedness(PEER, ("/ip4/9.9.9.9/tcp/1",), Path.DIRECT, False, announced=told)
    assert dialled(outbound) == ("/ip4/9.9.9.9/tcp/1",)
    assert announced(outbound) == (PUBLIC,)
    inbound = Connectedness(PEER, ("/ip4/9.9.9.9/tcp/1",), Path.DIRECT, True)
    assert dialled(inbound) == ()
