"""Whatever bytes come, cut however: frames, or one kind of refusal, and bounded memory."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from p2pchat.net.libp2p.yamux_frames import (
    FRAME_BODY_BYTES_MAX,
    HEADER_BYTES,
    FrameReader,
    Header,
    Kind,
    YamuxViolation,
    encode_header,
)
from p2pchat.net.libp2p.yamux_outbox import CONTROL_BYTES_MAX
from p2pchat.net.libp2p.yamux_session import GoneAway, Opened, Session, YamuxLimits
from p2pchat.net.libp2p.yamux_substream import WINDOW_BYTES

LENGTHS = st.one_of(
    st.integers(0, 40),
    st.integers(0, 2 * WINDOW_BYTES),
    st.sampled_from([FRAME_BODY_BYTES_MAX, FRAME_BODY_BYTES_MAX + 1, 2**31, 2**32 - 1]),
)


@st.composite
def frames(draw: st.DrawFn) -> bytes:
    """A frame with a plausible header; its body may be cut short or missing."""
    kind = draw(st.integers(0, 4))
    length = draw(LENGTHS)
    stream_id = draw(st.integers(0, 9))
    header = encode_header(kind, draw(st.integers(0, 15)), stream_id, length)
    if kind != Kind.DATA:
        return header
    body = length if length <= WINDOW_BYTES else draw(st.integers(0, 64))
    return header + bytes(body)


streams_of_bytes = st.one_of(
    st.binary(max_size=400),
    st.lists(frames(), max_size=12).map(b"".join),
)
cuts = st.lists(st.integers(1, 5000), max_size=40)


def pieces(data: bytes, sizes: list[int]) -> list[bytes]:
    """`data` cut at the given sizes, the rest in one."""
    parts, at = list[bytes](), 0
    for size in sizes:
        parts.append(data[at : at + size])
        at += size
    return [part for part in [*parts, data[at:]] if part]


def read(parts: list[bytes]) -> list[Header | bytes | str]:
    """All items, adjoining pieces of a body joined; the refusal, if any, at the end."""
    reader = FrameReader()
    seen = list[Header | bytes | str]()
    try:
        for part in parts:
            for item in reader.feed(part):
                if isinstance(item, Header):
                    seen.append(item)
                elif seen and isinstance(seen[-1], bytes):
                    seen[-1] += bytes(item)
                else:
                    seen.append(bytes(item))
            assert len(reader.partial_header) < HEADER_BYTES
            assert 0 <= reader.body_left <= FRAME_BODY_BYTES_MAX
    except YamuxViolation as error:
        seen.append(str(error))
    return seen


@given(streams_of_bytes, cuts)
def test_the_reader_answers_the_same_however_its_input_is_cut(data: bytes, sizes: list[int]):
    assert read(pieces(data, sizes)) == read([data] if data else [])


@given(streams_of_bytes)
def test_the_reader_loses_and_adds_nothing(data: bytes):
    reader = FrameReader()
    used = 0
    try:
        for item in reader.feed(data):
            used += HEADER_BYTES if isinstance(item, Header) else len(item)
    except YamuxViolation:
        assert used <= len(data)
    else:
        assert used + len(reader.partial_header) == len(data)


LIMITS = YamuxLimits(
    inbound_streams_max=3, backlog_max=2, unread_bytes_max=300_000, pings_per_s_max=2
)


def run(parts: list[bytes]) -> tuple[object, ...]:
    """Feed a session, checking its bounds at each step; answer all that can be observed of it."""
    session = Session(initiator=True, limits=LIMITS)
    mine = [session.open(), session.open()]
    opened, gone, refused = list[int](), list[int](), ""
    try:
        for part in parts:
            for event in session.receive(part, 0.0):
                if isinstance(event, Opened):
                    opened.append(event.stream.id)
                if isinstance(event, GoneAway):
                    gone.append(event.code)
            require_bounds(session)
    except YamuxViolation as error:
        refused = str(error)
    held = {stream.id: len(stream.inlet) for stream in session.table.streams.values()}
    sent = b"".join(session.take().parts)
    return opened, gone, refused, held, sent, [one.inlet.end for one in mine]


def require_bounds(session: Session) -> None:
    table = session.table
    buffered = [len(stream.inlet) for stream in table.streams.values()]
    assert all(size <= WINDOW_BYTES for size in buffered)
    assert sum(buffered) == table.unread <= LIMITS.unread_bytes_max
    assert table.inbound <= LIMITS.inbound_streams_max
    assert len(table.backlog) <= LIMITS.backlog_max
    assert session.outbox.control_bytes <= CONTROL_BYTES_MAX + HEADER_BYTES


@given(streams_of_bytes, cuts)
def test_a_session_keeps_its_bounds_and_ends_the_same_however_its_input_is_cut(
    data: bytes, sizes: list[int]
):
    assert run(pieces(data, sizes)) == run([data] if data else [])
