"""Whom to charge for what comes from an IP address.

Keys are free and addresses are not, so strangers are counted by where they are. How much of an
address is one source depends on what a customer of a provider has to choose from.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

__all__ = ["IPAddress", "machine", "plain", "public_group", "shared_source", "site"]

IPAddress = IPv4Address | IPv6Address

_SITE_BITS, _CUSTOMER_BITS, _LINK_BITS = 48, 56, 64


def plain(host: str) -> IPAddress:
    """Without zone, and IPv4 where an IPv6 socket reports an IPv4 peer."""
    ip = ip_address(host.partition("%")[0])
    return ip.ipv4_mapped or ip if isinstance(ip, IPv6Address) else ip


def public_group(host: str) -> str | None:
    """What counts as one source: an IPv4 address or an IPv6 /56, which is what one customer of a
    provider has; None unless it is public."""
    return shared_source(host) if plain(host).is_global else None


def machine(host: str) -> str:
    """Where one machine is: it may call from another public IPv6 address of its /64 than the one it
    is called at."""
    ip = plain(host)
    return _source(host, _LINK_BITS) if ip.is_global else str(ip)


def shared_source(host: str) -> str:
    """Whom to charge for what comes from an IP address, where many are served by turns.

    An IPv4 address; an IPv6 /56, for that is what one customer of a provider has to choose from, or
    the /64 that is all of a private network. Unlike `public_group` it has an answer for everybody:
    households that share a private address get one turn together, which is not none.
    """
    return _source(host, _CUSTOMER_BITS)


def site(host: str) -> str:
    """Whom to charge for what is held for long: as `shared_source`, but an IPv6 /48, which hosters
    give to whoever asks for it."""
    return _source(host, _SITE_BITS)


def _source(host: str, bits: int) -> str:
    ip = plain(host)
    if ip.version == 4:
        return str(ip)
    return str(ip_network((int(ip), bits if ip.is_global else _LINK_BITS), strict=False))
