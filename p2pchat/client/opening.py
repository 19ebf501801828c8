"""Opening a client: identity, store, host, node; and closing them in the reverse order."""

from __future__ import annotations

import getpass
import os
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import trio

from p2pchat.client.client import Client
from p2pchat.client.exporting import ReadArchive
from p2pchat.client.identity import core_identity, make_identity, with_keys
from p2pchat.client.mailboxes import open_kept_mailboxes
from p2pchat.config import (
    CONFIG_FILE,
    ClientConfig,
    Loaded,
    SettingsInForce,
    checked_name,
    load_client_config,
    parse_peer_address,
)
from p2pchat.crypto.lan_key import lan_key
from p2pchat.crypto.mail import mailbox_key, new_mail_account, open_mail
from p2pchat.crypto.vault import Vault
from p2pchat.errors import AddressInUse, ConfigError
from p2pchat.gossip.config import GossipConfig
from p2pchat.kad.config import KadConfig
from p2pchat.model.change import PutName, PutSetting
from p2pchat.model.identity import Identity
from p2pchat.model.mailbox import MailboxRelay
from p2pchat.model.snapshot import Snapshot
from p2pchat.net.bootstrap_list import BootstrapSources
from p2pchat.net.interfaces import usable_listen
from p2pchat.net.lan import require_own
from p2pchat.net.lan_gate import LanGate
from p2pchat.net.libp2p.options import HostLimits, HostOptions
from p2pchat.net.mailbox_client import WireMailboxes
from p2pchat.net.offline import OfflineHost
from p2pchat.net.port import Host
from p2pchat.node.ambient import Ambient, SystemAmbient
from p2pchat.node.lan import LanParts
from p2pchat.node.mail import MailParts
from p2pchat.node.network import NetworkOptions
from p2pchat.node.node import NodeParts, open_node
from p2pchat.protocol.blocking import in_force_at_start
from p2pchat.protocol.contacts import INTRO_SETTING
from p2pchat.protocol.lan import LanIdentity
from p2pchat.store.archiving import Archive
from p2pchat.store.key_file import read_identity_file
from p2pchat.store.memory import MemoryStore
from p2pchat.store.port import AsyncStore, Store
from p2pchat.store.sqlite import SqliteStore
from p2pchat.store.worker import InlineStore, StoreWorker, open_home_aside, open_worker
from p2pchat.wire.contents import INTRO_BYTES
from p2pchat.wire.devices import DeviceKeys
from p2pchat.wire.envelope import Ed25519Signer

if TYPE_CHECKING:
    from p2pchat.net.libp2p.host import LibP2PHost

__all__ = ["Stored", "client_parts", "open_client", "prepare_store"]

NAMELESS = "someone"
PORTS_SETTING = "ports"
"""The listen addresses of the last life, one a line, so that who knows us finds us again."""


@asynccontextmanager
async def open_client(
    home: str | os.PathLike[str] | None,
    *,
    name: str | None = None,
    config: ClientConfig | Callable[[], Loaded[ClientConfig]] | None = None,
    passphrase: str | None = None,
    offline: bool = False,
) -> AsyncGenerator[Client]:
    """Open (or make) the client that lives in `home`; None keeps everything in memory.

    `name` is the nickname of a new identity (else the configuration's, else the login name).
    `config` is read from `<home>/config.toml` when it is not given; a function is called now and
    whenever settings are reloaded. `passphrase` locks the home, a new one from now on. `offline`
    opens no socket: to read, or to write what shall leave the next time. Raises `HomeInUse`,
    `PassphraseNeeded`, `WrongPassphrase` and other `StoreError`s, `ConfigError`, `AddressInUse`; a
    node that cannot go on ends the block with what stopped it.
    """
    settings = _settings(home, config)
    config = settings.config
    ambient = SystemAmbient()
    async with AsyncExitStack() as stack:
        given = Given(name, Vault(passphrase))
        stored = await stack.enter_async_context(_open_store(home, given, config, ambient))
        lan = None
        if offline:
            host, sources = OfflineHost(stored.identity.device.peer_id), None
        else:
            gate = await _lan_gate(stored, config, ambient)
            host = await stack.enter_async_context(_open_host(stored, config, gate))
            lan = _lan_parts(stored, config, gate, host.sockets)
            sources = BootstrapSources.of(config, host.peer_id, Path(home) if home else None)
        parts = client_parts(host, stored, config, ambient, sources)
        options = replace(parts.options, lan=lan)
        place = Path(home) if home else None
        keeping = open_kept_mailboxes(place, stored.identity, config.mailboxes)
        kept = await stack.enter_async_context(keeping)
        parts = replace(parts, options=options, home=place, mailboxes=kept)
        node = await stack.enter_async_context(open_node(parts))
        yield Client(node, ambient, settings, stored.read_archive)


