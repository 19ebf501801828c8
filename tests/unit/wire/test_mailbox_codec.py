"""Requests to a mailbox relay and its answers: what comes back, and what is refused."""

from __future__ import annotations

import pytest

from p2pchat.config.limits import BLOB_BYTES_MAX
from p2pchat.errors import BadSignature, FrameTooLarge, MalformedMessage, UnknownVersion
from p2pchat.model.ids import PEER_ID_BYTES_MAX, PeerId
from p2pchat.wire import mailbox_pb2 as pb
from p2pchat.wire.envelope import Ed25519Signer, Purpose, verify
from p2pchat.wire.mailbox_codec import (
    _ID_MAX,
    ANSWER_BYTES_MAX,
    IDS_MAX,
    PAGE_BLOBS_MAX,
    PAGE_BYTES_MAX,
    REQUEST_BYTES_MAX,
    WRITE_KEYS_MAX,
    Answer,
    Ask,
    Challenge,
    Delete,
    Done,
    Fetch,
    Notice,
    Open,
    Opened,
    Page,
    PageRow,
    Put,
    Reason,
    Refused,
    Register,
    Request,
    decode_answer,
    decode_request,
    encode_answer,
    encode_request,
    open_body,
    put_body,
)
from tests.unit.protocol.people import ALICE, BOB

KEY, OTHER, SIGNATURE = b"k" * 32, b"o" * 32, b"s" * 64
SIGNER = Ed25519Signer(b"w" * 32)
REQUESTS = (
    Put(KEY, OTHER, SIGNATURE, b"sealed"),
    Ask(),
    Open(KEY, SIGNATURE),
    Register(frozenset({KEY, OTHER}), OTHER, is_shared=True),
    Register(frozenset()),
    Fetch(7, without_blobs=True),
    Fetch(),
    Delete((1, 2, _ID_MAX)),
)
ANSWERS = (
    Refused(Reason.BUSY, 250),
    Refused(Reason.DENIED),
    Done(),
    Challenge(KEY),
    Opened(is_registered=True, blobs=3),
    Page((PageRow(1, 5, 6, b"sealed"), PageRow(4, 6, 2)), has_more=True),
    Page((), has_more=False),
)


@pytest.mark.parametrize("body", REQUESTS)
def test_a_request_comes_back_as_it_was(body):
    assert decode_request(encode_request(Request(9, body))) == Request(9, body)


@pytest.mark.parametrize("body", ANSWERS)
def test_an_answer_comes_back_as_it_was(body):
    assert decode_answer(encode_answer(Answer(9, body))) == Answer(9, body)


def test_a_notice_answers_no_request():
    assert decode_answer(encode_answer(Answer(0, Notice()))) == Answer(0, Notice())


@pytest.mark.parametrize(
    "request_",
    [
        pb.Request(ask=pb.Ask()),
        pb.Request(id=1, put=pb.Put(mailbox=KEY[1:], key=KEY, signature=SIGNATURE)),
        pb.Request(id=1, put=pb.Put(mailbox=KEY, key=KEY + b"x", signature=SIGNATURE)),
        pb.Request(id=1, put=pb.Put(mailbox=KEY, key=KEY, signature=SIGNATURE[1:])),
        pb.Request(id=1, open=pb.Open(mailbox=KEY)),
        pb.Request(id=1, open=pb.Open(mailbox=b"", signature=SIGNATURE)),
        pb.Request(id=1, register=pb.Register(keys=[KEY, b"short"])),
        pb.Request(id=1, register=pb.Register(intro=b"short")),
        pb.Request(id=1, register=pb.Register(keys=[KEY] * (WRITE_KEYS_MAX + 1))),
        pb.Request(id=1, fetch=pb.Fetch(after=_ID_MAX + 1)),
        pb.Request(id=1, delete=pb.Delete(ids=[_ID_MAX + 1])),
        pb.Request(id=1, delete=pb.Delete(ids=[1] * (IDS_MAX + 1))),
    ],
)
def test_a_request_out_of_bounds_is_refused(request_):
    with pytest.raises(MalformedMessage):
        decode_request(request_.SerializeToString())


