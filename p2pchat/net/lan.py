"""Carries LAN discovery over UDP sockets, and tells its machine which networks there are.

Two sockets: one on the discovery port, which all programs of this machine share, because a
broadcast comes to each of them; and one of our own, from which everything is sent, so that an
answer comes back to us and not to a neighbour on the shared port.
"""

from __future__ import annotations

import errno
import logging
import socket
import sys
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Interface

import trio

from p2pchat.errors import AddressInUse, ConfigError
from p2pchat.events import Event
from p2pchat.model.ids import PeerId
from p2pchat.net.interfaces import own_networks
from p2pchat.protocol.lan import (
    Datagram,
    InterfacesChanged,
    LanEffect,
    LanInput,
    Reachable,
    Tell,
    Transmit,
)
from p2pchat.wire.lan_codec import DATAGRAM_BYTES_MAX

__all__ = ["LanCarrier", "LanSockets", "open_sockets", "require_own"]

logger = logging.getLogger(__name__)

INTERFACES_EVERY_S = 2.0
FAREWELL_TIMEOUT_S = 0.5
BROKEN_PAUSE_S = 0.5
"""Before reading again from a socket that failed."""

Put = Callable[[LanInput], Awaitable[None]]
Found = Callable[[PeerId, tuple[str, ...]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class LanSockets:
    """The UDP sockets of one client."""

    shared: trio.socket.SocketType
    """Hears what is sent to the discovery port."""
    own: trio.socket.SocketType
    """Sends, and hears answers."""

    def close(self) -> None:
        self.shared.close()
        self.own.close()


async def open_sockets(discovery_port: int) -> LanSockets:
    """Bind both sockets. Raises `AddressInUse`, `ConfigError`."""
    shared, own = _udp_socket(), _udp_socket()
    try:
        _share(shared)
        await shared.bind(("0.0.0.0", discovery_port))  # noqa: S104 -- broadcasts come to no address
        await own.bind(("0.0.0.0", 0))  # noqa: S104
    except OSError as error:
        shared.close()
        own.close()
        if error.errno == errno.EADDRINUSE:
            raise AddressInUse(
                f"UDP port {discovery_port} (lan.discovery_port) is in use by another program"
            ) from error
        raise ConfigError(
            "lan.discovery_port", f"{discovery_port} cannot be used: {error}"
        ) from error
    return LanSockets(shared, own)


def require_own(host: str) -> None:
    """Raise `ConfigError` when the host to listen on is no address of this machine."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        try:
            probe.bind((host, 0))
        except OSError as error:
            raise ConfigError(
                "lan.listen_host", f"{host} cannot be listened on: {error}"
            ) from error


def _udp_socket() -> trio.socket.SocketType:
    udp = trio.socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    return udp


def _share(udp: trio.socket.SocketType) -> None:
    """Let other programs of this machine hear the same broadcasts."""
    udp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if sys.platform == "darwin":
        udp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)


class LanCarrier:
    """Between the LAN machine and the network; `put` feeds the machine's driver."""

    def __init__(
        self, sockets: LanSockets, put: Put, found: Found, tell: Callable[[Event], None]
    ) -> None:
        self._sockets = sockets
        self._put = put
        self._found = found
        self._tell = tell
        self._interfaces: tuple[IPv4Interface, ...] | None = None
        self.unsent = 0
        """Datagrams that the system would not take, for want of a network as a rule."""

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Hear datagrams and follow the interfaces until cancelled."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._hear, self._sockets.shared)
            nursery.start_soon(self._hear, self._sockets.own)
            nursery.start_soon(self._follow_interfaces)
            task_status.started()

    async def carry(self, effects: Sequence[LanEffect]) -> None:
        for effect in effects:
            match effect:
                case Transmit():
                    await self._send(effect)
                case Reachable(peer, addresses):
                    await self._found(peer, addresses)
                case _:
                    pass  # told below, or the driver's

    def conclude(self, effects: Sequence[LanEffect]) -> None:
        for effect in effects:
            if isinstance(effect, Tell):
                self._tell(effect.event)

    async def part(self, farewell: Iterable[Transmit]) -> None:
        """Send what is said last, though everything else is over."""
        with trio.move_on_after(FAREWELL_TIMEOUT_S, shield=True):
            for effect in farewell:
                await self._send(effect)

    async def _send(self, effect: Transmit) -> None:
        try:
            await self._sockets.own.sendto(effect.data, (str(effect.address), effect.port))
        except OSError as error:
            self.unsent += 1
            logger.debug("nothing was sent to %s: %s", effect.address, error)

    async def _hear(self, udp: trio.socket.SocketType) -> None:
        while True:
            try:
                # One byte more than is allowed: what is cut there was too long.
                data, (host, port, *_) = await udp.recvfrom(DATAGRAM_BYTES_MAX + 1)
            except OSError as error:  # an error message that answers a datagram of ours
                logger.debug("reading datagrams failed: %s", error)
                await trio.sleep(BROKEN_PAUSE_S)
                continue
            with suppress(ValueError):  # no IPv4 address: that socket cannot have heard it
                await self._put(Datagram(IPv4Address(host), port, data))

    async def _follow_interfaces(self) -> None:
        while True:
            interfaces = own_networks()
            if interfaces != self._interfaces:
                self._interfaces = interfaces
                await self._put(InterfacesChanged(interfaces))
            await trio.sleep(INTERFACES_EVERY_S)
