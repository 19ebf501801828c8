"""Circuit relays: probe those we are connected to, hold reservations at the best.

A reservation makes us reachable when nobody can dial us. Two are held, at the relays with the
shortest round trip; when one is lost the next best takes its place.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

import trio

from p2pchat.errors import NetworkError
from p2pchat.events import RelayProbed, RelaysDiscovered, RelaysDiscovering, RelaySelected
from p2pchat.model.ids import PeerId
from p2pchat.net.port import Connectedness, Host
from p2pchat.node.hub import Hub

logger = logging.getLogger(__name__)

HOP_PROTOCOL = "/libp2p/circuit/relay/0.2.0/hop"
HELD_MAX = 2
PROBED_MAX = 8
PROBE_TIMEOUT_S = 2.0
RETRY_S = 5.0
REFRESH_SHARE = 0.5
"""Of a reservation's lifetime, after which it is refreshed."""


@dataclass(frozen=True, slots=True)
class Probe:
    """One relay and its round trip."""

    peer: PeerId
    address: str
    latency_s: float


class Relays:
    """The relays whose reservations we hold."""

    def __init__(self, host: Host, hub: Hub, reserved: Callable[[], None]) -> None:
        self._host = host
        self._hub = hub
        self._reserved = reserved
        self._held: dict[PeerId, float] = {}
        self._changed = trio.Event()

    @property
    def count(self) -> int:
        """How many reservations are held."""
        return len(self._held)

    @property
    def held(self) -> tuple[PeerId, ...]:
        """The relays whose reservations are held."""
        return tuple(self._held)

    def changed(self) -> None:
        """Peers came, went, or were identified."""
        self._changed.set()

    async def choose(self) -> None:
        """Probe once and reserve at the best; tells each step."""
        self._hub.emit(RelaysDiscovering())
        relays = self._candidates()
        self._hub.emit(RelaysDiscovered(len(relays)))
        probes: list[Probe] = []
        async with trio.open_nursery() as nursery:
            for state in relays[:PROBED_MAX]:
                nursery.start_soon(self._probe, state, probes)
        for probe in sorted(probes, key=lambda p: (p.latency_s, p.peer)):
            selected = len(self._held) < HELD_MAX and await self._reserve(probe.peer)
            self._hub.emit(RelayProbed(probe.address, probe.latency_s * 1000, selected))
            if selected and len(self._held) == 1:
                self._hub.emit(RelaySelected(probe.address))

    async def run(self) -> None:
        """Keep reservations until cancelled."""
        while True:
            now_s = trio.current_time()
            for peer, refresh_s in list(self._held.items()):
                lost = not self._host.is_connected(peer)
                if lost or (refresh_s <= now_s and not await self._reserve(peer)):
                    self._held.pop(peer, None)
                    self._reserved()
            spares = [state for state in self._candidates() if state.peer not in self._held]
            if spares and len(self._held) < HELD_MAX:
                await self.choose()
            waits = [refresh_s - now_s for refresh_s in self._held.values()]
            if spares and len(self._held) < HELD_MAX:
                waits.append(RETRY_S)
            self._changed = trio.Event()
            with trio.move_on_after(max(min(waits, default=float("inf")), 0.1)):
                await self._changed.wait()

    def _candidates(self) -> list[Connectedness]:
        return [state for state in self._host.peers if HOP_PROTOCOL in state.protocols]

    async def _probe(self, state: Connectedness, probes: list[Probe]) -> None:
        """The time to open a stream: two round trips of the network and the relay's own."""
        began_s = trio.current_time()
        try:
            stream = await self._host.open_stream(
                state.peer, [HOP_PROTOCOL], timeout_s=PROBE_TIMEOUT_S
            )
        except NetworkError as error:
            logger.info("relay %s did not answer: %s", state.peer.short, error)
            return
        await stream.reset()
        address = next(iter(state.addresses), "")
        probes.append(Probe(state.peer, address, trio.current_time() - began_s))

    async def _reserve(self, relay: PeerId) -> bool:
        try:
            lifetime_s = await self._host.reserve(relay)
        except NetworkError as error:
            logger.info("relay %s refused: %s", relay.short, error)
            return False
        self._held[relay] = trio.current_time() + lifetime_s * REFRESH_SHARE
        self._reserved()
        return True
