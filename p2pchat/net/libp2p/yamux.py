"""Yamux over trio: two tasks and no locks round the session of `yamux_session`.

One task reads: whatever arrived passes through the session before it waits again, and wakes only
the tasks that have something new. One task writes: what all streams have queued since its last turn
leaves as one packet, so a hundred small messages cost one encryption and one system call, and a
cancelled write of a stream never tears a frame.

The classes stand where py-libp2p expects its own `Yamux` and `YamuxStream`, and raise the same
exceptions, with one difference: `MuxedStreamEOF` means that the peer said so with FIN. A stream cut
by the end of its connection raises `MuxedStreamReset`, after all that did arrive has been read.
"""

from __future__ import annotations

import logging
import math
from types import TracebackType
from typing import Final, Self

import trio
from libp2p.abc import IMuxedConn, IMuxedStream, ISecureConn
from libp2p.connection_types import ConnectionType
from libp2p.io.exceptions import IOException
from libp2p.peer.id import ID  # pyright: ignore[reportMissingTypeStubs]  # has none
from libp2p.stream_muxer.exceptions import (
    MuxedConnUnavailable,
    MuxedStreamClosed,
    MuxedStreamEOF,
    MuxedStreamError,
    MuxedStreamReset,
)
from libp2p.stream_muxer.yamux.yamux import PROTOCOL_ID
from multiaddr import Multiaddr  # pyright: ignore[reportMissingTypeStubs]  # has none

from p2pchat.errors import LocalProtocolError
from p2pchat.net.libp2p.noise import LeanSession
from p2pchat.net.libp2p.yamux_frames import GoAwayCode, YamuxViolation
from p2pchat.net.libp2p.yamux_outbox import Batch
from p2pchat.net.libp2p.yamux_session import (
    Event,
    GoneAway,
    Opened,
    Paused,
    Readable,
    Reset,
    Session,
    State,
    YamuxLimits,
)
from p2pchat.net.libp2p.yamux_substream import End, Segment, Substream
from p2pchat.net.libp2p.yamux_table import Unread

__all__ = ["LeanStream", "LeanYamux"]

BODY_TIMEOUT_S: Final = 60.0
"""From the header of a frame to the end of its body."""
GONE_AWAY_TIMEOUT_S: Final = 5.0
"""From the peer's GO_AWAY to the end of the connection."""
FLUSH_TIMEOUT_S: Final = 2.0
"""How long closing may take to send what was accepted, and then to close the socket."""
SWEEP_INTERVAL_S: Final = 60.0

log = logging.getLogger(__name__)


class LeanStream(IMuxedStream):
    """One stream. Any number of tasks may read and write; each write stays in one piece.

    Reading and writing are safe to cancel: a cancelled read takes nothing, a cancelled write has
    sent a prefix of its bytes.
    """

    def __init__(self, conn: LeanYamux, substream: Substream) -> None:
        self.muxed_conn = conn
        self._conn = conn
        self.stream_id = substream.id
        self.substream = substream
        self.readers = trio.lowlevel.ParkingLot()
        self.writers = trio.lowlevel.ParkingLot()

    @property
    def recv_closed(self) -> bool:
        """True once the peer has finished or the stream was reset."""
        return self.substream.inlet.end is not None

    @property
    def send_closed(self) -> bool:
        """True once nothing more can be written."""
        return self.substream.outlet.end is not None

    @property
    def closed(self) -> bool:
        """True once both directions have ended."""
        return self.recv_closed and self.send_closed

    @property
    def send_window(self) -> int:
        """How many bytes a write can have sent or kept before the peer has to read."""
        outlet = self.substream.outlet
        return outlet.credit - outlet.queued

    async def read(self, n: int | None = None) -> bytes:
        """Up to `n` bytes, as soon as there are any; all there are if `n` is None or negative.

        Raises `MuxedStreamEOF` after the last byte, `MuxedStreamReset`.
        """
        size = -1 if n is None else n
        has_yielded = False
        while True:
            if not has_yielded and (self.substream.inlet or self.recv_closed or size == 0):
                await trio.lowlevel.checkpoint()  # before anything is taken
            data = self._conn.session.read(self.substream, size)
            if data or size == 0:
                self._conn.wake_writer()
                return data
            match self.substream.inlet.end:
                case End.FINISHED:
                    raise MuxedStreamEOF("the peer has finished this stream")
                case End.RESET:
                    raise MuxedStreamReset("this stream was reset or its connection lost")
                case None:
                    await self.readers.park()
                    has_yielded = True

    async def write(self, data: bytes) -> None:
        """Return when `data` is sent or kept for sending; waits while the peer does not read.

        Raises `MuxedStreamClosed` after `close`, `MuxedStreamReset`.
        """
        await trio.lowlevel.checkpoint_if_cancelled()
        self._require_writable()
        segment = self._conn.session.write(self.substream, data)
        self._conn.wake_writer()
        if segment is not None:
            await self._sent(segment)
        else:
            await trio.lowlevel.cancel_shielded_checkpoint()  # it is sent: too late to cancel

    def write_soon(self, data: bytes) -> bool:
        """`write`, if nobody has to wait for it; False when it would, or cannot be any more."""
        is_taken = self._conn.session.write_soon(self.substream, data)
        self._conn.send_soon()
        return is_taken

    async def _sent(self, segment: Segment) -> None:
        try:
            while not segment.done:
                await self.writers.park()
                if not segment.done:
                    self._require_writable()
        finally:
            if not segment.done:
                self.substream.outlet.withdraw(segment)

    def _require_writable(self) -> None:
        match self.substream.outlet.end:
            case End.FINISHED:
                raise MuxedStreamClosed("this stream is closed for writing")
            case End.RESET:
                raise MuxedStreamReset("this stream was reset or its connection lost")
            case None:
                pass

    async def close(self) -> None:
        """Finish writing: FIN follows what was written. Reading goes on."""
        self._conn.session.finish(self.substream)
        self.writers.unpark_all()
        self._conn.wake_writer()
        await trio.lowlevel.checkpoint_if_cancelled()

    async def reset(self) -> None:
        """End both directions at once and drop what is queued."""
        self._conn.session.reset(self.substream)
        self._conn.settle(self.substream)
        self._conn.wake_writer()
        await trio.lowlevel.checkpoint_if_cancelled()

    def set_deadline(self, ttl: int) -> None:
        """Not supported, as in py-libp2p's Yamux: use a trio cancel scope."""
        raise NotImplementedError("use a trio cancel scope round read and write")

    def get_remote_address(self) -> tuple[str, int] | None:
        return self._conn.get_remote_address()

    def wake(self) -> None:
        """Let all who wait look again."""
        self.readers.unpark_all()
        self.writers.unpark_all()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        await self.close()