def kept(*ids: int, blob: bytes = b"") -> pb.Page:
    return pb.Page(kept=[pb.Kept(id=id, blob=blob) for id in ids])


@pytest.mark.parametrize(
    "answer",
    [
        pb.Answer(done=pb.Done()),
        pb.Answer(id=1, notice=pb.Notice()),
        pb.Answer(id=1, challenge=pb.Challenge(nonce=b"short")),
        pb.Answer(id=1, page=kept(2, 1)),
        pb.Answer(id=1, page=kept(1, 1)),
        pb.Answer(id=1, page=kept(_ID_MAX + 1)),
        pb.Answer(id=1, page=pb.Page(more=True)),
        pb.Answer(id=1, page=kept(*range(PAGE_BLOBS_MAX + 1))),
        pb.Answer(id=1, page=kept(1, blob=bytes(BLOB_BYTES_MAX + 1))),
    ],
)
def test_an_answer_out_of_bounds_is_refused(answer):
    with pytest.raises(MalformedMessage):
        decode_answer(answer.SerializeToString())


def test_what_is_of_a_later_version_is_told_apart_from_nonsense():
    later = b"\x08\x01\xfa\x01\x00"
    with pytest.raises(UnknownVersion):
        decode_request(later)
    with pytest.raises(UnknownVersion):
        decode_answer(later)
    with pytest.raises(UnknownVersion):
        decode_answer(b"\x08\x01\x12\x02\x08\x63")
    with pytest.raises(MalformedMessage):
        decode_request(b"\xff")
    with pytest.raises(MalformedMessage):
        decode_answer(b"\xff")


def test_what_is_too_large_is_not_decoded():
    with pytest.raises(FrameTooLarge):
        decode_request(bytes(REQUEST_BYTES_MAX + 1))
    with pytest.raises(FrameTooLarge):
        decode_answer(bytes(ANSWER_BYTES_MAX + 1))


def test_the_largest_requests_and_pages_fit():
    keys = frozenset(number.to_bytes(32, "big") for number in range(WRITE_KEYS_MAX))
    largest = (
        Put(KEY, KEY, SIGNATURE, bytes(BLOB_BYTES_MAX)),
        Register(keys, KEY, is_shared=True),
        Delete(tuple(range(_ID_MAX - IDS_MAX, _ID_MAX))),
    )
    for body in largest:
        decode_request(encode_request(Request((1 << 32) - 1, body)))
    blob = bytes(PAGE_BYTES_MAX // PAGE_BLOBS_MAX)
    last = _ID_MAX - PAGE_BLOBS_MAX
    rows = tuple(PageRow(last + n, _ID_MAX, len(blob), blob) for n in range(PAGE_BLOBS_MAX))
    decode_answer(encode_answer(Answer((1 << 32) - 1, Page(rows, has_more=True))))


def test_no_bit_of_a_signed_put_or_proof_can_be_changed():
    longest = PeerId(bytes([0, PEER_ID_BYTES_MAX - 2]) + bytes(PEER_ID_BYTES_MAX - 2))
    signed = (
        (Purpose.MAILBOX_PUT, put_body(KEY, b"sealed")),
        (Purpose.MAILBOX_OPEN, open_body(KEY, OTHER, ALICE.device.peer_id, longest)),
    )
    for purpose, body in signed:
        signature = SIGNER.sign(purpose, body)
        verify(SIGNER.public_key, purpose, body, signature)
        for bit in range(len(body) * 8):
            flipped = bytearray(body)
            flipped[bit // 8] ^= 1 << bit % 8
            with pytest.raises(BadSignature):
                verify(SIGNER.public_key, purpose, bytes(flipped), signature)
        with pytest.raises(BadSignature):
            verify(SIGNER.public_key, Purpose.RECEIPT, body, signature)


def test_two_peers_cannot_be_read_as_two_others():
    alice, bob = ALICE.device.peer_id, BOB.device.peer_id
    assert open_body(KEY, OTHER, alice, bob) != open_body(KEY, OTHER, bob, alice)
