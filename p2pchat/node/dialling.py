"""Carries what peering decides: dials, look-ups, and what is told and remembered of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import trio

from p2pchat.errors import PeerUnreachable
from p2pchat.model.change import DropPeer, PutPeer
from p2pchat.model.ids import PeerId
from p2pchat.net.port import Host, PeerChanged
from p2pchat.node.hub import Hub
from p2pchat.node.publishing import Directory
from p2pchat.node.sightings import Sightings
from p2pchat.protocol.peering import (
    Announce,
    Connect,
    DialFailed,
    PeeringEffect,
    PeeringInput,
    Remember,
    Resolve,
    Resolved,
    Unreachable,
)

__all__ = ["Dialler", "Neighbours"]

RESOLVE_TIMEOUT_S = 10.0

Put = Callable[[PeeringInput], Awaitable[None]]


async def _not_of_interest(*_: object) -> None:
    """What a part of the node that is not there does with the news."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbours:
    """Who else in the node wants to know of the network."""

    hub: Hub
    peer_changed: Callable[[PeerChanged], Awaitable[None]] = _not_of_interest
    unreachable: Callable[[PeerId, str], Awaitable[None]] = _not_of_interest
    remember: Callable[[PutPeer | DropPeer], Awaitable[None]] = _not_of_interest
    addresses_changed: Callable[[], Awaitable[None]] = _not_of_interest


class Dialler:
    """The carrier of the peering machine."""

    def __init__(
        self,
        host: Host,
        directory: Directory,
        neighbours: Neighbours,
        sightings: Sightings,
        put: Put,
    ) -> None:
        self._host = host
        self.sightings = sightings
        self._directory = directory
        self._neighbours = neighbours
        self._put = put
        self._nursery: trio.Nursery | None = None

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Own the dials until cancelled."""
        async with trio.open_nursery() as self._nursery:
            task_status.started()
            await trio.sleep_forever()

    async def carry(self, effects: Sequence[PeeringEffect]) -> None:
        assert self._nursery is not None, "run() comes first"
        for effect in effects:
            match effect:
                case Connect(peer, addresses):
                    self._nursery.start_soon(self._connect, peer, addresses)
                case Resolve(peer):
                    self._nursery.start_soon(self._resolve, peer)
                case Unreachable(peer, reason):
                    self._nursery.start_soon(self._neighbours.unreachable, peer, reason)
                case Remember(change):
                    await self._neighbours.remember(change)
                case _:
                    pass  # told below, or the driver's

    def conclude(self, effects: Sequence[PeeringEffect]) -> None:
        for effect in effects:
            if isinstance(effect, Announce):
                self._neighbours.hub.emit(effect.event)

    async def _connect(self, peer: PeerId, addresses: tuple[str, ...]) -> None:
        try:
            await self._host.connect(peer, addresses)
        except PeerUnreachable as error:
            await self._failed(peer, error)
            return
        if not self._host.is_connected(peer):
            await self._failed(peer, PeerUnreachable("the connection was lost at once"))

    async def _failed(self, peer: PeerId, error: PeerUnreachable) -> None:
        self.sightings.failed(peer, error)
        await self._put(DialFailed(peer, str(error)))

    async def _resolve(self, peer: PeerId) -> None:
        addresses: tuple[str, ...] = ()
        with trio.move_on_after(RESOLVE_TIMEOUT_S):
            addresses = (await self._directory.find(peer)).addresses
        self.sightings.looked_up(peer, is_found=bool(addresses))
        await self._put(Resolved(peer, addresses))
