"""The streams of those who use our mailboxes: requests in, answers out, and nothing hoarded.

A stream may have some requests under way, so that a thousand puts share a few commits; the next is
read when one is answered. What requests take in memory while they come and wait is counted for all
streams together, and no address gets more than its share of it (`mailbox_room`). A page is read
from disk when its turn to be written has come, so that who does not read its answers has one of
them waiting, not all. Reading slowly breaks no rule: the stream ends, and may be opened again.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from hashlib import blake2b

import trio

from p2pchat.config.limits import BLOB_BYTES_MAX
from p2pchat.errors import MalformedMessage, RemoteProtocolError, StoreError
from p2pchat.model.ids import PeerId
from p2pchat.net.libp2p.sources import site
from p2pchat.net.port import Host, Stream
from p2pchat.node.guard import Guard
from p2pchat.node.mailbox_room import OWN_BYTES, Requests, Rooms
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
    Refused,
    decode_request,
    encode_answer,
)

__all__ = ["MailboxStreams"]

logger = logging.getLogger(__name__)

STREAMS_PER_PEER_MAX = 4
UNDER_WAY_MAX = 32
"""Requests of one stream that are not answered yet."""
READ_BYTES = 32 * 1024
"""Read at a time, where there is room for it."""
CIRCUIT_SOURCES = 16
"""Whoever comes over a relay is charged by its peer id, as one of so many behind that relay."""
REQUEST_TIMEOUT_S = 20.0
"""From the first byte of a request to its last."""
IDLE_TIMEOUT_S = 60.0
"""Without a request on a stream of whoever has no mailbox here; an owner waits for notices."""
WRITE_TIMEOUT_S = 20.0
LEAVING_TIMEOUT_S = 10.0
REST_S, REST_S_MAX = 0.1, 2.0
"""The shortest and the longest rest of a stream that was refused something."""

Put = Callable[[MailboxInput], Awaitable[None]]


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

    def __init__(self, stream: Stream, joined: Joined, requests: Requests) -> None:
        self.stream = stream
        self.joined = joined
        self.scope = trio.CancelScope()
        self.requests = requests
        self.due_s: float | None = None
        """When the request that is coming has to be whole."""
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
        self._rooms = Rooms()
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
        guest.requests.decided(id)
        if isinstance(effect, Tell):
            self._judge(guest, effect)
        try:
            guest.answers.send_nowait(answer)
        except trio.ClosedResourceError:
            pass  # a notice for who has said that it is done
        except trio.WouldBlock:
            guest.scope.cancel()  # one stream, rather than all that the relay does

    def _judge(self, guest: _Guest, told: Tell) -> None:
        """Who owns a mailbox may be silent; who is refused is read more slowly."""
        guest.is_owner = guest.is_owner or told.owns
        match told.answer.body:
            case Refused(_, wait_ms):
                guest.rest.refused(wait_ms / 1000)
            case _:
                guest.rest.length_s = 0.0

    async def handle(self, stream: Stream) -> None:
        """Serve one stream until it ends."""
        put, device = self._put, stream.peer.device
        if device is None or self._guard.is_banned(device):
            self.refused["banned"] += 1
            await stream.reset()
            return
        source = self._source_of(stream.peer)
        if put is None or not self._has_place(stream.peer, source):
            self.refused["streams"] += 1
            await stream.reset()
            return
        self._serial += 1
        joined = self._join(self._serial, stream.peer, source)
        guest = _Guest(stream, joined, Requests(self._rooms.requests, source))
        self._guests[joined.session] = guest
        self._rooms.streams.take(source, 1)
        stream.keep_small()
        is_orderly = False
        try:
            with guest.scope:
                await put(joined)
                await self._serve(guest, put)
                is_orderly = True
        finally:
            del self._guests[joined.session]
            self._rooms.streams.take(source, -1)
            guest.requests.forget()
            with trio.move_on_after(LEAVING_TIMEOUT_S, shield=True):
                await (stream.aclose() if is_orderly else stream.reset())
                if self._put is put:
                    await put(Left(joined.session))

    def _has_place(self, peer: PeerId, source: str) -> bool:
        there = sum(guest.stream.peer == peer for guest in self._guests.values())
        return there < STREAMS_PER_PEER_MAX and self._rooms.streams.fits(source, 1)

    def _source_of(self, peer: PeerId) -> str:
        """Whom to charge: where the peer's first connection comes from. Of all those who come over
        one relay a few are charged together: one key that floods leaves the others alone, and many
        keys, which are free, are not many sources."""
        for state in self._host.peers:
            if state.peer == peer and state.addresses:
                kind, host, *rest = state.addresses[0].lstrip("/").split("/")
                if kind in ("ip4", "ip6"):
                    way = f" circuit {_part_of(peer)}" if "p2p-circuit" in rest else ""
                    return f"{site(host)}{way}"
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
        """Read until the end; what comes of a request beyond its beginning is read when there is
        room for all of it. Raises `RemoteProtocolError`, `TooSlowError`, and what the stream
        raises."""
        parser = FrameParser(REQUEST_BYTES_MAX, skips_empty=False)
        while data := await self._received(guest, parser.missing_bytes):
            for body in parser.feed(data):
                await self._take(guest, body, put)
            if (coming := parser.coming_bytes) is not None:
                await guest.requests.expect(coming)
            if not parser.is_empty and guest.due_s is None:
                guest.due_s = trio.current_time() + REQUEST_TIMEOUT_S
        if not parser.is_empty:
            raise MalformedMessage("the stream ended inside a request")

    async def _received(self, guest: _Guest, missing_bytes: int | None) -> bytes | bytearray:
        """The next bytes; none at the end, and when nothing has come for long."""
        if guest.due_s is not None:
            size = OWN_BYTES if missing_bytes is None else min(missing_bytes, READ_BYTES)
            with trio.fail_at(guest.due_s):
                return await guest.stream.receive_some(size)
        while True:
            with trio.move_on_after(IDLE_TIMEOUT_S):
                return await guest.stream.receive_some(OWN_BYTES)
            if not guest.is_owner and not guest.requests:
                return b""

    async def _take(self, guest: _Guest, body: bytes, put: Put) -> None:
        await guest.turns.acquire()
        await trio.sleep_until(guest.rest.until_s)
        request = decode_request(body)
        if request.id in guest.requests:
            raise MalformedMessage("two requests of one id")
        guest.due_s = None
        await guest.requests.expect(len(body))
        guest.requests.came(request.id)
        await put(Asked(guest.joined.session, request))

    # ---- writing ----

    async def _write(self, guest: _Guest) -> None:
        try:
            async for answer in guest.to_write:
                await self._write_one(guest, answer)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            guest.scope.cancel()  # the peer is gone
        except trio.TooSlowError:
            self.refused["slow"] += 1
            guest.scope.cancel()
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
        size_bytes = max(answer.query.bytes_max, BLOB_BYTES_MAX)
        await self._rooms.pages.take(guest.source, size_bytes)
        try:
            page = await self._store.page(answer.query)
            with trio.fail_after(WRITE_TIMEOUT_S):
                await guest.stream.send_all(frame(encode_answer(Answer(answer.request_id, page))))
        finally:
            self._rooms.pages.give(guest.source, size_bytes)
        guest.turns.release()


def _part_of(peer: PeerId) -> int:
    """Of those who come over one relay."""
    return blake2b(peer, digest_size=1).digest()[0] % CIRCUIT_SOURCES
