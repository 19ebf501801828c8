"""Keys of sender sessions: signed, bounded, and for those alone whom they name."""

from __future__ import annotations

import pytest

from p2pchat.errors import BadSignature, MalformedMessage, UnknownVersion
from p2pchat.wire.dchat_pb2 import SenderKey as SenderKeyPb
from p2pchat.wire.sender_keys import (
    AUDIENCE_MAX,
    SENDER_KEY_BYTES_MAX,
    Audience,
    SenderKey,
    audience_of,
    decode_sender_key,
    sign_sender_key,
    verify_sender_key,
)
from tests.unit.protocol.people import ALICE, BOB, CAROL, MALLORY, digest, person
from tests.vectors.golden import CREW

KEY = bytes(229)
DAVE = person("dave")
FIELDS = {"version": 1, "conversation": CREW, "device": ALICE.device, "key": KEY}


def body(**changes: object) -> bytes:
    return SenderKeyPb(**{**FIELDS, **changes}).SerializeToString()


def test_what_is_signed_reads_back():
    said = SenderKey(CREW, ALICE.device, 7, KEY, audience_of(KEY, (BOB.device,)))
    signed = sign_sender_key(said, ALICE.signer)
    assert decode_sender_key(signed.body, signed.signature) == signed
    assert signed.said == said
    verify_sender_key(signed)
    assert KEY.hex() not in repr(signed)
    assert repr(KEY) not in repr(signed)


def test_a_key_is_its_devices_alone():
    forged = sign_sender_key(SenderKey(CREW, ALICE.device, 7, KEY, Audience()), MALLORY.signer)
    with pytest.raises(BadSignature):
        verify_sender_key(forged)


def test_a_key_is_for_those_whom_it_names():
    audience = audience_of(KEY, (CAROL.device, BOB.device), (DAVE.device,))
    assert audience == audience_of(KEY, (BOB.device, CAROL.device), (DAVE.device,))
    said = SenderKey(CREW, ALICE.device, 7, KEY, audience)
    everybody = (ALICE.device, BOB.device, CAROL.device, DAVE.device, MALLORY.device)
    assert said.listed(everybody) == {BOB.device, CAROL.device, DAVE.device}
    assert said.left(everybody) == {DAVE.device}


def test_under_another_key_the_same_tags_name_nobody():
    said = SenderKey(CREW, ALICE.device, 7, bytes(228) + b"1", audience_of(KEY, (BOB.device,)))
    assert said.listed((BOB.device,)) == set()


def test_an_audience_names_only_so_many_the_first_of_all():
    devices = [BOB.device, *(digest(f"device {n}") for n in range(AUDIENCE_MAX))]
    for given in (devices[:1], devices[:-1], devices):
        others = devices[len(given) :]
        said = SenderKey(CREW, ALICE.device, 7, KEY, audience_of(KEY, given, others))
        assert said.audience.count == AUDIENCE_MAX
        assert said.listed((devices[0], devices[-1])) == {BOB.device}
        decode_sender_key(sign_sender_key(said, ALICE.signer).body, bytes(64))


@pytest.mark.parametrize(
    "raw",
    [
        b"\xff",
        body(key=b""),
        body(key=bytes(SENDER_KEY_BYTES_MAX + 1)),
        body(conversation=b"short"),
        body(device=b"short"),
        body(given=bytes(7), others=bytes(1)),
        body(others=bytes(8 * (AUDIENCE_MAX + 1))),
        body(given=bytes(8), others=bytes(8 * AUDIENCE_MAX)),
    ],
)
def test_what_is_out_of_bounds_is_refused(raw):
    with pytest.raises(MalformedMessage):
        decode_sender_key(raw, bytes(64))


def test_a_key_of_a_later_version_is_told_apart():
    with pytest.raises(UnknownVersion):
        decode_sender_key(body(version=2), bytes(64))
