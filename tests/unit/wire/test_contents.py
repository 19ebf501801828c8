"""What ops say."""

from __future__ import annotations

import struct

import pytest

from p2pchat.errors import MalformedMessage
from p2pchat.model.op import Kind
from p2pchat.wire import dchat_pb2 as pb
from p2pchat.wire.contents import (
    AVATAR_BYTES_MAX,
    AVATAR_PIXELS_MAX,
    BIO_CHARS_MAX,
    NAME_CHARS_MAX,
    TEXT_BYTES_MAX,
    Accept,
    Content,
    Profile,
    Reject,
    Request,
    Text,
    Unknown,
    decode_content,
    encode_content,
    is_avatar,
)
from tests.unit.protocol.people import op_id
from tests.unit.protocol.pictures import AVATAR

TOKEN, HALF = bytes(16), bytes(32)
REQUEST = Request("alice", "hello", TOKEN, HALF)


@pytest.mark.parametrize(
    "content",
    [
        Text("hello"),
        Text("x" * TEXT_BYTES_MAX, op_id("question")),
        Profile("Алиса 🌿"),
        Profile(""),
        Profile("Alice", "b" * BIO_CHARS_MAX, AVATAR),
        REQUEST,
        Accept("bob", HALF),
        Reject(),
    ],
    ids=lambda content: type(content).__name__,
)
def test_a_content_reads_as_it_was_written(content: Content):
    assert decode_content(*encode_content(content)) == content


def test_a_kind_of_a_later_version_is_unknown():
    assert decode_content(999, b"anything \xff") == Unknown()
    with pytest.raises(AssertionError):
        encode_content(Unknown())


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (Kind.TEXT, pb.Text(text="")),
        (Kind.TEXT, pb.Text(text="é" * (TEXT_BYTES_MAX // 2) + "x")),
        (Kind.TEXT, pb.Text(text="hello", reply_to=b"short")),
        (Kind.PROFILE, pb.Profile(name="x" * (NAME_CHARS_MAX + 1))),
        (Kind.PROFILE, pb.Profile(name="x", bio="x" * (BIO_CHARS_MAX + 1))),
        (Kind.PROFILE, pb.Profile(name="x", avatar=b"no picture")),
        (Kind.REQUEST, pb.Request(name="x", greeting="x" * 501, intro=TOKEN, pair_half=HALF)),
        (Kind.REQUEST, pb.Request(name="x", intro=b"short", pair_half=HALF)),
        (Kind.REQUEST, pb.Request(name="x", intro=TOKEN, pair_half=b"short")),
        (Kind.REQUEST, pb.Request(name="x" * 65, intro=TOKEN, pair_half=HALF)),
        (Kind.ACCEPT, pb.Accept(name="x", pair_half=b"")),
    ],
    ids=str,
)
def test_a_content_out_of_bounds_is_malformed(kind: Kind, message):
    with pytest.raises(MalformedMessage):
        decode_content(kind, message.SerializeToString())


@pytest.mark.parametrize("kind", [Kind.TEXT, Kind.PROFILE, Kind.REQUEST, Kind.ACCEPT])
@pytest.mark.parametrize(
    "raw", [b"\xff\xff", b"\n\x02\xc3\x28", b"\n\x03\xed\xa0\x80", b"\n\xff\xff\xff\xff\x0f"]
)
def test_bytes_that_are_no_content_are_malformed(kind: Kind, raw: bytes):
    """Among them invalid UTF-8, a lone surrogate, a length of 2^32."""
    with pytest.raises(MalformedMessage):
        decode_content(kind, raw)


@pytest.mark.parametrize(
    ("told", "shown"),
    [
        ("  alice ", "alice"),
        ("al\nice", "alice"),
        ("al\u202eice", "alice"),
        ("al\u200bice\0", "alice"),
        ("\u2066\u2069", ""),
        ("李 小龙", "李 小龙"),
    ],
)
def test_a_name_has_visible_characters_only(told: str, shown: str):
    assert decode_content(Kind.PROFILE, pb.Profile(name=told).SerializeToString()) == Profile(shown)


def test_secrets_are_not_shown():
    assert repr(HALF) not in repr(Accept("bob", HALF)) + repr(REQUEST)


def test_a_bio_keeps_its_lines_and_loses_what_cannot_be_shown():
    raw = pb.Profile(name="x", bio=" one\ntwo\r\x1b[2J\u202e ").SerializeToString()
    assert decode_content(Kind.PROFILE, raw) == Profile("x", "one\ntwo[2J")


def resized(chunk: bytes) -> bytes:
    """A picture with this chunk, all lengths being right."""
    padding = bytes(len(chunk) & 1)
    body = b"WEBPVP8 " + struct.pack("<I", len(chunk)) + chunk + padding
    return b"RIFF" + struct.pack("<I", len(body)) + body


def sized(width: int, height: int) -> bytes:
    return AVATAR[:26] + struct.pack("<HH", width, height) + AVATAR[30:]


def test_a_picture_of_the_largest_size_is_an_avatar():
    header = sized(AVATAR_PIXELS_MAX, AVATAR_PIXELS_MAX)[20:]
    largest = resized(header + bytes(AVATAR_BYTES_MAX - 20 - len(header)))
    assert len(largest) == AVATAR_BYTES_MAX
    assert is_avatar(largest)
    assert is_avatar(resized(header + b"odd"))


@pytest.mark.parametrize(
    "raw",
    [
        sized(AVATAR_PIXELS_MAX + 1, 16),
        sized(16, AVATAR_PIXELS_MAX + 1),
        sized(16, 0),
        sized(0x3FFF, 0x3FFF),
        AVATAR + b"beside",
        AVATAR[:-1],
        AVATAR[:30],
        AVATAR.replace(b"VP8 ", b"VP8X"),
        AVATAR.replace(b"VP8 ", b"VP8L"),
        AVATAR.replace(b"RIFF", b"RIFX"),
        AVATAR.replace(b"\x9d\x01\x2a", b"\x9d\x01\x2b"),
        resized(AVATAR[20:] + bytes(AVATAR_BYTES_MAX)),
        b"\x89PNG\r\n\x1a\n" + bytes(64),
    ],
)
def test_anything_else_is_no_avatar(raw: bytes):
    assert not is_avatar(raw)
