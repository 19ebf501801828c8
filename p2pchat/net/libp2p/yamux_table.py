"""Which streams a Yamux connection has, whose ids they carry, and what they hold together.

Ids say who opened a stream: odd ones the side that dialled, even ones the other. The table keeps
the highest id each side has used, so that a late frame of a stream that is over can be told from
one for a stream that never was, without remembering the streams that are over.
"""

from __future__ import annotations

from typing import Final

from p2pchat.errors import LocalProtocolError
from p2pchat.net.libp2p.yamux_frames import YamuxViolation
from p2pchat.net.libp2p.yamux_substream import Substream

__all__ = ["STREAM_ID_MAX", "Table", "Unread"]

STREAM_ID_MAX: Final = 0xFFFF_FFFF


class Unread:
    """What all connections of a host together have received and not read, and may."""

    __slots__ = ("bytes", "bytes_max")

    def __init__(self, bytes_max: int) -> None:
        self.bytes = 0
        self.bytes_max = bytes_max


class Table:
    """The streams of one connection that are not over."""

    __slots__ = (
        "_everywhere",
        "_next_inbound",
        "_next_outbound",
        "backlog",
        "inbound",
        "streams",
        "unread",
    )

    def __init__(self, *, initiator: bool, everywhere: Unread) -> None:
        self.streams: dict[int, Substream] = {}
        self.backlog: dict[int, Substream] = {}
        """Those of the peer that nobody has accepted yet, oldest first."""
        self.inbound = 0
        self.unread = 0
        """Bytes received and not read, over all streams."""
        self._everywhere = everywhere
        self._next_outbound = 1 if initiator else 2
        self._next_inbound = 2 if initiator else 1

    @property
    def outbound(self) -> int:
        return len(self.streams) - self.inbound

    def find(self, stream_id: int) -> Substream | None:
        """The stream a frame is for, None if it is over.

        Raises `YamuxViolation` for one that never was.
        """
        stream = self.streams.get(stream_id)
        if stream is None:
            ours = self._is_ours(stream_id)
            if stream_id >= (self._next_outbound if ours else self._next_inbound):
                raise YamuxViolation(f"a frame for stream {stream_id}, which was never opened")
        return stream

    def claim(self, stream_id: int) -> None:
        """Note that the peer uses a new id. Raises `YamuxViolation` if it may not."""
        if self._is_ours(stream_id):
            raise YamuxViolation(f"the peer opens stream {stream_id}, an id of our side")
        if stream_id in self.streams:
            raise YamuxViolation(f"the peer opens stream {stream_id} twice")
        self._next_inbound = max(self._next_inbound, stream_id + 2)

    def _is_ours(self, stream_id: int) -> bool:
        return stream_id % 2 == self._next_outbound % 2

    def add_inbound(self, stream_id: int) -> Substream:
        """Put a claimed stream of the peer into the backlog."""
        self.inbound += 1
        stream = Substream(stream_id, inbound=True)
        self.backlog[stream_id] = self.streams[stream_id] = stream
        return stream

    def add_outbound(self) -> Substream:
        """A stream of ours. Raises `LocalProtocolError` when all ids are used."""
        stream_id = self._next_outbound
        if stream_id > STREAM_ID_MAX:
            raise LocalProtocolError("this connection has used up its stream ids; dial again")
        self._next_outbound += 2
        stream = self.streams[stream_id] = Substream(stream_id, inbound=False)
        return stream

    def pop_backlog(self) -> Substream | None:
        """The oldest stream nobody has accepted."""
        for stream_id in self.backlog:
            return self.backlog.pop(stream_id)
        return None

    def has_room(self, size: int, most: int, free: int) -> bool:
        """Whether `size` more bytes may come: `most` on this connection, and beyond `free` only
        while all connections together have room."""
        mine, others = self.unread + size, self._everywhere
        return mine <= most and (mine <= free or others.bytes + size <= others.bytes_max)

    def hold(self, size: int) -> None:
        """Count bytes that came in, or, negative, that are gone."""
        self.unread += size
        self._everywhere.bytes += size

    def drop(self, stream: Substream) -> None:
        """Forget a stream and what it holds."""
        if self.streams.pop(stream.id, None) is not None:
            self.backlog.pop(stream.id, None)
            self.inbound -= stream.inbound
            self.hold(-len(stream.inlet))

    def drop_if_over(self, stream: Substream) -> None:
        if stream.over:
            self.drop(stream)

    def silent(self, sweeps_max: int) -> list[Substream]:
        """The streams we finished that have brought nothing for so many calls of this."""
        return [one for one in self.streams.values() if one.lies_idle() >= sweeps_max]
