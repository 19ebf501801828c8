"""What a node reads once at its start: everything machines keep in memory, and no bodies."""

from __future__ import annotations

from dataclasses import dataclass, field

from p2pchat.model.change import (
    PutBlock,
    PutContact,
    PutConversation,
    PutDeviceSet,
    PutDraft,
    PutName,
    PutPeer,
    PutProfile,
    PutReadMark,
    PutTrust,
    SetDelivery,
    SetFloor,
    SetTelling,
)
from p2pchat.model.ids import AccountId, ConversationId, DeviceId, OpId
from p2pchat.model.op import Chain
from p2pchat.model.query import StoredOp
from p2pchat.model.ratchet import (
    PutBundle,
    PutMailKeys,
    PutOlmAccount,
    PutRatchet,
    SeeMail,
    SetMailed,
    SpendSession,
)
from p2pchat.model.room_change import (
    ExpectMember,
    PutEpoch,
    PutLeave,
    PutRoom,
    PutSpan,
    SetLost,
    SetSettled,
)

__all__ = ["Head", "MailSnapshot", "ReadingSnapshot", "RoomsSnapshot", "Snapshot"]


@dataclass(frozen=True, slots=True)
class Head:
    """The newest op of a branch of a chain (several for one chain after a fork)."""

    conversation: ConversationId
    account: AccountId
    device: DeviceId
    chain: Chain
    seq: int
    id: OpId
    sort_key: int
    hlc: int


@dataclass(frozen=True, slots=True)
class MailSnapshot:
    """What sealing and opening go on from."""

    account: PutOlmAccount | None = None
    keys: PutMailKeys | None = None
    ratchets: tuple[PutRatchet, ...] = ()
    spent: tuple[SpendSession, ...] = ()
    seen: tuple[SeeMail, ...] = ()
    bundles: tuple[PutBundle, ...] = ()
    mailed: tuple[SetMailed, ...] = ()


@dataclass(frozen=True, slots=True)
class RoomsSnapshot:
    """What rooms by invitation go on from."""

    rooms: tuple[PutRoom, ...] = ()
    epochs: tuple[PutEpoch, ...] = ()
    control: tuple[StoredOp, ...] = ()
    """All their control ops, each after what it depends on."""
    leaves: tuple[PutLeave, ...] = ()
    expected: tuple[ExpectMember, ...] = ()
    settled: tuple[SetSettled, ...] = ()
    lost: tuple[SetLost, ...] = ()
    talk: tuple[StoredOp, ...] = ()
    """The ends of talk chains, and of their parts, of which matters what their authors knew,
    without what they say: in rooms that do not show all their history, and our own where we left.
    """
    spans: tuple[PutSpan, ...] = ()
    begun: tuple[StoredOp, ...] = ()
    """The ops at the floors of talk chains and where their parts begin, likewise."""
    stops: tuple[StoredOp, ...] = ()
    """Ops below which the part of a chain that is for somebody may end, without what they say: of
    each chain the newest, lowest first."""


@dataclass(frozen=True, slots=True)
class ReadingSnapshot:
    """What was read and begun to be written here, and who is told of it."""

    marks: tuple[PutReadMark, ...] = ()
    telling: tuple[SetTelling, ...] = ()
    drafts: tuple[PutDraft, ...] = ()


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The state as of the last commit. Rows come back as the changes that wrote them."""

    contacts: tuple[PutContact, ...] = ()
    names: tuple[PutName, ...] = ()
    profiles: tuple[PutProfile, ...] = ()
    trust: tuple[PutTrust, ...] = ()
    conversations: tuple[PutConversation, ...] = ()
    heads: tuple[Head, ...] = ()
    control: tuple[tuple[ConversationId, OpId], ...] = ()
    """Every control op that is here: what others may depend on."""
    floors: tuple[SetFloor, ...] = ()
    wordless: tuple[tuple[ConversationId, DeviceId, int], ...] = ()
    """Places in talk chains whose op came without its content: of each the newest, one more than
    are told of, so that what lies below is known to be more."""
    deliveries: tuple[SetDelivery, ...] = ()
    published: dict[ConversationId, int] = field(default_factory=dict[ConversationId, int])
    device_sets: tuple[PutDeviceSet, ...] = ()
    peers: tuple[PutPeer, ...] = ()
    blocks: tuple[PutBlock, ...] = ()
    """In the order of their texts."""
    settings: dict[str, bytes] = field(default_factory=dict[str, bytes], repr=False)
    rooms: RoomsSnapshot = field(default_factory=RoomsSnapshot)
    mail: MailSnapshot = field(default_factory=MailSnapshot)
    reading: ReadingSnapshot = field(default_factory=ReadingSnapshot)
