"""Circuit relays: probe those we are connected to, hold reservations at the best.

A reservation makes us reachable when nobody can dial us. Two are held, at the relays with the
shortest round trip; when one is lost the next best takes its place. The start chooses first and
tells its steps; everything after it is silent, and a relay that refuses is asked ever less often.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import trio

from p2pchat.errors import NetworkError
from p2pchat.events import (
    RelayProbed,
    RelaysDiscovered,
    RelaysDiscovering,
    RelaySelected,
    StartupProgress,
)
from p2pchat.model.ids import PeerId
from p2pchat.net.port import Connectedness, Host
from p2pchat.node.hub import Hub

logger = logging.getLogger(__name__)

HOP_PROTOCOL = "/libp2p/circuit/relay/0.2.0/hop"
HELD_MAX = 2
PROBED_MAX = 8
PROBE_TIMEOUT_S = 2.0
RETRY_S_MIN, RETRY_S_MAX = 5.0, 60.0
REST_S = 0.1
"""Between two reviews, however often peers come and go."""
REFRESH_SHARE = 0.5
"""Of a reservation's lifetime, after which it is refreshed."""


@dataclass(frozen=True, slots=True)
class Probe:
    """One relay and its round trip."""

    peer: PeerId
    address: str
    latency_s: float


@dataclass(frozen=True, slots=True)
class Refusal:
    """A relay that did not answer or has no room, and when to ask it again."""

    delay_s: float
    until_s: float


class Relays:
    """The relays whose reservations we hold."""

    def __init__(self, host: Host, hub: Hub, reserved: Callable[[], None]) -> None:
        self._host = host
        self._hub = hub
        self._reserved = reserved
        self._held: dict[PeerId, float] = {}
        self._refused: dict[PeerId, Refusal] = {}
        self._started = trio.Event()
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

    async def start(self) -> None:
        """Choose for the first time, telling each step; `run` goes on from here, also when this
        is cancelled."""
        try:
            self._hub.emit(RelaysDiscovering())
            relays = self._spares()
            self._hub.emit(RelaysDiscovered(len(relays)))
            await self._choose(relays, self._hub.emit)
        finally:
            self._started.set()

    async def run(self) -> None:
        """Keep reservations until cancelled, from the end of the start on."""
        await self._started.wait()
        while True:
            self._changed = trio.Event()
            await self._refresh()
            spares = self._spares()
            if spares and len(self._held) < HELD_MAX:
                await self._choose(spares, lambda _: None)
            with trio.move_on_at(self._next_s()):
                await self._changed.wait()
            await trio.sleep(REST_S)

    async def _choose(
        self, relays: Sequence[Connectedness], tell: Callable[[StartupProgress], None]
    ) -> None:
        """Probe once and reserve at the best."""
        probes: list[Probe] = []
        async with trio.open_nursery() as nursery:
            for state in relays[:PROBED_MAX]:
                nursery.start_soon(self._probe, state, probes)
        for probe in sorted(probes, key=lambda p: (p.latency_s, p.peer)):
            selected = len(self._held) < HELD_MAX and await self._reserve(probe.peer)
            tell(RelayProbed(probe.address, probe.latency_s * 1000, selected))
            if selected and len(self._held) == 1:
                tell(RelaySelected(probe.address))

    async def _refresh(self) -> None:
        """Let go of the relays that are lost, and of those that refuse when their time is up."""
        for peer, refresh_s in list(self._held.items()):
            lost = not self._host.is_connected(peer)
            is_due = refresh_s <= trio.current_time()
            if lost or (is_due and not await self._reserve(peer)):
                self._held.pop(peer, None)
                self._reserved()
        here = {state.peer for state in self._relays()}
        self._refused = {peer: why for peer, why in self._refused.items() if peer in here}

    def _next_s(self) -> float:
        """When there is something to do though nothing changes."""
        times = list(self._held.values())
        if len(self._held) < HELD_MAX:
            times += [refusal.until_s for refusal in self._refused.values()]
        return min(times, default=float("inf"))

    def _relays(self) -> list[Connectedness]:
        return [state for state in self._host.peers if HOP_PROTOCOL in state.protocols]

    def _spares(self) -> list[Connectedness]:
        """Connected relays that may be asked now."""
        now_s = trio.current_time()
        return [
            state
            for state in self._relays()
            if state.peer not in self._held
            and (state.peer not in self._refused or self._refused[state.peer].until_s <= now_s)
        ]

    def _refuse(self, relay: PeerId) -> None:
        before = self._refused.get(relay)
        delay_s = min(before.delay_s * 2, RETRY_S_MAX) if before else RETRY_S_MIN
        self._refused[relay] = Refusal(delay_s, trio.current_time() + delay_s)

    async def _probe(self, state: Connectedness, probes: list[Probe]) -> None:
        """The time to open a stream: two round trips of the network and the relay's own."""
        began_s = trio.current_time()
        try:
            stream = await self._host.open_stream(
                state.peer, [HOP_PROTOCOL], timeout_s=PROBE_TIMEOUT_S
            )
        except NetworkError as error:
            logger.info("relay %s did not answer: %s", state.peer.short, error)
            self._refuse(state.peer)
            return
        await stream.reset()
        address = next(iter(state.addresses), "")
        probes.append(Probe(state.peer, address, trio.current_time() - began_s))

    async def _reserve(self, relay: PeerId) -> bool:
        try:
            lifetime_s = await self._host.reserve(relay)
        except NetworkError as error:
            logger.info("relay %s refused: %s", relay.short, error)
            self._refuse(relay)
            return False
        self._refused.pop(relay, None)
        self._held[relay] = trio.current_time() + lifetime_s * REFRESH_SHARE
        self._reserved()
        return True
