"""Sockets to listen on, each held by this host alone.

py-libp2p binds with SO_REUSEPORT, so that two programs on one port both "succeed" and share the
callers between them, and does not say when it failed. Here the port is taken exclusively; only then
is sharing allowed, which a dial from the listen port (hole punching) needs.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import cast

import trio

from p2pchat.errors import AddressInUse, ConfigError
from p2pchat.net.libp2p.addresses import concrete, multiaddr_of, parse_listen

__all__ = ["Bound", "bind", "raise_descriptor_limit"]


@dataclass(frozen=True, slots=True)
class Bound:
    """The listening sockets of a host."""

    listeners: tuple[trio.SocketListener, ...]
    names: tuple[tuple[str, int], ...]
    """Host and real port of each."""

    @classmethod
    def of(cls, listeners: Sequence[trio.SocketListener]) -> Bound:
        """Hold `listeners`."""
        return cls(tuple(listeners), tuple(one.socket.getsockname()[:2] for one in listeners))

    @property
    def sockets(self) -> tuple[str, ...]:
        """Multiaddrs as they were bound, wildcards among them, with real ports."""
        return tuple(multiaddr_of(host, port) for host, port in self.names)

    @property
    def addresses(self) -> tuple[str, ...]:
        """Concrete multiaddrs: real ports, and for a wildcard every interface."""
        return concrete(self.names)

    async def aclose(self) -> None:
        """Stop listening."""
        for listener in self.listeners:
            await trio.aclose_forcefully(listener)


async def bind(addresses: Sequence[str]) -> Bound:
    """Listen on every one of `addresses`, or on none and raise.

    Raises `AddressInUse`, `ConfigError`, naming the address.
    """
    listeners: list[trio.SocketListener] = []
    try:
        for address in addresses:
            listeners += await _bind(address)
    except BaseException:
        await Bound.of(listeners).aclose()
        raise
    return Bound.of(listeners)


async def _bind(address: str) -> list[trio.SocketListener]:
    try:
        endpoint = parse_listen(address)
        listeners = await trio.open_tcp_listeners(endpoint.port, host=endpoint.host)
    except ValueError as error:
        raise ConfigError("listen", f"{address}: {error}") from error
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise AddressInUse(f"{address} is in use by another program", address) from error
        raise ConfigError("listen", f"{address} cannot be listened on: {error}") from error
    for listener in listeners:
        _share(listener.socket)
    return listeners


def _share(sock: trio.socket.SocketType) -> None:
    option = cast("int | None", vars(socket).get("SO_REUSEPORT"))  # Windows has none
    if option is not None:
        sock.setsockopt(socket.SOL_SOCKET, option, 1)


def raise_descriptor_limit() -> None:
    """Let this process hold as many sockets as the system allows it."""
    try:
        import resource
    except ImportError:
        return  # Windows has no such limit
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):  # macOS names a limit that it does not grant
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
