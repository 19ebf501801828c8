"""A Yamux session without I/O: bytes in, events out; calls in, frames out.

Everything a peer can make grow has a bound here: streams it may open, streams nobody has accepted
yet, bytes nobody has read yet, answers it provokes, frames beyond its window. What honest software
may do by accident resets one stream; what it cannot do ends the session with `YamuxViolation`.
Nothing waits: the session is handed bytes and asked for frames by whoever owns the connection.

Source: https://github.com/hashicorp/yamux/blob/master/spec.md
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum, auto

from p2pchat.errors import LocalProtocolError
from p2pchat.net.libp2p.yamux_frames import (
    ACK,
    FIN,
    RST,
    SYN,
    FrameReader,
    Header,
    Kind,
    YamuxViolation,
)
from p2pchat.net.libp2p.yamux_outbox import Batch, Outbox
from p2pchat.net.libp2p.yamux_substream import End, Segment, Substream
from p2pchat.net.libp2p.yamux_table import Table, Unread
from p2pchat.protocol.pace import Bucket, Rate

__all__ = [
    "ITEMS_A_TURN",
    "Event",
    "GoneAway",
    "Opened",
    "Paused",
    "Readable",
    "Reset",
    "Session",
    "State",
    "YamuxLimits",
]

ITEMS_A_TURN = 64
"""After so many frames, pieces of their bodies and packets other connections have their turn. One
receive has room for ten thousand frames, or seven thousand packets of a byte."""


@dataclass(frozen=True, slots=True)
class YamuxLimits:
    """What one connection may take."""

    inbound_streams_max: int = 512
    """Streams of the peer that are open at once; one more is reset."""
    outbound_streams_max: int = 512
    """Our own; one more is refused to the caller."""
    backlog_max: int = 256
    """Streams of the peer that nobody has accepted yet; one more is reset."""
    refused_streams: Rate = Rate(per_s=50, burst=1_000)
    """Streams of the peer that may be reset because too many are open or wait; more end the
    connection."""
    unread_bytes_max: int = 16 << 20
    """Received and not yet read, over all streams; the stream that goes past it is reset."""
    unread_bytes_free: int = 1 << 20
    """What one connection may hold unread when all of the host together hold too much."""
    empty_frames: Rate = Rate(per_s=10_000, burst=50_000)
    """Frames without a body; more end the connection."""
    dropped_bytes: Rate = Rate(per_s=8 << 20, burst=64 << 20)
    """Bytes for streams that are over, which are thrown away; more end the connection."""
    pings_per_s_max: int = 10
    """Pings answered; more are ignored."""
    idle_sweeps_max: int = 5
    """Sweeps that a stream we finished may lie idle before it is reset."""


@dataclass(frozen=True, slots=True)
class Opened:
    """The peer opened a stream; it waits in the backlog for `Session.accept`."""

    stream: Substream


@dataclass(frozen=True, slots=True)
class Readable:
    """There is more to read, or the end."""

    stream: Substream


@dataclass(frozen=True, slots=True)
class Reset:
    """The stream is dead in both directions."""

    stream: Substream


@dataclass(frozen=True, slots=True)
class GoneAway:
    """The peer takes no more streams and is about to close."""

    code: int


@dataclass(frozen=True, slots=True)
class Paused:
    """A turn's worth has been taken; others may be let by before the next."""


Event = Opened | Readable | Reset | GoneAway | Paused


class State(Enum):
    """What can still be done with a session."""

    OPEN = auto()
    GONE_AWAY = auto()
    """The peer takes no more streams; those that are open go on."""
    CLOSED = auto()
    """Closed by us, or lost."""


class _PingMeter:
    """Lets so many pings a second through."""

    __slots__ = ("_answered", "_since_s")

    def __init__(self) -> None:
        self._since_s = 0.0
        self._answered = 0

    def admits(self, now_s: float, per_s_max: int) -> bool:
        if now_s - self._since_s >= 1.0:
            self._since_s, self._answered = now_s, 0
        self._answered += 1
        return self._answered <= per_s_max


class _Burden:
    """What costs us something and brings nothing: no window slows it, so it has an end.

    What a stream carries is slowed by its window. Frames without a body and bodies of streams that
    are over come as fast as the network is.
    """

    __slots__ = (
        "_bytes",
        "_frames",
        "_streams",
        "dropped_bytes",
        "empty_frames",
        "refused_streams",
    )

    def __init__(self, limits: YamuxLimits) -> None:
        self.empty_frames = 0
        self.dropped_bytes = 0
        self.refused_streams = 0
        """Since they were settled last."""
        self._frames = Bucket(limits.empty_frames, 0.0)
        self._bytes = Bucket(limits.dropped_bytes, 0.0)
        self._streams = Bucket(limits.refused_streams, 0.0)

    def settle(self, now_s: float) -> None:
        """Charge what came. Raises `YamuxViolation` when it is too much."""
        frames, self.empty_frames = self.empty_frames, 0
        if frames and not self._frames.take(frames, now_s):
            raise YamuxViolation("frames that carry nothing come without end")
        size, self.dropped_bytes = self.dropped_bytes, 0
        if size and not self._bytes.take(size, now_s):
            raise YamuxViolation("bytes for streams that are over come without end")
        streams, self.refused_streams = self.refused_streams, 0
        if streams and not self._streams.take(streams, now_s):
            raise YamuxViolation("streams come without end")


