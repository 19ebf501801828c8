"""Whatever bytes come, a decoder gives a value in bounds or blames the peer; and no bit of what is
signed can be changed."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2pchat.errors import LinkError, MalformedMessage, RemoteProtocolError
from p2pchat.model.op import Kind
from p2pchat.wire.contents import decode_content
from p2pchat.wire.devices import claimed_set, read_device_set
from p2pchat.wire.frames import Ops, decode_frame, decode_ops, encode_frame, encode_ops
from p2pchat.wire.framing import FrameParser
from p2pchat.wire.links import PREFIX, decode_link, encode_link
from p2pchat.wire.ops import decode_header, decode_op, encode_op, verify_op
from p2pchat.wire.receipts import SignedReceipt, read_receipt, verify_receipt
from p2pchat.wire.records import RecordValidator, account_key, bundle_key, read_record
from tests.unit.protocol.people import ALICE, WALL_MS
from tests.vectors import golden

Decoder = Callable[[bytes], object]

OPS = golden.all_ops()
FRAMES = golden.all_frames()
RECORDS = {
    str(vector["name"]): (bytes.fromhex(str(vector["key"])), bytes.fromhex(str(vector["value"])))
    for vector in golden.records()
}


def read_op(raw: bytes) -> object:
    """What a receiver of an op does with it, and with what took its content."""
    op = decode_op(raw)
    verify_op(op)
    if op.deletion is not None:
        verify_op(op.deletion)
    elif op.content is None:
        raise MalformedMessage("an op without its content is not taken")
    return op


def read_receipt_frame(raw: bytes) -> SignedReceipt:
    """What a receiver of a receipt does with it."""
    receipt = decode_frame(raw)
    if not isinstance(receipt, SignedReceipt):
        raise MalformedMessage("a frame of another kind")
    verify_receipt(receipt)
    return receipt


def read_blob(raw: bytes) -> Ops:
    """What a receiver of a blob does with every op and every set of it."""
    ops = decode_ops(raw)
    for op in ops.ops:
        verify_op(op)
    return Ops(ops.ops, tuple(read_device_set(claim.raw) for claim in ops.devices))


def record_reader(name: str) -> Decoder:
    key = RECORDS[name][0]
    return lambda raw: RecordValidator().validate(key, raw, WALL_MS)


DECODERS: dict[str, tuple[Decoder, bytes]] = {
    **{f"op: {name}": (decode_op, encode_op(op)) for name, op in OPS.items()},
    **{f"header: {name}": (decode_header, op.header_bytes) for name, op in OPS.items()},
    **{f"frame: {name}": (decode_frame, encode_frame(frame)) for name, frame in FRAMES.items()},
    "blob": (decode_ops, encode_ops(FRAMES["ops"])),
    "device set": (read_device_set, ALICE.devices.raw),
    "account of a device set": (claimed_set, ALICE.devices.raw),
    **{f"record: {name}": (record_reader(name), value) for name, (_, value) in RECORDS.items()},
    **{
        f"content: {name}": (lambda raw, kind=op.header.kind: decode_content(kind, raw), op.content)
        for name, op in OPS.items()
        if name in golden.CONTENTS
    },
}


def attempt(decode: Decoder, raw: bytes) -> None:
    with suppress(RemoteProtocolError):  # the only thing that may come out
        decode(raw)


def mangled(raw: bytes, places: list[int], values: list[int], cut: int) -> bytes:
    """Valid bytes with some changed, doubled or cut off."""
    out = bytearray(raw)
    for place, value in zip(places, values, strict=False):
        if out:
            out[place % len(out)] = value
    middle = cut % (len(out) + 1)
    return bytes(out[:middle]) if cut % 3 else bytes(out[:middle] + out[: cut % 97] + out[middle:])


MANGLING = {
    "places": st.lists(st.integers(0, 1 << 16), max_size=4),
    "values": st.lists(st.integers(0, 255), min_size=4, max_size=4),
    "cut": st.integers(0, 1 << 16),
}


@pytest.mark.parametrize("name", DECODERS)
@given(raw=st.binary(max_size=400))
def test_any_bytes_are_a_value_or_the_peers_fault(name: str, raw: bytes):
    attempt(DECODERS[name][0], raw)


@pytest.mark.parametrize("name", DECODERS)
@given(**MANGLING)
def test_spoiled_bytes_are_a_value_or_the_peers_fault(
    name: str, places: list[int], values: list[int], cut: int
):
    decode, raw = DECODERS[name]
    attempt(decode, mangled(raw, places, values, cut))


@given(st.integers(0, 1 << 33), st.binary(max_size=400))
def test_a_content_of_any_kind_is_a_value_or_the_peers_fault(kind: int, raw: bytes):
    attempt(lambda data: decode_content(kind, data), raw)
    attempt(lambda data: decode_content(kind % 40, data), raw)


@given(st.binary(max_size=100), st.binary(max_size=200))
def test_any_key_and_record_are_a_value_or_the_peers_fault(key: bytes, value: bytes):
    attempt(lambda data: read_record(key, data), value)
    for known in (account_key(ALICE.account), bundle_key(ALICE.device)):
        attempt(lambda data, known=known: read_record(known, data), value)


@given(st.binary(max_size=300), st.binary(max_size=80))
def test_any_receipt_is_a_value_or_the_peers_fault(body: bytes, signature: bytes):
    attempt(lambda data: read_receipt(data, signature), body)


@given(st.text(max_size=300))
def test_any_text_is_a_link_or_plainly_none(text: str):
    for candidate in (text, PREFIX + text):
        with suppress(LinkError):  # the only thing that may come out
            decode_link(candidate)


@given(**MANGLING)
def test_a_spoiled_link_is_plainly_none(places: list[int], values: list[int], cut: int):
    text = encode_link(golden.all_links()["with hints"])
    spoiled = mangled(text.encode(), places, values, cut).decode("latin-1")
    try:
        found = decode_link(spoiled)
    except LinkError:
        return
    assert found == golden.all_links()["with hints"]


@pytest.mark.parametrize(
    "raw",
    [
        b"\x12" + b"\xff" * 9 + b"\x01",
        b"\x12\xff\xff\xff\xff\x07" + bytes(8),
        b"\x12\x80\x80\x80\x80\x10",
        b"\x0b" * 300,
        b"\x13\x14",
        b"\x00" * 20,
        b"\x0a\x00" * 100_000,
        (b"\x12\x02\x0a\x00" * 50_000),
    ],
    ids=["2^64", "2^31", "2^32", "groups", "empty group", "field zero", "hellos", "empty ops"],
)
def test_lengths_that_lie_and_nesting_without_end_are_refused(raw: bytes):
    for decode, _ in DECODERS.values():
        attempt(decode, raw)
    with pytest.raises(RemoteProtocolError):
        decode_frame(raw)


# Every bit of every signed object

SIGNED: dict[str, tuple[Decoder, bytes]] = {
    **{f"op: {name}": (read_op, encode_op(op)) for name, op in OPS.items()},
    "blob": (read_blob, encode_ops(Ops((OPS["text"],), (ALICE.devices,)))),
    "hello": (decode_frame, encode_frame(FRAMES["hello"])),
    "receipt": (read_receipt_frame, encode_frame(FRAMES["receipt"])),
    "device set": (read_device_set, ALICE.devices.raw),
    **{f"record: {name}": (record_reader(name), value) for name, (_, value) in RECORDS.items()},
}


@pytest.mark.parametrize("name", SIGNED)
def test_no_bit_of_what_is_signed_can_be_flipped(name: str):
    """Either it is refused, or the bit stood outside of what is signed and changed nothing that
    is: then the value is the same, or lacks what was optional."""
    read, raw = SIGNED[name]
    original = read(raw)
    for place in range(len(raw) * 8):
        spoiled = bytearray(raw)
        spoiled[place // 8] ^= 1 << place % 8
        try:
            found = read(bytes(spoiled))
        except RemoteProtocolError:
            continue
        assert is_weaker(found, original), f"bit {place} of {name}"


def is_weaker(found: object, original: object) -> bool:
    """Whether flipping a tag's bit only turned an optional part into an unknown field."""
    if isinstance(original, Ops):
        assert isinstance(found, Ops)
        return found.devices in ((), original.devices) and len(found.ops) <= len(original.ops)
    header = getattr(original, "header_bytes", None)
    if header is not None:
        same = (found.header_bytes, found.signature) == (header, original.signature)
        return same and found.content in (None, original.content)
    return found == original


@pytest.mark.parametrize("kind", [Kind.TEXT, Kind.PROFILE])
def test_no_bit_of_a_content_can_be_flipped(kind: Kind):
    op = OPS["text" if kind is Kind.TEXT else "profile"]
    raw = encode_op(op)
    start = raw.index(op.content or b"?", len(op.header_bytes))
    for place in range(start * 8, len(raw) * 8):
        spoiled = bytearray(raw)
        spoiled[place // 8] ^= 1 << place % 8
        with pytest.raises(RemoteProtocolError):
            read_op(bytes(spoiled))


@given(st.binary(max_size=2_000))
def test_a_stream_of_any_bytes_is_frames_or_the_peers_fault(raw: bytes):
    parser = FrameParser(300)
    with suppress(RemoteProtocolError):  # a length over the limit
        for body in parser.feed(raw):
            attempt(decode_frame, body)
