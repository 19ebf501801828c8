"""Ops as bytes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from p2pchat.errors import BadSignature, MalformedMessage, UnknownVersion
from p2pchat.model.op import Chain, Kind
from p2pchat.model.query import StoredOp
from p2pchat.wire.dchat_pb2 import Header as HeaderPb
from p2pchat.wire.dchat_pb2 import SignedOp as SignedOpPb
from p2pchat.wire.envelope import Purpose
from p2pchat.wire.ops import (
    CONTENT_BYTES_MAX,
    HEADER_BYTES_MAX,
    decode_header,
    decode_op,
    encode_op,
    restore_op,
    verify_op,
)
from tests.unit.protocol.people import ALICE, BOB, Author, between, digest, op_id

DIRECT = between(ALICE, BOB)


def author() -> Author:
    return Author(ALICE, DIRECT)


def changed(**fields: object) -> bytes:
    """A header's bytes with some fields replaced, in bounds or not."""
    header = HeaderPb.FromString(author().write().header_bytes)
    for name, value in fields.items():
        header.ClearField(name)
        if isinstance(value, list):
            getattr(header, name).extend(value)
        else:
            setattr(header, name, value)
    return header.SerializeToString()


def test_an_op_reads_as_it_was_written():
    writer = author()
    writer.write("first")
    op = writer.write("second", after=(op_id("a"), op_id("b")), deps=(op_id("c"),))
    found = decode_op(encode_op(op))
    assert found == op
    assert found.position.seq == 1
    verify_op(found)


def test_an_op_without_content_is_told_from_one_with_empty_content():
    op = author().write_raw(Kind.REJECT, b"")
    assert decode_op(encode_op(op)).content == b""
    assert decode_op(encode_op(replace(op, content=None))).content is None
    assert replace(op, content=None).size_bytes == op.size_bytes


def test_a_stored_op_is_restored_from_its_bytes():
    op = author().write()
    stored = StoredOp(op.id, 0, op.header_bytes, op.signature, op.content)
    assert restore_op(stored) == op
    assert stored.size_bytes == op.size_bytes


def test_the_id_is_the_hash_of_the_bytes_as_they_came():
    """An unknown field of a later version stays in what is hashed and verified."""
    header = author().write().header_bytes + bytes.fromhex("fa0a0161")
    raw = SignedOpPb(header=header, signature=bytes(64), content=b"\n\x05hello").SerializeToString()
    op = decode_op(raw)
    assert op.header_bytes == header
    assert op.id != author().write().id


@pytest.mark.parametrize(
    "fields",
    [
        {"version": 0},
        {"conversation": b"short"},
        {"chain": 0},
        {"chain": 2},
        {"chain": 2**32 - 1},
        {"account": bytes(31)},
        {"device": b""},
        {"seq": 1 << 48},
        {"seq": 2**64 - 1},
        {"seq": 1},
        {"prev": digest("below zero")},
        {"prev": b"short"},
        {"hlc": 1 << 63},
        {"hlc": 2**64 - 1},
        {"kind": 0},
        {"kind": 1024},
        {"kind": 2**32 - 1},
        {"kind": int(Kind.REJECT)},
        {"content_hash": bytes(31)},
        {"devices": b""},
        {"deps": [digest(f"{n}") for n in range(9)]},
        {"deps": [b"short"]},
        {"after": [digest(f"{n}") for n in range(5)]},
    ],
    ids=str,
)
def test_a_header_out_of_bounds_is_malformed(fields: dict[str, object]):
    with pytest.raises(MalformedMessage):
        decode_header(changed(**fields))


def test_an_op_of_a_later_version_is_told_apart_from_a_malformed_one():
    with pytest.raises(UnknownVersion):
        decode_header(changed(version=2))
    with pytest.raises(UnknownVersion):
        decode_header(changed(version=2, chain=7))


def test_a_header_at_the_bounds_is_taken():
    raw = changed(
        seq=(1 << 48) - 1,
        prev=digest("before"),
        hlc=(1 << 63) - 1,
        kind=1023,
        deps=[digest(f"{n}") for n in range(8)],
        after=[digest(f"{n}") for n in range(4)],
    )
    header = decode_header(raw)
    assert (header.seq, header.hlc, header.kind) == ((1 << 48) - 1, (1 << 63) - 1, 1023)
    assert len(raw) <= HEADER_BYTES_MAX


@pytest.mark.parametrize("kind", [Kind.REQUEST, Kind.PROFILE, 31, 1000])
def test_the_kind_says_which_chain(kind: int):
    op = author().write_raw(kind, b"")
    assert decode_header(op.header_bytes).chain is (Chain.CONTROL if kind < 32 else Chain.TALK)


@pytest.mark.parametrize(
    "message",
    [
        SignedOpPb(header=bytes(HEADER_BYTES_MAX + 1), signature=bytes(64)),
        SignedOpPb(header=author().write().header_bytes, signature=bytes(63)),
        SignedOpPb(header=author().write().header_bytes, signature=bytes(64), content=b"other"),
        SignedOpPb(header=b"", signature=bytes(64)),
        SignedOpPb(header=b"\xff", signature=bytes(64)),
    ],
    ids=["long header", "short signature", "other content", "no header", "no protobuf"],
)
def test_an_op_out_of_bounds_is_malformed(message: SignedOpPb):
    with pytest.raises(MalformedMessage):
        decode_op(message.SerializeToString())


def test_a_content_has_its_limit():
    largest = author().write_raw(Kind.TEXT, bytes(CONTENT_BYTES_MAX))
    assert decode_op(encode_op(largest)) == largest
    with pytest.raises(MalformedMessage):
        decode_op(encode_op(author().write_raw(Kind.TEXT, bytes(CONTENT_BYTES_MAX + 1))))


def test_bytes_that_are_no_op_are_malformed():
    with pytest.raises(MalformedMessage):
        decode_op(b"\xff\xff")


def test_an_op_is_signed_by_its_device():
    op = author().write()
    with pytest.raises(BadSignature):
        verify_op(replace(op, signature=BOB.signer.sign(Purpose.OP, op.header_bytes)))
