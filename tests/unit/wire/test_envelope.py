"""Signatures over a purpose and the exact bytes."""

from __future__ import annotations

import pytest

from p2pchat.errors import BadSignature
from p2pchat.wire.envelope import Ed25519Signer, Purpose, verify
from tests.unit.protocol.people import ALICE, BOB

BODY = b"exactly this"


def test_a_signature_verifies():
    verify(ALICE.device, Purpose.OP, BODY, ALICE.signer.sign(Purpose.OP, BODY))


@pytest.mark.parametrize("purpose", [purpose for purpose in Purpose if purpose is not Purpose.OP])
def test_a_signature_for_one_purpose_is_none_for_another(purpose: Purpose):
    with pytest.raises(BadSignature):
        verify(ALICE.device, purpose, BODY, ALICE.signer.sign(Purpose.OP, BODY))


def test_purposes_cannot_be_mistaken_for_each_other():
    domains = [purpose.value for purpose in Purpose]
    assert all(domain.startswith(b"dchat/") and domain.endswith(b"\0") for domain in domains)
    assert not [d for d in domains for other in domains if d is not other and d.startswith(other)]


def test_a_signature_is_its_keys_alone():
    with pytest.raises(BadSignature):
        verify(BOB.device, Purpose.OP, BODY, ALICE.signer.sign(Purpose.OP, BODY))


@pytest.mark.parametrize("size", [0, 63, 65, 128])
def test_a_signature_has_64_bytes(size: int):
    with pytest.raises(BadSignature, match="64 bytes"):
        verify(ALICE.device, Purpose.OP, BODY, bytes(size))


@pytest.mark.parametrize("key", [bytes(32), b"\1" + bytes(31), b"\xff" * 32])
def test_a_key_of_small_order_or_none_at_all_signs_nothing(key: bytes):
    """With such a key one signature would fit many messages."""
    with pytest.raises(BadSignature):
        verify(key, Purpose.OP, BODY, bytes(64))


def test_a_key_of_the_wrong_size_signs_nothing():
    with pytest.raises(BadSignature):
        verify(b"short", Purpose.OP, BODY, bytes(64))


def test_a_signature_has_one_form():
    """Adding the group order to its second half gives the same equation, and must be refused."""
    order = 2**252 + 27742317777372353535851937790883648493
    signature = ALICE.signer.sign(Purpose.OP, BODY)
    other = int.from_bytes(signature[32:], "little") + order
    with pytest.raises(BadSignature):
        verify(ALICE.device, Purpose.OP, BODY, signature[:32] + other.to_bytes(32, "little"))


def test_a_signer_shows_no_secret():
    signer = Ed25519Signer(b"secret" * 5 + b"!!")
    assert "secret" not in repr(signer) + str(signer)
    assert len(signer.public_key) == 32
