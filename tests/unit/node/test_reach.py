"""What connected peers prove about them and about us."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest
import trio
import trio.testing

from p2pchat.model.route import Path
from p2pchat.model.status import Reachability
from p2pchat.net.port import Connectedness
from p2pchat.node.reach import Reach, announced, shared_reach
from p2pchat.testing.network import open_network
from tests.unit.protocol.people import person

PEER = person("peer").device.peer_id
PUBLIC = "/ip4/8.8.8.8/tcp/4001"


def test_a_peer_is_believed_as_far_as_its_connection_reaches():
    told = (PUBLIC, "/ip4/192.168.0.1/tcp/22")
    far = Connectedness(PEER, ("/ip4/9.9.9.9/tcp/1",), Path.DIRECT, False, announced=told)
    assert announced(far) == (PUBLIC,)


@pytest.mark.parametrize(
    ("path", "address", "is_dialled"),
    [
        (Path.DIRECT, PUBLIC, True),
        (Path.DIRECT, "/ip4/192.168.0.1/tcp/22", False),
        (Path.RELAYED, PUBLIC, False),
        (Path.DIRECT, f"{PUBLIC}/p2p/{PEER}/p2p-circuit", False),
    ],
)
def test_only_a_direct_call_from_the_public_network_shows_that_we_can_be_dialled(
    path: Path, address: str, is_dialled: bool
):
    async def main() -> None:
        async with open_network(Random(1)) as network, network.host("me") as host:
            reach = Reach(host, "auto", is_announced=False)
            reach.seen(Connectedness(PEER, (address,), path, inbound=True))
            assert reach.was_dialled is is_dialled

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


def test_that_we_were_dialled_once_says_nothing_about_another_network():
    called = Connectedness(PEER, (PUBLIC,), Path.DIRECT, inbound=True)

    async def main() -> None:
        async with (
            open_network(Random(1)) as network,
            network.host("relay", relay=True) as relay,
            network.host("me") as host,
        ):
            reach = Reach(host, "auto", is_announced=False)
            reach.review()
            reach.seen(called)
            await host.connect(relay.peer_id, relay.addresses)
            await host.reserve(relay.peer_id)
            reach.review()
            assert reach.was_dialled, "a place at a relay does not move us"

            reach.judged(Reachability.NAT)
            assert reach.reachability is Reachability.PUBLIC
            host.place = replace(host.place, endpoint="/ip4/10.0.0.7/tcp/4001")
            reach.review()
            assert reach.reachability is Reachability.NAT
            reach.seen(called)
            assert reach.reachability is Reachability.PUBLIC

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


LOOPBACK = "/ip4/127.0.0.1/tcp/22"
LINK_LOCAL = "/ip4/169.254.0.9/tcp/22"
MULTICAST = "/ip4/224.0.0.251/tcp/5353"
PRIVATE = "/ip4/192.168.0.1/tcp/22"
PRIVATE_IPV6 = "/ip6/fd00::1/tcp/22"
NAMED = "/dns4/peer.example/tcp/4001"
LOCALHOST = "/dns4/localhost/tcp/22"
SIGNED = (LOOPBACK, LINK_LOCAL, MULTICAST, PRIVATE, PRIVATE_IPV6, NAMED, LOCALHOST, PUBLIC)


@pytest.mark.parametrize(
    ("own", "usable"),
    [
        ((), (NAMED, PUBLIC)),
        (("/ip4/9.9.9.9/tcp/1",), (NAMED, PUBLIC)),
        (("/ip4/10.0.0.7/tcp/1",), (PRIVATE, PRIVATE_IPV6, NAMED, PUBLIC)),
        (("/ip4/127.0.0.1/tcp/1",), (LOOPBACK, NAMED, LOCALHOST, PUBLIC)),
        (("/ip4/169.254.0.7/tcp/1",), (LINK_LOCAL, MULTICAST, NAMED, PUBLIC)),
        ((f"{PUBLIC}/p2p/{PEER}/p2p-circuit",), (NAMED, PUBLIC)),
        ((f"{PRIVATE}/p2p/{PEER}/p2p-circuit",), (PRIVATE, PRIVATE_IPV6, NAMED, PUBLIC)),
    ],
)
def test_a_record_leads_only_into_networks_where_we_can_be_reached_too(
    own: tuple[str, ...], usable: tuple[str, ...]
):
    assert shared_reach(SIGNED, own) == usable
