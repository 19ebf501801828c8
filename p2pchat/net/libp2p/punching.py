"""Direct connections through two NATs, agreed on over a relayed one (DCUtR).

A router lets in what looks like an answer to something that went out. So both sides dial each other
at the same moment, each from the port that its NAT has mapped already, and each router takes the
other's call for an answer to its own. The relay only helps to agree on the moment.

The side that was called begins, and half a round trip after its last word both dial. Of the one TCP
connection that comes of the two calls, the side that has called through the relay begins the
handshake.

Source: https://github.com/libp2p/specs/blob/master/relay/DCUtR.md
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from functools import partial

import trio
from libp2p.relay.circuit_v2.pb.dcutr_pb2 import HolePunch
from multiaddr import Multiaddr  # pyright: ignore[reportMissingTypeStubs]  # it has none

from p2pchat.errors import MalformedMessage, NetworkError, PeerUnreachable, RemoteProtocolError
from p2pchat.model.ids import PeerId
from p2pchat.model.route import Path
from p2pchat.model.scope import believable, scope_of
from p2pchat.net.libp2p.addresses import Endpoint, parse, read_multiaddr, without_peer
from p2pchat.net.libp2p.foreign import Failed
from p2pchat.net.libp2p.guard import Refused
from p2pchat.net.libp2p.relay_messages import read_message, write_message
from p2pchat.net.libp2p.sources import plain
from p2pchat.net.libp2p.streams import LibP2PStream
from p2pchat.net.libp2p.swarm import Swarm
from p2pchat.net.libp2p.tcp import TcpDialler
from p2pchat.net.port import DCUTR_PROTOCOL, Observation, Stream
from p2pchat.protocol.pace import Buckets, Rate

__all__ = ["Puncher"]

logger = logging.getLogger(__name__)

AGREE_TIMEOUT_S = 10.0
DIAL_TIMEOUT_S = 5.0
"""The first packet of one side may come too early; systems send it again after one second and
after three."""
ADDRESSES_MAX = 8
"""Addresses that are told, and of those told the ones that are dialled."""
_FAILURES = (trio.TooSlowError, NetworkError, RemoteProtocolError, trio.BrokenResourceError)

CALLS = Rate(per_s=0.2, burst=4)
"""How often one peer may let us dial where it says."""


class Puncher:
    """Both sides of agreeing on a moment, and dialling then."""

    def __init__(
        self,
        swarm: Swarm,
        tcp: TcpDialler,
        addresses: Callable[[], Iterable[str]],
        observed: Callable[[], Iterable[Observation]],
    ) -> None:
        self._swarm = swarm
        self._tcp = tcp
        self._addresses = addresses
        self._observed = observed
        self._pace = Buckets[PeerId](CALLS)
        self._direct: dict[PeerId, trio.Event] = {}
        """Set when there is a direct connection with a peer that is being dialled."""
        swarm.server.handlers[DCUTR_PROTOCOL] = self._called

    async def punch(self, peer: PeerId, timeout_s: float) -> None:
        """See `Host.punch`."""
        if self._is_direct(peer):
            await trio.lowlevel.checkpoint()
            return
        relayed = [one for one in self._swarm.of(peer) if one.origin.inbound]
        if not relayed or peer in self._direct:
            await trio.lowlevel.checkpoint()
            raise PeerUnreachable(f"{peer} has not called us through a relay")
        self._direct[peer] = trio.Event()
        try:
            with trio.fail_after(timeout_s):
                stream = await self._swarm.open_on(relayed[-1], [DCUTR_PROTOCOL])
                theirs, round_trip_s = await self._agree(stream)
                await trio.sleep(round_trip_s / 2)
                await self._dial(peer, theirs, initiates=False)
        except _FAILURES as error:
            raise PeerUnreachable(f"no hole was punched to {peer}: {error}") from error
        finally:
            del self._direct[peer]

    def connected(self, peer: PeerId) -> None:
        """A connection with a peer came up."""
        if peer in self._direct and self._is_direct(peer):
            self._direct[peer].set()

    async def _agree(self, stream: LibP2PStream) -> tuple[Sequence[str], float]:
        """Where the other side may be knocked at, and how long a word to it and back takes."""
        try:
            began_s = trio.current_time()
            await write_message(stream, self._connect(stream))
            theirs = await self._hear(stream)
            round_trip_s = trio.current_time() - began_s
            await write_message(stream, HolePunch(type=HolePunch.SYNC))
            await stream.aclose()
        except BaseException:
            stream.abandon()
            raise
        return theirs, round_trip_s

    async def _called(self, stream: Stream) -> None:
        """Whom we called through a relay wants to be called directly."""
        assert isinstance(stream, LibP2PStream)
        if not self._may_ask(stream):
            raise MalformedMessage("nobody is to be dialled for this peer now")
        self._direct[stream.peer] = trio.Event()
        answer_by_s = trio.current_time() + AGREE_TIMEOUT_S
        try:
            with trio.fail_at(answer_by_s):
                theirs = await self._hear(stream)
            # From our answer on: their call may overtake the word that announces it.
            with self._swarm.door.meets(stream.peer, _remotes(stream.peer, theirs)):
                with trio.fail_at(answer_by_s):
                    await write_message(stream, self._connect(stream))
                    await self._expect(stream, HolePunch.SYNC)
                    await stream.aclose()
                with suppress(PeerUnreachable):  # who asked for it sees that it failed
                    await self._dial(stream.peer, theirs, initiates=True)
        finally:
            del self._direct[stream.peer]

    def _may_ask(self, stream: LibP2PStream) -> bool:
        """Only whom we have called through a relay, one thing after the other, now and then."""
        origin, now_s = stream.origin, trio.current_time()
        if origin.path is not Path.RELAYED or origin.inbound or stream.peer in self._direct:
            return False
        return self._pace.of(stream.peer, now_s).take(1, now_s)

    async def _hear(self, stream: LibP2PStream) -> Sequence[str]:
        """Where the peer says that it is seen, as far as it may be believed over this relay."""
        message = await self._expect(stream, HolePunch.CONNECT)
        read = map(read_multiaddr, message.ObsAddrs[:ADDRESSES_MAX])
        told_over = scope_of(stream.origin.address)
        theirs = [
            one for one in dict.fromkeys(read) if one is not None and believable(one, told_over)
        ]
        self._swarm.door.knocks(host for host, _ in _remotes(stream.peer, theirs))
        return theirs

    async def _expect(self, stream: LibP2PStream, kind: HolePunch.Type.ValueType) -> HolePunch:
        message = await read_message(stream, HolePunch())
        if message.type != kind:
            raise MalformedMessage(f"a message of type {message.type} came out of turn")
        return message

    def _connect(self, stream: LibP2PStream) -> HolePunch:
        """Where we may be knocked at: what most peers see comes first."""
        seen = Counter(one.address for one in self._observed())
        told = [address for address, _ in seen.most_common()]
        told += [without_peer(address) for address in self._addresses()]
        told_over = scope_of(stream.origin.address)
        fit = [one for one in dict.fromkeys(told) if believable(one, told_over)]
        return HolePunch(
            type=HolePunch.CONNECT,
            ObsAddrs=[Multiaddr(one).to_bytes() for one in fit[:ADDRESSES_MAX]],
        )

    async def _dial(self, peer: PeerId, addresses: Sequence[str], *, initiates: bool) -> None:
        """Dial them all at once, until there is a connection: of ours, or of the peer who dials us
        meanwhile. Raises `PeerUnreachable`.
        """
        with trio.move_on_after(DIAL_TIMEOUT_S):
            async with trio.open_nursery() as nursery:
                for address in addresses:
                    nursery.start_soon(partial(self._knock, peer, address, initiates=initiates))
                await self._direct[peer].wait()
                nursery.cancel_scope.cancel()
        if not self._is_direct(peer):
            raise PeerUnreachable(f"{peer} answered at none of {len(addresses)} addresses")

    async def _knock(self, peer: PeerId, address: str, *, initiates: bool) -> None:
        endpoint = parse(address, peer)
        assert isinstance(endpoint, Endpoint), "circuits were sorted out"
        try:
            await self._tcp.punch(peer, endpoint, address, initiates=initiates)
        except (Failed, Refused) as error:
            logger.debug("knocking at %s failed: %s", address, error)

    def _is_direct(self, peer: PeerId) -> bool:
        best = self._swarm.best(peer)
        return best is not None and best.origin.path is not Path.RELAYED


def _remotes(peer: PeerId, addresses: Iterable[str]) -> list[tuple[str, int]]:
    """The IP addresses and ports among them; a name may lead anywhere."""
    ends = [parse(address, peer) for address in addresses]
    named = [end for end in ends if isinstance(end, Endpoint) and end.family is None]
    return [(str(plain(end.host)), end.port) for end in named]
