"""Ops as bytes: made by their author once, verified by everybody else as they came."""

from __future__ import annotations

from dataclasses import replace
from hashlib import blake2b

from google.protobuf.message import DecodeError

from p2pchat.errors import MalformedMessage, UnknownVersion
from p2pchat.model.ids import HASH_BYTES, AccountId, ConversationId, DeviceId, OpId
from p2pchat.model.op import Chain, Header, Kind, Op, covers
from p2pchat.model.query import StoredDeletion, StoredOp
from p2pchat.wire.dchat_pb2 import Deletion as DeletionPb
from p2pchat.wire.dchat_pb2 import Header as HeaderPb
from p2pchat.wire.dchat_pb2 import SignedOp as SignedOpPb
from p2pchat.wire.envelope import Purpose, Signer, verify

__all__ = [
    "DEPS_MAX",
    "HEADER_BYTES_MAX",
    "OP_BYTES_MAX",
    "SEQ_MAX",
    "VERSION",
    "content_hash",
    "make_op",
    "op_of",
    "require_version",
    "restore_op",
    "signed_op",
    "stored_op",
    "verify_op",
]

VERSION = 1
HEADER_BYTES_MAX = 1024
CONTENT_BYTES_MAX = 33 * 1024
DEPS_MAX = 8
AFTER_MAX = 4
OP_BYTES_MAX = HEADER_BYTES_MAX + CONTENT_BYTES_MAX + 64
"""Header, content and signature."""
SEQ_MAX = 1 << 48
HLC_MAX = 1 << 63
KIND_MAX = 1024
_SIGNATURE_BYTES = 64


def content_hash(content: bytes) -> bytes:
    """BLAKE2b-256, as the header names it."""
    return blake2b(content, digest_size=HASH_BYTES).digest()


def make_op(header: Header, content: bytes, signer: Signer) -> Op:
    """Sign a new op of our own."""
    raw = HeaderPb(
        version=VERSION,
        conversation=header.conversation,
        chain=header.chain,
        account=header.account,
        device=header.device,
        seq=header.seq,
        prev=header.prev or b"",
        hlc=header.hlc,
        kind=header.kind,
        content_hash=header.content_hash,
        deps=header.deps,
        after=header.after,
        devices=header.devices,
        refers=header.refers or b"",
        was=header.was,
    ).SerializeToString()
    return Op(OpId.of(raw), header, raw, signer.sign(Purpose.OP, raw), content)


def encode_op(op: Op) -> bytes:
    """The `SignedOp` message."""
    return signed_op(op).SerializeToString()


def signed_op(op: Op) -> SignedOpPb:
    """An op as it stands in a message."""
    message = SignedOpPb(header=op.header_bytes, signature=op.signature, content=op.content)
    if op.deletion is not None:
        message.deletion.header = op.deletion.header_bytes
        message.deletion.signature = op.deletion.signature
    return message


def decode_op(raw: bytes) -> Op:
    """Read a `SignedOp`; its signature is not checked yet.

    Raises `MalformedMessage`, `UnknownVersion`.
    """
    try:
        message = SignedOpPb.FromString(raw)
    except DecodeError as error:
        raise MalformedMessage("an op does not decode") from error
    return op_of(message)


def op_of(message: SignedOpPb) -> Op:
    """A decoded message as a value in bounds. Raises `MalformedMessage`, `UnknownVersion`."""
    _require_sizes(message)
    content = message.content if message.HasField("content") else None
    header = decode_header(message.header)
    if content is not None and (
        len(content) > CONTENT_BYTES_MAX or content_hash(content) != header.content_hash
    ):
        raise MalformedMessage("an op's content is too large or not the one signed")
    op = Op(OpId.of(message.header), header, message.header, message.signature, content)
    return _without_content(op, message.deletion) if message.HasField("deletion") else op


def _require_sizes(message: SignedOpPb | DeletionPb) -> None:
    if len(message.header) > HEADER_BYTES_MAX or len(message.signature) != _SIGNATURE_BYTES:
        raise MalformedMessage("an op's header or signature has the wrong size")


def _without_content(op: Op, message: DeletionPb) -> Op:
    """An op with what deleted its content. Raises `MalformedMessage`, `UnknownVersion`."""
    _require_sizes(message)
    deletion = _deletion(message.header, message.signature)
    is_empty = deletion.header.content_hash == content_hash(b"")
    if op.content is not None or not is_empty or not covers(deletion, op):
        raise MalformedMessage("an op came with a deletion of something else")
    return replace(op, deletion=deletion)


def _deletion(header: bytes, signature: bytes) -> Op:
    return Op(OpId.of(header), decode_header(header), header, signature, b"")


def decode_header(raw: bytes) -> Header:
    """Read and bound a header. Raises `MalformedMessage`, `UnknownVersion`."""
    try:
        pb = HeaderPb.FromString(raw)
        require_version("an op", pb.version)
        header = Header(
            ConversationId(pb.conversation),
            Chain(pb.chain),
            AccountId(pb.account),
            DeviceId(pb.device),
            pb.seq,
            OpId(pb.prev) if pb.prev else None,
            pb.hlc,
            pb.kind,
            pb.content_hash,
            tuple(map(OpId, pb.deps)),
            tuple(map(OpId, pb.after)),
            pb.devices,
            OpId(pb.refers) if pb.refers else None,
            tuple(map(OpId, pb.was)),
        )
    except (DecodeError, ValueError) as error:
        raise MalformedMessage(f"an op's header does not decode: {error}") from error
    _check(header)
    return header


def require_version(what: str, version: int) -> None:
    """Raises `UnknownVersion` above ours, `MalformedMessage` where none is named."""
    if version == 0:
        raise MalformedMessage(f"{what} names no version")
    if version > VERSION:
        raise UnknownVersion(f"{what} of version {version}; this program knows {VERSION}")


def _check(header: Header) -> None:
    in_bounds = (
        header.seq < SEQ_MAX
        and header.hlc < HLC_MAX
        and 0 < header.kind < KIND_MAX
        and len(header.content_hash) == HASH_BYTES
        and len(header.devices) == HASH_BYTES
        and len(header.deps) <= DEPS_MAX
        and len(header.was) <= (DEPS_MAX if header.prev is not None else 0)
        and len(header.after) <= AFTER_MAX
    )
    chain = Chain.CONTROL if header.kind < Kind.PROFILE else Chain.TALK
    if not in_bounds or (header.prev is None) != (header.seq == 0) or header.chain != chain:
        raise MalformedMessage("an op's header is out of bounds")


def verify_op(op: Op) -> None:
    """Raise `BadSignature` unless the op's device signed its header."""
    verify(op.header.device, Purpose.OP, op.header_bytes, op.signature)


def restore_op(stored: StoredOp) -> Op:
    """An op that was verified before it was stored."""
    header, deleted = decode_header(stored.header), stored.deletion
    deletion = None if deleted is None else _deletion(deleted.header, deleted.signature)
    return Op(stored.id, header, stored.header, stored.signature, stored.content, deletion)


def stored_op(op: Op) -> StoredOp:
    """The inverse of `restore_op`."""
    deleted = op.deletion
    deletion = None if deleted is None else StoredDeletion(deleted.header_bytes, deleted.signature)
    return StoredOp(op.id, op.header.seq, op.header_bytes, op.signature, op.content, deletion)
