"""Frames as bytes."""

from __future__ import annotations

import pytest

from p2pchat.config.limits import Limits
from p2pchat.errors import BadSignature, MalformedMessage, UnknownVersion
from p2pchat.model.op import Chain, Kind, Position
from p2pchat.protocol.serving import HEADS_MAX, PULL_CHAINS_MAX
from p2pchat.wire import dchat_pb2 as pb
from p2pchat.wire.control import encode_control
from p2pchat.wire.dchat_pb2 import Header as HeaderPb
from p2pchat.wire.devices import DEVICES_MAX, DeviceSet, certified, claimed_set
from p2pchat.wire.frames import (
    FRONTIER_ENTRIES_MAX,
    OPS_PER_FRAME_MAX,
    WELCOME_DEVICES_MAX,
    WELCOME_EPOCHS_MAX,
    Hello,
    Ops,
    SyncFrontier,
    SyncPull,
    Wanted,
    Welcome,
    decode_frame,
    decode_ops,
    encode_frame,
    encode_ops,
    split_ops,
)
from p2pchat.wire.ops import CONTENT_BYTES_MAX, SEQ_MAX, op_of
from tests.unit.protocol.people import ALICE, BOB, CAROL, Author, between, digest, op_id, set_of
from tests.vectors.golden import CREW, GENESIS, all_frames

DIRECT = between(ALICE, BOB)
ENTRY = pb.FrontierEntry(device=ALICE.device, chain=1, seq=7, head=op_id("head"))
WANTED = pb.Wanted(device=ALICE.device, chain=1, from_seq=7)


@pytest.mark.parametrize("name", all_frames())
def test_a_frame_reads_as_it_was_written(name: str):
    frame = all_frames()[name]
    assert decode_frame(encode_frame(frame)) == frame


def test_a_blob_reads_as_it_was_written():
    ops = Ops((Author(ALICE, DIRECT).write(),), (claimed_set(ALICE.devices.raw),))
    assert decode_ops(encode_ops(ops)) == ops


def test_device_sets_that_no_op_needs_cost_nothing_and_are_left_out():
    op = Author(ALICE, DIRECT).write()
    forged = set_of(CAROL, CAROL.device).raw[:-1] + b"?"
    message = pb.Ops(
        ops=[pb.SignedOp(header=op.header_bytes, signature=op.signature, content=op.content)],
        devices=[BOB.devices.raw, forged, ALICE.devices.raw, ALICE.devices.raw],
    )
    found = decode_ops(message.SerializeToString())
    assert found == Ops((op,), (claimed_set(ALICE.devices.raw),))


def test_no_device_set_is_verified_before_an_op_needs_it():
    op = Author(ALICE, DIRECT).write()
    forged = ALICE.devices.raw[:-1] + bytes((ALICE.devices.raw[-1] ^ 1,))
    message = pb.Ops(
        ops=[pb.SignedOp(header=op.header_bytes, signature=op.signature, content=op.content)],
        devices=[forged],
    )
    (claim,) = decode_ops(message.SerializeToString()).devices
    assert not isinstance(claim, DeviceSet)
    with pytest.raises(BadSignature):
        certified(claim, ALICE.device)


def welcome(**changes: object) -> pb.Frame:
    fields = {"genesis": encode_control(GENESIS)[1], "secret": digest("room secret")}
    return pb.Frame(welcome=pb.Welcome(**{**fields, **changes}))


def test_a_welcome_names_its_room():
    frame = decode_frame(welcome(epochs=[bytes(32)] * WELCOME_EPOCHS_MAX).SerializeToString())
    assert isinstance(frame, Welcome)
    assert frame.conversation == CREW
    assert len(frame.epochs) == WELCOME_EPOCHS_MAX


