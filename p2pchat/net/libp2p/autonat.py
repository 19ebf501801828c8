"""Whether others can dial us: somebody else has to try (AutoNAT).

The asker names addresses, the asked one dials them as a stranger would, from a port that no NAT has
seen. It dials only the host that the asker itself calls from, or it could be sent anywhere; it
does so for few at a time, and says which address answered under the asker's name.

An asker may name ports that are silent, so that each dial lasts as long as it can, and keys are
free. So the places are shared out by the address that is asked from, and no asker waits for the
dials of another: an answer that came too late would be taken for "you cannot be reached".

Source: https://github.com/libp2p/specs/blob/master/autonat/autonat-v1.md
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Sequence
from contextlib import contextmanager

import trio
from libp2p.host.autonat.pb.autonat_pb2 import Message
from multiaddr import Multiaddr  # pyright: ignore[reportMissingTypeStubs]  # it has none

from p2pchat.errors import PeerUnreachable, RemoteProtocolError, StreamReset
from p2pchat.model.ids import PeerId
from p2pchat.model.route import Path
from p2pchat.net.libp2p.addresses import Endpoint, parse, read_multiaddr
from p2pchat.net.libp2p.foreign import Failed
from p2pchat.net.libp2p.guard import Refused
from p2pchat.net.libp2p.relay_messages import read_message, write_message
from p2pchat.net.libp2p.sources import plain, shared_source
from p2pchat.net.libp2p.streams import LibP2PStream
from p2pchat.net.libp2p.swarm import Swarm
from p2pchat.net.libp2p.tcp import TcpDialler
from p2pchat.net.port import AUTONAT_PROTOCOL, Stream
from p2pchat.protocol.pace import Buckets, Rate

__all__ = ["Askers", "Busy", "DialBack", "ask_to_dial_back"]

ASK_TIMEOUT_S = 5.0
DIAL_TIMEOUT_S = 5.0
ADDRESSES_MAX = 8
ASKERS_MAX = 16
"""Askers that are dialled at the same time; others are refused."""
ASKERS_PER_ADDRESS_MAX = 2
"""Of them, those that ask from one address (IPv6: one /56)."""
KNOCKS_MAX = 4
"""Addresses of one asker that are dialled at the same time; its further ones wait."""
REQUESTS = Rate(per_s=0.1, burst=3)
"""Of one peer."""
REQUESTS_PER_ADDRESS = Rate(per_s=0.2, burst=16)
"""Of all peers that ask from one address: a house full of them starts at once, now and then."""


async def ask_to_dial_back(
    swarm: Swarm, me: PeerId, server: PeerId, addresses: Sequence[str], timeout_s: float
) -> str | None:
    """See `Host.dial_back`. A server that says it got through when nobody called from where it is
    is not believed. One that did call may still lie about the address: this version of the protocol
    has nothing that is shown only at the address dialled, so its word is one among several.
    """
    host = _host_of(swarm, server)
    peer = Message.PeerInfo(id=bytes(me), addrs=[Multiaddr(one).to_bytes() for one in addresses])
    question = Message(type=Message.DIAL, dial=Message.Dial(peer=peer))
    try:
        with swarm.door.awaiting(host) as call, trio.fail_after(timeout_s):
            async with await swarm.open(server, [AUTONAT_PROTOCOL]) as stream:
                await write_message(stream, question)
                reply = await read_message(stream, Message())
    except (trio.TooSlowError, trio.BrokenResourceError, RemoteProtocolError) as error:
        raise StreamReset(f"{server} did not answer: {error}") from error
    answer = reply.dialResponse
    if reply.type != Message.DIAL_RESPONSE or answer.status not in (
        Message.OK,
        Message.E_DIAL_ERROR,
    ):
        raise StreamReset(f"{server} does not dial us: status {answer.status}")
    if answer.status == Message.E_DIAL_ERROR:
        return None
    address = read_multiaddr(answer.addr)
    if address not in addresses or not call.has_called:
        raise StreamReset(f"{server} says that it has dialled us, and has not")
    return address


def _host_of(swarm: Swarm, server: PeerId) -> str:
    connection = swarm.best(server)
    host = connection.remote_host if connection is not None else None
    if host is None:
        raise PeerUnreachable(f"there is no direct connection with {server}")
    return host


class Busy(Exception):
    """Nobody is dialled for this asker now; another server may."""


class Askers:
    """Those that are dialled for: few at once, fewer of one address, and none too often."""

    def __init__(self) -> None:
        self._now: Counter[str] = Counter()
        self._pace = Buckets[PeerId](REQUESTS)
        self._source_pace = Buckets[str](REQUESTS_PER_ADDRESS)

    @contextmanager
    def served(self, peer: PeerId, host: str, now_s: float) -> Generator[None]:
        """Hold a place for `peer`, which asks from `host`, while inside. Raises `Busy`."""
        source = shared_source(host)
        is_full = self._now.total() >= ASKERS_MAX or self._now[source] >= ASKERS_PER_ADDRESS_MAX
        if is_full or not self._pace.of(peer, now_s).take(1, now_s):
            raise Busy
        if not self._source_pace.of(source, now_s).take(1, now_s):
            raise Busy
        self._now[source] += 1
        try:
            yield
        finally:
            self._now -= Counter([source])  # drops zeros, too


class DialBack:
    """The side that dials."""

    def __init__(self, swarm: Swarm, tcp: TcpDialler) -> None:
        self._swarm = swarm
        self._tcp = tcp
        self._askers = Askers()
        swarm.server.handlers[AUTONAT_PROTOCOL] = self._asked

    async def _asked(self, stream: Stream) -> None:
        assert isinstance(stream, LibP2PStream)
        with trio.fail_after(ASK_TIMEOUT_S):
            message = await read_message(stream, Message())
        answer = await self._judge(stream, message)
        async with stream:
            await write_message(stream, Message(type=Message.DIAL_RESPONSE, dialResponse=answer))

    async def _judge(self, stream: LibP2PStream, message: Message) -> Message.DialResponse:
        peer = stream.peer
        if message.type != Message.DIAL or message.dial.peer.id != bytes(peer):
            return Message.DialResponse(status=Message.E_BAD_REQUEST)
        targets = _targets(stream, message.dial.peer.addrs)
        if not targets:
            return Message.DialResponse(status=Message.E_DIAL_REFUSED)
        host = next(iter(targets.values())).host  # they all lie on the one that it asks from
        try:
            with self._askers.served(peer, host, trio.current_time()):
                reached = await self._dial(peer, targets)
        except Busy:
            return Message.DialResponse(status=Message.E_DIAL_REFUSED)
        if reached is None:
            return Message.DialResponse(status=Message.E_DIAL_ERROR)
        return Message.DialResponse(status=Message.OK, addr=Multiaddr(reached).to_bytes())

    async def _dial(self, peer: PeerId, targets: dict[str, Endpoint]) -> str | None:
        """The first address that answers as `peer`."""
        reached: list[str] = []
        knocks = trio.CapacityLimiter(KNOCKS_MAX)
        with trio.move_on_after(DIAL_TIMEOUT_S):
            async with trio.open_nursery() as nursery:

                async def attempt(address: str, endpoint: Endpoint) -> None:
                    try:
                        async with knocks:
                            await self._swarm.verify(peer, await self._tcp.knock(endpoint))
                    except (Failed, Refused):
                        return  # nobody there, or somebody else: this address does not count
                    reached.append(address)
                    nursery.cancel_scope.cancel()

                for address, endpoint in targets.items():
                    nursery.start_soon(attempt, address, endpoint)
        return reached[0] if reached else None


def _targets(stream: LibP2PStream, told: Sequence[bytes]) -> dict[str, Endpoint]:
    """Those of the addresses told that lie on the very host the asker calls from."""
    if stream.origin.path is Path.RELAYED:
        return {}
    here = parse(stream.origin.address, stream.peer)
    assert isinstance(here, Endpoint), "it is a direct connection"
    if here.family is not None:
        return {}  # we dialled it by a name, which may lead elsewhere by now
    targets: dict[str, Endpoint] = {}
    for address in filter(None, map(read_multiaddr, told[:ADDRESSES_MAX])):
        endpoint = parse(address, stream.peer)
        assert isinstance(endpoint, Endpoint), "only such are read"
        if endpoint.family is None and plain(endpoint.host) == plain(here.host):
            targets[address] = endpoint
    return targets
