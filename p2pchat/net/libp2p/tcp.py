"""Dialling socket addresses: by IP address or by name, nothing blocked, not too many at once.

A call into the public network leaves from the port that we listen on, where the system lets it: a
NAT then gives both directions one mapping, the peer sees the address at which others may knock,
and a hole can be punched there.

Two who call each other so at the same moment get one connection, to which each came as its caller
(simultaneous open, RFC 9293 section 3.5), and both begin the handshake on it. Nobody can be told
beforehand: then each calls once more, from another port, and two connections come of it.
"""

from __future__ import annotations

import errno
import socket
import sys
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from enum import Enum, auto

import trio

from p2pchat.model.ids import PeerId
from p2pchat.model.route import Path
from p2pchat.model.scope import scope_of
from p2pchat.net.libp2p.addresses import Endpoint, resolve
from p2pchat.net.libp2p.foreign import Failed, TwoInitiators, foreign_errors
from p2pchat.net.libp2p.guard import Refused
from p2pchat.net.libp2p.pipes import TcpPipe
from p2pchat.net.libp2p.sources import IPAddress, plain
from p2pchat.net.libp2p.swarm import Swarm

__all__ = ["TcpDialler", "believed"]

_TAKEN = {errno.EADDRINUSE, errno.EADDRNOTAVAIL, errno.EACCES, errno.EINVAL}
"""The listening port cannot be used for this call: it has one with that address already, or had a
moment ago."""


class Port(Enum):
    """Which of our ports a call leaves from."""

    ANY = auto()
    MAPPED = auto()
    """The one that we listen on, where that can be and a NAT may map it."""
    LISTENING = auto()
    """That one or none."""


def believed(endpoint: Endpoint, found: list[tuple[IPAddress, int]]) -> list[tuple[IPAddress, int]]:
    """Those of the addresses found for a name that reach as far as the name does.

    Anybody can let a name of theirs resolve to an address in our user's house.
    """
    if endpoint.family is None:
        return found
    scope = scope_of(f"/dns/{endpoint.host}")
    return [(ip, port) for ip, port in found if scope_of(f"/ip{ip.version}/{ip}") >= scope]


class TcpDialler:
    """Connects to socket addresses."""

    def __init__(self, swarm: Swarm, listening: Sequence[tuple[str, int]]) -> None:
        self._swarm = swarm
        self._listening = [(plain(host), port) for host, port in listening]
        self._dials = trio.CapacityLimiter(swarm.limits.dials_max)
        self._turns: dict[tuple[PeerId, str], trio.Lock] = {}

    async def dial(self, peer: PeerId, endpoint: Endpoint, address: str) -> None:
        """Connect to `endpoint` and authenticate it as `peer`. Raises `Failed`, `Refused`.

        Tasks that dial the same address wait for each other: the remote allows a peer only so many
        connections, and might refuse the very one that is kept here.
        """
        async with self._turn(peer, address), self._dials:
            if self._swarm.twin(peer, Path.DIRECT) is None:
                await self._dial(peer, endpoint, address)

    async def _dial(self, peer: PeerId, endpoint: Endpoint, address: str) -> None:
        pipe = await self._connect(endpoint, Port.MAPPED)
        try:
            await self._swarm.secure(peer, pipe, address, Path.DIRECT)
        except TwoInitiators:
            if not pipe.leaves_from_listener:
                raise
            pipe = await self._connect(endpoint, Port.ANY)
            await self._swarm.secure(peer, pipe, address, Path.DIRECT)

    @asynccontextmanager
    async def _turn(self, *key: *tuple[PeerId, str]) -> AsyncGenerator[None]:
        lock = self._turns.setdefault(key, trio.Lock())
        try:
            async with lock:
                yield
        finally:
            if not lock.locked():
                self._turns.pop(key, None)

    async def punch(
        self, peer: PeerId, endpoint: Endpoint, address: str, *, initiates: bool
    ) -> None:
        """Connect to `endpoint` while `peer` connects to us: one connection comes of both calls,
        so who initiates the handshake was agreed before. Raises `Failed`, `Refused`.
        """
        async with self._dials:
            pipe = await self._connect(endpoint, Port.LISTENING)
            try:
                await self._swarm.secure(peer, pipe, address, Path.PUNCHED, initiates=initiates)
            except TwoInitiators:  # it takes our call for that of somebody else
                pipe = await self._connect(endpoint, Port.ANY)
                await self._swarm.secure(peer, pipe, address, Path.PUNCHED, initiates=initiates)

    async def knock(self, endpoint: Endpoint) -> TcpPipe:
        """Connect from a port on which nothing listens, as a stranger would. Raises `Failed`,
        `Refused`.
        """
        self._swarm.admission.require_allowed(endpoint.host)
        with foreign_errors():
            return TcpPipe(await trio.open_tcp_stream(endpoint.host, endpoint.port))

    async def _connect(self, endpoint: Endpoint, port: Port) -> TcpPipe:
        with foreign_errors():
            found = believed(endpoint, await resolve(endpoint))
        failed: Failed | Refused = Failed("the name has no address that it may have")
        for ip, remote_port in found:
            try:
                self._swarm.admission.require_allowed(str(ip))
                with foreign_errors():
                    return await self._open(ip, remote_port, port)
            except (Failed, Refused) as error:
                failed = error
        raise failed

    async def _open(self, ip: IPAddress, remote_port: int, port: Port) -> TcpPipe:
        is_wanted = port is Port.LISTENING or (port is Port.MAPPED and self._is_mapped(ip))
        own = self._own_name(ip) if is_wanted else None
        if own is not None:
            try:
                return TcpPipe(await _open_from(own, ip, remote_port), leaves_from_listener=True)
            except OSError as error:
                if port is Port.LISTENING or error.errno not in _TAKEN:
                    raise
        elif port is Port.LISTENING:
            raise Failed("nothing listens here that could be knocked at")
        return TcpPipe(await trio.open_tcp_stream(str(ip), remote_port))

    @staticmethod
    def _is_mapped(ip: IPAddress) -> bool:
        """Whether a NAT may lie in between."""
        return ip.is_global

    def _own_name(self, ip: IPAddress) -> tuple[str, int] | None:
        """The socket that we listen on, if a call to `ip` can leave from there."""
        if sys.platform == "win32":
            return None  # it shares no port in use without giving it away
        for host, port in self._listening:
            if host.version == ip.version and host.is_loopback == ip.is_loopback:
                return str(host), port
        return None


async def _open_from(own: tuple[str, int], ip: IPAddress, port: int) -> trio.SocketStream:
    """Connect with the local address `own`, which others may use, too. Raises `OSError`."""
    family = socket.AF_INET if ip.version == 4 else socket.AF_INET6
    sock = trio.socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        await sock.bind(own)
        await sock.connect((str(ip), port))
    except BaseException:
        sock.close()
        raise
    return trio.SocketStream(sock)
