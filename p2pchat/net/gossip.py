"""Carries RPCs between the gossip router and the streams of a `Host`.

To each peer that speaks GossipSub one stream of ours stays open, and one of its streams is read:
that is how GossipSub uses streams, each in one direction. Nothing a peer does on them touches
another one: bytes that do not decode end that stream, a peer that does not read fills a queue of
its own, which has a limit, and what does not fit is dropped and told to the router.

    driver:  put(RpcReceived …) -> GossipRouter.handle, settle -> carry(effects)

`put` must keep the order in which it was called. `carry` waits for no network; whoever is `told`
of messages and members is waited for, so that a slow user slows its peers and fills no memory.
"""

from __future__ import annotations

import logging
import math
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Iterable
from dataclasses import dataclass

import trio

from p2pchat.errors import NetworkError, RemoteProtocolError
from p2pchat.gossip.vocabulary import (
    Deliver,
    GossipEffect,
    GossipEvent,
    GossipInput,
    Misbehaved,
    PeerDown,
    PeerJoined,
    PeerLeft,
    PeerUp,
    Punish,
    RpcReceived,
    SendDropped,
    SendRpc,
)
from p2pchat.model.ids import PeerId
from p2pchat.net.port import Connectedness, Host, PeerChanged, ProtocolId, Stream
from p2pchat.wire.framing import FrameParser, encode_varint
from p2pchat.wire.gossip_codec import RPC_BYTES_MAX, decode_rpc

__all__ = ["PROTOCOLS", "CarrierStatistics", "GossipCarrier"]

logger = logging.getLogger(__name__)

PROTOCOLS: tuple[ProtocolId, ...] = ("/meshsub/1.1.0", "/meshsub/1.0.0")
"""In order of preference; the older one differs in what peers do, not in what they say."""

QUEUE_BYTES_MAX = 1 << 20
"""Waiting for one peer; an RPC that does not fit is dropped."""
CHECKPOINT_EVERY = 16
"""RPCs of one read between two chances for other tasks to run."""
SHUN_S = 60.0
"""How long a punished peer is left alone."""
SHUNNED_MAX = 1_024

_READ_BYTES = 256 * 1024
_WRITE_BYTES = 256 * 1024
_WRITE_TIMEOUT_S = 30.0
"""For one write of at most 256 KiB or one RPC; a peer that takes longer does not read."""
_RETRY_S_MIN = 1.0
_RETRY_S_MAX = 60.0

_STREAM_ENDED = (trio.BrokenResourceError, trio.ClosedResourceError)


@dataclass(frozen=True, slots=True)
class CarrierStatistics:
    """Sizes now, and counts since the start."""

    links: int
    queued_bytes: int
    shunned: int
    malformed: int
    """Streams ended because of bytes that are no RPC."""
    dropped: int
    """RPCs that did not fit a queue."""


class _Queue:
    """Frames that wait to be written to one peer, at most `QUEUE_BYTES_MAX`."""

    def __init__(self) -> None:
        self.size_bytes = 0
        self.has_overflowed = False
        self._frames: deque[bytes] = deque()
        self._wake = trio.Event()

    def offer(self, frame: bytes) -> bool:
        """Take an RPC with its length; False when it does not fit."""
        if self.size_bytes + len(frame) > QUEUE_BYTES_MAX:
            self.has_overflowed = True
            return False
        self._frames.append(frame)
        self.size_bytes += len(frame)
        self._wake.set()
        return True

    async def take(self) -> bytes:
        """Wait for frames; answers as many as make one write."""
        while not self._frames:
            self._wake = trio.Event()
            await self._wake.wait()
        frames = [self._frames.popleft()]
        size = len(frames[0])
        while self._frames and size + len(self._frames[0]) <= _WRITE_BYTES:
            size += len(self._frames[0])
            frames.append(self._frames.popleft())
        self.size_bytes -= size
        return b"".join(frames)

    def clear(self) -> None:
        """Drop all."""
        self._frames.clear()
        self.size_bytes = 0


