"""Subscribers hear when the network gets better or worse, and only then."""

from __future__ import annotations

import trio

from p2pchat.events import NetworkStatusChanged
from p2pchat.kad.config import KAD_PROTOCOL
from p2pchat.model.ids import DeviceId
from p2pchat.model.route import Path
from p2pchat.net.port import Connectedness
from p2pchat.node.health import HealthWatch
from p2pchat.node.hub import Hub


def peer(letter: bytes, *protocols: str) -> Connectedness:
    return Connectedness(
        DeviceId(letter * 32).peer_id, (), Path.DIRECT, False, frozenset(protocols)
    )


def test_each_change_of_health_is_told_once():
    async def main() -> None:
        hub = Hub(10)
        watch = HealthWatch(hub)
        silent, server = peer(b"a"), peer(b"b", KAD_PROTOCOL)
        with hub.subscribe(NetworkStatusChanged) as events:
            for peers in ([], [silent], [silent], [silent, server], [server], []):
                watch.look(peers)
            hub.close()
            assert [(event.health, event.connected_peers) async for event in events] == [
                ("poor", 1),
                ("good", 2),
                ("offline", 0),
            ]

    trio.run(main)