class LeanYamux(IMuxedConn):
    """One connection, from the end of the muxer's negotiation on.

    `start` runs it; it raises nothing but cancellation, however the connection ends.
    """

    negotiated_muxer_protocol = PROTOCOL_ID

    def __init__(
        self,
        conn: ISecureConn,
        peer_id: ID,
        limits: YamuxLimits | None = None,
        unread: Unread | None = None,
    ) -> None:
        self.secured_conn = conn
        self.peer_id = peer_id
        self.event_started = trio.Event()
        self.event_shutting_down = trio.Event()
        """Set when this side closes."""
        self.event_closed = trio.Event()
        self.session = Session(initiator=conn.is_initiator, limits=limits, unread=unread)
        self._streams: dict[int, LeanStream] = {}
        self._acceptors = trio.lowlevel.ParkingLot()
        self._writer = trio.lowlevel.ParkingLot()
        self._running: trio.CancelScope | None = None

    # What py-libp2p asks of a connection

    @property
    def is_initiator(self) -> bool:
        return self.secured_conn.is_initiator

    @property
    def is_established(self) -> bool:
        return self.event_started.is_set() and self.session.state is State.OPEN

    @property
    def is_closed(self) -> bool:
        return self.event_closed.is_set()

    def get_remote_address(self) -> tuple[str, int] | None:
        return self.secured_conn.get_remote_address()

    def get_transport_addresses(self) -> list[Multiaddr]:
        return self.secured_conn.get_transport_addresses()

    def get_connection_type(self) -> ConnectionType:
        return self.secured_conn.get_connection_type()

    async def open_stream(self) -> LeanStream:
        """Raises `MuxedStreamError` when the connection ends or has too many streams."""
        await trio.lowlevel.checkpoint_if_cancelled()
        try:
            substream = self.session.open()
        except LocalProtocolError as error:
            raise MuxedStreamError(str(error)) from error
        return self._take_up(substream)

    async def accept_stream(self) -> LeanStream:
        """Raises `MuxedConnUnavailable` when the connection ends."""
        await trio.lowlevel.checkpoint_if_cancelled()
        while self.session.state is not State.CLOSED:
            substream = self.session.accept()
            if substream is not None:
                return self._take_up(substream)
            await self._acceptors.park()
        raise MuxedConnUnavailable("the connection is closed")

    def _take_up(self, substream: Substream) -> LeanStream:
        stream = self._streams[substream.id] = LeanStream(self, substream)
        self.wake_writer()
        return stream

    async def ping(self) -> None:
        """Ask the peer for a sign of life; any Yamux answers at once. Does not wait for it."""
        self.session.ping()
        self.wake_writer()
        await trio.lowlevel.checkpoint_if_cancelled()

    # What its streams ask of it; neither waits

    def wake_writer(self) -> None:
        """Have sent what the session has queued."""
        if self._writer and self.session.outbox:
            self._writer.unpark()

    def send_soon(self) -> None:
        """The same, without the writer's turn where the system takes all at once."""
        conn = self.secured_conn
        is_idle = bool(self._writer) and self.session.state is State.OPEN
        if is_idle and self.session.outbox and isinstance(conn, LeanSession) and conn.is_prompt:
            if parts := self._take().parts:
                conn.write_soon(b"".join(parts))
            if conn.owes_rest:
                self._writer.unpark()
        self.wake_writer()

    def settle(self, substream: Substream) -> None:
        """Forget a stream that is over, waking whoever still waits on it."""
        if substream.id not in self.session.table.streams:
            stream = self._streams.pop(substream.id, None)
            if stream is not None:
                stream.wake()

    # Its life

    async def start(self) -> None:
        """Run until the connection ends."""
        if self.event_shutting_down.is_set():
            self.event_started.set()
            return
        try:
            async with trio.open_nursery() as nursery:
                self._running = nursery.cancel_scope
                nursery.start_soon(self._write)
                nursery.start_soon(self._sweep)
                self.event_started.set()
                await self._read()
                nursery.cancel_scope.cancel()
        finally:
            self._lose()
            await self._shut()

    async def close(self, error_code: int = GoAwayCode.NORMAL) -> None:
        """Send what was accepted, say goodbye and close, within bounded time."""
        if not self.event_shutting_down.is_set():
            self.event_shutting_down.set()
            self._wake_all(self.session.close(error_code))
            if self._running is None:
                await self._shut()
        try:
            with trio.move_on_after(FLUSH_TIMEOUT_S):
                await self.event_closed.wait()
        finally:
            if self._running is not None:
                self._running.cancel()
        await self.event_closed.wait()

    def _lose(self) -> None:
        self._wake_all(self.session.lose())

    def _wake_all(self, ended: list[Substream]) -> None:
        for substream in ended:
            stream = self._streams.get(substream.id)
            if stream is not None:
                stream.wake()
            self.settle(substream)
        self._acceptors.unpark_all()
        self.wake_writer()

    async def _shut(self) -> None:
        """Close what is below, even when cancelled."""
        with trio.move_on_after(FLUSH_TIMEOUT_S, shield=True):
            try:
                await self.secured_conn.close()
            except IOException as error:
                log.debug("closing the connection with %s: %s", self.peer_id, error)
        self.event_closed.set()

    async def _read(self) -> None:
        """Pass on what arrives until nothing more will."""
        try:
            with trio.CancelScope() as patience:
                while data := await self.secured_conn.read(None):
                    await self._receive(data, patience)
            log.debug("%s ended, or was too slow to finish what it began", self.peer_id)
        except IOException as error:
            log.debug("the connection with %s ended: %s", self.peer_id, error)
        except YamuxViolation as error:
            log.debug("%s breaks the rules of Yamux: %s", self.peer_id, error)
            self.session.violation = str(error)
            self._wake_all(self.session.close(GoAwayCode.PROTOCOL_ERROR))
            with trio.move_on_after(FLUSH_TIMEOUT_S):
                await trio.sleep_forever()  # the writer ends it when the goodbye is sent

    async def _receive(self, data: bytes, patience: trio.CancelScope) -> None:
        if self.event_shutting_down.is_set():
            return
        begun = self.session.frames_begun
        for event in self.session.receive(data, trio.current_time()):
            self._handle(event)
            if isinstance(event, Paused):
                await trio.lowlevel.checkpoint()
                if self.event_shutting_down.is_set():
                    return
        self.wake_writer()
        limit_s, was_patient = self._patience_s(), patience.deadline == math.inf
        if limit_s == math.inf:
            if not was_patient:
                patience.deadline = math.inf
        elif was_patient or self.session.frames_begun > begun:
            patience.deadline = trio.current_time() + limit_s

    def _patience_s(self) -> float:
        """How long what the peer has begun may take from now on."""
        if self.session.state is State.GONE_AWAY:
            return GONE_AWAY_TIMEOUT_S
        return BODY_TIMEOUT_S if self.session.mid_frame else math.inf

    def _handle(self, event: Event) -> None:
        match event:
            case Readable(substream):
                stream = self._streams.get(substream.id)
                if stream is not None:
                    stream.readers.unpark_all()
                self.settle(substream)
            case Opened():
                self._acceptors.unpark()
            case Reset(substream):
                self.settle(substream)
            case GoneAway(code):
                log.debug("%s goes away (%d)", self.peer_id, code)
            case Paused():
                self.wake_writer()

    async def _write(self) -> None:
        """Send what is queued, one batch at a time."""
        try:
            while True:
                batch = self._take()
                if batch.parts or self._owes_rest:
                    await self.secured_conn.write(b"".join(batch.parts))
                if batch.last:
                    break
                if not batch.parts:
                    await self._writer.park()
                elif self.session.outbox:
                    await trio.lowlevel.checkpoint()  # writing itself may take no turn
        except IOException as error:
            log.debug("cannot send to %s: %s", self.peer_id, error)
        assert self._running is not None
        self._running.cancel()

    @property
    def _owes_rest(self) -> bool:
        conn = self.secured_conn
        return isinstance(conn, LeanSession) and conn.owes_rest

    def _take(self) -> Batch:
        """The next frames to send."""
        batch = self.session.take()
        for substream in batch.released:
            self._streams[substream.id].writers.unpark_all()
        for substream in batch.finished:
            self.settle(substream)
        return batch

    async def _sweep(self) -> None:
        while True:
            await trio.sleep(SWEEP_INTERVAL_S)
            for substream in self.session.sweep():
                self.settle(substream)
            self.wake_writer()
