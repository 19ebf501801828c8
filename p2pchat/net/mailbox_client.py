"""Mailboxes over the wire: `net.mailboxes.MailboxClient` of one device.

There is one stream to each relay, opened when it is needed, for puts into the mailboxes of others
as for our own. Many requests are under way on it at a time. When it ends while something was asked,
that is asked once more on another: all requests may be repeated. The stream on which we proved to
own our mailbox stays open, and the relay tells on it when something has come.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from itertools import count
from typing import TypeVar

import trio

from p2pchat.errors import PeerUnreachable, RelayRefused, RemoteProtocolError, StreamReset
from p2pchat.model.ids import PeerId
from p2pchat.model.mailbox import KeeperRefusal, Kept, MailboxRelay
from p2pchat.net.frames import FrameReader
from p2pchat.net.port import Host, Stream
from p2pchat.wire.envelope import Purpose, Signer
from p2pchat.wire.framing import frame
from p2pchat.wire.mailbox_codec import (
    ANSWER_BYTES_MAX,
    IDS_MAX,
    MAILBOX_PROTOCOL,
    AnswerBody,
    Ask,
    Challenge,
    Delete,
    Done,
    Fetch,
    Notice,
    Open,
    Opened,
    Page,
    Put,
    Reason,
    Refused,
    Register,
    Request,
    RequestBody,
    decode_answer,
    encode_request,
    open_body,
    put_body,
)

__all__ = ["WireMailboxes"]

logger = logging.getLogger(__name__)

LINES_MAX = 64
"""Relays that we have a stream to."""
UNDER_WAY_MAX = 32
"""Requests to one relay that are not answered yet: as many as a relay reads of one stream."""
ANSWER_TIMEOUT_S = 30.0
PATIENCE_S = 10.0
"""How long we wait in all for a relay that says it is busy."""
_REASONS = {
    Reason.DENIED: KeeperRefusal.DENIED,
    Reason.TOO_LARGE: KeeperRefusal.TOO_LARGE,
    Reason.MAILBOX_FULL: KeeperRefusal.MAILBOX_FULL,
    Reason.RELAY_FULL: KeeperRefusal.RELAY_FULL,
}

A = TypeVar("A")


class _Line:
    """A stream to a relay."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._ids = count(1)
        self._asked: dict[int, trio.MemorySendChannel[AnswerBody]] = {}
        self._turns = trio.Semaphore(UNDER_WAY_MAX)
        self._writing = trio.Lock()
        self.owning = trio.Lock()
        """Held while the proof is under way."""
        self.scope = trio.CancelScope()
        """Cancelled, it is read no more and reset."""
        self.is_owner = False
        self.ended = trio.Event()

    async def read(self, noticed: Callable[[], None]) -> None:
        """Take answers until the stream ends."""
        frames = FrameReader(self._stream, ANSWER_BYTES_MAX)
        try:
            while (body := await frames.next()) is not None:
                answer = decode_answer(body)
                if isinstance(answer.body, Notice):
                    noticed()
                elif (asked := self._asked.pop(answer.id, None)) is not None:
                    asked.send_nowait(answer.body)
        except (trio.BrokenResourceError, trio.ClosedResourceError, StreamReset):
            pass  # it is over, which is all there is to know
        except RemoteProtocolError as error:
            logger.info("%s answered nonsense: %s", self._stream.peer.short, error)
        finally:
            self.close()
            with trio.CancelScope(shield=True):
                await self._stream.reset()

    def close(self) -> None:
        """Answers come no more."""
        self.ended.set()
        for asked in self._asked.values():
            asked.close()
        self._asked.clear()

    async def ask(self, body: RequestBody) -> AnswerBody:
        """The answer. Raises `StreamReset`."""
        async with self._turns:
            if self.ended.is_set():
                raise StreamReset("the relay has closed the stream")
            id = next(self._ids)
            tell, told = trio.open_memory_channel[AnswerBody](1)
            self._asked[id] = tell
            try:
                return await self._exchange(Request(id, body), told)
            finally:
                self._asked.pop(id, None)

    async def _exchange(
        self, request: Request, told: trio.MemoryReceiveChannel[AnswerBody]
    ) -> AnswerBody:
        try:
            with trio.fail_after(ANSWER_TIMEOUT_S):
                async with self._writing:
                    await self._send(frame(encode_request(request)))
                return await told.receive()
        except (trio.BrokenResourceError, trio.ClosedResourceError, trio.EndOfChannel):
            raise StreamReset("the relay ended the stream") from None
        except trio.TooSlowError:
            raise StreamReset("the relay does not answer") from None

    async def _send(self, data: bytes) -> None:
        """Write all of it, or nothing more on this stream: half a request, left there by whoever
        gave up waiting, would spoil those of others."""
        is_whole = False
        try:
            await self._stream.send_all(data)
            is_whole = True
        finally:
            if not is_whole:
                self.close()
                self.scope.cancel()


