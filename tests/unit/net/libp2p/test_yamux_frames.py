"""The frame reader: what it yields, what it holds back, what it refuses."""

from __future__ import annotations

import pytest

from p2pchat.errors import RemoteProtocolError
from p2pchat.net.libp2p.yamux_frames import (
    FIN,
    FRAME_BODY_BYTES_MAX,
    SYN,
    FrameReader,
    Header,
    Kind,
    YamuxViolation,
    encode_header,
)


def items(reader: FrameReader, data: bytes) -> list[Header | bytes]:
    return [bytes(one) if isinstance(one, memoryview) else one for one in reader.feed(data)]


def test_a_header_is_twelve_bytes_in_network_order():
    assert encode_header(Kind.WINDOW_UPDATE, SYN | FIN, 0x01020304, 0x0A0B0C0D) == bytes.fromhex(
        "00 01 0005 01020304 0a0b0c0d"
    )


def test_frames_of_one_receive_come_out_in_order():
    data = encode_header(Kind.DATA, SYN, 1, 3) + b"abc" + encode_header(Kind.PING, SYN, 0, 7)
    assert items(FrameReader(), data) == [
        Header(Kind.DATA, SYN, 1, 3),
        b"abc",
        Header(Kind.PING, SYN, 0, 7),
    ]


def test_a_body_is_passed_on_in_the_pieces_it_came_in():
    reader = FrameReader()
    assert items(reader, encode_header(Kind.DATA, 0, 1, 5) + b"ab") == [
        Header(Kind.DATA, 0, 1, 5),
        b"ab",
    ]
    assert reader.mid_frame
    assert reader.body_left == 3
    assert items(reader, b"cd") == [b"cd"]
    assert items(reader, b"e" + encode_header(Kind.DATA, 0, 1, 0)) == [
        b"e",
        Header(Kind.DATA, 0, 1, 0),
    ]
    assert not reader.mid_frame


def test_a_header_that_comes_byte_by_byte_is_held_back_until_it_is_whole():
    reader = FrameReader()
    header = encode_header(Kind.WINDOW_UPDATE, 0, 5, 9)
    for byte in header[:-1]:
        assert items(reader, bytes([byte])) == []
        assert reader.mid_frame
    assert reader.partial_header == header[:-1]
    assert items(reader, header[-1:]) == [Header(Kind.WINDOW_UPDATE, 0, 5, 9)]
    assert reader.partial_header == b""
    assert reader.frames == 1


@pytest.mark.parametrize(
    ("header", "why"),
    [
        (b"\x01" + encode_header(Kind.DATA, 0, 1, 0)[1:], "version 1"),
        (encode_header(4, 0, 1, 0), "type 4"),
        (encode_header(Kind.DATA, 0, 0, 1), "stream 0"),
        (encode_header(Kind.WINDOW_UPDATE, 0, 0, 1), "stream 0"),
        (encode_header(Kind.DATA, 0, 1, FRAME_BODY_BYTES_MAX + 1), "longer than any window"),
        (encode_header(Kind.DATA, 0, 1, 0xFFFF_FFFF), "longer than any window"),
    ],
)
def test_a_header_no_honest_peer_sends_is_refused(header: bytes, why: str):
    reader = FrameReader()
    with pytest.raises(YamuxViolation, match=why):
        list(reader.feed(header))
    assert issubclass(YamuxViolation, RemoteProtocolError)


def test_the_longest_frame_is_accepted_and_costs_nothing_until_it_comes():
    reader = FrameReader()
    data = encode_header(Kind.DATA, 0, 1, FRAME_BODY_BYTES_MAX)
    assert items(reader, data) == [Header(Kind.DATA, 0, 1, FRAME_BODY_BYTES_MAX)]
    assert reader.partial_header == b""


def test_what_came_before_a_bad_header_is_yielded_first():
    reader = FrameReader()
    found = reader.feed(encode_header(Kind.PING, 0, 0, 1) + b"\xff" * 12)
    assert next(found) == Header(Kind.PING, 0, 0, 1)
    with pytest.raises(YamuxViolation):
        next(found)


def test_a_length_that_is_no_body_length_is_not_limited():
    data = encode_header(Kind.WINDOW_UPDATE, 0, 1, 0xFFFF_FFFF)
    assert items(FrameReader(), data) == [Header(Kind.WINDOW_UPDATE, 0, 1, 0xFFFF_FFFF)]