@asynccontextmanager
async def _open_host(
    stored: Stored, config: ClientConfig, gate: LanGate | None
) -> AsyncGenerator[LibP2PHost]:
    """A host on the ports of the last life and of the LAN, where those are still free."""
    any_port = usable_listen(_listen(config))
    before = stored.snapshot.settings.get(PORTS_SETTING, b"").decode().split("\n")
    wanted = same_ports(any_port, before)
    spare = dict(zip(wanted, any_port, strict=True))
    if config.lan.enabled:
        spare[wanted[-1]] = f"/ip4/{config.lan.listen_host}/tcp/0"
    options = HostOptions(
        seed=stored.identity.device_seed,
        listen=wanted,
        announce=config.announce,
        transport=config.transport,
        limits=HostLimits(connections_max=config.limits.connections_max),
        gate=gate,
        blocks=in_force_at_start(stored.snapshot, config.blocks),
    )
    async with AsyncExitStack() as stack:
        host = await _listening(stack, options, spare)
        bound = "\n".join(host.sockets).encode()
        await stored.store.commit([PutSetting(PORTS_SETTING, bound)])
        yield host


async def _listening(
    stack: AsyncExitStack, options: HostOptions, spare: Mapping[str, str]
) -> LibP2PHost:
    """A host, with what stands in for those addresses that are taken, if anything does."""
    from p2pchat.net.libp2p.host import open_host  # py-libp2p takes half a second to load

    while True:
        try:
            return await stack.enter_async_context(open_host(options))
        except AddressInUse as error:
            taken = error.address
            listen = tuple(spare.get(one, one) if one == taken else one for one in options.listen)
            if listen == options.listen:
                raise
            options = replace(options, listen=listen)


async def _lan_gate(stored: Stored, config: ClientConfig, ambient: Ambient) -> LanGate | None:
    """What asks peers for the LAN's secret; None when there is none, or LAN mode is off."""
    lan = config.lan
    if not lan.enabled:
        return None
    lan.require_secret()
    if not lan.secret:
        return None
    # A tenth of a second of pure computing, and the only such thing in a client's life.
    key = await trio.to_thread.run_sync(lan_key, lan.secret)  # noqa: TID251
    configured = frozenset(parse_peer_address(text).peer for text in config.bootstrap_peers)
    return LanGate(stored.identity.device.peer_id, key, configured, ambient.token_bytes)


def _lan_parts(
    stored: Stored, config: ClientConfig, gate: LanGate | None, sockets: Sequence[str]
) -> LanParts | None:
    """What LAN mode needs, once it is known where the host listens; None while it is off."""
    lan = config.lan
    if not lan.enabled:
        return None
    me = LanIdentity(
        peer=stored.identity.device.peer_id,
        name=stored.identity.name if lan.name is None else lan.name,
        listen_port=int(sockets[-1].rpartition("/")[2]),
        key=gate.key if gate is not None else None,
    )
    return LanParts(lan, me, gate, in_force_at_start(stored.snapshot, config.blocks))


def _listen(config: ClientConfig) -> tuple[str, ...]:
    """Where to listen; LAN mode's own address is last, so that ports of before go to the others."""
    if not config.lan.enabled:
        return config.listen
    require_own(config.lan.listen_host)
    lan = f"/ip4/{config.lan.listen_host}/tcp/{config.lan.listen_port}"
    return (*(one for one in config.listen if one != lan), lan)


def same_ports(listen: tuple[str, ...], before: Sequence[str]) -> tuple[str, ...]:
    """The listen addresses with the port that their address family had before in place of 0."""
    ports: dict[str, str] = {}
    for address in before:
        parts = address.split("/")
        if len(parts) == 5 and parts[3] == "tcp":
            ports.setdefault(parts[1], parts[4])
    chosen: list[str] = []
    for address in listen:
        parts = address.split("/")
        port = ports.pop(parts[1], "0") if address.endswith("/tcp/0") else ""
        chosen.append("/".join([*parts[:4], port]) if port else address)
    return tuple(chosen)


@dataclass(frozen=True, slots=True)
class Stored:
    """What an open home gives."""

    store: AsyncStore
    snapshot: Snapshot
    identity: Identity
    read_archive: ReadArchive | None = None
    mail: MailParts | None = None


