"""The relay: circuit relay, mailboxes, DHT server and bootstrap peer, without any chat.

A peer like all others, only that it is reachable and carries for those who are not. It joins no
room; what it keeps for who is away is sealed. Whoever runs one needs a machine with a public
address and nothing else. Networks outlive their relays, and the first relay of a network boots
alone.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from functools import partial
from importlib.metadata import version
from typing import TYPE_CHECKING

import trio

from p2pchat.config import ConfigChange, Loaded, RelayConfig, RelayLimits, SettingsInForce
from p2pchat.crypto.derivation import derived_key
from p2pchat.events import Event
from p2pchat.kad.config import KAD_PROTOCOL, KadConfig
from p2pchat.model.change import DropPeer, PutPeer
from p2pchat.model.ids import KEY_BYTES, PeerId
from p2pchat.monitoring.pages import open_pages
from p2pchat.monitoring.status import RelayStatistics, RelayStatus
from p2pchat.net.bootstrap_list import BootstrapSources
from p2pchat.net.clock import CLOCK_PROTOCOL, tell_clock
from p2pchat.net.interfaces import usable_listen
from p2pchat.net.libp2p.options import CircuitLimits, HostLimits, HostOptions
from p2pchat.net.port import PeerChanged
from p2pchat.node.ambient import Ambient, SystemAmbient
from p2pchat.node.enforcing import Enforcer
from p2pchat.node.hub import Hub, Subscription
from p2pchat.node.lifetime import running
from p2pchat.node.mailbox_service import MailboxService
from p2pchat.node.network import Neighbours, Network, NetworkOptions
from p2pchat.node.startup import Startup, StartupParts
from p2pchat.store.key_file import read_identity_file
from p2pchat.store.mailbox_memory import MemoryMailboxes
from p2pchat.store.mailboxes import open_database, open_file
from p2pchat.store.port import AsyncMailboxStore
from p2pchat.store.relay_home import PeerFile, RelayHome, open_relay_home
from p2pchat.store.worker import InlineMailboxes, open_mailboxes_aside

if TYPE_CHECKING:
    from p2pchat.net.libp2p.host import LibP2PHost

__all__ = ["Relay", "RelayStatistics", "open_relay"]

EVENTS_MAX = 1_000
CONNECTIONS_PER_ADDRESS = 64
"""Carrier-grade NAT puts many households behind one address, and all of them need a relay. Where
more of them may reserve, more get in: a reservation is nothing without its connection."""
MAILBOXES_FILE = "mailboxes.db"
MAILBOXES_KEY = b"dchat/relay/mailboxes/1"
"""From the relay's key comes that of the file: who has one has the other."""
SAVE_EVERY_S = 5.0
"""How long peers just met may stay unwritten."""


