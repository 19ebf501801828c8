"""Whatever comes from outside is a value or the documented error, within bounded memory."""

from __future__ import annotations

import tracemalloc
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.decoders import DECODERS, Decoder

FOUND = Path(__file__).with_name("found")
"""Inputs that once did harm, in hexadecimal: `<name of the decoder, _ for blanks>-<hash>.hex`."""
MEMORY_BYTES_MAX = 4 << 20
LIES = {
    "length 2^64": b"\x12" + b"\xff" * 9 + b"\x01",
    "length 2^31": b"\x12\xff\xff\xff\xff\x07" + bytes(8),
    "varint of eleven bytes": b"\xff" * 11,
    "endless groups": b"\x0b" * 3000,
    "deep protobuf": b"\x0a\x7e" * 1500,
    "deep JSON": b"[" * 60_000,
    "deep TOML": b"a = " + b"[" * 60_000,
    "deep TOML keys": b"a." * 300 + b"a = 1",
    "huge number": b"9" * 50_000,
    "number without end": b'{"version": 1e999, "peers": [{"last_seen_ms": 1e999}]}',
    "no UTF-8": b"\xff\xfe\xfd" * 100,
    "half a surrogate pair": b'{"jsonrpc": "2.0", "id": "\\ud800", "method": "\\udfff"}',
    "zeros": bytes(20_000),
    "full Noise packets": b"\xff\xff" + bytes(65_535) + b"\xff\xff",
    "long frames": b"\x00\x00" + bytes(6) + b"\xff\xff\xff\xff",
}


def attempt(decoder: Decoder, raw: bytes) -> None:
    with suppress(*decoder.errors):  # nothing else may come out
        decoder.decode(raw)


def mangled(raw: bytes, places: list[tuple[int, int]], cut: int, again: int) -> bytes:
    """Valid bytes with some changed, some left out and some twice."""
    out = bytearray(raw)
    for place, value in places:
        if out:
            out[place % len(out)] = value
    middle = cut % (len(out) + 1)
    return bytes(out[:middle] + out[max(middle + again, 0) :])


EVERY = pytest.mark.parametrize("name", DECODERS)


@EVERY
def test_what_it_begins_with_is_not_refused_outright(name: str):
    """Else the search would begin nowhere: one seed at least is read to its end."""
    decoder = DECODERS[name]
    read = 0
    for seed in decoder.seeds:
        with suppress(*decoder.errors):
            decoder.decode(seed)
            read += 1
    assert read or name == "noise handshake", "which answers, and then nobody is there"


@EVERY
@settings(max_examples=30)
@given(raw=st.binary(max_size=300))
def test_any_bytes_are_a_value_or_the_documented_error(name: str, raw: bytes):
    attempt(DECODERS[name], raw)


@EVERY
@settings(max_examples=60)
@given(
    seed=st.integers(0, 100),
    places=st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 255)), max_size=4),
    cut=st.integers(0, 5000),
    again=st.integers(-40, 40),
)
def test_spoiled_bytes_are_a_value_or_the_documented_error(
    name: str, seed: int, places: list[tuple[int, int]], cut: int, again: int
):
    decoder = DECODERS[name]
    attempt(decoder, mangled(decoder.seeds[seed % len(decoder.seeds)], places, cut, again))


@EVERY
@pytest.mark.parametrize("lie", LIES)
def test_lies_about_lengths_and_endless_nesting_take_no_memory(name: str, lie: str):
    attempt(DECODERS[name], LIES[lie])  # what is loaded at the first use does not count
    # Nor what another thread takes meanwhile: what a decoder takes it takes each time.
    peaks_bytes = (peak_of(DECODERS[name], LIES[lie]) for _ in range(3))
    assert any(peak_bytes < MEMORY_BYTES_MAX for peak_bytes in peaks_bytes)


def peak_of(decoder: Decoder, raw: bytes) -> int:
    """How many bytes decoding takes at most at a time, beside whatever else goes on."""
    tracemalloc.start()
    try:
        attempt(decoder, raw)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("path", sorted(FOUND.iterdir()), ids=lambda path: path.name)
def test_what_once_did_harm_does_none(path: Path):
    name, _, _ = path.name.rpartition("-")
    attempt(DECODERS[name.replace("_", " ")], bytes.fromhex(path.read_text()))
