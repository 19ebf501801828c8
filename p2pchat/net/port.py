"""What the node asks of a network: the `Host` port.

Two adapters implement it, `net.libp2p.host.LibP2PHost` (sockets) and
`testing.network.SimulatedHost` (virtual time); one compliance suite runs over both. A `Stream` is a
`trio.abc.HalfCloseableStream`: reads answer `b""` at the end, a reset raises
`trio.BrokenResourceError`, use after close raises `trio.ClosedResourceError`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import trio

from p2pchat.model.blocking import BlockList
from p2pchat.model.ids import PeerId
from p2pchat.model.route import Path

__all__ = [
    "ANOTHER_PEER",
    "AT_LIMIT",
    "AUTONAT_PROTOCOL",
    "DCUTR_PROTOCOL",
    "HOP_PROTOCOL",
    "NOT_AT_RELAY",
    "NO_ANSWER",
    "STOP_PROTOCOL",
    "Connectedness",
    "Gate",
    "Handler",
    "Host",
    "Observation",
    "PeerChanged",
    "ProtocolId",
    "Stream",
]

ProtocolId = str
"""A libp2p protocol id such as `/dchat/direct/1.0.0`."""

HOP_PROTOCOL = "/libp2p/circuit/relay/0.2.0/hop"
"""Served by who carries circuits."""
STOP_PROTOCOL = "/libp2p/circuit/relay/0.2.0/stop"
"""Served by who can be called through a relay."""
AUTONAT_PROTOCOL = "/libp2p/autonat/1.0.0"
"""Served by who dials back."""
ANOTHER_PEER = "another peer answers there"
"""Why an attempt failed at an address where somebody proved to be somebody else."""
NO_ANSWER = "no answer in time"
"""Why an attempt failed at an address where nothing came of it before the time was over."""
AT_LIMIT = "it is at its limit"
"""Why a relay carries no call."""
NOT_AT_RELAY = "the peer holds no reservation there"
"""The same: whoever is called has gone, or was never there."""
DCUTR_PROTOCOL = "/libp2p/dcutr"
"""Served by who agrees on punching a hole."""


class Stream(trio.abc.HalfCloseableStream):
    """A byte stream to one authenticated peer.

    `send_all` may coalesce with other streams of the connection; `aclose` flushes what was sent
    (within a bounded time) and ends both directions; `reset` drops everything at once.
    """

    peer: PeerId
    protocol: ProtocolId

    def keep_small(self) -> None:
        """Let no more wait here to be read than on a new stream. For protocols that read at a pace:
        a window that has grown for bulk is memory that a peer fills while it waits its turn."""

    def send_soon(self, data: bytes) -> bool:
        """Take all of `data`, to be sent after what was sent before, if nobody would have to wait
        for that; else nothing of it. Spares the two turns of the event loop that `send_all` costs;
        who cannot tell may always decline. Once the stream has ended nothing is taken."""
        return False

    async def reset(self) -> None:
        """End both directions at once, without flushing. Never raises, never blocks for long."""
        raise NotImplementedError


Handler = Callable[[Stream], Awaitable[None]]
"""Serves one inbound stream; the host resets the stream when the handler raises."""


@dataclass(frozen=True, slots=True)
class Connectedness:
    """A peer that is connected now."""

    peer: PeerId
    addresses: tuple[str, ...]
    """Remote multiaddrs of its live connections, without `/p2p/<peer>` at the end, with the IP
    address that each really has: what one may be believed or allowed is judged by it. Where we
    dialled a name, that stands in `dialled`."""
    path: Path
    inbound: bool
    """True when the remote side dialled (of several connections: the first)."""
    protocols: frozenset[str] = field(default_factory=lambda: frozenset[str]())
    """What identify told so far."""
    announced: tuple[str, ...] = ()
    """Multiaddrs that the peer says it listens on (identify), without `/p2p/<peer>` at the end:
    its own word, judged by `model.scope.believable` before anybody dials one. An inbound
    connection's remote address is no address to dial; these are."""
    dialled: tuple[str, ...] = ()
    """What we have dialled to get there, as it was told to us; nothing when it dialled us."""


@dataclass(frozen=True, slots=True)
class PeerChanged:
    """A peer came up (first connection), went down (last one ended), was identified, or its
    connections have other addresses or another path."""

    peer: PeerId
    state: Connectedness | None
    """None when the peer went down."""