@pytest.mark.parametrize(
    "message",
    [
        pb.Frame(ops=pb.Ops(ops=[pb.SignedOp()] * (OPS_PER_FRAME_MAX + 1))),
        pb.Frame(ops=pb.Ops(devices=[b""] * (OPS_PER_FRAME_MAX + 1))),
        pb.Frame(ops=pb.Ops(devices=[b"\xff"])),
        pb.Frame(hello=pb.Hello()),
        pb.Frame(digest=pb.SyncDigest(conversation=DIRECT, digest=bytes(31))),
        pb.Frame(digest=pb.SyncDigest(conversation=b"short", digest=bytes(32))),
        pb.Frame(
            frontier=pb.SyncFrontier(
                conversation=DIRECT, heads=[ENTRY] * (FRONTIER_ENTRIES_MAX + 1)
            )
        ),
        pb.Frame(
            frontier=pb.SyncFrontier(
                conversation=DIRECT, floors=[ENTRY] * (FRONTIER_ENTRIES_MAX + 1)
            )
        ),
        pb.Frame(pull=pb.SyncPull(conversation=DIRECT, wanted=[WANTED] * 4097)),
        welcome(secret=bytes(31)),
        welcome(secret=digest("where only one listens")),
        welcome(epochs=[bytes(31)]),
        welcome(epochs=[bytes(32)] * (WELCOME_EPOCHS_MAX + 1)),
        welcome(devices=[ALICE.devices.raw] * (WELCOME_DEVICES_MAX + 1)),
        welcome(devices=[b"\xff"]),
        welcome(genesis=b"\xff"),
        welcome(genesis=encode_control(GENESIS)[1] + b"\xc2\x3e\x02hi"),
        pb.Frame(sender_key=pb.Signed(body=b"\xff", signature=bytes(64))),
        pb.Frame(
            pull=pb.SyncPull(
                conversation=DIRECT,
                wanted=[pb.Wanted(device=ALICE.device, chain=1, from_seq=SEQ_MAX)],
            )
        ),
        pb.Frame(pull=pb.SyncPull(conversation=DIRECT, wanted=[pb.Wanted(device=b"", chain=1)])),
        pb.Frame(page=pb.SyncPage(conversation=b"")),
    ],
)
def test_a_frame_out_of_bounds_is_malformed(message: pb.Frame):
    with pytest.raises(MalformedMessage):
        decode_frame(message.SerializeToString())


@pytest.mark.parametrize("raw", [b"", bytes.fromhex("c20301ff")], ids=["none", "field 56"])
def test_a_frame_of_a_kind_that_is_not_known_is_of_a_later_version(raw: bytes):
    with pytest.raises(UnknownVersion):
        decode_frame(raw)


def test_of_several_ops_those_of_a_later_version_are_left_out():
    """A room goes on while some of its members have a newer program."""
    first, second = (Author(ALICE, DIRECT).write(text) for text in ("one", "two"))
    header = HeaderPb.FromString(second.header_bytes)
    header.version = 2
    message = pb.Frame.FromString(encode_frame(Ops((first, second))))
    message.ops.ops[1].header = header.SerializeToString()
    assert decode_frame(message.SerializeToString()) == Ops((first,))


@pytest.mark.parametrize("read", [decode_frame, decode_ops])
def test_bytes_that_are_no_frame_are_malformed(read):
    with pytest.raises(MalformedMessage):
        read(b"\xff\xff")


def test_runs_of_ops_are_bounded_in_number_and_bytes():
    author = Author(ALICE, DIRECT)
    small = [author.write("x") for _ in range(OPS_PER_FRAME_MAX * 2 + 1)]
    assert [len(part) for part in split_ops(small, 1 << 20)] == [64, 64, 1]
    large = [author.write("x" * 30_000) for _ in range(5)]
    assert [len(part) for part in split_ops(large, 65_000)] == [2, 2, 1]
    assert [len(part) for part in split_ops(large, 10)] == [1] * 5
    assert [op for part in split_ops(small + large, 65_000) for op in part] == small + large
    assert split_ops([], 10) == []


# Whatever is sent must be small enough to be read


def test_a_page_of_ops_fits_into_a_frame():
    author, limits = Author(ALICE, DIRECT), Limits()
    ops = [author.write_raw(Kind.TEXT, bytes(CONTENT_BYTES_MAX)) for _ in range(20)]
    ops += [author.write(deps=(op_id("a"),) * 8, after=(op_id("b"),) * 4) for _ in range(200)]
    for part in split_ops(ops, limits.page_bytes_max):
        assert len(encode_frame(Ops(tuple(part)))) <= limits.page_bytes_max + 100


def test_the_largest_frontier_and_the_largest_pull_fit_into_a_frame():
    place = Position(ALICE.device, Chain.TALK, SEQ_MAX - 1, op_id("head"))
    wanted = Wanted(ALICE.device, Chain.TALK, SEQ_MAX - 1, op_id("head"))
    for frame in (
        SyncFrontier(DIRECT, (place,) * HEADS_MAX, (place,) * HEADS_MAX),
        SyncPull(DIRECT, (wanted,) * PULL_CHAINS_MAX),
    ):
        raw = encode_frame(frame)
        assert len(raw) <= Limits().frame_bytes_max
        assert decode_frame(raw) == frame


def test_the_largest_device_set_fits_into_a_hello():
    devices = [type(ALICE.device)(digest(f"device {n}")) for n in range(DEVICES_MAX)]
    hello = Hello(set_of(ALICE, *devices))
    assert decode_frame(encode_frame(hello)) == hello


def test_an_op_in_a_frame_is_the_op():
    op = Author(ALICE, DIRECT).write()
    message = pb.SignedOp(header=op.header_bytes, signature=op.signature, content=op.content)
    assert op_of(message) == op
