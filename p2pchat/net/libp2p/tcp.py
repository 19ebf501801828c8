"""Dialling socket addresses: by IP address or by name, nothing blocked, not too many at once."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import trio

from p2pchat.model.ids import PeerId
from p2pchat.model.route import Path
from p2pchat.model.scope import scope_of
from p2pchat.net.libp2p.addresses import Endpoint, IPAddress, resolve
from p2pchat.net.libp2p.foreign import Failed, foreign_errors
from p2pchat.net.libp2p.guard import Refused
from p2pchat.net.libp2p.pipes import TcpPipe
from p2pchat.net.libp2p.streams import Origin
from p2pchat.net.libp2p.swarm import Swarm

__all__ = ["TcpDialler", "believed"]


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

    def __init__(self, swarm: Swarm) -> None:
        self._swarm = swarm
        self._dials = trio.CapacityLimiter(swarm.limits.dials_max)
        self._turns: dict[tuple[PeerId, str], trio.Lock] = {}

    async def dial(self, peer: PeerId, endpoint: Endpoint, address: str) -> None:
        """Connect to `endpoint` and authenticate it as `peer`. Raises `Failed`, `Refused`.

        Tasks that dial the same address wait for each other: the remote allows a peer only so many
        connections, and might refuse the very one that is kept here.
        """
        async with self._turn(peer, address), self._dials:
            if self._swarm.twin(Origin(peer, address, Path.DIRECT, inbound=False)) is None:
                pipe = await self._connect(endpoint)
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

    async def _connect(self, endpoint: Endpoint) -> TcpPipe:
        with foreign_errors():
            found = believed(endpoint, await resolve(endpoint))
        failed: Failed | Refused = Failed("the name has no address that it may have")
        for ip, port in found:
            try:
                self._swarm.admission.require_allowed(str(ip))
                with foreign_errors():
                    return TcpPipe(await trio.open_tcp_stream(str(ip), port))
            except (Failed, Refused) as error:
                failed = error
        raise failed