def client_parts(
    host: Host,
    stored: Stored,
    config: ClientConfig,
    ambient: Ambient,
    sources: BootstrapSources | None,
) -> NodeParts:
    """Everything a client's node is made of, on any host and store."""
    identity = stored.identity
    intro = stored.snapshot.settings[INTRO_SETTING]
    return NodeParts(
        host=host,
        blocks=config.blocks,
        store=stored.store,
        snapshot=stored.snapshot,
        me=core_identity(identity, intro),
        ambient=ambient,
        limits=config.limits,
        options=NetworkOptions(
            mesh=config.limits.mesh_peers_max,
            dht_mode=config.dht.mode,
            is_announced=bool(config.announce),
            kad=KadConfig(query_timeout_s=config.dht.query_timeout_s),
        ),
        gossip=GossipConfig(),
        sources=sources,
        account_signer=Ed25519Signer(identity.account_seed),
        fingerprint=str(identity.account),
        mail=stored.mail,
    )


def prepare_store(store: Store, identity: Identity, ambient: Ambient) -> Snapshot:
    """Write down what a new identity needs once."""
    snapshot = store.snapshot()
    if INTRO_SETTING not in snapshot.settings:
        name = PutName(identity.account, identity.name, 1)
        intro = PutSetting(INTRO_SETTING, ambient.token_bytes(INTRO_BYTES))
        store.commit([intro, name])
    return store.snapshot()


def _certified(store: Store, identity: Identity, ambient: Ambient) -> Identity:
    """An identity whose certificate names its keys for mail; a home of before gets them now. The
    account is on disk before anything names it."""
    if store.snapshot().mail.account is None:
        store.commit([new_mail_account(identity.device_seed)])
    cipher = open_mail(identity.account, identity.device_seed, store.snapshot().mail)
    keys = DeviceKeys(cipher.identity_key, mailbox_key(identity.device_seed).public_key)
    return with_keys(identity, keys, ambient.now().wall_ms)


def _mail_parts(identity: Identity, snapshot: Snapshot, config: ClientConfig) -> MailParts:
    own = mailbox_key(identity.device_seed)
    cipher = open_mail(identity.account, identity.device_seed, snapshot.mail)
    named = map(parse_peer_address, config.mailboxes.relays)
    relays = tuple(MailboxRelay(one.peer, (one.address,)) for one in named)
    return MailParts(
        cipher,
        lambda host, noticed: WireMailboxes(host, own, noticed),
        snapshot.mail,
        relays,
    )


@dataclass(frozen=True, slots=True)
class Given:
    """What whoever opens a home says about it."""

    name: str | None
    vault: Vault


@asynccontextmanager
async def _open_store(
    home: str | os.PathLike[str] | None,
    given: Given,
    config: ClientConfig,
    ambient: Ambient,
) -> AsyncGenerator[Stored]:
    seed = read_identity_file(config.identity_file) if config.identity_file else None
    if home is None:
        memory = MemoryStore()
        made = make_identity(_name(given.name, config), ambient, seed)
        identity = _certified(memory, made, ambient)
        snapshot = prepare_store(memory, identity, ambient)
        mail = _mail_parts(identity, snapshot, config)
        yield Stored(InlineStore(memory), snapshot, identity, mail=mail)
        return
    async with open_home_aside(home, given.vault) as opened:
        identity = opened.store.identity()
        if identity is None:
            identity = make_identity(_name(given.name, config), ambient, seed)
            opened.store.put_identity(identity)
        elif seed is not None and seed != identity.device_seed:
            raise ConfigError(
                "identity",
                f"{config.identity_file} is not the key that {opened.path} was made with",
            )
        certified = _certified(opened.store, identity, ambient)
        if certified != identity:
            opened.store.put_identity(certified)
        identity = certified
        snapshot = prepare_store(opened.store, identity, ambient)
        async with open_worker(opened.store) as worker:
            read = partial(_read_archive, worker, opened.store)
            mail = _mail_parts(identity, snapshot, config)
            yield Stored(worker, snapshot, identity, read, mail)


async def _read_archive(
    worker: StoreWorker, store: SqliteStore, take: Callable[[Archive], None]
) -> None:
    await worker.aside(partial(store.archive, take))


def _settings(
    home: str | os.PathLike[str] | None,
    config: ClientConfig | Callable[[], Loaded[ClientConfig]] | None,
) -> SettingsInForce[ClientConfig]:
    if isinstance(config, ClientConfig):
        return SettingsInForce(config)
    if config is not None:
        loaded, warnings = config()
        return SettingsInForce(loaded, config, warnings)
    if home is None:
        return SettingsInForce(ClientConfig())
    load = partial(load_client_config, Path(home) / CONFIG_FILE)
    loaded, warnings = load()
    return SettingsInForce(loaded, load, warnings)


def _name(name: str | None, config: ClientConfig) -> str:
    given = name if name is not None else config.name
    return _login_name() if given is None else checked_name(given)


def _login_name() -> str:
    """What the system calls its user, where it has a name that can be shown."""
    try:
        return checked_name(getpass.getuser())
    except (KeyError, OSError, ImportError, ConfigError):
        return NAMELESS  # a container's user often stands in no passwd file
