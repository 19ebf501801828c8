"""Frames of `/dchat/direct/1.0.0` and `/dchat/sync/1.0.0`: bytes <-> values in bounds.

The two protocols carry the same frames; the second keeps a page of history from delaying a
message.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import Enum

from google.protobuf.message import DecodeError

from p2pchat.errors import MalformedMessage, UnknownVersion
from p2pchat.model.conversation import room_commitment, room_id
from p2pchat.model.ids import HASH_BYTES, AccountId, ConversationId, DeviceId, OpId
from p2pchat.model.op import Chain, Op, Position
from p2pchat.wire import dchat_pb2 as pb
from p2pchat.wire.control import read_genesis
from p2pchat.wire.devices import ClaimedSet, DeviceSet, claimed_set, read_device_set
from p2pchat.wire.joining import KEY_BYTES, PROOF_BYTES, Join, JoinRefused, Refusal
from p2pchat.wire.ops import SEQ_MAX, op_of, signed_op
from p2pchat.wire.receipts import SignedReceipt, decode_receipt, entry_pb, position_of
from p2pchat.wire.sender_keys import SignedSenderKey, decode_sender_key

__all__ = [
    "SESSION_BYTES",
    "WELCOME_DEVICES_MAX",
    "WELCOME_EPOCHS_MAX",
    "Compare",
    "Frame",
    "Hello",
    "Ops",
    "Step",
    "SyncDigest",
    "SyncFrontier",
    "SyncPage",
    "SyncPull",
    "Typing",
    "Wanted",
    "Welcome",
    "decode_frame",
    "decode_ops",
    "encode_frame",
    "encode_ops",
    "split_ops",
]

OPS_PER_FRAME_MAX = 64
SESSION_BYTES = 16
"""What names a comparison of keys."""
FRONTIER_ENTRIES_MAX = 4096
WELCOME_EPOCHS_MAX = 8
WELCOME_DEVICES_MAX = 20
_OP_OVERHEAD_BYTES = 16
"""Tags and lengths round an op's three fields."""


@dataclass(frozen=True, slots=True)
class Hello:
    """The sender's own device set: first on every stream."""

    devices: DeviceSet


@dataclass(frozen=True, slots=True)
class Ops:
    """Up to 64 ops, with the device sets of those authors whom the reader may not know.

    What was read is claimed alone: most of it is known already, and what is not is verified where
    an op needs it."""

    ops: tuple[Op, ...]
    devices: tuple[ClaimedSet, ...] = ()


@dataclass(frozen=True, slots=True)
class SyncDigest:
    """A hash over all heads that the sender holds."""

    conversation: ConversationId
    digest: bytes
    in_answer: bool = False
    """The sender compares because it was asked; it is not asked back for that."""


@dataclass(frozen=True, slots=True)
class SyncFrontier:
    """Where the chains that the sender holds end, and where those begin that begin late."""

    conversation: ConversationId
    heads: tuple[Position, ...]
    floors: tuple[Position, ...]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Ops of one chain from `from_seq` on; `head` is the asker's own op there, or None."""

    device: DeviceId
    chain: Chain
    from_seq: int
    head: OpId | None


@dataclass(frozen=True, slots=True)
class SyncPull:
    """Asks for what is missing."""

    conversation: ConversationId
    wanted: tuple[Wanted, ...]


@dataclass(frozen=True, slots=True)
class SyncPage:
    """The ops asked for were sent; with `more` the asker asks again from where it stands."""

    conversation: ConversationId
    more: bool


class Step(Enum):
    """The steps of comparing keys; the value says what stands in the frame."""

    COMMIT = 1
    KEY = 2
    END = 3


@dataclass(frozen=True, slots=True)
class Compare:
    """A step of comparing keys by pictures (`protocol.comparing`)."""

    session: bytes
    step: Step
    value: bytes
    """32 bytes; empty at the end."""


@dataclass(frozen=True, slots=True)
class Typing:
    """The sender's person is writing to ours, or has stopped (`protocol.composing`)."""

    is_typing: bool


@dataclass(frozen=True, slots=True)
class Welcome:
    """What a member's device needs for a room by invitation, beside its ops."""

    genesis: bytes
    """The content of the room's first op; its hash is the room."""
    secret: bytes = field(repr=False)
    epochs: tuple[bytes, ...] = field(repr=False)
    """Secrets of epochs, each proven by the op that opened it."""
    devices: tuple[ClaimedSet, ...] = ()
    """Device sets of some members."""

    @property
    def conversation(self) -> ConversationId:
        return room_id(self.genesis)


