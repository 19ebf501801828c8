"""Delivery proofs: files that show what others have signed to hold of what somebody wrote.

A receipt names the newest op of a chain that a device has on disk, and each op names the one before
by its hash. So a receipt proves all that lies below its head, and who has the headers between can
check it: no network, no home, no trust in whoever made the file. A message that is not to be shown
is still there as its header, which holds the hash of the text alone.

What is proven is the word of devices, at the time their clocks showed, and which account certified
them. Whose account that is, only people know.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from p2pchat.errors import BadProof, RemoteProtocolError, SchemaTooNew, UnknownVersion
from p2pchat.model.archive import ArchivedOp, End, Record
from p2pchat.model.change import PutDeviceSet, PutReceipt
from p2pchat.model.ids import AccountId, ConversationId, DeviceId, OpId
from p2pchat.model.op import Chain, Header, Kind, Op
from p2pchat.wire.archive_codec import RECORD_BYTES_MAX, decode_record, encode_record
from p2pchat.wire.contents import Text, decode_content
from p2pchat.wire.devices import DeviceSet, is_certified, read_device_set
from p2pchat.wire.framing import FrameParser, frame
from p2pchat.wire.receipts import Receipt, decode_receipt

__all__ = [
    "PROOF_BYTES_MAX",
    "DeliveryProof",
    "ProvenMessage",
    "ProvenReceipt",
    "encode_proof",
    "read_proof",
]

PROOF_BYTES_MAX = 64 << 20
"""Bytes of a proof: all of it is held in memory while it is checked."""
_MAGIC = b"DCHATPRF"
_VERSION = b"\x01"


@dataclass(frozen=True, slots=True)
class ProvenMessage:
    """A message in the author's chain."""

    id: OpId
    seq: int
    sent_at: int
    """By the author's clock, ms."""
    text: str | None
    """None where the file keeps it to itself, or the message was deleted."""


@dataclass(frozen=True, slots=True)
class ProvenReceipt:
    """What one device has signed."""

    account: AccountId
    device: DeviceId
    sent_at: int
    """By that device's clock, ms."""
    up_to: int
    """It holds every op of the chain up to this `seq`."""
    is_revoked: bool
    """Its account has revoked the device since, or had."""


@dataclass(frozen=True, slots=True)
class DeliveryProof:
    """What a file proves."""

    conversation: ConversationId
    account: AccountId
    """The author."""
    device: DeviceId
    messages: tuple[ProvenMessage, ...]
    """At least one, in the order they were written."""
    receipts: tuple[ProvenReceipt, ...]
    """At least one, by account and device."""

    def held_by(self, receipt: ProvenReceipt) -> int:
        """How many of the messages a device has signed to hold."""
        return sum(message.seq <= receipt.up_to for message in self.messages)


def encode_proof(
    sets: Iterable[DeviceSet], receipts: Iterable[PutReceipt], ops: Sequence[Op]
) -> Iterator[bytes]:
    """A file in pieces: the sets of all accounts in it, receipts, and a run of one chain."""
    yield _MAGIC + _VERSION
    records: Iterable[Record] = chain(
        (PutDeviceSet(devices.account, devices.raw) for devices in sets),
        receipts,
        (ArchivedOp(op, 0, 0, is_shown=False, is_delivered=False) for op in ops),
        (End(len(ops)),),
    )
    yield from (frame(encode_record(record)) for record in records)


