"""Multiaddrs as people and lists write them, judged before anything else sees them.

A configuration, a fetched list and a command line all hold addresses as text. Each reader here
answers the canonical form, so that equal addresses compare equal, or raises `ValueError` with one
line that says what is wrong with this text; the caller adds where it stood. Text is bounded before
the multiaddr parser touches it, because some of it comes from the network.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import ip_address

from multiaddr import Multiaddr, exceptions  # pyright: ignore[reportMissingTypeStubs] -- typed inline

from p2pchat.model.ids import PeerId

__all__ = [
    "PeerAddress",
    "parse_announce",
    "parse_listen",
    "parse_metrics",
    "parse_peer_address",
    "speaks_tcp",
]

ADDRESS_CHARACTERS_MAX = 512
"""Longer than any address in use; a circuit address over a long domain name has about 450."""

_PORT_MAX = 65_535
_UNREADABLE = "it is no multiaddr that can be read"

_NAMES = frozenset({"dns", "dns4", "dns6"})
_TRANSPORTS = frozenset({"ws", "wss", "tls", "sni", "quic-v1"})
"""What may follow the port; a node ignores what it cannot dial, since one list serves all kinds."""

_Part = tuple[str, str]
"""Protocol and value; the value of `ws` and its like is empty."""


@dataclass(frozen=True, slots=True)
class PeerAddress:
    """Where a peer can be dialled; `address` is without the peer's own id at its end."""

    peer: PeerId
    address: str

    def __str__(self) -> str:
        return f"{self.address}/p2p/{self.peer}"


def parse_peer_address(text: str) -> PeerAddress:
    """Read a dialable address that ends in `/p2p/<peer id>`; a circuit address is one."""
    parts = _parse(text)
    _require_dialable(parts)
    *path, (protocol, value) = parts
    if protocol != "p2p":
        raise ValueError("it must end in /p2p/<peer id>, as a node prints its addresses")
    names = [name for name, _ in path[2:]]
    _require_transports(names[:-2] if names[-2:] == ["p2p", "p2p-circuit"] else names)
    return PeerAddress(PeerId.parse(value), _join(path))


def parse_listen(text: str) -> str:
    """Read an address to listen on: an IP address of this machine and a TCP port, 0 for any."""
    parts = _parse(text)
    match parts:
        case [("ip4" | "ip6", host), ("tcp", _)]:
            _refuse_multicast(host)
            return _join(parts)
        case [(name, _), *_] if name in _NAMES:
            raise ValueError("listening needs an IP address, not a name; 0.0.0.0 means all")
        case _:
            raise ValueError("listening takes the form /ip4/<address>/tcp/<port> or /ip6/…")


def parse_announce(text: str) -> str:
    """Read an address that others shall dial; the node adds its peer id itself."""
    parts = _parse(text)
    _require_dialable(parts)
    if parts[-1][0] == "p2p":
        raise ValueError("leave /p2p/<peer id> out; the node adds its own")
    _require_transports([name for name, _ in parts[2:]])
    return _join(parts)


def parse_metrics(text: str) -> tuple[str, int]:
    """Read where to serve metrics, `HOST:PORT`; a port alone means this machine only."""
    host, colon, port = text.strip().rpartition(":")
    if not (port.isascii() and port.isdecimal() and int(port) <= _PORT_MAX):
        raise ValueError("it must be PORT or HOST:PORT, such as 9464 or 127.0.0.1:9464")
    if not colon:
        return "127.0.0.1", int(port)
    host = host.removeprefix("[").removesuffix("]")
    try:
        return str(ip_address(host)), int(port)
    except ValueError:
        raise ValueError("the host must be an IP address, such as 127.0.0.1 or [::1]") from None


def speaks_tcp(address: str) -> bool:
    """Whether an address as these readers give it leads over plain TCP, directly or to a relay:
    what this version can dial."""
    _, _, transport, _, *after = address.split("/")[1:]
    return transport == "tcp" and after[:1] in ([], ["p2p"])


def _parse(text: str) -> list[_Part]:
    if len(text) > ADDRESS_CHARACTERS_MAX:
        raise ValueError(f"it is longer than {ADDRESS_CHARACTERS_MAX} characters")
    if not (text.isascii() and text.isprintable()) or " " in text:
        raise ValueError("it holds characters that no address has")
    if not text.startswith("/"):
        raise ValueError("it is no multiaddr, which looks like /ip4/203.0.113.7/tcp/4001")
    try:
        items = list(Multiaddr(text).items())
    except exceptions.StringParseError as error:
        raise ValueError(_explain(error.message)) from error
    except exceptions.ParseError as error:
        raise ValueError(_UNREADABLE) from error
    return [(protocol.name, "" if value is None else str(value)) for protocol, value in items]


def _explain(message: str) -> str:
    """What the parser says, for who wrote the address."""
    if message.startswith("Invalid CID"):
        return "what follows /p2p/ is no peer id; it may have been cut when copied"
    if "not in range" in message or "base 10 integer" in message:
        return f"a port is a number from 0 to {_PORT_MAX}"
    if found := re.fullmatch(r"base address '(.+)' is not (IPv[46])", message):
        return f"{found[1]} is no {found[2]} address"
    if found := re.fullmatch(r"unknown protocol: (.+)", message):
        return f"{found[1]} is no part of an address that is known here"
    if found := re.fullmatch(r"missing value for protocol: (.+)", message):
        return f"what shall follow /{found[1]}/ is missing"
    return _UNREADABLE


def _require_dialable(parts: list[_Part]) -> None:
    match parts[:2]:
        case [("ip4" | "ip6", host), ("tcp" | "udp", port)]:
            _refuse_multicast(host)
            if ip_address(host).is_unspecified:
                raise ValueError(f"nobody can dial {host}; give the real address")
        case [(name, _), ("tcp" | "udp", port)] if name in _NAMES:
            pass
        case _:
            raise ValueError("it must begin with a host and a port: /ip4/<address>/tcp/<port>")
    if port == "0":
        raise ValueError("nobody can dial port 0; give the real port")


def _refuse_multicast(host: str) -> None:
    if ip_address(host).is_multicast or host == "255.255.255.255":
        raise ValueError(f"{host} is a multicast or broadcast address, not that of a peer")


def _require_transports(names: list[str]) -> None:
    for name in names:
        if name not in _TRANSPORTS:
            raise ValueError(f"/{name} has no place after the port")


def _join(parts: list[_Part]) -> str:
    return "".join(f"/{name}/{value}" if value else f"/{name}" for name, value in parts)