Frame = (
    Hello
    | Ops
    | SignedReceipt
    | SyncDigest
    | SyncFrontier
    | SyncPull
    | SyncPage
    | Welcome
    | SignedSenderKey
    | Compare
    | Typing
    | Join
    | JoinRefused
)


def encode_frame(frame: Frame) -> bytes:
    """One frame's body."""
    return _message(frame).SerializeToString()


def decode_frame(raw: bytes) -> Frame:
    """Read and bound. The set of a hello is verified, for it says whom we talk to; whatever else is
    signed is verified where it is known to matter.

    Ops of a later version are left out. Raises `MalformedMessage`, `BadSignature`, and
    `UnknownVersion` for a frame of a kind that is not known.
    """
    try:
        message = pb.Frame.FromString(raw)
        return _value(message)
    except (DecodeError, ValueError) as error:
        raise MalformedMessage(f"a frame does not decode: {error}") from error


def split_ops(ops: Iterable[Op], bytes_max: int) -> list[list[Op]]:
    """Runs of ops that each fit into one frame of about `bytes_max` bytes (a single op may exceed
    them)."""
    parts: list[list[Op]] = []
    size = 0
    for op in ops:
        op_bytes = op.size_bytes + _OP_OVERHEAD_BYTES
        if not parts or len(parts[-1]) >= OPS_PER_FRAME_MAX or size + op_bytes > bytes_max:
            parts.append([])
            size = 0
        parts[-1].append(op)
        size += op_bytes
    return parts


def encode_ops(ops: Ops) -> bytes:
    """Several ops as one blob, to be sealed for a room."""
    return _ops_message(ops).SerializeToString()


def decode_ops(raw: bytes) -> Ops:
    """The inverse of `encode_ops`; no signature is looked at. Raises `MalformedMessage`."""
    try:
        return _ops_value(pb.Ops.FromString(raw))
    except (DecodeError, ValueError) as error:
        raise MalformedMessage(f"a blob does not decode: {error}") from error


def _ops_message(frame: Ops) -> pb.Ops:
    return pb.Ops(
        ops=[signed_op(op) for op in frame.ops],
        devices=[one.raw for one in frame.devices],
    )


def _message(frame: Frame) -> pb.Frame:
    match frame:
        case Ops():
            return pb.Frame(ops=_ops_message(frame))
        case SignedReceipt(_, body, signature):
            return pb.Frame(receipt=pb.Signed(body=body, signature=signature))
        case Hello(devices):
            return pb.Frame(hello=pb.Hello(devices=devices.raw))
        case SyncDigest():
            return pb.Frame(
                digest=pb.SyncDigest(
                    conversation=frame.conversation,
                    digest=frame.digest,
                    in_answer=frame.in_answer,
                )
            )
        case SyncFrontier(conversation, heads, floors):
            return pb.Frame(
                frontier=pb.SyncFrontier(
                    conversation=conversation,
                    heads=map(entry_pb, heads),
                    floors=map(entry_pb, floors),
                )
            )
        case SyncPull(conversation, wanted):
            return pb.Frame(
                pull=pb.SyncPull(conversation=conversation, wanted=map(_wanted_pb, wanted))
            )
        case Welcome(genesis, secret, epochs, devices):
            raws = [one.raw for one in devices]
            return pb.Frame(
                welcome=pb.Welcome(genesis=genesis, secret=secret, epochs=epochs, devices=raws)
            )
        case SignedSenderKey(_, body, signature):
            return pb.Frame(sender_key=pb.Signed(body=body, signature=signature))
        case SyncPage(conversation, more):
            return pb.Frame(page=pb.SyncPage(conversation=conversation, more=more))
        case Join(conversation, invite, key, proof):
            asked = pb.Join(conversation=conversation, invite=invite, key=key, proof=proof)
            return pb.Frame(join=asked)
        case JoinRefused(conversation, invite, reason):
            refused = pb.JoinRefused(conversation=conversation, invite=invite, reason=reason)
            return pb.Frame(join_refused=refused)
        case Compare(session, step, value):
            return pb.Frame(compare=pb.Compare(session=session, step=step.value, value=value))
        case Typing(is_typing):
            return pb.Frame(typing=pb.Typing(is_typing=is_typing))


