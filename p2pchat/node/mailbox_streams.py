"""The streams of those who use our mailboxes: requests in, answers out, and nothing hoarded.

A stream may have some requests under way, so that a thousand puts share a few commits; the next is
read when one is answered. What requests take in memory while they come and wait is counted for all
streams together, and no address gets more than its share of it: who sends half of a request and
then nothing keeps a few bytes for a few seconds. A page is read from disk when its turn to be
written has come, so that who does not read its answers has one of them waiting, not all.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import trio

from p2pchat.errors import MalformedMessage, RemoteProtocolError, StoreError
from p2pchat.model.ids import PeerId
from p2pchat.net.libp2p.sources import shared_source
from p2pchat.net.port import Host, Stream
from p2pchat.node.guard import Guard
from p2pchat.protocol.mailbox_vocabulary import (
    Asked,
    Joined,
    Left,
    MailboxInput,
    ReadPage,
    Tell,
)
from p2pchat.store.port import AsyncMailboxStore
from p2pchat.wire.framing import FrameParser, frame
from p2pchat.wire.mailbox_codec import (
    REQUEST_BYTES_MAX,
    Answer,
    AnswerBody,
    Opened,
    Refused,
    decode_request,
    encode_answer,
)

__all__ = ["MailboxStreams"]

logger = logging.getLogger(__name__)

STREAMS_MAX = 4_096
STREAMS_PER_PEER_MAX = 4
UNDER_WAY_MAX = 32
"""Requests of one stream that are not answered yet."""
REQUESTS_BYTES_MAX = 32 * 1024 * 1024
"""Of all requests together that are coming or wait."""
SOURCE_BYTES_MAX = REQUESTS_BYTES_MAX // 4
"""Of them, those of one source."""
PAGES_MAX = 256
"""Pages being read and written at a time."""
READ_BYTES, FIRST_BYTES = 32 * 1024, 4 * 1024
"""Read at a time where room is held for a request, and where none is yet."""
REQUEST_TIMEOUT_S = 20.0
"""From the first byte of a request to its last."""
IDLE_TIMEOUT_S = 60.0
"""Without a request on a stream that proved to own nothing; an owner waits for notices."""
WRITE_TIMEOUT_S = 20.0
LEAVING_TIMEOUT_S = 10.0
REST_S, REST_S_MAX = 0.1, 2.0
"""The shortest and the longest rest of a stream that was refused something."""

Put = Callable[[MailboxInput], Awaitable[None]]


class _Room:
    """Bytes of memory, shared by sources."""

    def __init__(self) -> None:
        self._total = 0
        self._by_source: Counter[str] = Counter()
        self._waiting = trio.lowlevel.ParkingLot()

    async def take(self, source: str, size_bytes: int) -> None:
        """Wait until there is room for so much more."""
        while (
            self._total + size_bytes > REQUESTS_BYTES_MAX
            or self._by_source[source] + size_bytes > SOURCE_BYTES_MAX
        ):
            await self._waiting.park()
        self._total += size_bytes
        self._by_source[source] += size_bytes

    def give(self, source: str, size_bytes: int) -> None:
        """So much is free again."""
        self._total -= size_bytes
        self._by_source[source] -= size_bytes
        if not self._by_source[source]:
            del self._by_source[source]
        self._waiting.unpark_all()


@dataclass(slots=True)
class _Rest:
    """How long nothing more is taken from a stream whose requests are refused: longer each time,
    since refusing costs as much as serving does."""

    length_s: float = 0.0
    until_s: float = 0.0

    def refused(self, wait_s: float) -> None:
        self.length_s = min(max(2 * self.length_s, wait_s, REST_S), REST_S_MAX)
        self.until_s = trio.current_time() + self.length_s


class _Guest:
    """One stream."""

    def __init__(self, stream: Stream, joined: Joined) -> None:
        self.stream = stream
        self.joined = joined
        self.scope = trio.CancelScope()
        self.waiting: dict[int, int] = {}
        """The size of each request that the machine has not decided on."""
        self.due_s: float | None = None
        """When the request that is coming has to be whole; room is held for it."""
        self.is_owner = False
        self.rest = _Rest()
        self.turns = trio.Semaphore(UNDER_WAY_MAX)
        # One answer for each request under way, and a notice beside each.
        self.answers, self.to_write = trio.open_memory_channel[Answer | ReadPage](
            2 * UNDER_WAY_MAX + 2
        )

    @property
    def source(self) -> str:
        return self.joined.source

    @property
    def held_bytes(self) -> int:
        return self.reserved_bytes + sum(self.waiting.values())

    @property
    def reserved_bytes(self) -> int:
        return 0 if self.due_s is None else REQUEST_BYTES_MAX


class MailboxStreams:
    """All streams being served; `put` takes what they bring."""

    def __init__(
        self,
        host: Host,
        store: AsyncMailboxStore,
        join: Callable[[int, PeerId, str], Joined],
    ) -> None:
        """`join` makes what the machine is told of a stream: its number, peer and source."""
        self._host = host
        self._store = store
        self._join = join
        self._guard = Guard(trio.current_time)
        self._put: Put | None = None
        self._guests: dict[int, _Guest] = {}
        self._serial = 0
        self._room = _Room()
        self._pages = trio.CapacityLimiter(PAGES_MAX)
        self.refused: Counter[str] = Counter()

    def begin(self, put: Put) -> None:
        """Serve from now on."""
        self._put = put

    def end(self) -> None:
        """End all streams; further ones are reset."""
        self._put = None
        for guest in list(self._guests.values()):
            guest.scope.cancel()

    def deliver(self, effect: Tell | ReadPage) -> None:
        """Answer on a stream, unless it is gone."""
        guest = self._guests.get(effect.session)
        if guest is None:
            return
        answer = effect.answer if isinstance(effect, Tell) else effect
        id = answer.id if isinstance(answer, Answer) else answer.request_id
        if id in guest.waiting:
            self._room.give(guest.source, guest.waiting.pop(id))
        if isinstance(answer, Answer):
            self._judge(guest, answer.body)
        try:
            guest.answers.send_nowait(answer)
        except trio.ClosedResourceError:
            pass  # a notice for who has said that it is done
        except trio.WouldBlock:
            guest.scope.cancel()  # one stream, rather than all that the relay does

    def _judge(self, guest: _Guest, answer: AnswerBody) -> None:
        """Who proved to own a mailbox may be silent; who is refused is read more slowly."""
        match answer:
            case Refused(_, wait_ms):
                guest.rest.refused(wait_ms / 1000)
            case Opened():
                guest.is_owner = True
            case _:
                guest.rest.length_s = 0.0

    async def handle(self, stream: Stream) -> None:
        """Serve one stream until it ends."""
        put, device = self._put, stream.peer.device
        if device is None or self._guard.is_banned(device):
            self.refused["banned"] += 1
            await stream.reset()
            return
        if put is None or not self._has_place(stream.peer):
            self.refused["streams"] += 1
            await stream.reset()
            return
        self._serial += 1
        joined = self._join(self._serial, stream.peer, self._source_of(stream.peer))
        guest = self._guests[joined.session] = _Guest(stream, joined)
        is_orderly = False
        try:
            with guest.scope:
                await put(joined)
                await self._serve(guest, put)
                is_orderly = True
        finally:
            del self._guests[joined.session]
            self._room.give(guest.source, guest.held_bytes)
            with trio.move_on_after(LEAVING_TIMEOUT_S, shield=True):
                await (stream.aclose() if is_orderly else stream.reset())
                if self._put is put:
                    await put(Left(joined.session))

    def _has_place(self, peer: PeerId) -> bool:
        there = sum(guest.stream.peer == peer for guest in self._guests.values())
        return len(self._guests) < STREAMS_MAX and there < STREAMS_PER_PEER_MAX

    def _source_of(self, peer: PeerId) -> str:
        """Whom to charge: where the peer's first connection comes from, its relay if need be."""
        for state in self._host.peers:
            if state.peer == peer and state.addresses:
                kind, _, host = state.addresses[0].lstrip("/").partition("/")
                if kind in ("ip4", "ip6"):
                    return shared_source(host.partition("/")[0])
        return str(peer)

    async def _serve(self, guest: _Guest, put: Put) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._write, guest)
            try:
                await self._read(guest, put)
            except RemoteProtocolError:
                await self._blame(guest, "malformed")
            except trio.TooSlowError:
                await self._blame(guest, "slow")
            except trio.BrokenResourceError:
                guest.scope.cancel()  # the peer is gone
            for _ in range(UNDER_WAY_MAX):  # until all is answered
                await guest.turns.acquire()
            guest.answers.close()

    async def _blame(self, guest: _Guest, offence: str) -> None:
        """End a stream whose peer broke the rules, and after some of them the connection."""
        self.refused[offence] += 1
        device = guest.stream.peer.device
        assert device is not None, "it would not be served"
        if self._guard.blame(device):
            logger.warning("%s broke the rules too often", guest.stream.peer.short)
            await self._host.disconnect(guest.stream.peer)
        guest.scope.cancel()

    # ---- reading ----

    async def _read(self, guest: _Guest, put: Put) -> None:
        """Read until the end; room for the largest request is held while one is coming. Raises
        `RemoteProtocolError`, `TooSlowError`, and what the stream raises."""
        parser = FrameParser(REQUEST_BYTES_MAX, skips_empty=False)
        while data := await self._received(guest):
            for body in parser.feed(data):
                await self._take(guest, body, put)
            if not parser.is_empty and guest.due_s is None:
                await self._room.take(guest.source, REQUEST_BYTES_MAX)
                guest.due_s = trio.current_time() + REQUEST_TIMEOUT_S
        if not parser.is_empty:
            raise MalformedMessage("the stream ended inside a request")

    async def _received(self, guest: _Guest) -> bytes | bytearray:
        """The next bytes; none at the end, and when nothing has come for long."""
        if guest.due_s is not None:
            with trio.fail_at(guest.due_s):
                return await guest.stream.receive_some(READ_BYTES)
        while True:
            with trio.move_on_after(IDLE_TIMEOUT_S):
                return await guest.stream.receive_some(FIRST_BYTES)
            if not guest.is_owner and not guest.waiting:
                return b""

    async def _take(self, guest: _Guest, body: bytes, put: Put) -> None:
        await guest.turns.acquire()
        await trio.sleep_until(guest.rest.until_s)
        request = decode_request(body)
        if request.id in guest.waiting:
            raise MalformedMessage("two requests of one id")
        # Whoever holds room for the largest request needs no more, so nobody waits for who waits.
        self._room.give(guest.source, guest.reserved_bytes)
        guest.due_s = None
        await self._room.take(guest.source, len(body))
        guest.waiting[request.id] = len(body)
        await put(Asked(guest.joined.session, request))

    # ---- writing ----

    async def _write(self, guest: _Guest) -> None:
        try:
            async for answer in guest.to_write:
                await self._write_one(guest, answer)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            guest.scope.cancel()  # the peer is gone
        except trio.TooSlowError:
            await self._blame(guest, "slow")
        except StoreError as error:
            logger.warning("a mailbox cannot be read: %s", error)
            self.refused["disk"] += 1
            guest.scope.cancel()

    async def _write_one(self, guest: _Guest, answer: Answer | ReadPage) -> None:
        if isinstance(answer, Answer):
            with trio.fail_after(WRITE_TIMEOUT_S):
                await guest.stream.send_all(frame(encode_answer(answer)))
            if answer.id:
                guest.turns.release()
            return
        async with self._pages:
            page = await self._store.page(answer.query)
            with trio.fail_after(WRITE_TIMEOUT_S):
                await guest.stream.send_all(frame(encode_answer(Answer(answer.request_id, page))))
        guest.turns.release()