class WireMailboxes:
    """One device at the relays that keep its mail and that of others; `own` holds the key of our
    own mailbox, `noticed` hears where something came into it. Works while it is `run`."""

    def __init__(
        self, host: Host, own: Signer, noticed: Callable[[PeerId], None] = lambda _: None
    ) -> None:
        self._host = host
        self._own = own
        self._noticed = noticed
        self._nursery: trio.Nursery | None = None
        self._lines: OrderedDict[PeerId, _Line] = OrderedDict()
        """The one used last comes last."""
        self._opening: dict[PeerId, trio.Lock] = {}

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Read answers until cancelled."""
        async with trio.open_nursery() as self._nursery:
            task_status.started()
            await trio.sleep_forever()

    # ---- net.mailboxes.MailboxClient ----

    async def put(
        self, relay: MailboxRelay, mailbox: bytes, blob: bytes, write_key: Signer
    ) -> None:
        signature = write_key.sign(Purpose.MAILBOX_PUT, put_body(mailbox, blob))
        put = Put(mailbox, write_key.public_key, signature, blob)
        await self._expect(relay, put, Done, as_owner=False)

    async def fetch(self, relay: MailboxRelay, after: int = 0) -> Sequence[Kept]:
        page = await self._expect(relay, Fetch(after), Page)
        return tuple(Kept(row.id, row.blob) for row in page.rows)

    async def delete(self, relay: MailboxRelay, ids: Iterable[int]) -> None:
        every = tuple(ids)
        for at in range(0, len(every), IDS_MAX):
            await self._expect(relay, Delete(every[at : at + IDS_MAX]), Done)

    async def register(
        self, relay: MailboxRelay, write_keys: Iterable[bytes], intro: bytes | None
    ) -> None:
        await self._expect(relay, Register(frozenset(write_keys), intro), Done)

    # ----

    async def _expect(
        self, relay: MailboxRelay, body: RequestBody, kind: type[A], *, as_owner: bool = True
    ) -> A:
        """The answer of this kind. Waits for who is busy."""
        until_s = trio.current_time() + PATIENCE_S
        while True:
            answer = await self._ask(relay, body, as_owner=as_owner)
            if isinstance(answer, kind):
                return answer
            if not isinstance(answer, Refused):
                raise StreamReset(f"relay {relay.peer.short} answered something else")
            if answer.reason is not Reason.BUSY:
                raise RelayRefused(f"relay {relay.peer.short}: {_REASONS[answer.reason]}")
            wait_s = answer.wait_ms / 1000
            if trio.current_time() + wait_s > until_s:
                raise StreamReset(f"relay {relay.peer.short} is busy; try again later")
            await trio.sleep(wait_s)

    async def _ask(self, relay: MailboxRelay, body: RequestBody, *, as_owner: bool) -> AnswerBody:
        """Ask, once more if the stream was an old one and ended."""
        line = self._lines.get(relay.peer)
        if line is not None and not line.ended.is_set():
            try:
                return await self._ask_on(line, relay, body, as_owner=as_owner)
            except StreamReset:
                self._drop(relay.peer, line)
        line = await self._line(relay)
        try:
            return await self._ask_on(line, relay, body, as_owner=as_owner)
        except StreamReset:
            self._drop(relay.peer, line)
            raise

    async def _ask_on(
        self, line: _Line, relay: MailboxRelay, body: RequestBody, *, as_owner: bool
    ) -> AnswerBody:
        if as_owner:
            await self._own_up(line, relay)
        return await line.ask(body)

    async def _own_up(self, line: _Line, relay: MailboxRelay) -> None:
        """Prove to be the owner of our mailbox, once a stream."""
        async with line.owning:
            if not line.is_owner:
                await self._prove(line, relay)

    async def _prove(self, line: _Line, relay: MailboxRelay) -> None:
        challenge = await line.ask(Ask())
        if not isinstance(challenge, Challenge):
            raise StreamReset(f"relay {relay.peer.short} has no challenge")
        mailbox = self._own.public_key
        body = open_body(mailbox, challenge.nonce, relay.peer, self._host.peer_id)
        opened = await line.ask(Open(mailbox, self._own.sign(Purpose.MAILBOX_OPEN, body)))
        if not isinstance(opened, Opened):
            raise RelayRefused(f"relay {relay.peer.short} keeps no mailbox for us")
        line.is_owner = True

    # ---- streams ----

    async def _line(self, relay: MailboxRelay) -> _Line:
        """A stream to this relay, the one there is or another. Raises `PeerUnreachable`,
        `StreamReset`."""
        peer = relay.peer
        async with self._opening.setdefault(peer, trio.Lock()):
            try:
                line = self._lines.get(peer)
                if line is None or line.ended.is_set():
                    line = await self._opened(relay)
                self._lines.move_to_end(peer)
            finally:
                if not self._opening[peer].statistics().tasks_waiting:
                    del self._opening[peer]
        return line

    async def _opened(self, relay: MailboxRelay) -> _Line:
        peer = relay.peer
        if self._nursery is None:
            raise PeerUnreachable("mailboxes are reached while the node runs")
        if not self._host.is_connected(peer):
            await self._host.connect(peer, relay.addresses)
        line = _Line(await self._host.open_stream(peer, [MAILBOX_PROTOCOL]))
        self._lines[peer] = line
        self._nursery.start_soon(self._follow, peer, line)
        if len(self._lines) > LINES_MAX:
            others = (p for p, one in self._lines.items() if one is not line and not one.is_owner)
            oldest = next(others, None)
            if oldest is not None:
                self._drop(oldest, self._lines[oldest])
        return line

    async def _follow(self, peer: PeerId, line: _Line) -> None:
        with line.scope:
            await line.read(lambda: self._noticed(peer))
        self._drop(peer, line)

    def _drop(self, peer: PeerId, line: _Line) -> None:
        line.close()
        line.scope.cancel()
        if self._lines.get(peer) is line:
            del self._lines[peer]