class Gate(Protocol):
    """What a peer has to show on a new connection before anything else happens on it."""

    protocol: ProtocolId

    def guards(self, address: str) -> bool:
        """Whether a connection with this remote address (never a name) has to pass."""
        ...

    def knows(self, peer: PeerId) -> bool:
        """Whether this peer passes without showing anything."""
        ...

    async def prove(self, stream: Stream) -> None:
        """Show ours and see theirs, as who opened `stream`; raises when they have nothing to show.
        Closes the stream."""
        ...

    async def answer(self, stream: Stream) -> None:
        """The same as the other side."""
        ...


@dataclass(frozen=True, slots=True)
class Observation:
    """Where a peer sees us, on a connection that we dialled from our listening port."""

    by: PeerId
    address: str
    """Multiaddr without peer id. Behind a NAT that keeps its mappings, others may knock there."""


class Host(Protocol):
    """One identity on a network."""

    @property
    def peer_id(self) -> PeerId: ...

    @property
    def addresses(self) -> tuple[str, ...]:
        """Multiaddrs to give to others, each ending in `/p2p/<own peer id>`; concrete, never
        0.0.0.0; announced ones first, circuit addresses of held reservations last."""
        ...

    def announce(self, addresses: Iterable[str]) -> None:
        """Give away these multiaddrs as well (without peer id): others were seen to reach us
        there. Replaces what was said before."""
        ...

    @property
    def observed(self) -> Sequence[Observation]:
        """Where the connected peers see us, one observation a peer."""
        ...

    @property
    def peers(self) -> Sequence[Connectedness]:
        """The connected peers, in the order they came."""
        ...

    def is_connected(self, peer: PeerId) -> bool: ...

    async def connect(
        self, peer: PeerId, addresses: Sequence[str], *, timeout_s: float = 5.0
    ) -> None:
        """Dial all `addresses` (multiaddrs with or without `/p2p/<peer>`, circuit ones included)
        concurrently; the first authenticated connection wins. Returns at once when connected
        already (unless all connections are relayed and an address is direct).

        Raises `PeerUnreachable` with every attempt and its reason.
        """
        ...

    async def disconnect(self, peer: PeerId) -> None:
        """Close all connections to `peer`."""
        ...

    def protect(self, peers: Iterable[PeerId]) -> None:
        """Say whose connections make room for nobody when there are too many; replaces what was
        said before."""
        ...

    def block(self, blocks: BlockList) -> None:
        """Refuse these peers and networks in both directions; replaces what was said before.

        When it returns, no connection with them is left. A dial or a handshake that is under way
        ends before it becomes a connection, so none of their streams is served.
        """
        ...

    async def open_stream(
        self, peer: PeerId, protocols: Sequence[ProtocolId], *, timeout_s: float = 5.0
    ) -> Stream:
        """Open a stream over a present connection, negotiating the first of `protocols` the
        remote serves. Never dials.

        Raises `PeerUnreachable` without a connection, `StreamReset` when negotiation fails or
        takes longer than `timeout_s`.
        """
        ...

    def serve(self, protocol: ProtocolId, handler: Handler) -> None:
        """Answer inbound streams of `protocol` (identify advertises it). An exception of the
        handler resets its stream, is logged, and ends nothing else."""
        ...

    def unserve(self, protocol: ProtocolId) -> None:
        """Answer `protocol` no longer."""
        ...

    def changes(self) -> trio.MemoryReceiveChannel[PeerChanged]:
        """A new subscription to peer changes, in order, starting with one `PeerChanged` for each
        peer connected now. Unread changes are bounded by merging: per peer only the newest
        counts, though a down followed by an up is always seen as both."""
        ...

    async def reserve(self, relay: PeerId, *, timeout_s: float = 5.0) -> float:
        """Hold (or refresh) a circuit-relay-v2 reservation at a connected relay.

        Answers for how many seconds it holds; raises `RelayRefused`.
        """
        ...

    async def punch(self, peer: PeerId, *, timeout_s: float = 15.0) -> None:
        """Make a direct connection with a peer that has called us through a relay: both sides
        dial at the same moment, so that the NAT of each takes the other's call for an answer
        (DCUtR). Returns at once when there is a direct connection.

        Raises `PeerUnreachable`; the relayed connection stays.
        """
        ...

    async def dial_back(
        self, server: PeerId, addresses: Sequence[str], *, timeout_s: float = 15.0
    ) -> str | None:
        """Let `server` dial us at `addresses` (AutoNAT), at the host it sees us on. Answers the
        one that it reached, or None when it reached none.

        Raises `PeerUnreachable`, `StreamReset` when it would not try.
        """
        ...
