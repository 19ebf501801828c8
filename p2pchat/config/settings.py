"""What a person can set about a client and a relay, as frozen values that are right once made.

Every value is checked at construction and addresses are brought to their canonical form, so that
nothing further down checks again; a mistake raises `ConfigError`, which names the key. What the
program decides by itself has no setting here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args

from p2pchat.config.addresses import (
    parse_announce,
    parse_listen,
    parse_metrics,
    parse_peer_address,
)
from p2pchat.config.fetch_url import FetchUrl
from p2pchat.config.lan import LanConfig
from p2pchat.config.limits import NAME_CHARS_MAX, FetchLimits, Limits, RelayLimits
from p2pchat.config.mailboxes import ClientMailboxes, RelayMailboxes
from p2pchat.errors import ConfigError
from p2pchat.model.blocking import NOBODY, BlockList

__all__ = [
    "ClientConfig",
    "DhtConfig",
    "DhtMode",
    "RelayConfig",
    "TransportKind",
    "checked_name",
]

DhtMode = Literal["auto", "server", "client"]
TransportKind = Literal["lean", "stock"]

CLIENT_LISTEN = ("/ip4/0.0.0.0/tcp/0", "/ip6/::/tcp/0")
RELAY_LISTEN = ("/ip4/0.0.0.0/tcp/4001", "/ip6/::/tcp/4001")
"""Both families; `net.interfaces.usable_listen` leaves out one that the machine lacks."""

_PEERS_MAX = 256
_ADDRESSES_MAX = 32
_URLS_MAX = 8
_QUERY_TIMEOUT_S_MAX = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class DhtConfig:
    """How the node takes part in the distributed hash table; table `[dht]`."""

    mode: DhtMode = "auto"
    """`server` answers others' queries, `client` only asks, `auto` serves while it is reachable."""
    query_timeout_s: float = 1.5
    """From dialling one peer to its answer; then the next is asked."""

    def __post_init__(self) -> None:
        _require_choice(self.mode, get_args(DhtMode), "dht.mode")
        if not 0 < self.query_timeout_s <= _QUERY_TIMEOUT_S_MAX:
            raise ConfigError(
                "dht.query_timeout_s",
                f"{self.query_timeout_s} is not between 0 and {_QUERY_TIMEOUT_S_MAX} seconds",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientConfig:
    """Settings of a client; every one has a default that works."""

    name: str | None = None
    """Nickname of an identity made at first use; None takes the login name."""
    identity_file: Path | None = None
    """The device key; None keeps it in the home."""
    bootstrap_peers: tuple[str, ...] = ()
    """Multiaddrs, each ending in `/p2p/<peer id>`, dialled first."""
    bootstrap_urls: tuple[FetchUrl, ...] = ()
    """Lists to fetch, the primary one first, then its mirrors."""
    fetch: bool = True
    """False uses neither fetched peers nor those that come with the package."""
    listen: tuple[str, ...] = CLIENT_LISTEN
    """Multiaddrs to listen on; empty listens nowhere. Port 0 takes any that is free."""
    announce: tuple[str, ...] = ()
    """Multiaddrs that others shall dial, when the machine cannot see them itself."""
    blocks: BlockList = NOBODY
    """Peers and subnets that are refused, beside those that the user blocks."""
    transport: TransportKind = "lean"
    """`lean` is ours, `stock` py-libp2p's; both speak the same protocols."""
    dht: DhtConfig = field(default_factory=DhtConfig)
    lan: LanConfig = field(default_factory=LanConfig)
    mailboxes: ClientMailboxes = field(default_factory=ClientMailboxes)
    limits: Limits = field(default_factory=Limits)
    fetch_limits: FetchLimits = field(default_factory=FetchLimits)

    def __post_init__(self) -> None:
        if self.name is not None:
            object.__setattr__(self, "name", checked_name(self.name))
        _require_choice(self.transport, get_args(TransportKind), "transport")
        _settle_network(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class RelayConfig:
    """Settings of a relay. `home` is where it keeps its key; None makes a relay that forgets."""

    home: Path | None
    identity_file: Path | None = None
    """The key; None keeps it in the home."""
    bootstrap_peers: tuple[str, ...] = ()
    """Other relays and peers of the same network, dialled first."""
    bootstrap_urls: tuple[FetchUrl, ...] = ()
    """Lists to fetch, the primary one first, then its mirrors."""
    fetch: bool = True
    """False uses neither fetched peers nor those that come with the package."""
    listen: tuple[str, ...] = RELAY_LISTEN
    """Multiaddrs to listen on; their ports must be reachable from outside."""
    announce: tuple[str, ...] = ()
    """Multiaddrs that others shall dial: a domain name, or an address behind a port forwarding."""
    blocks: BlockList = NOBODY
    """Peers and subnets that are refused."""
    metrics: str | None = None
    """`HOST:PORT` of the pages for its operator; a port alone means this machine only. None
    serves none."""
    mailboxes: RelayMailboxes = field(default_factory=RelayMailboxes)
    dht: DhtConfig = field(default_factory=lambda: DhtConfig(mode="server"))
    limits: RelayLimits = field(default_factory=RelayLimits)
    fetch_limits: FetchLimits = field(default_factory=FetchLimits)

    def __post_init__(self) -> None:
        _settle_network(self)
        if not self.listen:
            raise ConfigError("listen", "a relay must listen; give an address such as the default")
        if self.metrics is not None:
            _require_metrics(self.metrics)


def checked_name(name: str) -> str:
    """A nickname without the blanks around it. Raises `ConfigError` for one that others refuse."""
    name = name.strip()
    if not name.isprintable() or not 0 < len(name) <= NAME_CHARS_MAX:
        hint = f"give 1 to {NAME_CHARS_MAX} visible characters: no controls, no marks of direction"
        raise ConfigError("name", hint, "")
    return name


def _settle_network(config: ClientConfig | RelayConfig) -> None:
    """Check what client and relay share, and put the canonical form in its place."""
    settled: dict[str, tuple[object, ...]] = {
        "bootstrap_peers": _checked(
            "bootstrap_peers",
            config.bootstrap_peers,
            lambda text: str(parse_peer_address(text)),
            _PEERS_MAX,
        ),
        "listen": _checked("listen", config.listen, parse_listen, _ADDRESSES_MAX),
        "announce": _checked("announce", config.announce, parse_announce, _ADDRESSES_MAX),
        "bootstrap_urls": tuple(dict.fromkeys(config.bootstrap_urls)),
    }
    _require_at_most("bootstrap_urls", len(settled["bootstrap_urls"]), _URLS_MAX)
    for key, value in settled.items():
        object.__setattr__(config, key, value)


def _checked(
    key: str, texts: Iterable[str], parse: Callable[[str], str], most: int
) -> tuple[str, ...]:
    if isinstance(texts, str):
        raise ConfigError(key, f"give a list, even of one: [{texts!r}]")
    texts = tuple(texts)
    _require_at_most(key, len(texts), most)
    settled: dict[str, None] = {}
    for text in texts:
        try:
            settled[parse(text)] = None
        except ValueError as error:
            raise ConfigError(key, f"{text[:200]!a} cannot be used: {error}") from error
    return tuple(settled)


def _require_metrics(address: str) -> None:
    try:
        parse_metrics(address)
    except ValueError as error:
        raise ConfigError("metrics", f"{address[:200]!a} cannot be used: {error}") from error


def _require_choice(value: str, choices: tuple[str, ...], key: str) -> None:
    if value not in choices:
        raise ConfigError(key, f"{value!r} is none of {', '.join(choices)}")


def _require_at_most(key: str, count: int, most: int) -> None:
    if count > most:
        raise ConfigError(key, f"{count} entries are too many; give {most} at most")
