"""Receipts: "all of these chains, up to these heads, is on my disk", signed by the device."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from google.protobuf.message import DecodeError

from p2pchat.errors import MalformedMessage
from p2pchat.model.ids import AccountId, ConversationId, DeviceId, OpId
from p2pchat.model.op import WORDLESS_MAX, Chain, Position
from p2pchat.wire.dchat_pb2 import FrontierEntry as EntryPb
from p2pchat.wire.dchat_pb2 import Receipt as ReceiptPb
from p2pchat.wire.envelope import Purpose, Signer, verify
from p2pchat.wire.ops import SEQ_MAX, VERSION, require_version

__all__ = [
    "Receipt",
    "SignedReceipt",
    "decode_receipt",
    "entry_pb",
    "position_of",
    "read_receipt",
    "sign_receipt",
    "verify_receipt",
]

ENTRIES_MAX = 1024


@dataclass(frozen=True, slots=True)
class Receipt:
    """What one device holds of one conversation; it covers everything below its entries, down to
    `from_seq`."""

    conversation: ConversationId
    account: AccountId
    device: DeviceId
    entries: tuple[Position, ...]
    sent_ms: int
    from_seq: int = 0
    """Of the talk in `entries`: what lies below is not claimed."""
    wordless: tuple[int, ...] = ()
    """Of the talk in `entries`, ascending: these came without their content."""
    read_below: int = 0
    """Of the talk in `entries`: a person has read what lies below, and wants that known."""


@dataclass(frozen=True, slots=True)
class SignedReceipt:
    """A receipt with the bytes that prove it, once they were verified."""

    receipt: Receipt
    body: bytes
    signature: bytes


def entry_pb(position: Position) -> EntryPb:
    """A position on the wire."""
    return EntryPb(
        device=position.device, chain=position.chain, seq=position.seq, head=position.head
    )


def position_of(entry: EntryPb) -> Position:
    """A position in bounds; `ValueError` otherwise."""
    if entry.seq >= SEQ_MAX:
        raise ValueError("a sequence number is out of bounds")
    return Position(DeviceId(entry.device), Chain(entry.chain), entry.seq, OpId(entry.head))


def sign_receipt(receipt: Receipt, signer: Signer) -> SignedReceipt:
    """A receipt of our own."""
    body = ReceiptPb(
        version=VERSION,
        conversation=receipt.conversation,
        account=receipt.account,
        device=receipt.device,
        entries=map(entry_pb, receipt.entries),
        sent_ms=receipt.sent_ms,
        from_seq=receipt.from_seq,
        wordless=receipt.wordless,
        read_below=receipt.read_below,
    ).SerializeToString()
    return SignedReceipt(receipt, body, signer.sign(Purpose.RECEIPT, body))


def read_receipt(body: bytes, signature: bytes) -> SignedReceipt:
    """Decode and verify. Raises `MalformedMessage`, `UnknownVersion`, `BadSignature`."""
    signed = decode_receipt(body, signature)
    verify_receipt(signed)
    return signed


def verify_receipt(signed: SignedReceipt) -> None:
    """That its device signed it. Raises `BadSignature`."""
    verify(signed.receipt.device, Purpose.RECEIPT, signed.body, signed.signature)


def decode_receipt(body: bytes, signature: bytes) -> SignedReceipt:
    """Decode and bound alone. Raises `MalformedMessage`, `UnknownVersion`."""
    try:
        pb = ReceiptPb.FromString(body)
        require_version("a receipt", pb.version)
        if len(pb.entries) > ENTRIES_MAX:
            raise MalformedMessage("a receipt with too many entries")
        wordless = tuple(pb.wordless)
        if len(wordless) > WORDLESS_MAX or not _ascends((*wordless, SEQ_MAX)):
            raise MalformedMessage("what a receipt says to be without words is out of bounds")
        if pb.read_below > SEQ_MAX:
            raise MalformedMessage("what a receipt says to be read is out of bounds")
        receipt = Receipt(
            ConversationId(pb.conversation),
            AccountId(pb.account),
            DeviceId(pb.device),
            tuple(map(position_of, pb.entries)),
            pb.sent_ms,
            pb.from_seq,
            wordless,
            pb.read_below,
        )
    except (DecodeError, ValueError) as error:
        raise MalformedMessage(f"a receipt does not decode: {error}") from error
    return SignedReceipt(receipt, body, signature)


def _ascends(seqs: Sequence[int]) -> bool:
    return all(lower < higher for lower, higher in pairwise(seqs))
