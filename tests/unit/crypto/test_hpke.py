"""The outer envelope: whom it opens for, and that nothing in it can be changed."""

from __future__ import annotations

import pytest

from p2pchat.crypto.hpke import (
    HEADER_BYTES,
    HpkePrivate,
    HpkePublic,
    HpkeSuite,
    key_named,
    new_hpke_key,
    open_envelope,
    seal_envelope,
)
from p2pchat.errors import MalformedMessage, UnknownVersion
from p2pchat.model.ids import DeviceId

BOB, CAROL = DeviceId(b"b" * 32), DeviceId(b"c" * 32)
TEXT = b"hello" * 20
SIZES = {HpkeSuite.X25519: 32, HpkeSuite.MLKEM768_X25519: 1120}
"""Bytes of what is encapsulated: the rest of a blob grows with its text alone."""


@pytest.fixture(params=HpkeSuite, ids=lambda suite: suite.name)
def key(request) -> HpkePrivate:
    return new_hpke_key(request.param)


def test_a_blob_opens_for_the_device_it_was_sealed_to(key):
    blob = seal_envelope(key.public, BOB, TEXT)
    assert key_named(blob) == key.public.id
    assert open_envelope(key, BOB, blob) == TEXT
    assert len(blob) == HEADER_BYTES + SIZES[key.suite] + len(TEXT) + 16


def test_two_blobs_of_one_text_have_nothing_in_common(key):
    one, other = (seal_envelope(key.public, BOB, TEXT)[HEADER_BYTES:] for _ in range(2))
    assert one[:16] != other[:16]
    assert one[-32:] != other[-32:]


def test_a_blob_opens_for_nobody_else(key):
    blob = seal_envelope(key.public, BOB, TEXT)
    with pytest.raises(MalformedMessage):
        open_envelope(key, CAROL, blob)
    with pytest.raises(MalformedMessage):
        open_envelope(new_hpke_key(key.suite), BOB, blob)


def test_any_bit_that_is_changed_shuts_a_blob(key):
    blob = seal_envelope(key.public, BOB, b"a")
    for index in range(len(blob)):
        for bit in range(8):
            forged = bytearray(blob)
            forged[index] ^= 1 << bit
            with pytest.raises(MalformedMessage):
                open_envelope(key, BOB, bytes(forged))


@pytest.mark.parametrize("cut", [0, 1, HEADER_BYTES - 1, HEADER_BYTES, HEADER_BYTES + 20])
def test_a_blob_that_was_cut_is_refused(key, cut):
    blob = seal_envelope(key.public, BOB, TEXT)[:cut]
    with pytest.raises(MalformedMessage):
        open_envelope(key, BOB, blob)


def test_another_version_is_not_guessed_at(key):
    blob = seal_envelope(key.public, BOB, TEXT)
    with pytest.raises(UnknownVersion):
        key_named(b"\x02" + blob[1:])
    with pytest.raises(MalformedMessage):
        key_named(blob[:3])


def test_a_key_that_went_to_disk_is_the_same_key(key):
    again = HpkePrivate(key.suite, key.raw)
    assert again.public == key.public
    assert open_envelope(again, BOB, seal_envelope(key.public, BOB, TEXT)) == TEXT
    assert key.raw.hex() not in repr(key)


@pytest.mark.parametrize("size", [0, 31, 33, 1215, 1217])
def test_a_public_key_of_another_length_is_none(size):
    for suite in HpkeSuite:
        with pytest.raises(MalformedMessage):
            HpkePublic(suite, bytes(size))


@pytest.mark.parametrize("raw", [bytes(1216), b"\xff" * 1216, bytes(32)])
def test_a_key_that_nobody_can_have_is_refused_and_does_not_crash(raw):
    suite = HpkeSuite.X25519 if len(raw) == 32 else HpkeSuite.MLKEM768_X25519
    with pytest.raises(MalformedMessage):
        seal_envelope(HpkePublic(suite, raw), BOB, TEXT)
