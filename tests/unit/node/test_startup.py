"""Whom the start knows: who is configured or listed now, and nobody who was once."""

from __future__ import annotations

from typing import cast

import trio
import trio.testing

from p2pchat.config import ClientConfig
from p2pchat.model.ids import PeerId
from p2pchat.net.bootstrap_list import BootstrapSources
from p2pchat.node.hub import Hub
from p2pchat.node.network import Network
from p2pchat.node.startup import Startup, StartupParts


def peer(number: int) -> PeerId:
    return PeerId(bytes.fromhex("002408011220") + bytes([number]) * 32)


class Deaf:
    """Hears what is known."""

    async def found(self, *_: object) -> None:
        await trio.lowlevel.checkpoint()

    async def configured(self, _: object) -> None:
        await trio.lowlevel.checkpoint()


def test_a_peer_that_is_taken_out_of_the_configuration_is_known_no_more():
    named = tuple(f"/ip4/203.0.113.7/tcp/1/p2p/{peer(number)}" for number in (1, 2))

    async def story() -> None:
        sources = BootstrapSources(own_peer=peer(0), peers=(), fetch=False)
        startup = Startup(StartupParts(cast("Network", Deaf()), Hub(1000), sources, 0, ""))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(startup.follow)
            for peers in ((named[0],), named, (named[1],), ()):
                startup.renew(ClientConfig(bootstrap_peers=peers, fetch=False))
                await trio.testing.wait_all_tasks_blocked()
                assert {str(one) for one in startup.known} == {
                    one.rpartition("/")[2] for one in peers
                }
            nursery.cancel_scope.cancel()

    trio.run(story)
