"""LAN mode: finding each other and talking without any internet; table `[lan]`.

It is off unless asked for, because it tells everybody on the network who is here. A secret closes
the circle to those who know it. It is a password, so it stands in a file or in the environment and
never on a command line, which every user of the machine can read.

Who is blocked is no setting of this mode: the block lists of the client hold for all of it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

from p2pchat.config.limits import NAME_CHARS_MAX
from p2pchat.errors import ConfigError
from p2pchat.model.blocking import parse_subnets

__all__ = ["LanConfig"]

_SUBNETS_MAX = 64
_SECRET_BYTES_MAX = 1_024
_PORT_MAX = 65_535
_SECONDS_MAX = 3_600


@dataclass(frozen=True, slots=True, kw_only=True)
class LanConfig:
    """How a client finds others on its own network. The node id is the peer id."""

    enabled: bool = False
    name: str | None = None
    """The name that others on the network are shown; None tells the nickname."""
    listen_host: str = "0.0.0.0"  # noqa: S104 -- all interfaces: which they are changes
    """IPv4 address to take LAN connections at."""
    listen_port: int = 19_123
    """TCP port for them; when it is taken another one is used, and told to others."""
    discovery_port: int = 19_124
    """UDP port; all on a network must have the same."""
    heartbeat_s: float = 15.0
    """How often we say that we are here."""
    ttl_s: float = 45.0
    """A peer that was silent for so long is gone."""
    allowed_subnets: tuple[str, ...] = ()
    """IPv4 networks that LAN mode is confined to, `192.168.1.0/24`; small ones are searched for
    peers. Empty means the networks of this machine."""
    secret: str = field(default="", repr=False)
    """Who does not know it is not found and not served. Empty means that everybody is."""
    secret_file: Path | None = None
    """Where to read the secret instead; the line's end does not count."""
    accept_requests: bool = False
    """Accept contact requests of peers that proved the secret, without asking. Needs a secret."""

    def __post_init__(self) -> None:
        if self.name is not None:
            object.__setattr__(self, "name", _name(self.name))
        _require_host(self.listen_host)
        _require_port("listen_port", self.listen_port)
        _require_port("discovery_port", self.discovery_port)
        self._require_times()
        object.__setattr__(self, "allowed_subnets", _subnets(self.allowed_subnets))
        self._settle_secret()

    def require_secret(self) -> None:
        """Raise `ConfigError` where requests would be accepted of everybody. It may be given
        beside the file, so a client asks for this when it opens."""
        if self.accept_requests and not self.secret:
            raise ConfigError(
                "lan.accept_requests", "it needs a secret; else everybody is accepted"
            )

    def _require_times(self) -> None:
        if not 1 <= self.heartbeat_s <= _SECONDS_MAX:
            raise ConfigError(
                "lan.heartbeat_s", f"{self.heartbeat_s} is not between 1 and {_SECONDS_MAX} seconds"
            )
        if not self.heartbeat_s < self.ttl_s <= _SECONDS_MAX:
            raise ConfigError(
                "lan.ttl_s",
                f"{self.ttl_s} must be more than heartbeat_s and at most {_SECONDS_MAX} seconds",
            )

    def _settle_secret(self) -> None:
        read = _read(self.secret_file) if self.secret_file is not None else self.secret
        if self.secret not in ("", read):
            raise ConfigError("lan.secret", "give only one of secret and secret_file", "")
        try:
            size_bytes = len(read.encode())
        except UnicodeEncodeError as error:
            raise ConfigError("lan.secret", "it holds what UTF-8 cannot carry", "") from error
        if size_bytes > _SECRET_BYTES_MAX:
            raise ConfigError("lan.secret", f"give at most {_SECRET_BYTES_MAX} bytes", "")
        object.__setattr__(self, "secret", read)


def _name(name: str) -> str:
    name = name.strip()
    if not name.isprintable() or not 0 < len(name) <= NAME_CHARS_MAX:
        raise ConfigError("lan.name", f"give 1 to {NAME_CHARS_MAX} visible characters", "")
    return name


def _require_host(host: str) -> None:
    try:
        ip = IPv4Address(host)
    except ValueError as error:
        raise ConfigError("lan.listen_host", f"{host!a} is no IPv4 address") from error
    if ip.is_multicast or ip == IPv4Address("255.255.255.255"):
        raise ConfigError("lan.listen_host", f"{host} is no address of a machine")


def _require_port(key: str, port: object) -> None:
    if isinstance(port, bool) or not isinstance(port, int) or not 0 < port <= _PORT_MAX:
        raise ConfigError(f"lan.{key}", f"{port!r} is no port; give 1 to {_PORT_MAX}")


def _subnets(texts: Iterable[str]) -> tuple[str, ...]:
    if isinstance(texts, str):
        raise ConfigError("lan.allowed_subnets", f"give a list, even of one: [{texts!r}]")
    try:
        subnets = parse_subnets(texts)
    except ValueError as error:
        raise ConfigError("lan.allowed_subnets", str(error)) from error
    if len(subnets) > _SUBNETS_MAX:
        raise ConfigError("lan.allowed_subnets", f"give {_SUBNETS_MAX} at most")
    for subnet in subnets:
        if not isinstance(subnet, IPv4Network):
            raise ConfigError("lan.allowed_subnets", f"{subnet} is not IPv4, which LAN mode speaks")
    return tuple(map(str, subnets))


def _read(path: Path) -> str:
    """The secret in a file. An empty file is a mistake: it would open the network to everybody."""
    try:
        with path.open("rb") as file:
            text = file.read(_SECRET_BYTES_MAX + 2).decode().rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError("lan.secret_file", f"{path} cannot be read: {error}") from error
    if not text:
        raise ConfigError("lan.secret_file", f"{path} holds no secret")
    return text
