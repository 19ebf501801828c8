"""Records of an export as bytes, and back, bounded as if a stranger had written them.

Whoever knows the passphrase of an export may have written it, and a person may be talked into
importing what is not theirs; so every value is checked as it would be from the network. Ops and
receipts are not encoded again: they are the bytes that were signed.
"""

from __future__ import annotations

from typing import assert_never

from google.protobuf.message import DecodeError

from p2pchat.config.limits import NAME_CHARS_MAX
from p2pchat.errors import MalformedMessage
from p2pchat.model.archive import ArchivedIdentity, ArchivedOp, End, Manifest, Record
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
from p2pchat.model.conversation import ROOM_NAME_CHARS_MAX
from p2pchat.model.ids import KEY_BYTES, AccountId, ConversationId, DeviceId, OpId, PeerId
from p2pchat.model.op import Chain
from p2pchat.model.room import RoomKind
from p2pchat.wire import archive_pb2 as pb
from p2pchat.wire.contents import BIO_CHARS_MAX, INTRO_BYTES, is_avatar
from p2pchat.wire.dchat_pb2 import SignedOp
from p2pchat.wire.devices import read_device_set
from p2pchat.wire.ops import op_of, verify_op
from p2pchat.wire.receipts import read_receipt

__all__ = ["RECORD_BYTES_MAX", "decode_record", "encode_record"]

RECORD_BYTES_MAX = 64 * 1024
NUMBER_MAX = (1 << 63) - 1
"""What the database can hold."""
SETTING_BYTES_MAX = 4096
SETTING_NAME_CHARS_MAX = 64
PEER_ADDRESSES_MAX = 64
ADDRESS_CHARS_MAX = 1024


def encode_record(record: Record) -> bytes:
    """One record."""
    return _message(record).SerializeToString()


def _message(record: Record) -> pb.Record:
    match record:
        case Manifest(created_ms, ops):
            return pb.Record(manifest=pb.Manifest(created_ms=created_ms, ops=ops))
        case ArchivedIdentity(seed, name, created_ms):
            identity = pb.Identity(account_seed=seed, name=name, created_ms=created_ms)
            return pb.Record(identity=identity)
        case ArchivedOp():
            return pb.Record(op=_op_message(record))
        case PutConversation(id, kind, name, created_ms):
            conversation = pb.Conversation(id=id, kind=kind or "", name=name, created_ms=created_ms)
            return pb.Record(conversation=conversation)
        case SetFloor(id, device, chain, seq, prev):
            floor = pb.Floor(conversation=id, device=device, chain=chain, seq=seq, prev=prev)
            return pb.Record(floor=floor)
        case PutReceipt(_, _, body, signature):
            return pb.Record(receipt=pb.Receipt(body=body, signature=signature))
        case End(ops):
            return pb.Record(end=pb.End(ops=ops))
        case _:
            return _local_message(record)


def _local_message(
    record: PutContact
    | PutName
    | PutProfile
    | PutTrust
    | PutDeviceSet
    | PutBlock
    | PutSetting
    | PutPeer,
) -> pb.Record:
    match record:
        case PutContact():
            contact = pb.Contact(
                account=record.account,
                conversation=record.conversation,
                state=record.state,
                created_ms=record.created_ms,
                intro=record.intro,
            )
            return pb.Record(contact=contact)
        case PutName(account, name, hlc):
            return pb.Record(name=pb.Name(account=account, name=name, hlc=hlc))
        case PutProfile(account, bio, avatar, hlc):
            profile = pb.Profile(account=account, bio=bio, avatar=avatar, hlc=hlc)
            return pb.Record(profile=profile)
        case PutTrust(account, verified_ms, claimed, is_confirmed):
            trust = pb.Trust(
                account=account,
                verified_ms=verified_ms,
                claimed=claimed or b"",
                confirmed=is_confirmed,
            )
            return pb.Record(trust=trust)
        case PutDeviceSet(_, raw):
            return pb.Record(device_set=raw)
        case PutBlock(target, blocked_ms):
            return pb.Record(block=pb.Block(target=str(target), blocked_ms=blocked_ms))
        case PutSetting(name, value):
            return pb.Record(setting=pb.Setting(name=name, value=value))
        case PutPeer(peer, addresses, last_seen_ms):
            found = pb.Peer(peer=peer, addresses=addresses, last_seen_ms=last_seen_ms)
            return pb.Record(peer=found)
        case _:
            assert_never(record)


def _op_message(archived: ArchivedOp) -> pb.Op:
    op, deletion = archived.op, archived.op.deletion
    return pb.Op(
        header=op.header_bytes,
        signature=op.signature,
        content=op.content,
        received_ms=archived.received_ms,
        sort_key=archived.sort_key,
        shown=archived.is_shown,
        delivered=archived.is_delivered,
        deletion_header=deletion.header_bytes if deletion is not None else b"",
        deletion_signature=deletion.signature if deletion is not None else b"",
    )


