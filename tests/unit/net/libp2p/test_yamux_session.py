"""The session as a script: frames in, events and frames out."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from p2pchat.errors import LocalProtocolError
from p2pchat.net.libp2p.yamux_frames import (
    ACK,
    FIN,
    RST,
    SYN,
    FrameReader,
    GoAwayCode,
    Header,
    Kind,
    YamuxViolation,
    encode_header,
)
from p2pchat.net.libp2p.yamux_outbox import (
    BATCH_BYTES,
    CONTROL_BYTES_MAX,
    HELD_BYTES_MAX,
    SHARE_BYTES_MIN,
)
from p2pchat.net.libp2p.yamux_session import (
    Event,
    GoneAway,
    Limits,
    Opened,
    Readable,
    Reset,
    Session,
    State,
)
from p2pchat.net.libp2p.yamux_substream import WINDOW_BYTES, WINDOW_BYTES_MAX, End, Substream
from p2pchat.net.libp2p.yamux_table import STREAM_ID_MAX

UPDATE = Kind.WINDOW_UPDATE


def data_frame(stream_id: int, body: bytes, flags: int = 0) -> bytes:
    return encode_header(Kind.DATA, flags, stream_id, len(body)) + body


def feed(session: Session, *frames: bytes, now_s: float = 0.0) -> list[Event]:
    return list(session.receive(b"".join(frames), now_s))


@dataclass
class Sent:
    """What a session has sent: its headers, and the bodies by stream."""

    headers: list[Header]
    bodies: dict[int, bytes]


def drain(session: Session, batches: int = 1000) -> Sent:
    sent, reader, current = Sent([], {}), FrameReader(), 0
    for _ in range(batches):
        parts = session.take().parts
        if not parts:
            break
        for item in reader.feed(b"".join(parts)):
            if isinstance(item, Header):
                sent.headers.append(item)
                current = item.stream_id
            else:
                sent.bodies[current] = sent.bodies.get(current, b"") + bytes(item)
    return sent


def dialler(**limits: int) -> Session:
    return Session(initiator=True, limits=Limits(**limits))


def listener_with_stream(**limits: int) -> tuple[Session, Substream]:
    """A session that accepted stream 1 of its peer."""
    session = Session(initiator=False, limits=Limits(**limits))
    feed(session, encode_header(UPDATE, SYN, 1, 0))
    stream = session.accept()
    assert stream is not None
    drain(session)
    return session, stream


# ---- opening ----


def test_the_dialler_opens_odd_streams_and_the_listener_even_ones():
    session = dialler()
    assert [session.open().id for _ in range(3)] == [1, 3, 5]
    session = Session(initiator=False)
    assert [session.open().id for _ in range(3)] == [2, 4, 6]
    assert drain(session).headers == [Header(UPDATE, SYN, one, 0) for one in (2, 4, 6)]


def test_a_stream_of_the_peer_is_acknowledged_when_it_is_accepted():
    session = Session(initiator=False)
    (event,) = feed(session, encode_header(UPDATE, SYN, 1, 0))
    assert isinstance(event, Opened)
    assert drain(session).headers == []
    assert session.accept() is event.stream
    assert session.accept() is None
    assert drain(session).headers == [Header(UPDATE, ACK, 1, 0)]


def test_a_syn_may_carry_data_credit_and_fin():
    session = Session(initiator=False)
    opened, readable, finished = feed(session, data_frame(1, b"hi", SYN | FIN))
    assert (type(opened), type(readable), type(finished)) == (Opened, Readable, Readable)
    stream = session.accept()
    assert stream is not None
    assert session.read(stream, -1) == b"hi"
    assert stream.inlet.end is End.FINISHED
    feed(session, encode_header(UPDATE, SYN, 3, 1000))
    other = session.accept()
    assert other is not None
    assert other.outlet.credit == WINDOW_BYTES + 1000


@pytest.mark.parametrize(
    "frames",
    [
        [encode_header(UPDATE, SYN, 2, 0)],
        [encode_header(UPDATE, SYN, 1, 0), encode_header(UPDATE, SYN, 1, 0)],
        [encode_header(UPDATE, 0, 1, 10)],
        [encode_header(UPDATE, 0, 2, 10)],
        [data_frame(7, b"x")],
    ],
    ids=["an id of ours", "twice", "update of theirs", "update of ours", "data"],
)
def test_streams_that_were_never_opened_or_are_opened_wrongly_end_the_session(frames: list[bytes]):
    session = Session(initiator=False)
    with pytest.raises(YamuxViolation):
        feed(session, *frames)


def test_a_late_frame_for_a_stream_that_is_over_is_dropped():
    session, stream = listener_with_stream()
    session.reset(stream)
    assert feed(session, data_frame(1, b"late"), encode_header(UPDATE, RST, 1, 5)) == []
    assert session.table.unread == 0


def test_above_the_limit_of_inbound_streams_a_new_one_is_reset():
    session = Session(initiator=False, limits=Limits(inbound_streams_max=2))
    for stream_id in (1, 3):
        feed(session, encode_header(UPDATE, SYN, stream_id, 0))
        session.accept()
    assert feed(session, data_frame(5, b"dropped", SYN)) == []
    assert Header(UPDATE, RST, 5, 0) in drain(session).headers
    assert session.table.unread == 0


def test_a_stream_that_is_over_makes_room_for_another():
    session = Session(initiator=False, limits=Limits(inbound_streams_max=1))
    for stream_id in (1, 3, 5):
        (event,) = feed(session, encode_header(UPDATE, SYN, stream_id, 0))
        assert isinstance(event, Opened)
        feed(session, encode_header(UPDATE, RST, stream_id, 0))


def test_streams_of_the_peer_may_come_in_any_order():
    session = Session(initiator=False)
    feed(session, *[encode_header(UPDATE, SYN, one, 0) for one in (5, 3)])
    feed(session, encode_header(UPDATE, RST, 5, 0))
    assert feed(session, data_frame(5, b"late")) == []
    assert list(session.table.streams) == [3]


def test_a_full_backlog_resets_the_newest_and_room_in_it_lets_others_in():
    session = Session(initiator=False, limits=Limits(backlog_max=2))
    feed(session, *[encode_header(UPDATE, SYN, one, 0) for one in (1, 3, 5)])
    assert drain(session).headers == [Header(UPDATE, RST, 5, 0)]
    assert session.accept() is not None
    assert len(feed(session, encode_header(UPDATE, SYN, 7, 0))) == 1


def test_a_stream_reset_before_it_was_accepted_is_never_handed_out():
    session = Session(initiator=False, limits=Limits(backlog_max=1))
    for stream_id in range(1, 2001, 2):
        feed(session, encode_header(UPDATE, SYN, stream_id, 0))
        feed(session, encode_header(UPDATE, RST, stream_id, 0))
    assert session.accept() is None
    assert session.table.streams == {}


def test_our_own_streams_have_a_limit_too():
    session = dialler(outbound_streams_max=2)
    first = session.open()
    session.open()
    with pytest.raises(LocalProtocolError, match="too many"):
        session.open()
    session.reset(first)
    session.open()


def test_when_all_ids_are_used_no_stream_is_opened():
    session = dialler()
    session.table._next_outbound = STREAM_ID_MAX
    assert session.open().id == STREAM_ID_MAX
    with pytest.raises(LocalProtocolError, match="dial again"):
        session.open()


# ---- receiving ----


def test_a_frame_beyond_the_window_ends_the_session_before_its_body_comes():
    session, _ = listener_with_stream()
    with pytest.raises(YamuxViolation, match="exceeds"):
        feed(session, encode_header(Kind.DATA, 0, 1, WINDOW_BYTES + 1))
    session, stream = listener_with_stream()
    feed(session, data_frame(1, bytes(WINDOW_BYTES)))
    assert len(stream.inlet) == WINDOW_BYTES
    with pytest.raises(YamuxViolation, match="exceeds"):
        feed(session, encode_header(Kind.DATA, 0, 1, 1))


def test_credit_comes_back_after_half_the_window_and_makes_it_large():
    session, stream = listener_with_stream()
    feed(session, data_frame(1, bytes(WINDOW_BYTES)))
    session.read(stream, WINDOW_BYTES // 2 - 1)
    assert drain(session).headers == []
    session.read(stream, 1)
    growth = WINDOW_BYTES_MAX - WINDOW_BYTES
    assert drain(session).headers == [Header(UPDATE, 0, 1, WINDOW_BYTES // 2 + growth)]
    feed(session, data_frame(1, bytes(WINDOW_BYTES_MAX - WINDOW_BYTES // 2)))
    with pytest.raises(YamuxViolation):
        feed(session, data_frame(1, b"x"))
    session.read(stream, -1)
    assert drain(session).headers == [Header(UPDATE, 0, 1, WINDOW_BYTES_MAX)]


def test_no_credit_is_given_for_a_stream_that_has_ended():
    session, stream = listener_with_stream()
    feed(session, data_frame(1, bytes(WINDOW_BYTES), FIN))
    assert len(session.read(stream, -1)) == WINDOW_BYTES
    assert drain(session).headers == []


def test_reads_take_what_they_ask_for_in_order():
    session, stream = listener_with_stream()
    feed(session, data_frame(1, b"abc"), data_frame(1, b"defg"))
    assert [session.read(stream, size) for size in (2, 0, 4, -1, -1)] == [
        b"ab",
        b"",
        b"cdef",
        b"g",
        b"",
    ]


def test_fin_counts_only_once_the_body_of_its_frame_is_there():
    session, stream = listener_with_stream()
    frame = data_frame(1, b"abcd", FIN)
    feed(session, frame[:-1])
    assert stream.inlet.end is None
    feed(session, frame[-1:])
    assert stream.inlet.end is End.FINISHED


def test_data_after_fin_ends_the_session():
    session, _ = listener_with_stream()
    with pytest.raises(YamuxViolation, match="after FIN"):
        feed(session, data_frame(1, b"", FIN), data_frame(1, b"x"))


def test_a_reset_drops_what_was_not_read():
    session, stream = listener_with_stream()
    feed(session, data_frame(1, b"unread"))
    assert feed(session, encode_header(UPDATE, RST, 1, 0)) == [Reset(stream)]
    assert session.read(stream, -1) == b""
    assert stream.inlet.end is End.RESET
    assert stream.outlet.end is End.RESET
    assert session.table.unread == 0
    assert session.table.streams == {}


def test_the_stream_that_brings_too_much_unread_is_reset_and_the_rest_go_on():
    session = Session(initiator=False, limits=Limits(unread_bytes_max=WINDOW_BYTES + 10))
    feed(session, encode_header(UPDATE, SYN, 1, 0), encode_header(UPDATE, SYN, 3, 0))
    first, second = session.accept(), session.accept()
    assert first is not None
    assert second is not None
    feed(session, data_frame(1, bytes(WINDOW_BYTES)))
    assert Reset(second) in feed(session, data_frame(3, bytes(11)))
    assert Header(UPDATE, RST, 3, 0) in drain(session).headers
    assert session.table.unread == WINDOW_BYTES
    session.read(first, -1)
    assert session.table.unread == 0


# ---- answering ----


def test_pings_are_answered_with_their_value_and_only_so_many_a_second():
    session = Session(initiator=False, limits=Limits(pings_per_s_max=3))
    ping = encode_header(Kind.PING, SYN, 0, 77)
    feed(session, ping * 10, now_s=5.0)
    assert drain(session).headers == [Header(Kind.PING, ACK, 0, 77)] * 3
    feed(session, ping * 10, now_s=5.9)
    assert drain(session).headers == []
    feed(session, ping, now_s=6.0)
    assert drain(session).headers == [Header(Kind.PING, ACK, 0, 77)]


def test_the_answer_to_a_ping_is_not_answered():
    session = dialler()
    session.ping()
    assert drain(session).headers == [Header(Kind.PING, SYN, 0, 0)]
    assert feed(session, encode_header(Kind.PING, ACK, 0, 0)) == []
    assert drain(session).headers == []


def test_a_peer_that_provokes_answers_and_reads_none_is_cut_off():
    session = Session(initiator=False, limits=Limits(backlog_max=0))
    count = CONTROL_BYTES_MAX // 12 + 2
    with pytest.raises(YamuxViolation, match="does not read"):
        feed(session, *[encode_header(UPDATE, SYN, 2 * n + 1, 0) for n in range(count)])
    assert session.outbox.control_bytes < CONTROL_BYTES_MAX + 12


def test_no_stream_is_opened_towards_a_peer_that_does_not_read():
    session = dialler(outbound_streams_max=10**6)
    while session.outbox.control_bytes < CONTROL_BYTES_MAX:
        session.open()
    with pytest.raises(LocalProtocolError, match="stopped reading"):
        session.open()


# ---- sending ----


def test_small_writes_of_a_stream_leave_as_one_frame():
    session = dialler()
    stream = session.open()
    drain(session)
    assert [session.write(stream, b"abc"), session.write(stream, b"de")] == [None, None]
    sent = drain(session)
    assert sent.headers == [Header(Kind.DATA, 0, 1, 5)]
    assert sent.bodies == {1: b"abcde"}


def test_a_write_of_nothing_sends_nothing():
    session = dialler()
    stream = session.open()
    drain(session)
    assert session.write(stream, b"") is None
    assert drain(session).headers == []


def test_a_write_is_kept_as_it_was_when_its_writer_was_let_go():
    session = dialler()
    stream = session.open()
    buffer = bytearray(b"before")
    assert session.write(stream, memoryview(buffer)) is None
    buffer[:] = b"after!"
    assert drain(session).bodies == {1: b"before"}


def test_a_write_above_the_budget_waits_and_leaves_in_batches():
    session = dialler()
    stream = session.open()
    drain(session)
    payload = bytes(range(256)) * 600
    segment = session.write(stream, payload)
    assert segment is not None
    batches = list[int]()
    body = b""
    while not segment.done:
        batch = session.take()
        assert (batch.released == [stream]) == segment.done
        batches.append(sum(map(len, batch.parts)))
        body += b"".join(batch.parts)[12:]
    assert body == payload
    assert max(batches) <= BATCH_BYTES
    assert len(batches) == 3


def test_what_is_kept_for_writers_is_bounded_over_all_streams():
    session = dialler()
    streams = [session.open() for _ in range(8)]
    kept = 0
    for index in range(1000):
        if session.write(streams[index % 8], bytes(1000)) is None:
            kept += 1000
    assert HELD_BYTES_MAX - 1000 < kept <= HELD_BYTES_MAX


def test_what_was_sent_is_kept_no_more():
    session = dialler()
    stream = session.open()
    for _ in range(3):
        assert session.write(stream, bytes(HELD_BYTES_MAX)) is None
        drain(session)


def test_nothing_is_kept_beyond_the_window_of_the_peer():
    session = dialler()
    stream, other = session.open(), session.open()
    assert session.write(stream, bytes(WINDOW_BYTES)) is not None
    drain(session)
    assert session.write(stream, b"x") is not None
    assert session.write(other, b"y") is None
    assert drain(session).bodies == {other.id: b"y"}
    feed(session, encode_header(UPDATE, 0, stream.id, 1))
    assert drain(session).bodies == {stream.id: b"x"}


def test_a_message_leaves_with_the_next_batch_though_a_file_was_queued_first():
    session = dialler()
    file, chat = session.open(), session.open()
    drain(session)
    session.write(file, bytes(WINDOW_BYTES))
    drain(session, batches=1)
    session.write(chat, b"hello")
    assert drain(session, batches=1).bodies[chat.id] == b"hello"


def test_streams_share_each_batch_evenly():
    session = dialler()
    streams = [session.open() for _ in range(8)]
    drain(session)
    for stream in streams:
        session.write(stream, bytes(200_000))
    for _ in range(5):
        sizes = [header.length for header in drain(session, batches=1).headers]
        assert len(sizes) == 8
        assert max(sizes) - min(sizes) < 100


def test_many_streams_take_turns_over_batches_with_frames_that_are_not_tiny():
    session = dialler()
    streams = [session.open() for _ in range(100)]
    drain(session)
    for stream in streams:
        session.write(stream, bytes(100_000))
    headers = drain(session, batches=7).headers
    assert {header.stream_id for header in headers} == {stream.id for stream in streams}
    whole = [header for header in headers if header.length >= SHARE_BYTES_MIN]
    assert len(whole) >= len(headers) - 7


def test_a_withdrawn_write_leaves_a_whole_frame_behind_and_what_follows_is_intact():
    session = dialler()
    stream = session.open()
    drain(session)
    segment = session.write(stream, b"a" * 200_000)
    assert segment is not None
    first = drain(session, batches=1)
    session.write(stream, b"b" * 10)
    stream.outlet.withdraw(segment)
    rest = drain(session)
    assert first.bodies[1] == b"a" * first.headers[0].length
    assert rest.bodies == {1: b"b" * 10}
    assert stream.outlet.queued == 0


# ---- ending a stream ----


def test_fin_rides_on_the_last_data():
    session = dialler()
    stream = session.open()
    drain(session)
    session.write(stream, b"last")
    session.finish(stream)
    session.finish(stream)
    assert drain(session).headers == [Header(Kind.DATA, FIN, 1, 4)]
    assert session.table.streams  # the peer has not finished


def test_fin_without_data_is_an_update_of_nothing():
    session = dialler()
    stream = session.open()
    drain(session)
    session.finish(stream)
    assert drain(session).headers == [Header(UPDATE, FIN, 1, 0)]


def test_a_stream_both_sides_finished_is_forgotten_whoever_is_first():
    session, stream = listener_with_stream()
    session.finish(stream)
    drain(session)
    feed(session, data_frame(1, b"rest", FIN))
    assert session.table.streams == {}
    assert session.read(stream, -1) == b"rest"
    session, stream = listener_with_stream()
    feed(session, data_frame(1, b"rest", FIN))
    session.finish(stream)
    assert session.table.streams
    drain(session)
    assert session.table.streams == {}
    assert session.table.unread == 0


def test_finishing_gives_up_the_writes_that_wait():
    session = dialler()
    stream = session.open()
    drain(session)
    session.write(stream, b"kept")
    segment = session.write(stream, bytes(WINDOW_BYTES))
    assert segment is not None
    session.finish(stream)
    assert drain(session).headers == [Header(Kind.DATA, FIN, 1, 4)]
    assert not segment.done


def test_a_reset_drops_what_was_queued_and_gives_its_budget_back():
    session = dialler()
    stream, other = session.open(), session.open()
    drain(session)
    session.write(stream, bytes(HELD_BYTES_MAX))
    session.reset(stream)
    assert drain(session).headers == [Header(UPDATE, RST, 1, 0)]
    assert session.write(other, bytes(HELD_BYTES_MAX)) is None


def test_a_stream_we_finished_is_reset_when_its_peer_stays_silent():
    session = dialler(idle_sweeps_max=3)
    silent, busy, unfinished = session.open(), session.open(), session.open()
    session.finish(silent)
    session.finish(busy)
    drain(session)
    for _ in range(2):
        assert session.sweep() == []
    feed(session, data_frame(busy.id, b"x"))
    assert session.sweep() == [silent]
    assert drain(session).headers == [Header(UPDATE, RST, silent.id, 0)]
    for _ in range(2):
        assert session.sweep() == []
    assert session.sweep() == [busy]
    assert list(session.table.streams) == [unfinished.id]


# ---- ending the session ----


def test_closing_sends_what_was_taken_over_and_then_goes_away():
    session = dialler()
    stream = session.open()
    session.write(stream, b"kept")
    waiting = session.write(stream, bytes(WINDOW_BYTES))
    assert session.close(GoAwayCode.NORMAL) == [stream]
    sent = drain(session)
    assert sent.headers == [
        Header(UPDATE, SYN, 1, 0),
        Header(Kind.DATA, 0, 1, 4),
        Header(Kind.GO_AWAY, 0, 0, 0),
    ]
    assert waiting is not None
    assert not waiting.done
    assert stream.inlet.end is End.RESET
    with pytest.raises(LocalProtocolError):
        session.open()


def test_a_stream_that_was_finished_stays_finished_when_the_connection_is_closed():
    session = dialler()
    stream, other = session.open(), session.open()
    session.finish(stream)
    session.close(GoAwayCode.NORMAL)
    assert stream.outlet.end is End.FINISHED
    assert other.outlet.end is End.RESET


def test_only_the_batch_with_the_goodbye_is_the_last():
    session = dialler()
    session.write(session.open(), bytes(60_000))
    session.close(GoAwayCode.PROTOCOL_ERROR)
    batch = session.take()
    assert batch.last
    assert bytes(batch.parts[-1]) == encode_header(Kind.GO_AWAY, 0, 0, 1)
    assert not session.outbox


def test_what_was_received_can_be_read_after_the_connection_was_lost():
    session, stream = listener_with_stream()
    feed(session, data_frame(1, b"last words"))
    assert session.lose() == [stream]
    assert session.read(stream, -1) == b"last words"
    assert stream.inlet.end is End.RESET
    assert stream.outlet.end is End.RESET
    assert session.table.unread == 0
    assert session.lose() == []


def test_a_stream_that_was_finished_stays_finished_when_the_connection_is_lost():
    session, stream = listener_with_stream()
    feed(session, data_frame(1, b"all", FIN))
    session.lose()
    assert stream.inlet.end is End.FINISHED


def test_after_go_away_the_open_streams_go_on_and_no_new_one_is_opened():
    session, stream = listener_with_stream()
    assert feed(session, encode_header(Kind.GO_AWAY, 0, 0, 2)) == [GoneAway(2)]
    assert session.state is State.GONE_AWAY
    assert feed(session, data_frame(1, b"more")) == [Readable(stream)]
    with pytest.raises(LocalProtocolError):
        session.open()
