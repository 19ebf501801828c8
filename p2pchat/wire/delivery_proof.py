"""Delivery proofs: files that show what others have signed to hold of what somebody wrote.

A receipt names the newest op of a chain that a device has on disk, and each op names the one before
by its hash. So a receipt proves all that lies below its head, and who has the headers between can
check it: no network, no home, no trust in whoever made the file. A message that is not to be shown
is still there as its header, which holds the hash of the text alone.

Where a chain may begin at a floor, a receipt says nothing of what lies below. That is so in rooms
that nobody rules, so there is no proof there: the two accounts of a direct conversation are its id,
and a room by invitation is its genesis, which stands in the file.

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
from p2pchat.model.conversation import direct_id, room_id
from p2pchat.model.ids import AccountId, ConversationId, DeviceId, OpId
from p2pchat.model.op import Chain, Header, Kind, Op
from p2pchat.wire.archive_codec import RECORD_BYTES_MAX, decode_record, encode_record
from p2pchat.wire.contents import Text, decode_content
from p2pchat.wire.devices import DeviceSet, is_certified, merged, read_device_set
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
_LENGTH_BYTES = 2


@dataclass(frozen=True, slots=True)
class ProvenMessage:
    """A message in the author's chain."""

    id: OpId
    seq: int
    sent_at: int
    """By the author's clock, ms."""
    text: str | None
    """None where the file keeps it to itself, or the message was deleted."""
    is_deleted: bool = False
    """Its author took it back, as far as the file tells."""


@dataclass(frozen=True, slots=True)
class ProvenReceipt:
    """What one device has signed."""

    account: AccountId
    device: DeviceId
    sent_at: int
    """By that device's clock, ms."""
    up_to: int
    """It holds every op of the chain up to this `seq`."""
    from_seq: int
    """And down to this one."""
    wordless: tuple[int, ...]
    """But of these it never had what they say: that had been deleted before they came."""
    is_revoked: bool
    """Its account has revoked the device since, or had, as far as the file tells."""


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
    is_revoked: bool
    """The author's account has revoked the author's device, as far as the file tells."""

    def held_by(self, receipt: ProvenReceipt) -> int:
        """How many of the messages a device has signed to hold."""
        return len(self._claimed(receipt)) - self.wordless_at(receipt)

    def wordless_at(self, receipt: ProvenReceipt) -> int:
        """How many more came to a device without their words."""
        return len(self._claimed(receipt) & set(receipt.wordless))

    def _claimed(self, receipt: ProvenReceipt) -> set[int]:
        seqs = {message.seq for message in self.messages}
        return {seq for seq in seqs if receipt.from_seq <= seq <= receipt.up_to}


def encode_proof(
    sets: Iterable[DeviceSet],
    receipts: Iterable[PutReceipt],
    ops: Sequence[Op],
    genesis: bytes = b"",
) -> Iterator[bytes]:
    """A file in pieces: the sets of all accounts in it, receipts, and a run of one chain; of a room
    by invitation its genesis."""
    yield _MAGIC + _VERSION + len(genesis).to_bytes(_LENGTH_BYTES, "big") + genesis
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
    start = len(_MAGIC + _VERSION) + _LENGTH_BYTES
    end = start + int.from_bytes(raw[start - _LENGTH_BYTES : start], "big")
    parser = FrameParser(RECORD_BYTES_MAX, skips_empty=False)
    found = _Reading(raw[start:end])
    try:
        for piece in parser.feed(raw[end:]):
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

    def __init__(self, genesis: bytes) -> None:
        self._genesis = genesis
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
                known, told = self._sets.get(account), read_device_set(raw)
                self._sets[account] = told if known is None else merged(known, told)
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
        gone = {op.header.refers for op in self._ops if op.header.kind == Kind.DELETE}
        texts = [op for op in self._ops if op.header.kind == Kind.TEXT]
        messages = tuple(_message(op, is_deleted=op.id in gone) for op in texts)
        if not messages or not self._receipts:
            raise BadProof("proves nothing: it holds no message, or no receipt")
        header = self._ops[0].header
        if self._genesis and room_id(self._genesis) != header.conversation:
            raise BadProof("proves nothing: it is not of the room that it says")
        devices = self._set_of(header.account, header.device)
        seqs = {op.id: op.header.seq for op in self._ops}
        receipts = [self._receipt(receipt, seqs) for receipt in self._receipts]
        newest = {(one.account, one.device): one for one in sorted(receipts, key=_reach)}
        return DeliveryProof(
            header.conversation,
            header.account,
            header.device,
            messages,
            tuple(newest[key] for key in sorted(newest)),
            header.device not in devices.devices,
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
        is_of_it = receipt.conversation == first.conversation and receipt.account != first.account
        is_direct = direct_id(first.account, receipt.account) == first.conversation
        if not is_of_it or not (self._genesis or is_direct):
            raise BadProof("proves nothing: a receipt in it is of something else")
        devices = self._set_of(receipt.account, receipt.device)
        named = [seqs[entry.head] for entry in receipt.entries if entry.head in seqs]
        if not named:
            raise BadProof("proves nothing: a receipt in it names none of its messages")
        is_revoked = receipt.device not in devices.devices
        return ProvenReceipt(
            receipt.account,
            receipt.device,
            receipt.sent_ms,
            max(named),
            receipt.from_seq,
            receipt.wordless,
            is_revoked,
        )

    def _set_of(self, account: AccountId, device: DeviceId) -> DeviceSet:
        devices = self._sets.get(account)
        if devices is None or not is_certified(devices, device):
            raise BadProof("proves nothing: no account vouches for a device in it")
        return devices


def _reach(receipt: ProvenReceipt) -> int:
    return receipt.up_to


def _chain_of(header: Header) -> tuple[object, ...]:
    return header.conversation, header.chain, header.account, header.device


def _message(op: Op, *, is_deleted: bool) -> ProvenMessage:
    """What was deleted is not shown, though the author may have kept it for the file."""
    header, text = op.header, None
    is_deleted = is_deleted or op.deletion is not None
    if op.content is not None and not is_deleted:
        content = decode_content(Kind.TEXT, op.content)
        assert isinstance(content, Text), "this kind is a text"
        text = content.text
    return ProvenMessage(op.id, header.seq, header.written_ms, text, is_deleted)
