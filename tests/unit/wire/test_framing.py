"""Frames cut out of a byte stream."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2pchat.errors import FrameTooLarge, MalformedMessage
from p2pchat.wire.framing import FrameParser, encode_varint, frame, join_frames

BODIES = [b"", b"a", b"x" * 127, b"y" * 128, b"z" * 20_000]


@pytest.mark.parametrize(
    ("value", "raw"),
    [(0, "00"), (1, "01"), (127, "7f"), (128, "8001"), (300, "ac02"), (16384, "808001")],
)
def test_lengths_are_unsigned_varints(value: int, raw: str):
    assert encode_varint(value) == bytes.fromhex(raw)


@pytest.mark.parametrize("step", [1, 2, 7, 1000, 1 << 20])
def test_frames_come_out_as_they_went_in_however_they_are_cut(step: int):
    data = join_frames(BODIES)
    parser = FrameParser(20_000)
    pieces = [data[start : start + step] for start in range(0, len(data), step)]
    found = [body for piece in pieces for body in parser.feed(piece)]
    assert found == BODIES
    assert parser.is_empty


def test_a_frame_cut_short_is_noticed():
    parser = FrameParser(10)
    assert parser.feed(frame(b"abc")[:-1]) == []
    assert not parser.is_empty


def test_a_frame_over_the_limit_is_refused_by_its_length_alone():
    parser = FrameParser(10)
    with pytest.raises(FrameTooLarge):
        parser.feed(encode_varint(11))
    with pytest.raises(FrameTooLarge):
        FrameParser(10).feed(encode_varint(2**62))


def test_a_frame_at_the_limit_is_taken():
    assert FrameParser(10).feed(frame(b"x" * 10)) == [b"x" * 10]


@pytest.mark.parametrize(
    "raw",
    [b"\xff" * 9, b"\x80" * 9, b"\x80" * 11, b"\x80\x00", b"\x83\x80\x00"],
    ids=["nine bytes", "nine zeros", "eleven zeros", "padded zero", "padded three"],
)
def test_a_length_in_a_form_of_its_own_is_refused(raw: bytes):
    with pytest.raises(MalformedMessage):
        FrameParser(1 << 20).feed(raw)


def test_an_endless_length_is_refused_before_it_ends():
    parser = FrameParser(1 << 20)
    for _ in range(8):
        parser.feed(b"\x80")
    with pytest.raises(MalformedMessage):
        parser.feed(b"\x80")


def test_a_parser_holds_no_more_than_one_frame():
    parser = FrameParser(100)
    for _ in range(1_000):
        parser.feed(frame(b"x" * 100)[:50])
        parser.feed(frame(b"x" * 100)[50:])
        assert len(parser._buffer) == 0


@given(st.lists(st.binary(max_size=300), max_size=8), st.lists(st.integers(1, 400), min_size=1))
def test_any_bodies_survive_any_cuts(bodies: list[bytes], cuts: list[int]):
    data = join_frames(bodies)
    parser = FrameParser(300)
    found: list[bytes] = []
    turn = 0
    while data:
        size = cuts[turn % len(cuts)]
        found += parser.feed(memoryview(data)[:size])
        data, turn = data[size:], turn + 1
    assert found == bodies


@given(st.binary(max_size=40))
def test_any_bytes_are_frames_or_the_peers_fault(data: bytes):
    with suppress(FrameTooLarge, MalformedMessage):
        FrameParser(16).feed(data)