def _value(message: pb.Frame) -> Frame:
    match message.WhichOneof("body"):
        case "ops":
            return _ops_value(message.ops)
        case "receipt":
            return decode_receipt(message.receipt.body, message.receipt.signature)
        case "hello":
            return Hello(read_device_set(message.hello.devices))
        case "digest":
            digest = message.digest
            if len(digest.digest) != HASH_BYTES:
                raise MalformedMessage("a digest has 32 bytes")
            return SyncDigest(ConversationId(digest.conversation), digest.digest, digest.in_answer)
        case "frontier":
            return _frontier(message.frontier)
        case "pull":
            pull = message.pull
            _bound(len(pull.wanted), FRONTIER_ENTRIES_MAX)
            return SyncPull(ConversationId(pull.conversation), tuple(map(_wanted, pull.wanted)))
        case "page":
            return SyncPage(ConversationId(message.page.conversation), message.page.more)
        case "compare":
            return _compare(message.compare)
        case "typing":
            return Typing(message.typing.is_typing)
        case "welcome":
            return _welcome(message.welcome)
        case "sender_key":
            return decode_sender_key(message.sender_key.body, message.sender_key.signature)
        case "join":
            return _join(message.join)
        case "join_refused":
            said = message.join_refused
            ids = ConversationId(said.conversation), OpId(said.invite)
            return JoinRefused(*ids, Refusal(said.reason))
        case _:
            raise UnknownVersion("a frame of an unknown kind")


def _compare(message: pb.Compare) -> Compare:
    step = Step(message.step)
    size = 0 if step is Step.END else HASH_BYTES
    if len(message.session) != SESSION_BYTES or len(message.value) != size:
        raise MalformedMessage("a step of a comparison is out of bounds")
    return Compare(message.session, step, message.value)


def _ops_value(message: pb.Ops) -> Ops:
    _bound(len(message.ops), OPS_PER_FRAME_MAX)
    _bound(len(message.devices), OPS_PER_FRAME_MAX)
    ops = tuple(_known_ops(message.ops))
    return Ops(ops, _sets(message.devices, {op.header.account for op in ops}))


def _known_ops(messages: Iterable[pb.SignedOp]) -> Iterator[Op]:
    for message in messages:
        try:
            yield op_of(message)
        except UnknownVersion:
            continue  # for those who know it, whom it reaches all the same


def _sets(raws: Iterable[bytes], authors: set[AccountId]) -> tuple[ClaimedSet, ...]:
    """One device set of each author; others are of no use."""
    found: dict[AccountId, ClaimedSet] = {}
    for claim in map(claimed_set, raws):
        if claim.account in authors:
            found.setdefault(claim.account, claim)
    return tuple(found.values())


def _frontier(message: pb.SyncFrontier) -> SyncFrontier:
    _bound(len(message.heads), FRONTIER_ENTRIES_MAX)
    _bound(len(message.floors), FRONTIER_ENTRIES_MAX)
    return SyncFrontier(
        ConversationId(message.conversation),
        tuple(map(position_of, message.heads)),
        tuple(map(position_of, message.floors)),
    )


def _welcome(message: pb.Welcome) -> Welcome:
    _bound(len(message.epochs), WELCOME_EPOCHS_MAX)
    _bound(len(message.devices), WELCOME_DEVICES_MAX)
    if any(len(secret) != HASH_BYTES for secret in (message.secret, *message.epochs)):
        raise MalformedMessage("a room's secret has 32 bytes")
    if read_genesis(message.genesis).commitment != room_commitment(message.secret):
        raise MalformedMessage("a room's secret is another than the room began with")
    return Welcome(
        message.genesis,
        message.secret,
        tuple(message.epochs),
        tuple(map(claimed_set, message.devices)),
    )


def _join(message: pb.Join) -> Join:
    if len(message.key) != KEY_BYTES or len(message.proof) != PROOF_BYTES:
        raise MalformedMessage("what asks for admission is out of bounds")
    ids = ConversationId(message.conversation), OpId(message.invite)
    return Join(*ids, message.key, message.proof)


def _wanted_pb(wanted: Wanted) -> pb.Wanted:
    return pb.Wanted(
        device=wanted.device,
        chain=wanted.chain,
        from_seq=wanted.from_seq,
        head=wanted.head or b"",
    )


def _wanted(message: pb.Wanted) -> Wanted:
    if message.from_seq >= SEQ_MAX:
        raise ValueError("a sequence number is out of bounds")
    return Wanted(
        DeviceId(message.device),
        Chain(message.chain),
        message.from_seq,
        OpId(message.head) if message.head else None,
    )


def _bound(count: int, most: int) -> None:
    if count > most:
        raise MalformedMessage(f"a list of {count} entries, over {most}")
