"""Reservations: chosen once, told once, and asked for ever less often."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from itertools import pairwise
from random import Random

import trio
import trio.testing

from p2pchat.events import Event, RelaysDiscovered, RelaysDiscovering, RelaySelected
from p2pchat.net.port import Stream
from p2pchat.node.hub import Hub, Subscription
from p2pchat.node.relays import HOP_PROTOCOL, RETRY_S_MAX, Relays
from p2pchat.testing.network import SimulatedHost, open_network


class Relay:
    """A peer that offers to carry circuits, and notes when it is probed."""

    def __init__(self, host: SimulatedHost) -> None:
        self.host = host
        self.probed_s: list[float] = []
        host.serve(HOP_PROTOCOL, self._serve)

    async def _serve(self, stream: Stream) -> None:
        self.probed_s.append(trio.current_time())
        await stream.aclose()


Play = Callable[[Relays, Relay, list[Event]], Awaitable[None]]


def run(play: Play, *, is_willing: bool) -> None:
    """Play with one relay connected."""

    async def main() -> None:
        async with (
            open_network(Random(1)) as network,
            network.host("me") as me,
            network.host("relay", relay=is_willing) as far,
        ):
            relay, hub, told = Relay(far), Hub(100), list[Event]()
            await me.connect(far.peer_id, far.addresses)
            await trio.sleep(1)
            relays = Relays(me, hub, lambda: None)
            with hub.subscribe() as events:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(_collect, events, told)
                    nursery.start_soon(relays.run)
                    await play(relays, relay, told)
                    nursery.cancel_scope.cancel()

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


async def _collect(events: Subscription, told: list[Event]) -> None:
    async for event in events:
        told.append(event)  # noqa: PERF401 - read while it grows


def test_one_start_probes_once_and_reserves():
    async def play(relays: Relays, relay: Relay, told: list[Event]) -> None:
        await trio.sleep(1)
        assert relay.probed_s == []
        await relays.start()
        relays.changed()
        await trio.sleep(60)
        assert relays.held == (relay.host.peer_id,)
        assert len(relay.probed_s) == 1
        assert [type(e) for e in told][:2] == [RelaysDiscovering, RelaysDiscovered]
        assert isinstance(told[-1], RelaySelected)
        assert len(told) == 4

    run(play, is_willing=True)


def test_a_relay_that_refuses_is_asked_ever_less_often_and_silently():
    async def play(relays: Relays, relay: Relay, told: list[Event]) -> None:
        await relays.start()
        for _ in range(600):
            relays.changed()
            await trio.sleep(1)
        assert len(told) == 3
        gaps = [b - a for a, b in pairwise(relay.probed_s)]
        assert [round(gap) for gap in gaps[:5]] == [5, 10, 20, 40, 60]
        assert RETRY_S_MAX <= gaps[-1] <= RETRY_S_MAX + 2
        assert relays.count == 0

    run(play, is_willing=False)


def test_a_relay_that_is_lost_is_let_go():
    async def play(relays: Relays, relay: Relay, told: list[Event]) -> None:
        await relays.start()
        me = relay.host.peers[0].peer
        await relay.host.disconnect(me)
        await trio.sleep(1)
        relays.changed()
        await trio.sleep(1)
        assert relays.count == 0

    run(play, is_willing=True)