def decode_record(raw: bytes) -> Record | None:
    """Read and verify one record; None for one that this program does not know.

    Raises `MalformedMessage`, `UnknownVersion`, `BadSignature`.
    """
    try:
        message = pb.Record.FromString(raw)
        return _record(message)
    except (DecodeError, ValueError) as error:
        raise MalformedMessage(f"a record of an export does not decode: {error}") from error


def _record(message: pb.Record) -> Record | None:
    match message.WhichOneof("body"):
        case "manifest":
            manifest = message.manifest
            return Manifest(_number(manifest.created_ms), _number(manifest.ops))
        case "identity":
            return _identity(message.identity)
        case "op":
            return _op(message.op)
        case "conversation":
            return _conversation(message.conversation)
        case "floor":
            return _floor(message.floor)
        case "receipt":
            return _receipt(message.receipt)
        case "end":
            return End(_number(message.end.ops))
        case _:
            return _local(message)


def _local(message: pb.Record) -> Record | None:
    match message.WhichOneof("body"):
        case "contact":
            return _contact(message.contact)
        case "name":
            name = message.name
            return PutName(AccountId(name.account), _name(name.name), _number(name.hlc))
        case "profile":
            return _profile(message.profile)
        case "trust":
            return _trust(message.trust)
        case "device_set":
            devices = read_device_set(message.device_set)
            return PutDeviceSet(devices.account, devices.raw)
        case "block":
            block = message.block
            return PutBlock(parse_target(block.target), _number(block.blocked_ms))
        case "setting":
            return _setting(message.setting)
        case "peer":
            return _peer(message.peer)
        case _:
            return None


def _identity(message: pb.Identity) -> ArchivedIdentity:
    if len(message.account_seed) != KEY_BYTES:
        raise ValueError("an account's seed has 32 bytes")
    return ArchivedIdentity(message.account_seed, _name(message.name), _number(message.created_ms))


def _op(message: pb.Op) -> ArchivedOp:
    signed = SignedOp(header=message.header, signature=message.signature)
    if message.HasField("content"):
        signed.content = message.content
    if message.deletion_header:
        signed.deletion.header = message.deletion_header
        signed.deletion.signature = message.deletion_signature
    op = op_of(signed)
    verify_op(op)
    if op.deletion is not None:
        verify_op(op.deletion)
    return ArchivedOp(
        op,
        _number(message.received_ms),
        _number(message.sort_key),
        message.shown,
        message.delivered,
    )


def _conversation(message: pb.Conversation) -> PutConversation:
    if len(message.name) > ROOM_NAME_CHARS_MAX or not all(map(str.isprintable, message.name)):
        raise ValueError("a room's name is out of bounds")
    kind = RoomKind(message.kind) if message.kind else None
    id = ConversationId(message.id)
    return PutConversation(id, kind, message.name, _number(message.created_ms))


def _floor(message: pb.Floor) -> SetFloor:
    return SetFloor(
        ConversationId(message.conversation),
        DeviceId(message.device),
        Chain(message.chain),
        _number(message.seq),
        OpId(message.prev),
    )


def _receipt(message: pb.Receipt) -> PutReceipt:
    receipt = read_receipt(message.body, message.signature).receipt
    return PutReceipt(receipt.conversation, receipt.device, message.body, message.signature)


def _contact(message: pb.Contact) -> PutContact:
    if len(message.intro) not in (0, INTRO_BYTES):
        raise ValueError("an intro token is out of bounds")
    return PutContact(
        AccountId(message.account),
        ConversationId(message.conversation),
        ContactState(message.state),
        _number(message.created_ms),
        message.intro,
    )


def _profile(message: pb.Profile) -> PutProfile:
    if len(message.bio) > BIO_CHARS_MAX or (message.avatar and not is_avatar(message.avatar)):
        raise ValueError("a profile is out of bounds")
    account = AccountId(message.account)
    return PutProfile(account, message.bio, message.avatar, _number(message.hlc))


def _trust(message: pb.Trust) -> PutTrust:
    claimed = AccountId(message.claimed) if message.claimed else None
    account = AccountId(message.account)
    return PutTrust(account, _number(message.verified_ms), claimed, message.confirmed)


def _setting(message: pb.Setting) -> PutSetting:
    is_short = 0 < len(message.name) <= SETTING_NAME_CHARS_MAX
    if not is_short or len(message.value) > SETTING_BYTES_MAX:
        raise ValueError("a setting is out of bounds")
    return PutSetting(message.name, message.value)


def _peer(message: pb.Peer) -> PutPeer:
    addresses = tuple(message.addresses)
    if len(addresses) > PEER_ADDRESSES_MAX:
        raise ValueError("a peer has too many addresses")
    if any(len(address) > ADDRESS_CHARS_MAX for address in addresses):
        raise ValueError("an address is too long")
    return PutPeer(PeerId(message.peer), addresses, _number(message.last_seen_ms))


def _name(name: str) -> str:
    if len(name) > NAME_CHARS_MAX or not all(map(str.isprintable, name)):
        raise ValueError("a name is out of bounds")
    return name


def _number(value: int) -> int:
    if value > NUMBER_MAX:
        raise ValueError("a number is out of bounds")
    return value
