"""The session as a script: frames in, events and frames out."""

from __future__ import annotations

import pytest

from p2pchat.errors import LocalProtocolError
from p2pchat.net.libp2p.yamux_frames import (
    ACK,
    FIN,
    RST,
    SYN,
    GoAwayCode,
    Header,
    Kind,
    YamuxViolation,
    encode_header,
)
from p2pchat.net.libp2p.yamux_outbox import (
    CONTROL_BYTES_MAX,
    HELD_BYTES_MAX,
)
from p2pchat.net.libp2p.yamux_session import (
    ITEMS_A_TURN,
    GoneAway,
    Opened,
    Paused,
    Readable,
    Reset,
    Session,
    State,
    YamuxLimits,
)
from p2pchat.net.libp2p.yamux_substream import WINDOW_BYTES, WINDOW_BYTES_MAX, End
from p2pchat.net.libp2p.yamux_table import STREAM_ID_MAX, Unread
from p2pchat.protocol.pace import Rate
from tests.unit.net.libp2p.yamux_script import (
    UPDATE,
    data_frame,
    dialler,
    drain,
    feed,
    listener_with_stream,
)

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
    session = Session(initiator=False, limits=YamuxLimits(inbound_streams_max=2))
    for stream_id in (1, 3):
        feed(session, encode_header(UPDATE, SYN, stream_id, 0))
        session.accept()
    assert feed(session, data_frame(5, b"dropped", SYN)) == []
    assert Header(UPDATE, RST, 5, 0) in drain(session).headers
    assert session.table.unread == 0


def test_the_body_of_a_refused_stream_reaches_no_other():
    session, stream = listener_with_stream(inbound_streams_max=1)
    feed(session, data_frame(1, b"ours"), data_frame(3, b"foreign", SYN), data_frame(1, b"!"))
    assert session.read(stream, -1) == b"ours!"


def test_a_stream_that_is_over_makes_room_for_another():
    session = Session(initiator=False, limits=YamuxLimits(inbound_streams_max=1))
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
    session = Session(initiator=False, limits=YamuxLimits(backlog_max=2))
    feed(session, *[encode_header(UPDATE, SYN, one, 0) for one in (1, 3, 5)])
    assert drain(session).headers == [Header(UPDATE, RST, 5, 0)]
    assert session.accept() is not None
    assert len(feed(session, encode_header(UPDATE, SYN, 7, 0))) == 1


def test_a_stream_reset_before_it_was_accepted_is_never_handed_out():
    session = Session(initiator=False, limits=YamuxLimits(backlog_max=1))
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


