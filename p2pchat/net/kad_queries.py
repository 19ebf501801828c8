"""Our queries: each gets a stream, a time-out, and exactly one outcome.

The libp2p DHT knows no request ids, so a stream carries one request at a time; one whose answer
came is kept for the next query to that peer. An idle stream may have ended at the other side in the
meantime, which shows only when it is used: such a query is sent once more on a new stream.
"""

from __future__ import annotations

from dataclasses import dataclass

import trio

from p2pchat.errors import (
    MalformedMessage,
    NetworkError,
    PeerUnreachable,
    RemoteProtocolError,
    StreamReset,
)
from p2pchat.kad.config import KAD_PROTOCOL, KadConfig
from p2pchat.kad.vocabulary import Answered, Failure, Query, QueryFailed
from p2pchat.model.ids import PeerId
from p2pchat.net.frames import FrameReader
from p2pchat.net.port import Host, Stream
from p2pchat.wire.framing import frame, join_frames
from p2pchat.wire.kad_codec import (
    MESSAGE_BYTES_MAX,
    KadKind,
    KadMessage,
    decode_kad,
    encode_kad,
)

__all__ = ["KadQueries"]

_STREAM_ENDED = (trio.BrokenResourceError, trio.ClosedResourceError)
_IDLE_SHARE = 0.8
"""Of the time after which the other side closes an idle stream, we use ours for so much."""
_CLOSE_TIMEOUT_S = 1.0


class _Conversation:
    """A stream of ours and what was read from it."""

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self.idle_since_s = 0.0
        self._frames = FrameReader(stream, MESSAGE_BYTES_MAX)

    async def ask(self, message: KadMessage) -> KadMessage:
        """Send a request and wait for its answer. After an exception the stream is of no use."""
        await self.stream.send_all(_request(message))
        answer = await self._frames.next()
        if answer is None:
            raise StreamReset("the stream ended without an answer")
        if not self._frames.is_between:
            raise MalformedMessage("more than one answer to a request")
        return decode_kad(answer)

    async def close(self) -> None:
        with trio.move_on_after(_CLOSE_TIMEOUT_S, shield=True):
            await self.stream.aclose()


@dataclass(slots=True)
class _Lane:
    """The queries to one peer: no more at a time than it serves."""

    turns: trio.CapacityLimiter
    users: int = 0


class KadQueries:
    """All queries under way and the idle streams."""

    def __init__(self, host: Host, config: KadConfig) -> None:
        self._host = host
        self._config = config
        self._turns = trio.CapacityLimiter(config.queries_max)
        self._lanes: dict[PeerId, _Lane] = {}
        self._idle: dict[_Conversation, None] = {}
        """The longest idle first."""

    @property
    def idle(self) -> int:
        return len(self._idle)

    @property
    def under_way(self) -> int:
        """Queries sent or waiting for their turn."""
        return sum(lane.users for lane in self._lanes.values())

    async def ask(self, query: Query) -> Answered | QueryFailed:
        """The outcome of a query; its time runs from when its turn comes."""
        lane = self._lanes.setdefault(query.peer, self._new_lane())
        lane.users += 1
        try:
            async with lane.turns, self._turns:
                return await self._ask_in_time(query)
        finally:
            lane.users -= 1
            if not lane.users:
                del self._lanes[query.peer]

    async def forget(self, peer: PeerId) -> None:
        """The peer went down, and the streams to it with it."""
        gone = [c for c in self._idle if c.stream.peer == peer]
        for conversation in gone:
            del self._idle[conversation]  # all of them before the first await
        for conversation in gone:
            await conversation.stream.reset()

    async def close(self) -> None:
        """Close the idle streams."""
        while self._idle:
            conversation, _ = self._idle.popitem()
            await conversation.close()

    async def _ask_in_time(self, query: Query) -> Answered | QueryFailed:
        reason = Failure.REFUSED
        try:
            with trio.fail_after(query.timeout_s):
                return Answered(query.query_id, await self._exchange(query))
        except trio.TooSlowError:
            reason = Failure.TIMED_OUT
        except PeerUnreachable:
            reason = Failure.UNREACHABLE
        except RemoteProtocolError:
            reason = Failure.MALFORMED
        except (NetworkError, *_STREAM_ENDED):
            pass  # the stream was refused or reset
        return QueryFailed(query.query_id, reason)

    async def _exchange(self, query: Query) -> KadMessage:
        while (idle := await self._take_idle(query.peer)) is not None:
            try:
                return await self._converse(idle, query.message)
            except (StreamReset, *_STREAM_ENDED):
                continue  # it ended while nobody looked; the next one, or a new one, will tell
        await self._host.connect(query.peer, query.addresses, timeout_s=query.timeout_s)
        stream = await self._host.open_stream(query.peer, [KAD_PROTOCOL], timeout_s=query.timeout_s)
        return await self._converse(_Conversation(stream), query.message)

    async def _converse(self, conversation: _Conversation, message: KadMessage) -> KadMessage:
        is_usable = False
        try:
            answer = await conversation.ask(message)
            is_usable = True
        finally:
            if not is_usable:
                with trio.CancelScope(shield=True):
                    await conversation.stream.reset()
        await self._keep(conversation)
        return answer

    async def _keep(self, conversation: _Conversation) -> None:
        """Keep a stream for the next query, and within bounds."""
        conversation.idle_since_s = trio.current_time()
        self._idle[conversation] = None
        await self._close_stale()
        if len(self._idle) > self._config.pool_max:
            oldest = next(iter(self._idle))
            del self._idle[oldest]
            await oldest.close()

    async def _take_idle(self, peer: PeerId) -> _Conversation | None:
        await self._close_stale()
        found = next((c for c in reversed(self._idle) if c.stream.peer == peer), None)
        if found is not None:
            del self._idle[found]
        return found

    async def _close_stale(self) -> None:
        before_s = trio.current_time() - _IDLE_SHARE * self._config.stream_idle_s
        stale = [c for c in self._idle if c.idle_since_s <= before_s]
        for conversation in stale:
            self._idle.pop(conversation, None)
            await conversation.close()

    def _new_lane(self) -> _Lane:
        return _Lane(trio.CapacityLimiter(max(1, self._config.streams_per_peer_max // 2)))


def _request(message: KadMessage) -> bytes:
    """The frames that make up a request.

    `ADD_PROVIDER` has no answer. A question behind it on the same stream is answered only after it
    was taken, since requests of a stream are served in order and a refusal resets the stream: that
    makes it confirmed, with every implementation.
    """
    body = encode_kad(message)
    if message.kind is not KadKind.ADD_PROVIDER:
        return frame(body)
    return join_frames([body, encode_kad(KadMessage(KadKind.FIND_NODE, message.key))])
