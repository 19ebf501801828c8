"""Multiaddrs between their text and their bytes, for the transports this program can dial.

A DHT answer carries hundreds of addresses chosen by strangers, and a general multiaddr library
takes 30 to 400 µs for each and raises what it likes. Here one table lists the known protocols,
everything else is refused, both directions are exact inverses, and results are cached.

Source: https://github.com/multiformats/multiaddr (protocols.csv).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address

from p2pchat.errors import MalformedMessage
from p2pchat.model.ids import PeerId

__all__ = [
    "MULTIADDR_BYTES_MAX",
    "is_multiaddr",
    "multiaddr_bytes",
    "multiaddr_text",
    "without_peer",
]

MULTIADDR_BYTES_MAX = 128
_COMPONENTS_MAX = 8
_CACHE_ENTRIES = 8192
_VARIABLE = -1
_NAME = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,122}[A-Za-z0-9_.])?")


@dataclass(frozen=True, slots=True)
class _Protocol:
    """One row: its code, how many bytes its value has, and the value's two forms."""

    name: str
    code: bytes
    size: int = 0
    to_bytes: Callable[[str], bytes] = str.encode
    to_text: Callable[[bytes], str] = bytes.decode
    is_host: bool = False


def _port_bytes(text: str) -> bytes:
    if not text.isascii() or not text.isdigit() or str(int(text[:6])) != text:
        raise ValueError("not a port")
    return int(text).to_bytes(2, "big") if int(text) < 1 << 16 else b""


def _port_text(raw: bytes) -> str:
    return str(int.from_bytes(raw, "big"))


def _name_bytes(text: str) -> bytes:
    if not _NAME.fullmatch(text):
        raise ValueError("not a host name")
    return text.encode()


def _name_text(raw: bytes) -> str:
    text = raw.decode("ascii")
    _name_bytes(text)
    return text


def _ip4_bytes(text: str) -> bytes:
    return IPv4Address(text).packed


def _ip4_text(raw: bytes) -> str:
    return str(IPv4Address(raw))


def _ip6_bytes(text: str) -> bytes:
    if "%" in text:
        raise ValueError("a zone is a component of its own")
    return IPv6Address(text).packed


def _ip6_text(raw: bytes) -> str:
    return str(IPv6Address(raw))


def _peer_bytes(text: str) -> bytes:
    return bytes(PeerId.parse(text))


def _peer_text(raw: bytes) -> str:
    return str(PeerId(raw))


def _varint(number: int) -> bytes:
    assert number < 1 << 14
    return bytes([number]) if number < 128 else bytes([number & 127 | 128, number >> 7])


def _named(name: str, code: int, *, is_host: bool = False) -> _Protocol:
    return _Protocol(name, _varint(code), _VARIABLE, _name_bytes, _name_text, is_host)


_PROTOCOLS = (
    _Protocol("ip4", _varint(4), 4, _ip4_bytes, _ip4_text, is_host=True),
    _Protocol("ip6", _varint(41), 16, _ip6_bytes, _ip6_text, is_host=True),
    _named("ip6zone", 42, is_host=True),
    _named("dns", 53, is_host=True),
    _named("dns4", 54, is_host=True),
    _named("dns6", 55, is_host=True),
    _named("dnsaddr", 56, is_host=True),
    _Protocol("tcp", _varint(6), 2, _port_bytes, _port_text),
    _Protocol("udp", _varint(273), 2, _port_bytes, _port_text),
    _Protocol("quic-v1", _varint(461)),
    _Protocol("tls", _varint(448)),
    _named("sni", 449),
    _Protocol("ws", _varint(477)),
    _Protocol("wss", _varint(478)),
    _Protocol("p2p", _varint(421), _VARIABLE, _peer_bytes, _peer_text),
    _Protocol("p2p-circuit", _varint(290)),
)
_BY_NAME = {protocol.name: protocol for protocol in _PROTOCOLS}
_BY_CODE = {protocol.code: protocol for protocol in _PROTOCOLS}


@lru_cache(maxsize=_CACHE_ENTRIES)
def multiaddr_bytes(text: str) -> bytes:
    """The bytes of a multiaddr; `ValueError` if it is none, too long, or of unknown protocols."""
    parts = iter(text.split("/")[1:])
    raw = b""
    for count, name in enumerate(parts):
        protocol = _BY_NAME.get(name)
        if protocol is None or count >= _COMPONENTS_MAX or (not count and not protocol.is_host):
            raise ValueError(f"not a multiaddr this program knows: {text[:80]!r}")
        raw += protocol.code + (_value_bytes(protocol, next(parts, "")) if protocol.size else b"")
    if not text.startswith("/") or not raw or len(raw) > MULTIADDR_BYTES_MAX:
        raise ValueError(f"not a multiaddr this program knows: {text[:80]!r}")
    return raw


def is_multiaddr(text: str) -> bool:
    """Whether `multiaddr_bytes` knows the address."""
    try:
        multiaddr_bytes(text)
    except ValueError:
        return False
    return True


@lru_cache(maxsize=_CACHE_ENTRIES)
def multiaddr_text(raw: bytes) -> str:
    """The text of a multiaddr's bytes.

    Raises `MalformedMessage` for what `multiaddr_bytes` would never write.
    """
    if not 0 < len(raw) <= MULTIADDR_BYTES_MAX:
        raise MalformedMessage("a multiaddr has 1 to 128 bytes")
    try:
        text = "".join(_components(raw))
        if multiaddr_bytes(text) != raw:  # which also judges what only the whole shows
            raise ValueError("its text means another address")
    except ValueError as error:
        raise MalformedMessage(f"not a multiaddr this program knows: {error}") from error
    return text


@lru_cache(maxsize=_CACHE_ENTRIES)
def without_peer(address: str, peer: PeerId) -> str | None:
    """The address of `peer` without `/p2p/<peer>` at its end; None if it names another peer.

    A circuit address keeps its relay: `/…/p2p/<relay>/p2p-circuit`.
    """
    bare, separator, owner = address.rpartition("/p2p/")
    if not separator or owner.endswith("/p2p-circuit"):
        return address
    return bare if owner == str(peer) and bare else None


def _value_bytes(protocol: _Protocol, text: str) -> bytes:
    value = protocol.to_bytes(text)
    if protocol.size == _VARIABLE:
        return _varint(len(value)) + value
    if len(value) != protocol.size:
        raise ValueError(f"out of range for {protocol.name}: {text[:20]!r}")
    return value


def _components(raw: bytes) -> list[str]:
    """The components' texts; `ValueError` (or its child `UnicodeDecodeError`) if it breaks off."""
    components: list[str] = []
    at = 0
    while at < len(raw):
        width = 1 if raw[at] < 128 else 2
        protocol = _BY_CODE.get(raw[at : at + width])
        if protocol is None:
            raise ValueError("unknown protocol")
        at += width
        size = protocol.size
        if size == _VARIABLE:
            size = raw[at] if at < len(raw) else MULTIADDR_BYTES_MAX
            at += 1
        if at + size > len(raw):
            raise ValueError("cut short")
        value = raw[at : at + size]
        components.append(f"/{protocol.name}" + (f"/{protocol.to_text(value)}" if size else ""))
        at += size
    return components