def test_a_window_that_is_to_stay_small_gives_back_what_was_read_and_no_more():
    session, stream = listener_with_stream()
    stream.inlet.keep_small()
    feed(session, data_frame(1, bytes(WINDOW_BYTES)))
    session.read(stream, WINDOW_BYTES // 2)
    assert drain(session).headers == [Header(UPDATE, 0, 1, WINDOW_BYTES // 2)]
    feed(session, data_frame(1, bytes(WINDOW_BYTES // 2)))
    with pytest.raises(YamuxViolation):
        feed(session, data_frame(1, b"x"))


def test_a_window_that_has_grown_stays_as_it_is():
    session, stream = listener_with_stream()
    feed(session, data_frame(1, bytes(WINDOW_BYTES)))
    session.read(stream, -1)
    drain(session)
    stream.inlet.keep_small()
    feed(session, data_frame(1, bytes(WINDOW_BYTES_MAX)))
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
    session = Session(initiator=False, limits=YamuxLimits(unread_bytes_max=WINDOW_BYTES + 10))
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
    session = Session(initiator=False, limits=YamuxLimits(pings_per_s_max=3))
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
    endless = Rate(per_s=1e9, burst=1e9)
    session = Session(initiator=False, limits=YamuxLimits(backlog_max=0, refused_streams=endless))
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


# ---- ending a stream ----


def test_what_is_written_soon_is_taken_over_whole_or_not_at_all():
    session = dialler()
    stream = session.open()
    drain(session)
    assert session.write_soon(stream, b"first")
    assert not session.write_soon(stream, bytes(HELD_BYTES_MAX - 4)), "one more than is kept"
    assert session.write_soon(stream, bytes(HELD_BYTES_MAX - 5))
    assert drain(session).bodies == {1: b"first" + bytes(HELD_BYTES_MAX - 5)}
    for _ in range(WINDOW_BYTES // HELD_BYTES_MAX - 1):
        assert session.write_soon(stream, bytes(HELD_BYTES_MAX))
        drain(session)
    assert not session.write_soon(stream, b"x"), "the peer's window is used up"
    assert not drain(session).headers


@pytest.mark.parametrize("end", ["finish", "reset"])
def test_nothing_is_written_soon_on_a_stream_that_has_ended(end: str):
    session = dialler()
    stream = session.open()
    session.finish(stream) if end == "finish" else session.reset(stream)
    drain(session)
    assert not session.write_soon(stream, b"late")
    assert not drain(session).bodies


def test_fin_follows_the_last_data_in_a_frame_without_a_body():
    session = dialler()
    stream = session.open()
    drain(session)
    session.write(stream, b"last")
    session.finish(stream)
    session.finish(stream)
    assert drain(session).headers == [Header(Kind.DATA, 0, 1, 4), Header(UPDATE, FIN, 1, 0)]
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
    assert drain(session).headers == [Header(Kind.DATA, 0, 1, 4), Header(UPDATE, FIN, 1, 0)]
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


# ---- what no window slows ----


@pytest.mark.parametrize(
    "frame",
    [
        encode_header(UPDATE, 0, 1, 1),
        encode_header(Kind.PING, ACK, 0, 1),
        encode_header(Kind.DATA, 0, 1, 0),
        encode_header(Kind.GO_AWAY, 0, 0, 0),
    ],
)
def test_frames_that_carry_nothing_have_a_pace(frame):
    session, _ = listener_with_stream(empty_frames=Rate(per_s=10, burst=20))
    feed(session, frame * 19, now_s=0.0)
    with pytest.raises(YamuxViolation, match="carry nothing"):
        feed(session, frame, now_s=0.0)
    feed(session, frame * 10, now_s=1.0)


def test_what_comes_for_a_stream_that_is_over_is_dropped_and_has_an_end():
    session, stream = listener_with_stream(dropped_bytes=Rate(per_s=100, burst=1_000))
    session.reset(stream)
    feed(session, data_frame(1, bytes(1_000)), now_s=0.0)
    with pytest.raises(YamuxViolation, match="are over"):
        feed(session, data_frame(1, bytes(1)), now_s=0.0)
    feed(session, data_frame(1, bytes(100)), now_s=1.0)


def test_connections_share_what_a_host_may_hold_and_each_keeps_a_little():
    unread = Unread(bytes_max=1_000)
    limits = YamuxLimits(unread_bytes_free=100)
    greedy, modest = (Session(initiator=False, limits=limits, unread=unread) for _ in range(2))
    for session in (greedy, modest):
        feed(session, encode_header(UPDATE, SYN, 1, 0), encode_header(UPDATE, SYN, 3, 0))
    feed(greedy, data_frame(1, bytes(950)))
    (event,) = feed(greedy, data_frame(3, bytes(60)))
    assert isinstance(event, Reset)
    (event,) = feed(modest, data_frame(1, bytes(100)))
    assert isinstance(event, Readable)
    (event,) = feed(modest, data_frame(3, bytes(1)))
    assert isinstance(event, Reset)
    assert unread.bytes == 1_050
    greedy.lose()
    assert unread.bytes == 100
    modest.read(modest.table.streams[1], -1)
    assert unread.bytes == 0


def test_streams_that_are_refused_have_a_pace():
    session = Session(
        initiator=False, limits=YamuxLimits(backlog_max=1, refused_streams=Rate(per_s=1, burst=3))
    )
    opened = [encode_header(UPDATE, SYN, number, 0) for number in range(1, 14, 2)]
    feed(session, *opened[:4], now_s=0.0)
    feed(session, opened[4], now_s=1.0)
    with pytest.raises(YamuxViolation, match="streams come without end"):
        feed(session, *opened[5:], now_s=1.0)


def test_after_a_turns_worth_of_frames_others_may_be_let_by():
    session = Session(initiator=False)
    nothing = encode_header(Kind.PING, ACK, 0, 0)
    assert feed(session, nothing * (ITEMS_A_TURN - 2)) == []
    assert feed(session, nothing * (ITEMS_A_TURN + 1)) == [Paused(), Paused()]


def test_packets_of_a_byte_make_no_longer_turn_than_frames():
    session, _ = listener_with_stream()
    packets = [bytes([one]) for one in data_frame(1, bytes(4 * ITEMS_A_TURN))]
    events = [event for packet in packets for event in session.receive(packet, 0.0)]
    assert sum(isinstance(event, Paused) for event in events) >= 8
