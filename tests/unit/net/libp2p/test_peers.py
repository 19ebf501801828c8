"""What those who follow the peers of a host are told."""

from __future__ import annotations

import trio
import trio.testing

from p2pchat.model.ids import DeviceId
from p2pchat.model.route import Path
from p2pchat.net.libp2p.peers import PeerTable
from p2pchat.net.libp2p.streams import Origin

BOB = DeviceId(bytes(32)).peer_id
HERE, THERE = "/ip4/198.51.100.7/tcp/1", "/ip4/203.0.113.9/tcp/1"


def origin(address: str) -> Origin:
    return Origin(BOB, address, address, Path.DIRECT, inbound=True)


def test_a_peer_that_moves_to_other_addresses_is_told_though_its_path_is_the_same():
    """Or its networks would be counted by a connection that is long closed."""

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            peers = PeerTable(nursery)
            changes = peers.subscribe()
            told: list[tuple[str, ...]] = []
            connections = ([HERE], [HERE, THERE], [HERE, THERE, THERE], [THERE])
            for addresses in connections:
                peers.connected(BOB, list(map(origin, addresses)))
                with trio.move_on_after(0.01):
                    change = await changes.receive()
                    assert change.state is not None
                    told.append(change.state.addresses)
            assert told == [(HERE,), (HERE, THERE), (THERE,)]
            nursery.cancel_scope.cancel()

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))
