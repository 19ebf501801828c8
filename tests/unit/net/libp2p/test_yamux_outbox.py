"""What a session sends, in which order, and how much it keeps for its writers."""

from __future__ import annotations

from p2pchat.net.libp2p.yamux_frames import (
    Header,
    Kind,
    encode_header,
)
from p2pchat.net.libp2p.yamux_outbox import (
    BATCH_BYTES,
    HELD_BYTES_MAX,
    SHARE_BYTES_MIN,
)
from p2pchat.net.libp2p.yamux_substream import WINDOW_BYTES
from tests.unit.net.libp2p.yamux_script import (
    UPDATE,
    dialler,
    drain,
    feed,
)


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
