"""Records of an export, bounded as if strangers had written them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from p2pchat.errors import BadSignature, MalformedMessage, RemoteProtocolError, UnknownVersion
from p2pchat.model.archive import ArchivedIdentity, ArchivedOp, End, Manifest
from p2pchat.model.blocking import parse_target
from p2pchat.model.change import (
    PutBlock,
    PutContact,
    PutConversation,
    PutDeviceSet,
    PutName,
    PutPeer,
    PutProfile,
    PutReceipt,
    PutSetting,
    PutTrust,
    SetFloor,
)
from p2pchat.model.contact import ContactState
from p2pchat.model.conversation import open_room_id
from p2pchat.model.op import Chain
from p2pchat.model.room import RoomKind
from p2pchat.wire import archive_pb2 as pb
from p2pchat.wire.archive_codec import RECORD_BYTES_MAX, decode_record, encode_record
from p2pchat.wire.ops import OP_BYTES_MAX
from p2pchat.wire.receipts import Receipt, sign_receipt
from tests.unit.protocol.people import ALICE, BOB, Author, between, digest
from tests.unit.protocol.pictures import AVATAR

DIRECT = between(ALICE, BOB)
OP = Author(ALICE, DIRECT).write("hello")
RECEIPT = sign_receipt(Receipt(DIRECT, BOB.account, BOB.device, (OP.position,), 7), BOB.signer)
OP_RECORD = ArchivedOp(OP, 1, 2, is_shown=True, is_delivered=False)
RECORDS = (
    Manifest(1_700_000_000_000, 12),
    ArchivedIdentity(digest("account alice"), "Alice", 1),
    PutContact(BOB.account, DIRECT, ContactState.ACCEPTED, 3, b"i" * 16),
    PutContact(BOB.account, DIRECT, ContactState.REQUEST, 3, b""),
    PutName(BOB.account, "Bob", 5),
    PutProfile(BOB.account, "gardener", AVATAR, 6),
    PutProfile(BOB.account, "", b"", 6),
    PutTrust(BOB.account, 7, None, is_confirmed=False),
    PutTrust(BOB.account, 0, ALICE.account, is_confirmed=True),
    PutDeviceSet(ALICE.account, ALICE.devices.raw),
    PutConversation(DIRECT, None, "", 4),
    PutConversation(open_room_id("lounge"), RoomKind.OPEN, "lounge", 4),
    SetFloor(DIRECT, BOB.device, Chain.TALK, 9, OP.id),
    OP_RECORD,
    ArchivedOp(replace(OP, content=None), 1, 2, is_shown=False, is_delivered=True),
    PutReceipt(DIRECT, BOB.device, RECEIPT.body, RECEIPT.signature),
    PutBlock(parse_target("203.0.113.0/24"), 6),
    PutSetting("intro", b"t" * 16),
    PutPeer(BOB.device.peer_id, ("/ip4/192.0.2.7/tcp/4001",), 8),
    End(12),
)


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: type(record).__name__)
def test_a_record_comes_back_as_it_was(record):
    raw = encode_record(record)
    assert decode_record(raw) == record
    assert len(raw) < RECORD_BYTES_MAX


def test_every_kind_of_record_is_tried():
    kinds = {pb.Record.FromString(encode_record(record)).WhichOneof("body") for record in RECORDS}
    assert kinds == {field.name for field in pb.Record.DESCRIPTOR.fields}


def test_the_largest_op_has_room():
    assert OP_BYTES_MAX + 100 < RECORD_BYTES_MAX


def test_a_record_of_a_later_version_is_passed_over():
    assert decode_record(b"") is None
    assert decode_record(b"\xfa\x01\x03abc") is None


def test_what_was_signed_is_verified():
    message = pb.Record.FromString(encode_record(OP_RECORD))
    message.op.signature = bytes(64)
    with pytest.raises(BadSignature):
        decode_record(message.SerializeToString())
    receipt = pb.Record(receipt=pb.Receipt(body=RECEIPT.body, signature=bytes(64)))
    with pytest.raises(BadSignature):
        decode_record(receipt.SerializeToString())
    devices = bytearray(ALICE.devices.raw)
    devices[-1] ^= 1
    with pytest.raises(BadSignature):
        decode_record(pb.Record(device_set=bytes(devices)).SerializeToString())


def test_a_content_that_was_not_signed_is_refused():
    message = pb.Record.FromString(encode_record(OP_RECORD))
    message.op.content = b"something else"
    with pytest.raises(MalformedMessage):
        decode_record(message.SerializeToString())


TOO_LARGE = 1 << 63
BAD = (
    pb.Record(manifest=pb.Manifest(created_ms=TOO_LARGE)),
    pb.Record(identity=pb.Identity(account_seed=b"short")),
    pb.Record(profile=pb.Profile(account=BOB.account, bio="x" * 501)),
    pb.Record(profile=pb.Profile(account=BOB.account, avatar=b"no picture")),
    pb.Record(profile=pb.Profile(account=b"short")),
    pb.Record(trust=pb.Trust(account=BOB.account, claimed=b"short")),
    pb.Record(trust=pb.Trust(account=BOB.account, verified_ms=TOO_LARGE)),
    pb.Record(identity=pb.Identity(account_seed=b"s" * 32, name="x" * 65)),
    pb.Record(identity=pb.Identity(account_seed=b"s" * 32, name="a\x1b[2J")),
    pb.Record(contact=pb.Contact(account=b"a" * 32, conversation=b"c" * 32, state="friend")),
    pb.Record(contact=pb.Contact(account=b"a", conversation=b"c" * 32, state="asked")),
    pb.Record(
        contact=pb.Contact(account=b"a" * 32, conversation=b"c" * 32, state="asked", intro=b"i")
    ),
    pb.Record(name=pb.Name(account=b"a" * 32, name="Bob\u202e")),
    pb.Record(name=pb.Name(account=b"a" * 32, name="Bob", hlc=TOO_LARGE)),
    pb.Record(device_set=b"nonsense"),
    pb.Record(conversation=pb.Conversation(id=b"c", name="lounge", kind="open")),
    pb.Record(conversation=pb.Conversation(id=b"c" * 32, name="lounge", kind="secret")),
    pb.Record(conversation=pb.Conversation(id=b"c" * 32, name="x" * 65, kind="open")),
    pb.Record(floor=pb.Floor(conversation=b"c" * 32, device=b"d" * 32, chain=7, prev=b"p" * 32)),
    pb.Record(floor=pb.Floor(conversation=b"c" * 32, device=b"d" * 32, chain=1, prev=b"")),
    pb.Record(block=pb.Block(target="somebody")),
    pb.Record(setting=pb.Setting(name="", value=b"x")),
    pb.Record(setting=pb.Setting(name="x" * 65, value=b"x")),
    pb.Record(setting=pb.Setting(name="x", value=b"x" * 4097)),
    pb.Record(peer=pb.Peer(peer=b"?")),
    pb.Record(peer=pb.Peer(peer=BOB.device.peer_id, addresses=["a"] * 65)),
    pb.Record(peer=pb.Peer(peer=BOB.device.peer_id, addresses=["a" * 1025])),
    pb.Record(receipt=pb.Receipt(body=b"?", signature=b"?")),
    pb.Record(op=pb.Op(header=b"?", signature=bytes(64))),
    pb.Record(end=pb.End(ops=TOO_LARGE)),
)


@pytest.mark.parametrize("record", BAD, ids=lambda record: str(record.WhichOneof("body")))
def test_what_is_out_of_bounds_is_refused(record):
    with pytest.raises(RemoteProtocolError):
        decode_record(record.SerializeToString())


def test_a_later_op_is_not_taken_for_a_damaged_one():
    header = b"\x08\x63" + OP.header_bytes[2:]
    record = pb.Record(op=pb.Op(header=header, signature=bytes(64)))
    with pytest.raises(UnknownVersion):
        decode_record(record.SerializeToString())


def test_secrets_are_in_no_repr():
    assert "seed=" not in repr(RECORDS[1])
