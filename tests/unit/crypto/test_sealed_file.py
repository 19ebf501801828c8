"""Files that a passphrase locks: whole, or refused."""

from __future__ import annotations

import struct
from hashlib import blake2b
from io import BytesIO

import pytest

from p2pchat.crypto.sealed_file import CHUNK_BYTES, SealedWriter, unsealed
from p2pchat.crypto.stretching import Cost
from p2pchat.errors import BadExport, ConfigError, SchemaTooNew, WrongPassphrase

CHEAP = Cost(1, 8192)
HEAD_BYTES = 62
"""Without the stream's own header of 24 bytes."""
SEALED_BYTES = CHUNK_BYTES + 17
CONTENT = bytes(range(256)) * 700
"""Two chunks and most of a third."""


def sealed(content: bytes = CONTENT, step: int = 10_000) -> bytes:
    file = BytesIO()
    writer = SealedWriter(file, "open sesame", CHEAP)
    for start in range(0, len(content), step):
        writer.write(content[start : start + step])
    writer.finish()
    return file.getvalue()


def opened(raw: bytes, passphrase: str = "open sesame") -> bytes:
    return b"".join(unsealed(BytesIO(raw), passphrase))


@pytest.mark.parametrize(
    "size", [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 2 * CHUNK_BYTES, len(CONTENT)]
)
def test_what_was_sealed_comes_out(size):
    content = CONTENT[:size]
    raw = sealed(content)
    assert opened(raw) == content
    assert CONTENT[:64] not in raw
    chunks = max(-(-size // CHUNK_BYTES), 1)
    assert len(raw) == HEAD_BYTES + 24 + size + 17 * chunks


def test_the_same_content_never_looks_alike():
    assert sealed(b"x")[HEAD_BYTES - 40 :] != sealed(b"x")[HEAD_BYTES - 40 :]


def test_another_passphrase_opens_nothing():
    with pytest.raises(WrongPassphrase, match="is wrong"):
        opened(sealed(), "open sesam")
    with pytest.raises(ConfigError):
        opened(sealed(), "")


def test_every_bit_counts():
    raw = sealed(b"a few words")
    for place in range(len(raw) * 8):
        flipped = bytearray(raw)
        flipped[place // 8] ^= 1 << place % 8
        with pytest.raises(BadExport):
            opened(bytes(flipped))


@pytest.mark.parametrize("place", [100, SEALED_BYTES, 2 * SEALED_BYTES, 2 * SEALED_BYTES + 500])
def test_damage_is_found_wherever_it_is(place):
    raw = bytearray(sealed())
    raw[HEAD_BYTES + 24 + place] ^= 1
    with pytest.raises(BadExport, match=r"is damaged|is not whole"):
        opened(bytes(raw))


def test_a_file_that_was_cut_is_not_whole():
    raw = sealed()
    start = HEAD_BYTES + 24
    ends = [0, 5, HEAD_BYTES - 1, HEAD_BYTES, start - 1, start, start + 16, start + 17]
    ends += [start + SEALED_BYTES + more for more in (-1, 0, 1, 17)]
    ends += [start + 2 * SEALED_BYTES, len(raw) - 1]
    for end in ends:
        with pytest.raises(BadExport):
            opened(raw[:end])


def test_a_file_that_goes_on_is_refused():
    for more in (b"\0", sealed()):
        with pytest.raises(BadExport):
            opened(sealed() + more)
    exact = sealed(CONTENT[:CHUNK_BYTES])
    with pytest.raises(BadExport, match="is damaged"):
        opened(exact + b"\0")


def test_chunks_in_another_order_are_refused():
    raw = sealed()
    start = HEAD_BYTES + 24
    head, first = raw[:start], raw[start : start + SEALED_BYTES]
    second, rest = raw[start + SEALED_BYTES :][:SEALED_BYTES], raw[start + 2 * SEALED_BYTES :]
    for chunks in (
        (second, first, rest),
        (first, first, second, rest),
        (second, rest),
        (first, rest),
        (rest,),
    ):
        with pytest.raises(BadExport):
            opened(head + b"".join(chunks))


def test_chunks_of_another_file_are_refused():
    one, other = sealed(), sealed()
    start = HEAD_BYTES + 24
    with pytest.raises((BadExport, WrongPassphrase)):
        opened(one[:start] + other[start:])


def with_head(
    *, version: int = 1, algorithm: int = 1, passes: int = 1, memory: int = 8192
) -> bytes:
    raw = bytearray(sealed(b"x"))
    struct.pack_into(">BBIQ", raw, 8, version, algorithm, passes, memory)
    raw[HEAD_BYTES - 8 : HEAD_BYTES] = blake2b(raw[: HEAD_BYTES - 8], digest_size=8).digest()
    return bytes(raw)


@pytest.mark.parametrize("head", [{"version": 2}, {"version": 0}, {"algorithm": 2}])
def test_a_later_version_is_said(head):
    with pytest.raises(SchemaTooNew, match="newer version"):
        opened(with_head(**head))


@pytest.mark.parametrize(
    "head", [{"passes": 0}, {"passes": 11}, {"memory": 1 << 40}, {"memory": 100}]
)
def test_costs_are_bounded_before_they_are_paid(head):
    with pytest.raises(BadExport, match="asks for"):
        opened(with_head(**head))


@pytest.mark.parametrize("raw", [b"", b"DCHATEXP", b"PK\3\4" * 100, b"\0" * 1000])
def test_a_foreign_file_is_said(raw):
    with pytest.raises(BadExport, match="is no export"):
        opened(raw)
