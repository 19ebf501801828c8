"""The start, in named steps, none of which waits for the slowest source.

Peers that are known are dialled at once; lists that have to be fetched add theirs as they come.
Ready means: the private network is joined, or, when nobody is known, our own is open. When nobody
answers the node goes on and keeps trying for ever.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

import trio

from p2pchat.events import (
    BootstrapConnected,
    BootstrapConnecting,
    KeysFetching,
    KeysReady,
    Listening,
    NetworkDetected,
    Ready,
)
from p2pchat.model.ids import PeerId
from p2pchat.net.bootstrap_list import BootstrapSources, Layer, LayerResolved, resolve
from p2pchat.net.interfaces import own_addresses
from p2pchat.node.hub import Hub
from p2pchat.node.network import Network
from p2pchat.node.relays import Relays
from p2pchat.protocol.peering import Source

logger = logging.getLogger(__name__)

JOIN_TIMEOUT_S = 10.0
RELAYS_TIMEOUT_S = 1.0
KEYS_TIMEOUT_S = 1.0
IDENTIFY_GRACE_S = 0.2
"""A peer that just connected tells what it serves within this time, or a little later."""


@dataclass(frozen=True, slots=True)
class StartupParts:
    """What the start works with. `sources` None asks nobody (simulations)."""

    network: Network
    hub: Hub
    sources: BootstrapSources | None
    remembered: int
    fingerprint: str


class Startup:
    """One node's start."""

    def __init__(self, parts: StartupParts, relays: Relays | None) -> None:
        self._parts = parts
        self._relays = relays
        self.ready = trio.Event()
        self._known: set[PeerId] = set()
        self._resolved = trio.Event()
        self._joined = trio.Event()

    def peer_served(self) -> None:
        """A peer of the network answered."""
        self._joined.set()

    async def joined(self) -> None:
        """Wait until a peer of the network has answered."""
        await self._joined.wait()

    async def run(self, publish_keys: trio.Event) -> None:
        """Take the steps; `publish_keys` is set by whoever published our records."""
        hub, host = self._parts.hub, self._parts.network.host
        hub.emit(NetworkDetected(tuple(map(str, own_addresses()))))
        hub.emit(Listening(host.addresses))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._resolve)
            await self._join()
            if self._relays is not None:
                with trio.move_on_after(RELAYS_TIMEOUT_S):
                    await self._relays.choose()
            hub.emit(KeysFetching())
            with trio.move_on_after(KEYS_TIMEOUT_S):
                await publish_keys.wait()
            hub.emit(KeysReady(self._parts.fingerprint))
            hub.emit(Ready(host.addresses))
            self.ready.set()

    async def _join(self) -> None:
        """Wait for the first peer, or learn that none is known."""
        hub = self._parts.hub
        total = self._parts.remembered + len(self._known)
        hub.emit(BootstrapConnecting(total))
        with trio.move_on_after(JOIN_TIMEOUT_S):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._nobody_known, nursery.cancel_scope)
                await self._joined.wait()
                nursery.cancel_scope.cancel()
        total = max(self._parts.remembered + len(self._known), self._connected())
        hub.emit(BootstrapConnected(self._connected(), total))

    async def _nobody_known(self, scope: trio.CancelScope) -> None:
        await self._resolved.wait()
        if not self._known and not self._parts.remembered:
            scope.cancel()

    async def _resolve(self) -> None:
        sources = self._parts.sources
        if sources is not None:
            send, receive = trio.open_memory_channel[LayerResolved](64)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._learn, receive)
                await resolve(sources, send.send_nowait)
                send.close()
        self._resolved.set()

    async def _learn(self, layers: trio.MemoryReceiveChannel[LayerResolved]) -> None:
        async for layer in layers:
            source = Source.CONFIGURED if layer.layer is Layer.CONFIGURED else Source.LISTED
            for peer, addresses in layer.peers.items():
                self._known.add(peer)
                await self._parts.network.found(peer, addresses, source)

    def _connected(self) -> int:
        return len(self._parts.network.host.peers)
