"""Frames cut out of a byte stream."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2pchat.errors import FrameTooLarge, MalformedMessage
from p2pchat.wire.framing import FrameParser, encode_varint, frame, join_frames

BODIES = [b"a", b"x" * 127, b"y" * 128, b"z" * 20_000]


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
    assert list(parser.feed(frame(b"abc")[:-1])) == []
    assert not parser.is_empty


def test_a_frame_over_the_limit_is_refused_by_its_length_alone():
    parser = FrameParser(10)
    with pytest.raises(FrameTooLarge):
        next(parser.feed(encode_varint(11)))
    with pytest.raises(FrameTooLarge):
        next(FrameParser(10).feed(encode_varint(2**62)))


def test_a_frame_at_the_limit_is_taken():
    assert list(FrameParser(10).feed(frame(b"x" * 10))) == [b"x" * 10]


@pytest.mark.parametrize(
    "raw",
    [b"\xff" * 9, b"\x80" * 9, b"\x80" * 11, b"\x80\x00", b"\x83\x80\x00"],
    ids=["nine bytes", "nine zeros", "eleven zeros", "padded zero", "padded three"],
)
def test_a_length_in_a_form_of_its_own_is_refused(raw: bytes):
    with pytest.raises(MalformedMessage):
        next(FrameParser(1 << 20).feed(raw))


def test_an_endless_length_is_refused_before_it_ends():
    parser = FrameParser(1 << 20)
    for _ in range(8):
        assert list(parser.feed(b"\x80")) == []
    with pytest.raises(MalformedMessage):
        next(parser.feed(b"\x80"))


def test_a_parser_holds_no_more_than_one_frame():
    parser = FrameParser(100)
    for _ in range(1_000):
        assert list(parser.feed(frame(b"x" * 100)[:50])) == []
        assert len(list(parser.feed(frame(b"x" * 100)[50:]))) == 1
        assert len(parser._buffer) == 0


def test_a_frame_is_cut_when_it_is_asked_for_and_not_before():
    parser = FrameParser(10)
    frames = parser.feed(join_frames([b"one", b"two"]) + b"\xff" * 9)
    assert next(frames) == b"one"
    assert not parser.is_empty
    assert next(frames) == b"two"
    with pytest.raises(MalformedMessage):
        next(frames)


def test_what_was_not_asked_for_comes_after_the_next_read():
    parser = FrameParser(10)
    assert next(parser.feed(join_frames([b"one", b"two"]))) == b"one"
    assert list(parser.feed(frame(b"three"))) == [b"two", b"three"]
    assert parser.is_empty


def test_an_empty_frame_is_malformed_where_a_protocol_knows_none():
    frames = FrameParser(10, skips_empty=False).feed(join_frames([b"one", b"", b"two"]))
    assert next(frames) == b"one"
    with pytest.raises(MalformedMessage):
        next(frames)


@pytest.mark.parametrize("step", [1, 5, 1000])
def test_empty_frames_are_passed_elsewhere(step: int):
    data = b"\0" * 500 + frame(b"one") + b"\0" * 500 + frame(b"two") + b"\0" * 500
    parser = FrameParser(10)
    pieces = [data[start : start + step] for start in range(0, len(data), step)]
    assert [body for piece in pieces for body in parser.feed(piece)] == [b"one", b"two"]
    assert parser.is_empty


def test_a_frame_that_is_coming_says_how_long_it_will_be_once_its_length_is_here():
    parser = FrameParser(1_000)
    data = frame(bytes(range(200)))
    assert parser.coming_bytes is None
    told = []
    for piece in (data[:1], data[1:2], data[2:150]):
        assert list(parser.feed(piece)) == []
        told.append((parser.coming_bytes, parser.missing_bytes))
    assert told == [(None, None), (202, 200), (202, 52)]
    assert list(parser.feed(data[150:])) == [bytes(range(200))]
    assert parser.missing_bytes is None


def test_a_run_of_empty_frames_is_one_step(monkeypatch: pytest.MonkeyPatch):
    steps = 0
    cut = FrameParser._next

    def counted(parser: FrameParser) -> bytes | None:
        nonlocal steps
        steps += 1
        return cut(parser)

    monkeypatch.setattr(FrameParser, "_next", counted)
    assert list(FrameParser(10).feed(b"\0" * 262_144)) == []
    assert steps == 1


@given(
    st.lists(st.binary(min_size=1, max_size=300), max_size=8),
    st.lists(st.integers(1, 400), min_size=1),
)
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
        list(FrameParser(16).feed(data))
