"""What lies in an envelope, and what lies in the letter in it."""

from __future__ import annotations

import pytest

from p2pchat.errors import MalformedMessage
from p2pchat.wire.frames import Hello, SyncDigest
from p2pchat.wire.mail_codec import (
    COUNTER_MAX,
    LETTER_FRAMES_MAX,
    MailBody,
    decode_body,
    decode_letter,
    encode_body,
    encode_letter,
)
from tests.unit.protocol.people import ALICE, BOB, between

DIGEST = SyncDigest(between(ALICE, BOB), bytes(32))


@pytest.mark.parametrize("devices", [None, ALICE.devices])
def test_a_body_comes_back_as_it_was(devices):
    body = MailBody(ALICE.party, devices, 1, b"sealed", COUNTER_MAX)
    decoded = decode_body(encode_body(body))
    assert (decoded.sender, decoded.kind, decoded.ciphertext) == (ALICE.party, 1, b"sealed")
    assert decoded.counter == COUNTER_MAX
    assert (decoded.devices and decoded.devices.raw) == (devices and devices.raw)


@pytest.mark.parametrize(
    "body",
    [
        MailBody(ALICE.party, None, 2, b"sealed", 0),
        MailBody(ALICE.party, None, 0, b"sealed", COUNTER_MAX + 1),
        MailBody(ALICE.party, None, 0, b"", 0),
        MailBody(BOB.party, ALICE.devices, 0, b"sealed", 0),
    ],
)
def test_a_body_out_of_bounds_is_refused(body):
    with pytest.raises(MalformedMessage):
        decode_body(encode_body(body))


def test_a_letter_holds_frames_in_their_order():
    frames = (Hello(ALICE.devices), DIGEST)
    decoded, asks_again = decode_letter(encode_letter(frames, asks_again=True))
    assert asks_again
    assert decode_letter(encode_letter(())) == ((), False)
    assert decoded[1] == DIGEST
    assert isinstance(decoded[0], Hello)


def test_a_letter_of_too_many_frames_is_refused():
    decode_letter(encode_letter([DIGEST] * LETTER_FRAMES_MAX))
    with pytest.raises(MalformedMessage):
        decode_letter(encode_letter([DIGEST] * (LETTER_FRAMES_MAX + 1)))


def test_a_letter_of_garbage_is_refused():
    with pytest.raises(MalformedMessage):
        decode_letter(b"\x0a\xff")
    with pytest.raises(MalformedMessage):
        decode_letter(encode_letter([DIGEST])[:-3])
