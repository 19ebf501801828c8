"""The proof of a LAN's secret, as scripts, and what somebody in between can make of it."""

from __future__ import annotations

import pytest

from p2pchat.errors import BadSignature, MalformedMessage
from p2pchat.model.ids import DeviceId
from p2pchat.protocol.lan_proof import TRANSITIONS, LanProof, Meeting, Stage
from p2pchat.wire.lan_codec import Role, encode_proof_mac, encode_proof_nonce

ALICE, BOB, MALLORY = (DeviceId(letter * 32).peer_id for letter in (b"a", b"b", b"m"))
KEY, OTHER = b"k" * 32, b"o" * 32


def opener(own=ALICE, other=BOB, key=KEY, nonce=b"1" * 32) -> LanProof:
    return LanProof(key, Meeting(own, other), Role.OPENER, nonce)


def responder(own=BOB, other=ALICE, key=KEY, nonce=b"2" * 32) -> LanProof:
    return LanProof(key, Meeting(other, own), Role.RESPONDER, nonce)


def run(one: LanProof, other: LanProof) -> None:
    """Let two talk until both have nothing to say."""
    said, turn = one.start(), (other, one)
    while said is not None:
        said = turn[0].handle(said)
        turn = turn[::-1]


def test_two_who_know_the_secret_prove_it_to_each_other():
    one, other = opener(), responder()
    run(one, other)
    assert one.stage is other.stage is Stage.PROVED


def test_who_waits_says_nothing_first_and_who_is_done_takes_nothing_more():
    one, other = opener(), responder()
    assert other.start() is None
    run(one, other)
    for side in (one, other):
        with pytest.raises(MalformedMessage):
            side.handle(encode_proof_nonce(bytes(32)))
    assert TRANSITIONS.keys() == {Stage.NONCE, Stage.CODE}


def test_the_opener_is_found_out_before_the_responder_has_shown_anything():
    one, other = opener(key=OTHER), responder()
    nonce = other.handle(one.start())
    code = one.handle(nonce)
    with pytest.raises(BadSignature):
        other.handle(code)
    assert other.stage is Stage.CODE


def test_a_responder_that_does_not_know_the_secret_is_found_out():
    one, other = opener(), responder()
    one.handle(other.handle(one.start()))
    with pytest.raises(BadSignature):
        one.handle(encode_proof_mac(bytes(32)))


def test_what_a_side_said_cannot_be_said_back_to_it():
    """Mallory answers Alice with her own nonce and her own code."""
    one = opener(other=MALLORY)
    code = one.handle(one.start())
    with pytest.raises(BadSignature):
        one.handle(code)


def test_a_code_made_for_one_peer_is_of_no_use_with_another():
    """Alice has dialled Mallory, who dials Bob and passes everything on."""
    to_mallory, bob = opener(other=MALLORY), responder(other=MALLORY)
    nonce = bob.handle(to_mallory.start())
    code = to_mallory.handle(nonce)
    with pytest.raises(BadSignature):
        bob.handle(code)


def test_a_responder_does_not_prove_itself_with_the_code_of_a_proof_of_its_own_making():
    """Alice has dialled Mallory, who dials Alice, to have her answer her own question."""
    outbound = opener(other=MALLORY)
    inbound = responder(own=ALICE, other=MALLORY)
    inbound_nonce = inbound.handle(outbound.start())
    code = outbound.handle(inbound_nonce)
    with pytest.raises(BadSignature):
        inbound.handle(code)


def test_a_recorded_proof_does_not_fit_another_nonce():
    one, other = opener(), responder()
    first = one.start()
    recorded = one.handle(other.handle(first))
    again = responder(nonce=b"3" * 32)
    again.handle(first)
    with pytest.raises(BadSignature):
        again.handle(recorded)


@pytest.mark.parametrize("side", [opener, responder])
def test_what_is_no_frame_of_the_proof_is_malformed(side):
    for frame in (b"", b"\xff", encode_proof_mac(bytes(32)), encode_proof_nonce(b"")):
        with pytest.raises(MalformedMessage):
            side().handle(frame)