def read_proof(raw: bytes) -> DeliveryProof:
    """Check a file, whoever made it. Raises `BadProof`, `SchemaTooNew` for a later version."""
    if len(raw) > PROOF_BYTES_MAX:
        raise BadProof(f"is larger than any proof: over {PROOF_BYTES_MAX >> 20} MiB")
    if not raw.startswith(_MAGIC):
        raise BadProof("is no proof of delivery")
    if not raw.startswith(_MAGIC + _VERSION):
        raise SchemaTooNew("was written by a newer version of this program")
    parser = FrameParser(RECORD_BYTES_MAX, skips_empty=False)
    found = _Reading()
    try:
        for piece in parser.feed(raw[len(_MAGIC + _VERSION) :]):
            found.take(decode_record(piece))
        if not parser.is_empty or not found.is_over:
            raise BadProof("is not whole: its end is missing")
        return found.proof()
    except UnknownVersion as error:
        raise SchemaTooNew(f"was written by a newer version of this program: {error}") from error
    except RemoteProtocolError as error:
        raise BadProof(f"proves nothing: {error}") from error


class _Reading:
    """The records of a proof, put together."""

    def __init__(self) -> None:
        self._sets: dict[AccountId, DeviceSet] = {}
        self._receipts: list[Receipt] = []
        self._ops: list[Op] = []
        self.is_over = False

    def take(self, record: Record | None) -> None:
        """The next record, of which every signature was verified."""
        if self.is_over:
            raise BadProof("goes on after its end")
        match record:
            case PutDeviceSet(account, raw):
                self._sets[account] = read_device_set(raw)
            case PutReceipt(_, _, body, signature):
                self._receipts.append(decode_receipt(body, signature).receipt)
            case ArchivedOp(op):
                self._follow(op)
            case End(ops):
                self.is_over = ops == len(self._ops)
            case _:
                raise BadProof("holds what belongs in no proof")

    def proof(self) -> DeliveryProof:
        """What all of it proves together."""
        messages = tuple(_message(op) for op in self._ops if op.header.kind == Kind.TEXT)
        if not messages or not self._receipts:
            raise BadProof("proves nothing: it holds no message, or no receipt")
        header = self._ops[0].header
        self._set_of(header.account, header.device)
        seqs = {op.id: op.header.seq for op in self._ops}
        receipts = [self._receipt(receipt, seqs) for receipt in self._receipts]
        receipts.sort(key=lambda receipt: (receipt.account, receipt.device))
        return DeliveryProof(
            header.conversation, header.account, header.device, messages, tuple(receipts)
        )

    def _follow(self, op: Op) -> None:
        """The next op of the run."""
        if self._ops:
            last = self._ops[-1]
            follows = op.header.prev == last.id and op.header.seq == last.header.seq + 1
            if not follows or _chain_of(op.header) != _chain_of(last.header):
                raise BadProof("proves nothing: its messages do not follow one another")
        elif op.header.chain is not Chain.TALK:
            raise BadProof("proves nothing: it begins with no message")
        self._ops.append(op)

    def _receipt(self, receipt: Receipt, seqs: Mapping[OpId, int]) -> ProvenReceipt:
        first = self._ops[0].header
        if receipt.conversation != first.conversation or receipt.account == first.account:
            raise BadProof("proves nothing: a receipt in it is of something else")
        devices = self._set_of(receipt.account, receipt.device)
        named = [seqs[entry.head] for entry in receipt.entries if entry.head in seqs]
        if not named:
            raise BadProof("proves nothing: a receipt in it names none of its messages")
        is_revoked = receipt.device not in devices.devices
        return ProvenReceipt(
            receipt.account, receipt.device, receipt.sent_ms, max(named), is_revoked
        )

    def _set_of(self, account: AccountId, device: DeviceId) -> DeviceSet:
        devices = self._sets.get(account)
        if devices is None or not is_certified(devices, device):
            raise BadProof("proves nothing: no account vouches for a device in it")
        return devices


def _chain_of(header: Header) -> tuple[object, ...]:
    return header.conversation, header.chain, header.account, header.device


def _message(op: Op) -> ProvenMessage:
    header, text = op.header, None
    if op.content is not None:
        content = decode_content(Kind.TEXT, op.content)
        assert isinstance(content, Text), "this kind is a text"
        text = content.text
    return ProvenMessage(op.id, header.seq, header.written_ms, text)