class Session:
    """One end of a Yamux connection; `unread` is shared by those of a host."""

    def __init__(
        self, *, initiator: bool, limits: YamuxLimits | None = None, unread: Unread | None = None
    ) -> None:
        self.limits = limits = limits or YamuxLimits()
        self.state = State.OPEN
        self.violation: str | None = None
        """How the peer broke the rules, noted by who runs the session."""
        everywhere = unread or Unread(limits.unread_bytes_max)
        self.table = Table(initiator=initiator, everywhere=everywhere)
        self.outbox = Outbox()
        self._reader = FrameReader()
        self._items = 0
        """Since others had their turn."""
        self._current: tuple[Substream | None, int] = (None, 0)
        """Whose body comes in (None: nobody's, it is dropped), and the flags due at its end."""
        self._pings = _PingMeter()
        self._burden = _Burden(limits)

    @property
    def frames_begun(self) -> int:
        """How many frames the peer has begun to send."""
        return self._reader.frames

    @property
    def mid_frame(self) -> bool:
        """True while the peer owes the rest of a frame."""
        return self._reader.mid_frame

    # What comes in

    def receive(self, data: bytes | bytearray, now_s: float) -> Iterator[Event]:
        """Apply what one receive brought, yielding what changed; to be consumed before the next
        call, at once but for `Paused`.

        Raises `YamuxViolation`: the session is of no more use then.
        """
        self._items += 1
        for item in self._reader.feed(data):
            if isinstance(item, memoryview):
                yield from self._body(item)
            elif item.kind <= Kind.WINDOW_UPDATE:
                if item.kind != Kind.DATA or not item.length:
                    self._burden.empty_frames += 1
                yield from self._stream_frame(item)
            elif item.kind == Kind.GO_AWAY:
                self._burden.empty_frames += 1
                yield self._peer_goes(item.length)
            else:
                self._burden.empty_frames += 1
                if item.flags & SYN and self._pings.admits(now_s, self.limits.pings_per_s_max):
                    self.outbox.answer(Kind.PING, ACK, 0, item.length)
            self._items += 1
            if self._items >= ITEMS_A_TURN:
                self._items = 0
                self._burden.settle(now_s)
                yield Paused()
        self._burden.settle(now_s)

    def _stream_frame(self, header: Header) -> Sequence[Event]:
        kind, flags, stream_id, length = header
        if flags & SYN:
            return self._syn(header)
        stream = self.table.find(stream_id)
        if kind == Kind.DATA:
            self._current = (stream, flags)
            if stream is None or self._expects(stream, length):
                return () if length else self._flags(stream, flags)
            return (Reset(stream),)
        if stream is not None:
            stream.outlet.credit += length
            self.outbox.schedule(stream)
        return self._flags(stream, flags)

    def _syn(self, header: Header) -> Sequence[Event]:
        stream = self._open_inbound(header.stream_id)
        if stream is None:
            self._current = (None, 0)
            return ()
        return (Opened(stream), *self._stream_frame(header._replace(flags=header.flags & ~SYN)))

    def _expects(self, stream: Substream, length: int) -> bool:
        """Whether a body may come; if not, its stream has been reset. Raises `YamuxViolation`."""
        stream.inlet.announce(length)
        limits = self.limits
        if self.table.has_room(length, limits.unread_bytes_max, limits.unread_bytes_free):
            return True
        self.reset(stream)
        return False

    def _body(self, piece: memoryview) -> Sequence[Event]:
        stream, flags = self._current
        if stream is None or stream.inlet.end is End.RESET:
            self._burden.dropped_bytes += len(piece)
            return ()
        stream.inlet.append(piece)
        self.table.hold(len(piece))
        if self._reader.body_left or not flags:
            return (Readable(stream),)
        return (Readable(stream), *self._flags(stream, flags))

    def _flags(self, stream: Substream | None, flags: int) -> Sequence[Event]:
        """What FIN and RST say once the body of their frame is there."""
        if stream is None or not flags & (FIN | RST):
            return ()
        if flags & RST:
            self._abandon(stream)
            return (Reset(stream),)
        stream.inlet.end = stream.inlet.end or End.FINISHED
        self.table.drop_if_over(stream)
        return (Readable(stream),)

    def _open_inbound(self, stream_id: int) -> Substream | None:
        """The stream a SYN asks for, or None when it was refused."""
        table, limits = self.table, self.limits
        table.claim(stream_id)
        full = table.inbound >= limits.inbound_streams_max
        if full or len(table.backlog) >= limits.backlog_max:
            self._burden.refused_streams += 1
            self.outbox.answer(Kind.WINDOW_UPDATE, RST, stream_id, 0)
            return None
        return table.add_inbound(stream_id)

    def _peer_goes(self, code: int) -> Event:
        if self.state is State.OPEN:
            self.state = State.GONE_AWAY
        return GoneAway(code)

    # What is asked for

    def open(self) -> Substream:
        """Open a stream. Raises `LocalProtocolError` when that is not possible now."""
        if self.state is not State.OPEN:
            raise LocalProtocolError("the connection is closing")
        if self.table.outbound >= self.limits.outbound_streams_max:
            raise LocalProtocolError("too many streams are open on this connection already")
        if self.outbox.overfull:
            raise LocalProtocolError("the peer has stopped reading")
        stream = self.table.add_outbound()
        self.outbox.control(Kind.WINDOW_UPDATE, SYN, stream.id, 0)
        return stream

    def accept(self) -> Substream | None:
        """Take the oldest stream of the peer off the backlog and tell the peer."""
        stream = self.table.pop_backlog()
        if stream is not None:
            self.outbox.control(Kind.WINDOW_UPDATE, ACK, stream.id, 0)
        return stream

    def read(self, stream: Substream, size: int) -> bytes:
        """Up to `size` bytes (all there are if negative), giving back credit when it is time."""
        data = stream.inlet.read(size)
        if data and stream.id in self.table.streams:
            self.table.hold(-len(data))
            increment = stream.inlet.grant()
            if increment:
                self.outbox.control(Kind.WINDOW_UPDATE, 0, stream.id, increment)
        return data

    def write(self, stream: Substream, data: bytes | memoryview) -> Segment | None:
        """Queue `data` for a stream that has not ended; see `Outbox.write`."""
        return self.outbox.write(stream, data)

    def write_soon(self, stream: Substream, data: bytes) -> bool:
        """`write` if all of it is taken over; else nothing is, nor once the stream has ended."""
        is_fit = stream.outlet.end is None and self.outbox.has_room(stream, len(data))
        return is_fit and self.outbox.write(stream, data) is None

    def finish(self, stream: Substream) -> None:
        """Half-close: FIN follows what was taken over; waiting writes are given up."""
        if stream.outlet.end is None:
            stream.outlet.close(End.FINISHED)
            stream.outlet.finishing = True
            self.outbox.schedule(stream)

    def reset(self, stream: Substream) -> None:
        """End both directions at once."""
        if stream.id in self.table.streams:
            self.outbox.control(Kind.WINDOW_UPDATE, RST, stream.id, 0)
        self._abandon(stream)

    def _abandon(self, stream: Substream) -> None:
        self.table.drop(stream)
        stream.inlet.reset()
        self.outbox.forget(stream)

    def ping(self) -> None:
        """Ask the peer for a sign of life."""
        if not self.outbox.overfull:
            self.outbox.control(Kind.PING, SYN, 0, 0)

    def sweep(self) -> list[Substream]:
        """Reset the streams we finished on which the peer has long been silent.

        Called at a steady interval. Without it a peer that never sends FIN would use up the
        streams of a connection.
        """
        silent = self.table.silent(self.limits.idle_sweeps_max)
        for stream in silent:
            self.reset(stream)
        return silent

    def take(self) -> Batch:
        """The next frames to send; see `Outbox.take`."""
        batch = self.outbox.take()
        for stream in batch.finished:
            self.table.drop_if_over(stream)
        return batch

    # How it ends

    def close(self, code: int) -> list[Substream]:
        """Accept nothing more; what was taken over goes out, then GO_AWAY.

        Answers the streams that were open.
        """
        self.state = State.CLOSED
        ended = list(self.table.streams.values())
        for stream in ended:
            stream.outlet.close(End.RESET)
            stream.inlet.end = stream.inlet.end or End.RESET
        self.outbox.say_goodbye(code)
        return ended

    def lose(self) -> list[Substream]:
        """The connection is gone. What was received can still be read, then comes a reset.

        Answers the streams that were open.
        """
        self.state = State.CLOSED
        ended = list(self.table.streams.values())
        for stream in ended:
            stream.inlet.end = stream.inlet.end or End.RESET
            self.outbox.forget(stream)
            self.table.drop(stream)
        return ended
