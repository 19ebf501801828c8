"""identify and identify/push: what a peer speaks, and where it says it listens.

py-libp2p's own waits half a second for listen addresses that a client never has, runs in system
tasks whose failure ends the program, and keeps addresses without bound. This one asks once a new
peer is up, never holding up the connection, takes a bounded part of the answer, and pushes when
what we serve or where we listen has changed.

Source: https://github.com/libp2p/specs/blob/master/identify/README.md
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from itertools import islice
from typing import cast

import trio
from libp2p.identity.identify.pb.identify_pb2 import Identify as Message
from multiaddr import Multiaddr  # pyright: ignore[reportMissingTypeStubs]  # it has none

from p2pchat.errors import MalformedMessage, RemoteProtocolError, StreamReset
from p2pchat.model.ids import PeerId
from p2pchat.model.scope import believable_of, scope_of
from p2pchat.net.libp2p.addresses import without_peer
from p2pchat.net.libp2p.connection import Connection
from p2pchat.net.libp2p.foreign import Failed, foreign_errors
from p2pchat.net.libp2p.observed import ObservedAddresses
from p2pchat.net.libp2p.peers import PeerTable
from p2pchat.net.libp2p.streams import LibP2PStream
from p2pchat.net.libp2p.swarm import Swarm
from p2pchat.net.port import Stream
from p2pchat.protocol.pace import Buckets, Rate
from p2pchat.wire.framing import FrameParser, frame
from p2pchat.wire.multiaddr import multiaddr_text
from p2pchat.wire.multiaddr import without_peer as without_owner

__all__ = ["Identify", "protocols_of", "read_identify"]

logger = logging.getLogger(__name__)

IDENTIFY = "/ipfs/id/1.0.0"
PUSH = "/ipfs/id/push/1.0.0"
PROTOCOL_VERSION = "dchat/1.0.0"
AGENT_VERSION = "dchat"

_FAILURES = (StreamReset, RemoteProtocolError, trio.BrokenResourceError, trio.TooSlowError)

TIMEOUT_S = 5.0
PUSH_DELAY_S = 0.05
"""Changes that come together are pushed together."""
PROTOCOL_CHARACTERS_MAX = 256
ANNOUNCED_MAX = 32
"""Addresses of one answer that are looked at, whether they can be read or not."""
MESSAGES_MAX = 4
"""Of one answer; go-libp2p splits a large one in two."""
PUSHES = Rate(per_s=1, burst=8)
"""Of one peer, over all its connections."""


class Identify:
    """Tells peers about us, and the peer table about them."""

    def __init__(
        self,
        swarm: Swarm,
        peers: PeerTable,
        public_key: bytes,
        addresses: Callable[[], Iterable[str]],
    ) -> None:
        self._swarm = swarm
        self._peers = peers
        self._public_key = public_key
        self._addresses = addresses
        self._push_waits = False
        self._pace = Buckets[PeerId](PUSHES)
        self._newest: dict[PeerId, trio.CancelScope] = {}
        self.observed = ObservedAddresses()
        swarm.server.handlers[IDENTIFY] = self._tell
        swarm.server.handlers[PUSH] = self._take_push

    async def ask(self, connection: Connection) -> None:
        """Ask the peer of a new connection who it is; a failure is no reason to part."""
        try:
            with trio.fail_after(TIMEOUT_S):
                stream = await self._swarm.open_on(connection, [IDENTIFY])
                message = await self._read(stream)
            if connection.leaves_from_listener and self._swarm.of(connection.origin.peer):
                self.observed.note(connection.origin, message.observed_addr)
            self._believe(connection.origin.peer, message)
        except _FAILURES as error:
            logger.debug("%s was not identified: %s", connection.origin.peer.short, error)

    def push_soon(self) -> None:
        """Tell every peer anew, shortly."""
        if not self._push_waits and not self._swarm.is_closed:
            self._push_waits = True
            self._swarm.nursery.start_soon(self._push_all)

    async def _push_all(self) -> None:
        await trio.sleep(PUSH_DELAY_S)
        self._push_waits = False
        for state in self._peers.states:
            if PUSH in state.protocols:
                connection = self._swarm.best(state.peer)
                if connection is not None:
                    self._swarm.nursery.start_soon(self._push, connection)

    async def _push(self, connection: Connection) -> None:
        with suppress(*_FAILURES), trio.fail_after(TIMEOUT_S):
            stream = await self._swarm.open_on(connection, [PUSH])
            await self._tell(stream)

    async def _tell(self, stream: Stream) -> None:
        assert isinstance(stream, LibP2PStream)
        async with stream:
            await stream.send_all(frame(self._describe(stream.origin.remote)))

    def _describe(self, observed: str) -> bytes:
        """Who we are, for a peer that is seen there: it hears no address that it could not use."""
        own = tuple(map(without_peer, self._addresses()))
        message = Message(
            protocol_version=PROTOCOL_VERSION,
            agent_version=AGENT_VERSION,
            public_key=self._public_key,
            listen_addrs=[
                Multiaddr(one).to_bytes() for one in believable_of(own, scope_of(observed))
            ],
            observed_addr=Multiaddr(observed).to_bytes(),
            protocols=sorted(self._swarm.server.handlers),
        )
        return message.SerializeToString()

    async def _take_push(self, stream: Stream) -> None:
        """Hear one push, and believe it when its time has come, unless another comes first.

        It is read at once, since who pushes waits for that only so long; and the pace counts what
        is believed alone, so the newest always comes to its turn.
        """
        peer = stream.peer
        if peer in self._newest:
            self._newest[peer].cancel()
        with trio.CancelScope() as scope:
            self._newest[peer] = scope
            try:
                message = await self._read(stream)
                now_s = trio.current_time()
                bucket = self._pace.of(peer, now_s)
                await trio.sleep(bucket.wait_s(1, now_s))
                bucket.owe(1, trio.current_time())
                self._believe(peer, message)
            finally:
                if self._newest.get(peer) is scope:
                    del self._newest[peer]
        if scope.cancelled_caught:
            await stream.reset()

    async def _read(self, stream: Stream) -> Message:
        assert isinstance(stream, LibP2PStream)
        try:
            with trio.fail_after(TIMEOUT_S):
                message = await read_identify(stream, self._swarm.limits.identify_bytes_max)
                await stream.aclose()
        except BaseException:
            stream.abandon()
            raise
        return message

    def _believe(self, peer: PeerId, message: Message) -> None:
        protocols = protocols_of(message, self._swarm.limits.identify_protocols_max)
        self._peers.identified(peer, protocols, _addresses(message.listen_addrs, peer))


async def read_identify(stream: Stream, bytes_max: int) -> Message:
    """Merge the messages of `stream`; large answers come in several."""
    parser = FrameParser(bytes_max, skips_empty=False)
    message = Message()
    size = count = 0
    while data := await stream.receive_some():
        size += len(data)
        if size > bytes_max:
            raise MalformedMessage("an identify answer is too large")
        for body in parser.feed(data):
            count += 1
            if count > MESSAGES_MAX:
                raise MalformedMessage("an identify answer is in too many pieces")
            _merge(message, body)
    return message


def protocols_of(message: Message, most: int) -> frozenset[str]:
    """What a peer says it speaks, of the first so many. The schema is proto2, in which a string
    that is no UTF-8 comes out as bytes."""
    told = cast("Sequence[object]", message.protocols[:most])
    return frozenset(
        one for one in told if isinstance(one, str) and len(one) <= PROTOCOL_CHARACTERS_MAX
    )


def _merge(message: Message, body: bytes) -> None:
    try:
        with foreign_errors():
            message.MergeFromString(body)
    except Failed as failed:
        raise MalformedMessage(f"an identify message does not decode: {failed}") from failed


def _addresses(raw: Iterable[bytes], peer: PeerId) -> tuple[str, ...]:
    """The first announced addresses that can be read, without the peer's id, without repetition."""
    found: dict[str, None] = {}
    for one in islice(raw, ANNOUNCED_MAX):
        with suppress(MalformedMessage):
            address = without_owner(multiaddr_text(bytes(one)), peer)
            if address is not None:
                found[address] = None
    return tuple(found)
