"""How far an address reaches, and whom to believe about it.

A multiaddr told by a peer is hearsay: `/ip4/192.168.1.7/tcp/22` means another machine in every
house, and a node that dials whatever it is told becomes a scanner of its user's own network. The
rule: an address of loopback, link-local or private scope is used only when it was told over a
connection of the same or a narrower scope. The same rule read the other way says what to tell: a
peer is told only what it may believe.

Addresses that no wide rule may count (several honest peers behind one router, or one machine) are
sorted out here as well: `network_of`, `region_of` and `source_of` name the network of a *public*
address and nothing else.
"""

from __future__ import annotations

from enum import IntEnum
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address

__all__ = [
    "Scope",
    "believable",
    "believable_of",
    "is_circuit",
    "network_of",
    "region_of",
    "scope_of",
    "scope_of_all",
    "source_of",
]

_CACHE_ENTRIES = 8192
_IP_PROTOCOLS = ("ip4", "ip6")
_NETWORK_BITS_IPV4 = 24
_NETWORK_BITS_IPV6 = 48
_REGION_BITS_IPV4 = 16
_SOURCE_BITS_IPV4 = 32
_SOURCE_BITS_IPV6 = 56


class Scope(IntEnum):
    """How far an address reaches; ordered, the narrower the smaller."""

    LOOPBACK = 0
    LINK = 1
    PRIVATE = 2
    PUBLIC = 3


def believable(address: str, told_over: Scope) -> bool:
    """Whether an address may be used that was told over a connection of scope `told_over`."""
    return scope_of(address) >= told_over


@lru_cache(maxsize=_CACHE_ENTRIES)
def believable_of(addresses: tuple[str, ...], told_over: Scope) -> tuple[str, ...]:
    """Those of `addresses` that may be used, in their order."""
    return tuple(address for address in addresses if believable(address, told_over))


def is_circuit(address: str) -> bool:
    """Whether a multiaddr leads through a relay."""
    return "/p2p-circuit" in address


@lru_cache(maxsize=_CACHE_ENTRIES)
def scope_of(address: str) -> Scope:
    """The scope of a multiaddr's first hop: a circuit address is judged by its relay.

    Names count as public, except those that never leave the machine or the link (RFC 6761,
    RFC 6762). Total: what is not recognised as local counts as public, and dialling it fails.
    """
    host = _host(address)
    if isinstance(host, str):
        return _scope_of_name(host.lower().rstrip("."))
    if host.is_loopback or host.is_unspecified:
        return Scope.LOOPBACK  # connecting to 0.0.0.0 or :: reaches this machine
    if host.is_link_local or host.is_multicast:
        return Scope.LINK
    return Scope.PUBLIC if host.is_global else Scope.PRIVATE


def scope_of_all(addresses: tuple[str, ...]) -> Scope:
    """The widest scope among the addresses of a peer's connections; public if there is none.

    Nobody knows which of several connections carried a message, so the widest is assumed.
    """
    return max(map(scope_of, addresses), default=Scope.PUBLIC)


@lru_cache(maxsize=_CACHE_ENTRIES)
def network_of(address: str) -> str | None:
    """The /24 (IPv6: /48) of a public IP address, for diversity limits; None for every other."""
    return _prefix(address, _NETWORK_BITS_IPV4, _NETWORK_BITS_IPV6)


@lru_cache(maxsize=_CACHE_ENTRIES)
def region_of(address: str) -> str | None:
    """The /16 (IPv6: /48) of a public IP address, which seldom has two owners at one provider; None
    for every other."""
    return _prefix(address, _REGION_BITS_IPV4, _NETWORK_BITS_IPV6)


@lru_cache(maxsize=_CACHE_ENTRIES)
def source_of(address: str) -> str | None:
    """The public IPv4 address (IPv6: /56), which is what one customer of a provider has; None for
    every other."""
    return _prefix(address, _SOURCE_BITS_IPV4, _SOURCE_BITS_IPV6)


def _prefix(address: str, bits_ipv4: int, bits_ipv6: int) -> str | None:
    host = _host(address)
    if isinstance(host, str) or scope_of(address) is not Scope.PUBLIC:
        return None
    bits = bits_ipv4 if host.version == 4 else bits_ipv6
    return f"{host.version}:{int(host) >> host.max_prefixlen - bits:x}"


def _scope_of_name(name: str) -> Scope:
    if name == "localhost" or name.endswith(".localhost"):
        return Scope.LOOPBACK
    return Scope.LINK if name.endswith(".local") else Scope.PUBLIC


def _host(address: str) -> IPv4Address | IPv6Address | str:
    """The first hop's IP address, or whatever text stands in its place."""
    parts = address.split("/", 5)
    if parts[1:2] == ["ip6zone"]:
        parts = parts[2:]
    if len(parts) < 3:
        return ""
    if parts[1] not in _IP_PROTOCOLS:
        return parts[2]
    try:
        host = ip_address(parts[2])
    except ValueError:
        return ""  # no address of anything: it cannot be dialled, whatever its scope
    mapped = host.ipv4_mapped if isinstance(host, IPv6Address) else None
    return mapped or host
