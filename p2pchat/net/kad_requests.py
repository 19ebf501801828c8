"""Requests of others: read, handed to the machine one by one, answered in order.

A peer may have a few streams, each with one request at a time, and a number of requests a second;
faster ones wait, and their peer with them. A stream that is silent for long, or that brings a frame
too slowly, is closed; one that breaks the rules is reset.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from math import inf

import trio

from p2pchat.errors import RemoteProtocolError, StreamReset
from p2pchat.kad.config import KadConfig
from p2pchat.kad.vocabulary import Answer, Asked, Refuse
from p2pchat.model.ids import PeerId
from p2pchat.net.frames import FrameReader
from p2pchat.net.port import Stream
from p2pchat.wire.framing import frame
from p2pchat.wire.kad_codec import MESSAGE_BYTES_MAX, KadMessage, decode_kad, encode_kad

__all__ = ["KadRequests"]

_STREAM_ENDED = (trio.BrokenResourceError, trio.ClosedResourceError)
_BURST_S = 1.0


class _Refused(Exception):
    """The machine wants the stream reset."""


class _Request:
    """A request that the machine has not decided on."""

    def __init__(self) -> None:
        self.decided = trio.Event()
        self.answer: KadMessage | None = None
        self.is_refused = False


@dataclass(slots=True)
class _Guest:
    """A peer that asks us: its streams, and when its requests so far are paid for."""

    streams: int = 0
    due_s: float = -inf

    def wait_s(self, now_s: float, per_second: int) -> float:
        """How long its next request has to wait; a second's worth may come at once."""
        self.due_s = max(self.due_s, now_s - _BURST_S) + 1 / per_second
        return max(0.0, self.due_s - now_s)


class KadRequests:
    """All streams being served."""

    def __init__(self, config: KadConfig, put: Callable[[Asked], Awaitable[None]]) -> None:
        self._config = config
        self._put = put
        self._guests: dict[PeerId, _Guest] = {}
        self._requests: dict[int, _Request] = {}
        self._serial = 0
        self._streams: set[trio.CancelScope] = set()
        self.refused_streams = 0
        self.malformed = 0

    @property
    def streams(self) -> int:
        """Streams being served."""
        return len(self._streams)

    async def serve(self, stream: Stream) -> None:
        """Serve one stream until it ends."""
        guest = self._guest(stream.peer)
        if guest.streams >= self._config.streams_per_peer_max:
            self.refused_streams += 1
            await stream.reset()
            return
        guest.streams += 1
        scope = trio.CancelScope()
        self._streams.add(scope)
        try:
            with scope:
                await self._serve(stream, guest)
        finally:
            self._streams.discard(scope)
            guest.streams -= 1

    def decide(self, decision: Answer | Refuse) -> None:
        """What the machine made of a request."""
        request = self._requests.get(decision.request_id)
        if request is None:
            return  # its stream is gone
        if isinstance(decision, Answer):
            request.answer = decision.message
        else:
            request.is_refused = True
        request.decided.set()

    def close(self) -> None:
        """End all streams."""
        for scope in self._streams:
            scope.cancel()

    def _guest(self, peer: PeerId) -> _Guest:
        """What is known of a peer; those that left and owe nothing are forgotten."""
        guest = self._guests.get(peer)
        if guest is None:
            settled_s = trio.current_time() - _BURST_S
            self._guests = {
                p: g for p, g in self._guests.items() if g.streams or g.due_s > settled_s
            }
            guest = self._guests[peer] = _Guest()
        return guest

    async def _serve(self, stream: Stream, guest: _Guest) -> None:
        frames = FrameReader(stream, MESSAGE_BYTES_MAX)
        is_orderly = False
        try:
            while await self._serve_one(frames, stream, guest):
                pass
            is_orderly = True
        except RemoteProtocolError:
            self.malformed += 1
        except (_Refused, StreamReset, *_STREAM_ENDED):
            pass  # nothing more can or shall be said on this stream
        finally:
            with trio.CancelScope(shield=True):
                await (stream.aclose() if is_orderly else stream.reset())

    async def _serve_one(self, frames: FrameReader, stream: Stream, guest: _Guest) -> bool:
        """Serve one request; False when there will be none."""
        body = None
        with trio.move_on_after(self._config.stream_idle_s):
            body = await frames.next()
        if body is None:
            return False
        await trio.sleep(guest.wait_s(trio.current_time(), self._config.requests_per_peer_s))
        answer = await self._decision(stream.peer, decode_kad(body))
        if answer is None:
            return True
        with trio.move_on_after(self._config.stream_idle_s) as writing:
            await stream.send_all(frame(encode_kad(answer)))
        if writing.cancelled_caught:
            raise StreamReset("the peer does not read its answer")
        return True

    async def _decision(self, peer: PeerId, message: KadMessage) -> KadMessage | None:
        self._serial += 1
        request_id, request = self._serial, _Request()
        self._requests[request_id] = request
        try:
            await self._put(Asked(request_id, peer, message))
            await request.decided.wait()
        finally:
            del self._requests[request_id]
        if request.is_refused:
            raise _Refused
        return request.answer
