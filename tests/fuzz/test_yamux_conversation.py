"""Two honest sessions, any order of calls, any cuts: nothing is lost, and neither blames the other.

The wire is a queue in each direction. What a stream brings is compared with what was written to it;
a write that was given up counts as far as it had gone. That no session ever raises says that both
count windows alike.
"""

from __future__ import annotations

from itertools import chain
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from p2pchat.net.libp2p.yamux_outbox import BATCH_BYTES, CONTROL_BYTES_MAX, HELD_BYTES_MAX
from p2pchat.net.libp2p.yamux_session import Opened, Reset, Session, YamuxLimits
from p2pchat.net.libp2p.yamux_substream import WINDOW_BYTES_MAX, End, Segment, Substream

STREAMS_MAX = 4
LIMITS = YamuxLimits(backlog_max=STREAMS_MAX, outbound_streams_max=STREAMS_MAX)


class Half:
    """One direction of one stream: what its writer did and its reader got."""

    def __init__(self) -> None:
        self.written = list[tuple[bytes, Segment | None]]()
        self.received = b""

    def sent(self) -> bytes:
        """What must arrive: of a write that was given up, the part that had gone."""
        return b"".join(
            data if segment is None else data[: len(data) - len(segment.rest)]
            for data, segment in self.written
        )


class Side:
    """A session, the wire into it, and its ends of all streams by id."""

    def __init__(self, *, initiator: bool) -> None:
        self.session = Session(initiator=initiator, limits=LIMITS)
        self.incoming = bytearray()
        self.streams: dict[int, Substream] = {}
        self.halves: dict[int, Half] = {}
        """What this side writes, by stream."""
        self.dead = set[int]()


class Conversation:
    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.sides = Side(initiator=True), Side(initiator=False)

    def other(self, side: Side) -> Side:
        return self.sides[side is self.sides[0]]

    def act(self, number: int, verb: str, size: int) -> None:
        side = self.sides[number]
        match verb:
            case "open":
                self.open(side)
            case "send":
                self.send(side)
            case "deliver":
                self.deliver(side, size)
            case _ if side.streams:
                stream = side.streams[self.random.choice(sorted(side.streams))]
                self.act_on(side, stream, verb, size)
            case _:
                pass
        self.require_bounds(side)

    def open(self, side: Side) -> None:
        if side.session.table.outbound < STREAMS_MAX:
            stream = side.session.open()
            side.streams[stream.id] = stream
            side.halves[stream.id] = Half()

    def act_on(self, side: Side, stream: Substream, verb: str, size: int) -> None:
        session, half = side.session, side.halves[stream.id]
        match verb:
            case "write" if stream.outlet.end is None:
                data = self.random.randbytes(size)
                half.written.append((data, session.write(stream, data)))
            case "give up":
                for _, segment in half.written:
                    if segment is not None and not segment.done:
                        stream.outlet.withdraw(segment)
            case "read":
                self.read(side, stream, size)
            case "finish":
                session.finish(stream)
            case "reset":
                session.reset(stream)
                side.dead.add(stream.id)
            case _:
                pass

    def read(self, side: Side, stream: Substream, size: int) -> int:
        data = side.session.read(stream, size)
        if data:
            self.other(side).halves[stream.id].received += data
        return len(data)

    def send(self, side: Side) -> bool:
        parts = side.session.take().parts
        wire = b"".join(parts)
        assert len(wire) <= BATCH_BYTES + CONTROL_BYTES_MAX
        self.other(side).incoming += wire
        return bool(wire)

    def deliver(self, side: Side, size: int) -> bool:
        data = bytes(side.incoming[:size])
        del side.incoming[:size]
        for event in side.session.receive(data, 0.0):
            if isinstance(event, Opened):
                stream = side.session.accept()
                assert stream is event.stream
                side.streams[stream.id] = stream
                side.halves[stream.id] = Half()
            if isinstance(event, Reset):
                side.dead.add(event.stream.id)
        return bool(data)

    def require_bounds(self, side: Side) -> None:
        table = side.session.table
        assert table.unread == sum(len(stream.inlet) for stream in table.streams.values())
        assert all(len(stream.inlet) <= WINDOW_BYTES_MAX for stream in table.streams.values())
        waiting = chain.from_iterable(half.written for half in side.halves.values())
        unsent = sum(stream.outlet.queued for stream in table.streams.values())
        owned = sum(len(segment.rest) for _, segment in waiting if segment is not None)
        assert unsent - owned <= HELD_BYTES_MAX

    def settle(self) -> None:
        """Carry and read everything until nothing moves."""
        moved = True
        while moved:
            moved = False
            for side in self.sides:
                moved |= self.send(side)
                moved |= self.deliver(side, 1 << 30)
                for stream in side.streams.values():
                    moved |= self.read(side, stream, -1) > 0


OFTEN = ["send", "deliver", "write", "read"]
verbs = st.sampled_from([*OFTEN, *OFTEN, "open", "finish", "reset", "give up"])
sizes = st.one_of(st.integers(1, 300), st.sampled_from([1000, 20_000, 65_507, 70_000, 400_000]))
steps = st.lists(st.tuples(st.integers(0, 1), verbs, sizes), min_size=5, max_size=120)


@given(st.integers(0, 1000), steps)
def test_whatever_two_sessions_do_each_stream_brings_what_was_written(
    seed: int, script: list[tuple[int, str, int]]
):
    talk = Conversation(seed)
    talk.open(talk.sides[0])
    for step in script:
        talk.act(*step)
    talk.settle()
    for side in talk.sides:
        other = talk.other(side)
        for stream_id, half in side.halves.items():
            if stream_id in side.dead | other.dead:
                assert half.sent().startswith(half.received)
                continue
            assert half.received == half.sent()
            finished = side.streams[stream_id].outlet.end is End.FINISHED
            theirs = other.streams[stream_id].inlet.end
            assert theirs is (End.FINISHED if finished else None)


@given(st.integers(0, 1000), steps)
def test_when_all_is_finished_nothing_is_left_of_it(seed: int, script: list[tuple[int, str, int]]):
    talk = Conversation(seed)
    for step in script:
        talk.act(*step)
    for side in talk.sides:
        for stream in side.streams.values():
            side.session.finish(stream)
    talk.settle()
    for side in talk.sides:
        for stream in side.streams.values():
            side.session.finish(stream)
    talk.settle()
    for side in talk.sides:
        assert side.session.table.streams == {}
        assert side.session.table.unread == 0
        assert not side.session.outbox
