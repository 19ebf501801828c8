"""Whatever is signed or sealed is refused when any single bit of it is another.

That nothing is left out is for `tests/architecture/test_sealed.py`, which reads `wire/*.proto`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace

import pytest
from google.protobuf.message import DecodeError

from p2pchat.errors import P2PChatError
from p2pchat.wire.envelope import Purpose, Signer
from tests.integrity.sealed import SEALED, Misuse, Sealed, honest

PURPOSES = {name: entry for name, entry in SEALED.items() if entry.purpose is not None}


def flips(raw: bytes) -> Iterator[tuple[int, bytes]]:
    """Each bit of it, and what it is without that."""
    for bit in range(8 * len(raw)):
        flipped = bytearray(raw)
        flipped[bit // 8] ^= 1 << bit % 8
        yield bit, bytes(flipped)


def taken(entry: Sealed, whole: object) -> Iterator[int]:
    """The bits that may be another without anybody noticing."""
    raw = entry.make(honest)
    for bit, flipped in flips(raw):
        mended = entry.mend(flipped)
        if mended == raw:
            continue  # of the checksum that was made anew
        with suppress(P2PChatError, DecodeError):
            if not entry.free(whole, entry.read(mended)):
                yield bit


def as_if_for(purpose: Purpose) -> Misuse:
    """The same key, asked to sign for this purpose instead."""

    class Misused:
        def __init__(self, signer: Signer) -> None:
            self.public_key = signer.public_key
            self._signer = signer

        def sign(self, _: Purpose, body: bytes) -> bytes:
            return self._signer.sign(purpose, body)

    return Misused


def test_no_purpose_is_the_beginning_of_another():
    values = [purpose.value for purpose in Purpose]
    assert len(set(values)) == len(values)
    for value in values:
        assert value.startswith(b"dchat/")
        assert value.index(b"\0") == len(value) - 1


@pytest.mark.parametrize("name", SEALED)
def test_every_bit_counts(name: str):
    entry = SEALED[name]
    whole = entry.read(entry.make(honest))
    assert whole is not None
    assert list(taken(entry, whole)) == []


@pytest.mark.parametrize("name", SEALED)
def test_what_is_cut_short_is_refused(name: str):
    entry = SEALED[name]
    raw = entry.make(honest)
    for cut in range(len(raw)):
        with pytest.raises((P2PChatError, DecodeError)):
            entry.read(raw[:cut])


@pytest.mark.parametrize("name", PURPOSES)
@pytest.mark.parametrize("other", Purpose)
def test_a_signature_is_good_for_its_purpose_alone(name: str, other: Purpose):
    entry = PURPOSES[name]
    raw = entry.make(as_if_for(other))
    if other is entry.purpose:
        assert entry.read(raw) == entry.read(entry.make(honest))
        return
    with pytest.raises(P2PChatError):
        entry.read(raw)


@pytest.mark.parametrize("name", [name for name, entry in SEALED.items() if entry.why_free])
def test_what_is_free_is_so_for_a_reason(name: str):
    entry = SEALED[name]
    whole = entry.read(entry.make(honest))
    strict = replace(entry, free=Sealed.free)
    assert list(taken(strict, whole)), "nothing is free: take the excuse away"
