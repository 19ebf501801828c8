"""A host without a network: what a program opens that only reads a home, or writes what shall leave
at the next start.

Nothing can be reached from here and nobody hears of it; a node on it behaves as on a machine whose
cable is out, and costs neither a socket nor the loading of py-libp2p.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import trio

from p2pchat.errors import PeerUnreachable, RelayRefused
from p2pchat.model.blocking import BlockList
from p2pchat.model.ids import PeerId
from p2pchat.net.port import (
    Connectedness,
    Handler,
    Observation,
    PeerChanged,
    ProtocolId,
    Stream,
)

__all__ = ["OfflineHost"]


class OfflineHost:
    """See `net.port.Host`."""

    def __init__(self, peer_id: PeerId) -> None:
        self._peer_id = peer_id
        self._quiet: list[trio.MemorySendChannel[PeerChanged]] = []

    @property
    def peer_id(self) -> PeerId:
        return self._peer_id

    @property
    def addresses(self) -> tuple[str, ...]:
        return ()

    def announce(self, addresses: Iterable[str]) -> None:
        """There is nowhere to give them."""

    @property
    def observed(self) -> Sequence[Observation]:
        return ()

    @property
    def peers(self) -> Sequence[Connectedness]:
        return ()

    def is_connected(self, peer: PeerId) -> bool:
        return False

    async def connect(
        self, peer: PeerId, addresses: Sequence[str], *, timeout_s: float = 5.0
    ) -> None:
        await trio.lowlevel.checkpoint()
        raise PeerUnreachable(f"{peer} cannot be reached: this client was opened offline")

    async def disconnect(self, peer: PeerId) -> None:
        await trio.lowlevel.checkpoint()

    def protect(self, peers: Iterable[PeerId]) -> None:
        """There is no connection to keep."""

    def block(self, blocks: BlockList) -> None:
        """There is nobody to refuse."""

    async def open_stream(
        self, peer: PeerId, protocols: Sequence[ProtocolId], *, timeout_s: float = 5.0
    ) -> Stream:
        await trio.lowlevel.checkpoint()
        raise PeerUnreachable(f"{peer} is not connected: this client was opened offline")

    def serve(self, protocol: ProtocolId, handler: Handler) -> None:
        """Nobody will ask."""

    def unserve(self, protocol: ProtocolId) -> None:
        """Nobody could ask."""

    def changes(self) -> trio.MemoryReceiveChannel[PeerChanged]:
        send, receive = trio.open_memory_channel[PeerChanged](0)
        self._quiet.append(send)  # held, so that the silence does not end
        return receive

    async def reserve(self, relay: PeerId, *, timeout_s: float = 5.0) -> float:
        await trio.lowlevel.checkpoint()
        raise RelayRefused(f"{relay} is not connected: this client was opened offline")

    async def punch(self, peer: PeerId, *, timeout_s: float = 15.0) -> None:
        await trio.lowlevel.checkpoint()
        raise PeerUnreachable(f"{peer} is not connected: this client was opened offline")

    async def dial_back(
        self, server: PeerId, addresses: Sequence[str], *, timeout_s: float = 15.0
    ) -> str | None:
        await trio.lowlevel.checkpoint()
        raise PeerUnreachable(f"{server} is not connected: this client was opened offline")