class Relay:
    """A running relay; made by `open_relay`."""

    def __init__(
        self,
        host: LibP2PHost,
        settings: SettingsInForce[RelayConfig],
        home: RelayHome,
        mailboxes: MailboxService | None,
        ambient: Ambient,
    ) -> None:
        config = settings.config
        self._host = host
        self._settings = settings
        self._began_s = trio.current_time()
        self._peers = home.peers
        self._hub = Hub(EVENTS_MAX)
        neighbours = Neighbours(
            hub=self._hub, peer_changed=self._peer_changed, remember=self._remember
        )
        self._network = Network(
            host, _network_options(config), ambient, self._peers.rows, neighbours
        )
        host.serve(CLOCK_PROTOCOL, tell_clock(ambient.now))
        self._mailboxes = mailboxes
        self._enforcer = Enforcer(host, self._network.block)
        self._enforcer.block(config.blocks)
        sources = BootstrapSources.of(config, host.peer_id, home.path)
        self._startup = Startup(
            StartupParts(
                self._network, self._hub, sources, len(self._peers.rows), str(host.peer_id)
            )
        )

    @property
    def peer_id(self) -> PeerId:
        """Who the relay is, as long as it keeps its key."""
        return self._host.peer_id

    @property
    def addresses(self) -> tuple[str, ...]:
        """Multiaddrs to give to others, announced ones first, each ending in `/p2p/<peer id>`."""
        return self._host.addresses

    async def reconfigure(self, config: RelayConfig) -> ConfigChange:
        """Take over what of `config` can change while the relay runs: whom to dial first and whom
        to refuse. Answers which changed keys are in force and which wait for the next start."""
        change = self._settings.renew(config)
        self._enforcer.block(self._settings.config.blocks)
        self._startup.renew(self._settings.config)
        return change

    async def reload_config(self) -> ConfigChange:
        """Read the settings again where they came from, and take them over. Raises `ConfigError`,
        and then nothing has changed."""
        loaded, warnings = self._settings.load()
        change = await self.reconfigure(loaded)
        self._settings.warnings = warnings
        return replace(change, warnings=warnings)

    def statistics(self) -> RelayStatistics:
        """What it holds now, and counters since the start."""
        dht, requests = self._network.dht_statistics()
        return RelayStatistics(
            known_peers=len(self._network.machine.known),
            network=self._host.statistics(),
            dht=dht,
            dht_requests=requests,
            mailboxes=None if self._mailboxes is None else self._mailboxes.statistics(),
        )

    def status(self) -> RelayStatus:
        """What its operator is shown."""
        return RelayStatus(
            peer_id=str(self.peer_id),
            version=version("p2pchat"),
            addresses=self.addresses,
            uptime_s=trio.current_time() - self._began_s,
            is_ready=self._startup.ready.is_set(),
            statistics=self.statistics(),
        )

    async def wait_ready(self) -> None:
        """Wait until the network is joined, or, for the first relay of all, opened."""
        await self._startup.ready.wait()

    @asynccontextmanager
    async def subscribe(self, *kinds: type[Event]) -> AsyncGenerator[Subscription]:
        """Hear events of these kinds (all, when none is named) while the block lasts."""
        with self._hub.subscribe(*kinds) as subscription:
            yield subscription

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Run until cancelled; `open_relay` does it."""
        try:
            async with trio.open_nursery() as nursery:
                await nursery.start(self._network.run)
                if self._mailboxes is not None:
                    await nursery.start(self._mailboxes.run)
                nursery.start_soon(self._enforcer.run)
                nursery.start_soon(self._startup.run)
                nursery.start_soon(self._startup.follow)
                nursery.start_soon(_save_now_and_then, self._peers)
                task_status.started()
        finally:
            self._hub.close()

    async def _peer_changed(self, change: PeerChanged) -> None:
        if change.state is not None and KAD_PROTOCOL in change.state.protocols:
            self._startup.peer_served()

    async def _remember(self, change: PutPeer | DropPeer) -> None:
        self._peers.apply(change)


@asynccontextmanager
async def open_relay(
    config: RelayConfig | Callable[[], Loaded[RelayConfig]],
) -> AsyncGenerator[Relay]:
    """Run a relay while the block lasts. It listens when the block begins. A function is called now
    and whenever settings are reloaded.

    Raises `ConfigError`, `AddressInUse`, `HomeInUse` and other `StoreError`s.
    """
    from p2pchat.net.libp2p.host import open_host  # py-libp2p takes half a second to load

    if isinstance(config, RelayConfig):
        settings = SettingsInForce(config)
    else:
        settings = SettingsInForce(config()[0], config)
    config = settings.config
    ambient = SystemAmbient()
    given = read_identity_file(config.identity_file) if config.identity_file else None
    async with AsyncExitStack() as stack:
        home = stack.enter_context(
            open_relay_home(config.home, ambient.token_bytes(KEY_BYTES), given)
        )
        host = await stack.enter_async_context(open_host(_host_options(config, home.key)))
        mailboxes = None
        if config.mailboxes.enabled:
            store = await stack.enter_async_context(_open_mailboxes(config, home, host.peer_id))
            mailboxes = MailboxService(host, store, config.mailboxes.limits, ambient)
        relay = Relay(host, settings, home, mailboxes, ambient)
        await stack.enter_async_context(running(relay.run))
        if config.metrics is not None:
            pages = open_pages(config.metrics, relay.status, config.limits, config.mailboxes.limits)
            await stack.enter_async_context(pages)
        yield relay


@asynccontextmanager
async def _open_mailboxes(
    config: RelayConfig, home: RelayHome, relay: PeerId
) -> AsyncGenerator[AsyncMailboxStore]:
    """Where mailboxes are kept: the database that is named, or the home, or memory."""
    settings = config.mailboxes
    if settings.database is not None:
        opened = open_mailboxes_aside(partial(open_database, settings.database, relay))
    elif home.path is not None:
        key = derived_key(home.key, MAILBOXES_KEY)
        path = home.path / MAILBOXES_FILE
        opened = open_mailboxes_aside(partial(open_file, path, key, relay, settings.limits))
    else:
        yield InlineMailboxes(MemoryMailboxes())
        return
    async with opened as store:
        yield store


def _host_options(config: RelayConfig, key: bytes) -> HostOptions:
    limits = config.limits
    return HostOptions(
        seed=key,
        listen=usable_listen(config.listen),
        announce=config.announce,
        is_relay=True,
        blocks=config.blocks,
        limits=HostLimits(
            connections_max=limits.connections_max,
            connections_per_address_max=max(
                CONNECTIONS_PER_ADDRESS, limits.reservations_per_address_max
            ),
        ),
        circuits=_circuits(limits),
    )


def _circuits(limits: RelayLimits) -> CircuitLimits:
    return CircuitLimits(
        reservations_max=limits.reservations_max,
        reservation_s=limits.reservation_s,
        circuits_max=limits.circuits_max,
        circuits_per_peer_max=limits.circuits_per_peer_max,
        circuits_per_address_max=limits.circuits_per_address_max,
        circuit_s_max=limits.circuit_s_max,
        circuit_idle_s=limits.circuit_idle_s,
        circuit_bytes_max=limits.circuit_bytes_max,
        reservations_per_address_max=limits.reservations_per_address_max,
        requests_per_peer_s=limits.requests_per_peer_s,
        peer_bytes_per_s=limits.peer_bytes_per_s,
        peer_bytes_max=limits.peer_bytes_max,
        peer_bytes_window_s=limits.peer_bytes_window_s,
    )


def _network_options(config: RelayConfig) -> NetworkOptions:
    return NetworkOptions(
        dht_mode=config.dht.mode,
        is_announced=bool(config.announce),
        kad=KadConfig(query_timeout_s=config.dht.query_timeout_s),
    )


async def _save_now_and_then(peers: PeerFile) -> None:
    while True:
        await trio.sleep(SAVE_EVERY_S)
        peers.save()