class _Link:
    """A peer that is connected and may speak GossipSub; a scope for all about it, for our stream
    to it and for its stream to us."""

    def __init__(self, state: Connectedness) -> None:
        self.peer = state.peer
        self.is_outbound = not state.inbound
        self.queue = _Queue()
        self.stream: Stream | None = None
        """Ours to the peer, while it can be written on."""
        self.is_announced = False
        self.has_spoken = False
        self.announcing = trio.Lock()
        self.life = trio.CancelScope()
        self.writing = trio.CancelScope()
        self.reading = trio.CancelScope()

    def say(self, rpc: bytes) -> bool:
        """Have an RPC sent: at once where nothing waits before it, else by the task that writes.
        False when it does not fit."""
        frame = encode_varint(len(rpc)) + rpc
        if self.stream is not None and not self.queue.size_bytes and self.stream.send_soon(frame):
            return True
        return self.queue.offer(frame)

    def hang_up(self) -> None:
        """The stream to the peer is gone, and what was queued with it."""
        self.is_announced = False
        self.stream = None
        self.queue.clear()


class GossipCarrier:
    """Gossip streams with all peers of a host; `run` it, and give its router's effects to `carry`.

    `put` feeds the driver of the router, `told` hears of messages and of members of our topics.
    """

    def __init__(
        self,
        host: Host,
        put: Callable[[GossipInput], Awaitable[None]],
        told: Callable[[GossipEvent], Awaitable[None]],
    ) -> None:
        self._host = host
        self._put = put
        self._told = told
        self._links: dict[PeerId, _Link] = {}
        self._shunned: dict[PeerId, float] = {}
        self._nursery: trio.Nursery | None = None
        self._malformed = 0
        self._dropped = 0

    def statistics(self) -> CarrierStatistics:
        """What is open and what was refused."""
        return CarrierStatistics(
            links=len(self._links),
            queued_bytes=sum(link.queue.size_bytes for link in self._links.values()),
            shunned=len(self._shunned),
            malformed=self._malformed,
            dropped=self._dropped,
        )

    async def run(self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Serve gossip until cancelled or until the host closes; started once it is announced."""
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            for protocol in PROTOCOLS:
                self._host.serve(protocol, self._serve)
            try:
                changes = self._host.changes()
                task_status.started()
                async for change in changes:
                    await self._follow(change)
            finally:
                self._nursery = None
                for protocol in PROTOCOLS:
                    self._host.unserve(protocol)
                for link in self._links.values():
                    link.reading.cancel()
            nursery.cancel_scope.cancel()

    async def carry(self, effects: Collection[GossipEffect]) -> None:
        """Do what the router decided; timers and replies are the driver's. What is to be forwarded
        goes first: it waits for nobody."""
        for effect in effects:
            if isinstance(effect, SendRpc):
                self._send(effect)
            elif isinstance(effect, Punish):
                logger.warning(
                    "%s is cut off from gossip: it %s", effect.peer.short, effect.offence
                )
                self._shun(effect.peer)
        for effect in effects:
            if isinstance(effect, Deliver | PeerJoined | PeerLeft):
                await self._told(effect)

    def _send(self, effect: SendRpc) -> None:
        link = self._links.get(effect.peer)
        if link is not None and not link.say(effect.rpc):
            self._dropped += 1

    def _shun(self, peer: PeerId) -> None:
        """End both streams with a peer and open none for a while; its connection is not ours."""
        now_s = trio.current_time()
        self._shunned = {p: until_s for p, until_s in self._shunned.items() if until_s > now_s}
        if len(self._shunned) >= SHUNNED_MAX:
            del self._shunned[next(iter(self._shunned))]
        self._shunned[peer] = now_s + SHUN_S
        link = self._links.get(peer)
        if link is not None:
            link.hang_up()
            link.writing.cancel()
            link.reading.cancel()

    def _is_shunned(self, peer: PeerId) -> bool:
        return self._shunned.get(peer, 0.0) > trio.current_time()

    # Who is there

    async def _follow(self, change: PeerChanged) -> None:
        state = change.state
        link = self._links.get(change.peer)
        if state is None or not _may_gossip(state):
            if link is not None:
                await self._cut(link)
        elif link is None:
            self._begin(state)

    def _begin(self, state: Connectedness) -> _Link | None:
        if self._nursery is None:
            return None
        link = self._links[state.peer] = _Link(state)
        self._nursery.start_soon(self._keep_open, link)
        return link

    async def _cut(self, link: _Link) -> None:
        """The peer is gone. A stream of its next connection may have come before the news: it is
        reset, so that the peer introduces itself again on another."""
        del self._links[link.peer]
        link.life.cancel()
        link.reading.cancel()
        await self._put(PeerDown(link.peer))

    async def _announce(self, link: _Link) -> None:
        """Tell the router of a peer before its first RPC, and again when our stream is a new one:
        what was said on the old one may be lost."""
        async with link.announcing:
            if not link.is_announced and self._links.get(link.peer) is link:
                await self._put(PeerUp(link.peer, link.is_outbound))
                link.is_announced = True

    # What we say

    async def _keep_open(self, link: _Link) -> None:
        """Keep a stream open to a peer for as long as it is connected."""
        retry_s = _RETRY_S_MIN
        with link.life:
            while True:
                await trio.sleep_until(self._shunned.get(link.peer, 0.0))
                has_spoken = False
                with trio.CancelScope() as link.writing:
                    has_spoken = await self._speak(link)
                retry_s = _RETRY_S_MIN if has_spoken else min(2 * retry_s, _RETRY_S_MAX)
                await trio.sleep(retry_s)

    async def _speak(self, link: _Link) -> bool:
        """Write what is queued until the stream ends; False when none could be opened: the peer
        does not speak gossip, or its connection is about to end, and both may change."""
        try:
            stream = await self._host.open_stream(link.peer, PROTOCOLS)
        except NetworkError:
            return False
        try:
            await self._announce(link)
            link.stream = stream
            async with trio.open_nursery() as nursery:
                nursery.start_soon(_watch, stream, nursery.cancel_scope)
                await self._write(link, stream)
                nursery.cancel_scope.cancel()
        finally:
            link.hang_up()
            with trio.CancelScope(shield=True):
                await stream.reset()
        return True

    async def _write(self, link: _Link, stream: Stream) -> None:
        """Write until the stream ends; a write that takes too long ends it."""
        while True:
            data = await link.queue.take()
            link.writing.deadline = trio.current_time() + _WRITE_TIMEOUT_S
            try:
                await stream.send_all(data)
            except _STREAM_ENDED:
                return
            link.writing.deadline = math.inf
            if link.queue.has_overflowed:
                link.queue.has_overflowed = False
                await self._put(SendDropped(link.peer))

    # What others say

    async def _serve(self, stream: Stream) -> None:
        """Read the newest stream of a peer; an older one ends."""
        link = self._links.get(stream.peer) or self._begin_late(stream.peer)
        if link is None or self._is_shunned(stream.peer):
            await stream.reset()
            return
        link.reading.cancel()
        if link.has_spoken:
            link.is_announced = False  # it begins anew, and may have forgotten what we said
        link.has_spoken = True
        with trio.CancelScope() as link.reading:
            try:
                await self._announce(link)
                await self._read(stream)
            finally:
                with trio.CancelScope(shield=True):
                    await stream.reset()

    def _begin_late(self, peer: PeerId) -> _Link | None:
        """A stream may come before the news of its connection."""
        for state in self._host.peers:
            if state.peer == peer:
                return self._begin(state)
        return None

    async def _read(self, stream: Stream) -> None:
        """Read to the end. One read may bring very many RPCs: others get their turn in between."""
        parser = FrameParser(RPC_BYTES_MAX)
        try:
            while data := await _receive(stream):
                await self._take(stream.peer, parser.feed(data))
        except RemoteProtocolError:
            self._malformed += 1
            await self._put(Misbehaved(stream.peer))

    async def _take(self, peer: PeerId, frames: Iterable[bytes]) -> None:
        for number, frame in enumerate(frames, 1):
            await self._put(RpcReceived(peer, decode_rpc(frame)))
            if number % CHECKPOINT_EVERY == 0:
                await trio.lowlevel.checkpoint()


def _may_gossip(state: Connectedness) -> bool:
    """True also while identify has not told: then trying tells."""
    return not state.protocols or not state.protocols.isdisjoint(PROTOCOLS)


async def _receive(stream: Stream) -> bytes:
    """Empty when the stream has ended, however it did."""
    try:
        return bytes(await stream.receive_some(_READ_BYTES))
    except _STREAM_ENDED:
        return b""


async def _watch(stream: Stream, scope: trio.CancelScope) -> None:
    """End a conversation whose stream the peer resets: writing would notice only after losing an
    RPC. Peers say nothing on this stream; one that does is reset. Closing their side is fine."""
    try:
        if await stream.receive_some(1) == b"":
            return
    except _STREAM_ENDED:
        pass
    scope.cancel()
