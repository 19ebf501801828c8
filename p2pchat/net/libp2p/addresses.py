"""Multiaddrs as the host uses them: taken apart for dialling, made concrete for announcing.

Addresses reach the host from links, lists, other peers and the user. Each reader here bounds the
text before the multiaddr parser sees it and answers a small value or raises `ValueError` with one
line that says what is wrong; a host never dials text that it did not take apart.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import trio
from multiaddr import Multiaddr  # pyright: ignore[reportMissingTypeStubs]  # it has none
from multiaddr.exceptions import (  # pyright: ignore[reportMissingTypeStubs]  # it has none
    Error as MultiaddrError,
)

from p2pchat.model.ids import PeerId
from p2pchat.net.interfaces import own_addresses
from p2pchat.net.libp2p.foreign import Failed, foreign_errors
from p2pchat.net.libp2p.sources import IPAddress, plain

__all__ = [
    "Circuit",
    "Endpoint",
    "concrete",
    "ip_of",
    "is_public",
    "multiaddr_of",
    "parse",
    "parse_listen",
    "read_multiaddr",
    "relay_address",
    "resolve",
    "without_peer",
]

ADDRESS_CHARACTERS_MAX = 512
NAME_ADDRESSES_MAX = 4
"""Addresses of one name that are tried."""

_FAMILIES = {"dns": socket.AF_UNSPEC, "dns4": socket.AF_INET, "dns6": socket.AF_INET6}

_Part = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a TCP connection can be made."""

    host: str
    port: int
    family: int | None = None
    """None for an IP address; else `host` is a name to look up in this address family."""


@dataclass(frozen=True, slots=True)
class Circuit:
    """A peer reached through a relay."""

    relay: PeerId
    relay_address: str
    """Multiaddr of the relay without its id; empty when only a present connection will do."""


def parse(address: str, peer: PeerId) -> Endpoint | Circuit:
    """Take apart an address at which `peer` shall be dialled, with or without `/p2p/<peer>`."""
    parts = _parts(address)
    if parts and parts[-1][0] == "p2p":
        if PeerId.parse(parts[-1][1]) != peer:
            raise ValueError("the address is that of another peer")
        parts = parts[:-1]
    if parts and parts[-1][0] == "p2p-circuit":
        return _circuit(parts[:-1])
    return _endpoint(parts)


def parse_listen(address: str) -> Endpoint:
    """Take apart an address to listen on: an IP address and a TCP port, 0 for any."""
    match _parts(address):
        case [("ip4" | "ip6", host), ("tcp", port)]:
            return Endpoint(host, int(port))
        case _:
            raise ValueError("listening takes the form /ip4/<address>/tcp/<port> or /ip6/…")


def without_peer(address: str) -> str:
    """The canonical form without `/p2p/<peer>` at the end."""
    parts = _parts(address)
    return _join(parts[:-1] if parts and parts[-1][0] == "p2p" else parts)


def relay_address(address: str, relay: PeerId) -> str:
    """The address through which a relay at `address` hands on, without the far peer's id."""
    return f"{without_peer(address)}/p2p/{relay}/p2p-circuit"


def multiaddr_of(host: str, port: int) -> str:
    """The multiaddr of a socket address."""
    ip = plain(host)
    return f"/ip{ip.version}/{ip}/tcp/{port}"


async def resolve(endpoint: Endpoint) -> list[tuple[IPAddress, int]]:
    """The socket addresses of `endpoint`; a name is looked up. Raises `OSError`."""
    if endpoint.family is None:
        return [(plain(endpoint.host), endpoint.port)]
    found = await trio.socket.getaddrinfo(
        endpoint.host, endpoint.port, family=endpoint.family, type=socket.SOCK_STREAM
    )
    return [(plain(str(entry[4][0])), endpoint.port) for entry in found[:NAME_ADDRESSES_MAX]]


def concrete(bound: Iterable[tuple[str, int]]) -> tuple[str, ...]:
    """Multiaddrs to announce for bound sockets: a wildcard becomes every interface's address.

    Those of loopback are left out when there are others: they would lead everybody to themselves.
    """
    every = [(host, port) for wild, port in bound for host in _interfaces(plain(wild))]
    far = [(host, port) for host, port in every if not plain(host).is_loopback]
    return tuple(dict.fromkeys(multiaddr_of(host, port) for host, port in far or every))


def ip_of(address: str) -> str | None:
    """The IP address of the host of a multiaddr; None for a name."""
    kind, host = _parts(address)[0]
    return None if kind in _FAMILIES else host


def is_public(address: str) -> bool:
    """True for a multiaddr whose host is a public IP address, or a name."""
    kind, host = _parts(address)[0]
    return kind in _FAMILIES or plain(host).is_global


def read_multiaddr(raw: bytes) -> str | None:
    """The text of a dialable multiaddr that a peer sent, without a peer id; None if it is none."""
    try:
        with foreign_errors():
            text = without_peer(str(Multiaddr(raw)))
        _endpoint(_parts(text))
    except (Failed, ValueError):
        return None
    return text


def _interfaces(ip: IPAddress) -> Sequence[str]:
    if not ip.is_unspecified:
        return [str(ip)]
    own = [str(one) for one in own_addresses() if one.version == ip.version]
    return own or (["127.0.0.1"] if ip.version == 4 else ["::1"])


def _parts(address: str) -> list[_Part]:
    if len(address) > ADDRESS_CHARACTERS_MAX:
        raise ValueError(f"the address is longer than {ADDRESS_CHARACTERS_MAX} characters")
    try:
        items = list(Multiaddr(address).items())
    except (MultiaddrError, ValueError) as error:
        raise ValueError("it is no multiaddr that can be read") from error
    return [(protocol.name, "" if value is None else str(value)) for protocol, value in items]


def _endpoint(parts: list[_Part]) -> Endpoint:
    match parts:
        case [("ip4" | "ip6", host), ("tcp", port)]:
            family = None
        case [("dns" | "dns4" | "dns6" as kind, host), ("tcp", port)]:
            family = _FAMILIES[kind]
        case _:
            raise ValueError("only TCP addresses and circuits over them can be dialled")
    return Endpoint(host, int(port), family)


def _circuit(parts: list[_Part]) -> Circuit:
    match parts:
        case [*path, ("p2p", relay)]:
            if path:
                _endpoint(path)
            return Circuit(PeerId.parse(relay), _join(path))
        case _:
            raise ValueError("a circuit address names its relay: …/p2p/<relay>/p2p-circuit")


def _join(parts: list[_Part]) -> str:
    return "".join(f"/{name}/{value}" if value else f"/{name}" for name, value in parts)
