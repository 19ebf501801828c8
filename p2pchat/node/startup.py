"""The start, in named steps, none of which waits for the slowest source.

Peers that are known are dialled at once; lists that have to be fetched add theirs as they come.
Ready means: the private network is joined, or, when nobody is known, our own is open; in LAN mode
also that those are connected who answered our first hello. When nobody answers the node goes on and
keeps trying for ever.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

import trio

from p2pchat.config import ClientConfig, RelayConfig
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
from p2pchat.node.publishing import OwnRecords, Publisher
from p2pchat.node.traversal import NatTraversal
from p2pchat.protocol.peering import Source

__all__ = ["Startup", "StartupParts"]

logger = logging.getLogger(__name__)

JOIN_TIMEOUT_S = 10.0
RELAYS_TIMEOUT_S = 1.0
KEYS_TIMEOUT_S = 1.0


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

    def __init__(
        self,
        parts: StartupParts,
        traversal: NatTraversal | None = None,
        publisher: Publisher | None = None,
    ) -> None:
        """A relay needs no relays, and has no records."""
        self._parts = parts
        self._traversal = traversal
        self._sources = parts.sources
        self._is_changed = trio.Event()
        self._publisher = publisher
        self.ready = trio.Event()
        self._known: set[PeerId] = set()
        self._resolved = trio.Event()
        self._joined = trio.Event()

    @property
    def sources(self) -> BootstrapSources | None:
        """Whom we ask for peers; None asks nobody."""
        return self._sources

    @property
    def known(self) -> frozenset[PeerId]:
        """Peers of the configuration, and of the lists that were read so far."""
        configured = self._sources.configured if self._sources is not None else frozenset[PeerId]()
        return configured | self._known

    def peer_served(self) -> None:
        """A peer of the network answered."""
        self._joined.set()

    def renew(self, config: ClientConfig | RelayConfig) -> None:
        """The configuration names other sources; `follow` asks them. Nobody is asked who asked
        nobody before."""
        if self._sources is not None:
            self._sources = self._sources.renewed(config)
            self._is_changed.set()

    async def follow(self) -> None:
        """Ask sources that changed, until cancelled."""
        while True:
            await self._is_changed.wait()
            self._is_changed = trio.Event()
            if self._sources is not None:
                await self._parts.network.configured(self._sources.configured)
                await self._resolve()

    def moved(self) -> None:
        """Our addresses changed."""
        if self._publisher is not None:
            self._publisher.moved()

    def devices_changed(self) -> None:
        """Our account has other devices than were published."""
        if self._publisher is not None:
            self._publisher.renewed()

    async def publish(self, own: OwnRecords) -> None:
        """Keep our records in the DHT, from the moment that somebody is there to take them."""
        assert self._publisher is not None, "who has records has a publisher"
        await self._joined.wait()
        await self._publisher.run(own)

    async def published(self) -> None:
        """Wait until our records were put for the first time."""
        assert self._publisher is not None, "who has records has a publisher"
        await self._publisher.published.wait()

    @property
    def mailboxes(self) -> tuple[PeerId, ...]:
        """Who keeps our mail, as others can read it."""
        relays = self._publisher.mail.relays if self._publisher is not None else ()
        return tuple(relay.peer for relay in relays)

    async def run(self) -> None:
        """Take the steps."""
        hub, host = self._parts.hub, self._parts.network.host
        hub.emit(NetworkDetected(tuple(map(str, own_addresses()))))
        hub.emit(Listening(host.addresses))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._resolve)
            await self._join()
            if self._traversal is not None:
                with trio.move_on_after(RELAYS_TIMEOUT_S):
                    await self._traversal.choose_relays()
            await self._publish_keys()
            hub.emit(Ready(host.addresses))
            self.ready.set()

    async def _publish_keys(self) -> None:
        if self._publisher is None:
            return
        self._parts.hub.emit(KeysFetching())
        with trio.move_on_after(KEYS_TIMEOUT_S if self._joined.is_set() else 0):
            await self.published()
        self._parts.hub.emit(KeysReady(self._parts.fingerprint))

    async def _join(self) -> None:
        """Wait for the first peer, or learn that none is known."""
        hub = self._parts.hub
        hub.emit(BootstrapConnecting(self._expected()))
        with trio.move_on_after(JOIN_TIMEOUT_S):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._nobody_known, nursery.cancel_scope)
                await self._joined.wait()
                nursery.cancel_scope.cancel()
        lan = self._parts.network.lan
        if lan is not None:
            await lan.first_round(self._parts.network.host.is_connected)
        total = max(self._expected(), self._connected())
        hub.emit(BootstrapConnected(self._connected(), total))

    def _expected(self) -> int:
        """Peers that are known, also those of the configuration that nobody has read yet."""
        return self._parts.remembered + len(self.known)

    async def _nobody_known(self, scope: trio.CancelScope) -> None:
        await self._resolved.wait()
        if not self._known and not self._parts.remembered:
            scope.cancel()

    async def _resolve(self) -> None:
        sources = self._sources
        if sources is not None:
            send, receive = trio.open_memory_channel[LayerResolved](64)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._learn, receive)
                await resolve(sources, send.send_nowait)
                send.close()
        self._resolved.set()

    async def _learn(self, layers: trio.MemoryReceiveChannel[LayerResolved]) -> None:
        """Take what is listed now in place of what was before, once all of it is read."""
        named = set[PeerId]()
        async for layer in layers:
            source = Source.CONFIGURED if layer.layer is Layer.CONFIGURED else Source.LISTED
            named |= layer.peers.keys()
            self._known |= named
            for peer, addresses in layer.peers.items():
                await self._parts.network.found(peer, addresses, source)
        self._known = named

    def _connected(self) -> int:
        return len(self._parts.network.host.peers)
