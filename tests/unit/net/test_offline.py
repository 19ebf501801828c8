"""A host without a network answers at once, and the same each time."""

from __future__ import annotations

import pytest
import trio

from p2pchat.errors import PeerUnreachable, RelayRefused
from p2pchat.model.ids import DeviceId
from p2pchat.net.offline import OfflineHost

ME, OTHER = (DeviceId(bytes([n]) * 32).peer_id for n in (1, 2))


def test_nobody_is_there_and_nobody_can_be_reached():
    async def main():
        host = OfflineHost(ME)
        assert host.peer_id == ME
        assert host.addresses == host.peers == ()
        assert not host.is_connected(OTHER)
        with pytest.raises(PeerUnreachable, match="offline"):
            await host.connect(OTHER, ["/ip4/192.0.2.1/tcp/1"])
        with pytest.raises(PeerUnreachable, match="offline"):
            await host.open_stream(OTHER, ["/dchat/direct/1.0.0"])
        with pytest.raises(RelayRefused, match="offline"):
            await host.reserve(OTHER)
        await host.disconnect(OTHER)

    trio.run(main)


def test_nothing_ever_changes():
    async def main():
        host = OfflineHost(ME)
        changes = [host.changes(), host.changes()]
        for channel in changes:
            with pytest.raises(trio.WouldBlock):
                channel.receive_nowait()

    trio.run(main)
