"""The machine's own IP addresses, and which of them can be listened on.

Asked of the system each time, because a laptop moves: a network appears, an overlay such as
WireGuard or Tailscale comes up. Every interface counts alike, whatever made it.
"""

from __future__ import annotations

import errno
import logging
import socket
from ipaddress import IPv4Address, IPv4Interface, IPv6Address, ip_address

import psutil

from p2pchat.errors import ConfigError

__all__ = ["own_addresses", "own_networks", "require_listenable", "usable_listen"]

logger = logging.getLogger(__name__)

_FAMILIES = {
    "/ip4/0.0.0.0/": (socket.AF_INET, "0.0.0.0"),  # noqa: S104 -- the address being asked about
    "/ip6/::/": (socket.AF_INET6, "::"),
}


def own_addresses() -> tuple[IPv4Address | IPv6Address, ...]:
    """The addresses by which others may reach this machine, in the order of its interfaces.

    Those of interfaces that are down are left out, and so are loopback ones and link-local IPv6
    ones, which mean nothing without the name of an interface. None at all means offline.
    """
    try:
        up = {name for name, state in psutil.net_if_stats().items() if state.isup}
        found = [
            ip_address(entry.address)
            for name, entries in psutil.net_if_addrs().items()
            for entry in entries
            if name in up and entry.family in (socket.AF_INET, socket.AF_INET6)
        ]
    except OSError as error:  # a sandbox may forbid to ask; the node still dials out
        logger.warning("the system does not tell its own addresses: %s", error)
        return ()
    return tuple(dict.fromkeys(address for address in found if _reaches(address)))


def own_networks() -> tuple[IPv4Interface, ...]:
    """The IPv4 addresses of interfaces that are up, loopback among them, with their networks; in an
    order that stays."""
    try:
        up = {name for name, state in psutil.net_if_stats().items() if state.isup}
        found = {
            IPv4Interface(f"{entry.address}/{entry.netmask}")
            for name, entries in psutil.net_if_addrs().items()
            for entry in entries
            if name in up and entry.family == socket.AF_INET and entry.netmask
        }
    except OSError as error:
        logger.warning("the system does not tell its own networks: %s", error)
        return ()
    return tuple(sorted(found))


def usable_listen(addresses: tuple[str, ...]) -> tuple[str, ...]:
    """The listen multiaddrs without those that mean "all interfaces" of a family, IPv6 or IPv4,
    which this machine does not have. A concrete address stays: that it is missing is an error."""
    return tuple(address for address in addresses if _family_exists(address))


def require_listenable(address: str) -> None:
    """Raise `ConfigError` for a listen multiaddr that this machine does not have or may not use.
    One that is in use may be our own, and is let pass."""
    _, family, host, _, port = address.split("/")
    kind = socket.AF_INET if family == "ip4" else socket.AF_INET6
    with socket.socket(kind, socket.SOCK_STREAM) as probe:
        try:
            probe.bind((host, int(port)))
        except OSError as error:
            if error.errno in (errno.EACCES, errno.EPERM):
                hint = f"{address} may not be used by you; take a port above 1023"
                raise ConfigError("listen", hint) from error
            if error.errno != errno.EADDRINUSE:
                hint = f"{address} is not of this machine; 0.0.0.0 means all that it has"
                raise ConfigError("listen", hint) from error


def _reaches(address: IPv4Address | IPv6Address) -> bool:
    return not address.is_loopback and not (address.version == 6 and address.is_link_local)


def _family_exists(address: str) -> bool:
    for prefix, (family, everywhere) in _FAMILIES.items():
        if address.startswith(prefix):
            return _binds(family, everywhere)
    return True


def _binds(family: socket.AddressFamily, host: str) -> bool:
    """Whether a socket of the family can be made and bound, as listening will do."""
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.bind((host, 0))
    except OSError:
        return False
    return True
