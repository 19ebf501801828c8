"""Made-up but well-formed values: chains of ops by alice, bob and carol, as changes."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from hashlib import blake2b

from p2pchat.model.blocking import parse_target
from p2pchat.model.change import (
    AddDeletion,
    AddEdit,
    AddMessage,
    AddOp,
    AddReaction,
    Change,
    Counting,
    DropBlock,
    DropConversation,
    DropPeer,
    PutBlock,
    PutContact,
    PutConversation,
    PutDeviceSet,
    PutDraft,
    PutName,
    PutPeer,
    PutProfile,
    PutReadMark,
    PutReceipt,
    PutSetting,
    PutTrust,
    RestoreContent,
    SetDelivery,
    SetFloor,
    SetPublished,
    SetTelling,
)
from p2pchat.model.contact import ContactState
from p2pchat.model.ids import AccountId, ConversationId, DeviceId, OpId, PeerId
from p2pchat.model.op import Chain, Header, Kind, Op
from p2pchat.model.query import StoredOp
from p2pchat.model.ratchet import (
    DropRatchet,
    ForgetSeen,
    ForgetSpent,
    HpkeSecret,
    PutBundle,
    PutMailKeys,
    PutOlmAccount,
    PutRatchet,
    SeeMail,
    SetMailed,
    SpendSession,
)
from p2pchat.model.room import RoomKind
from p2pchat.model.room_change import (
    DropEpoch,
    DropSpan,
    ExpectMember,
    ForgetMember,
    PutEpoch,
    PutLeave,
    PutRoom,
    PutSpan,
    SetLost,
    SetSettled,
)


def digest(text: str) -> bytes:
    return blake2b(text.encode(), digest_size=32).digest()


@dataclass(frozen=True)
class Person:
    """An account with one device, or another one of the same account."""

    name: str
    gadget: str = ""

    @property
    def account(self) -> AccountId:
        return AccountId(digest(f"account {self.name}"))

    @property
    def device(self) -> DeviceId:
        return DeviceId(digest(f"device {self.name}{self.gadget}"))


ALICE, BOB, CAROL = Person("alice"), Person("bob"), Person("carol")
ROOM = ConversationId(digest("room"))
OTHER_ROOM = ConversationId(digest("other room"))
ROOMS = tuple(
    sorted(
        (PutConversation(id, RoomKind.OPEN, "garden", 1) for id in (ROOM, OTHER_ROOM)),
        key=lambda row: row.conversation,
    )
)
"""What shows their messages."""


@dataclass
class Writer:
    """Makes the ops of one device's chain in one conversation, one after another."""

    person: Person = ALICE
    conversation: ConversationId = ROOM
    chain: Chain = Chain.TALK
    own: Counting = Counting.HERE
    was: tuple[OpId, ...] = ()
    """What the next ops say that the one before knew."""
    ops: list[Op] = field(default_factory=list[Op])

    def fork(self, seq: int) -> Writer:
        """A writer that has forgotten everything from `seq` on."""
        return replace(self, ops=self.ops[:seq])

    def op(
        self,
        text: str | None = "hello",
        kind: Kind = Kind.TEXT,
        refers: OpId | None = None,
        hlc: int | None = None,
    ) -> AddOp:
        seq = len(self.ops)
        prev = self.ops[-1].id if self.ops else None
        content = None if text is None else text.encode()
        hlc = 1_000 + seq if hlc is None else hlc
        header = Header(
            self.conversation,
            self.chain,
            self.person.account,
            self.person.device,
            seq,
            prev,
            hlc,
            kind,
            digest(text or ""),
            refers=refers,
            was=self.was,
        )
        about = bytes((self.chain, kind)), refers or b""
        raw = b"|".join((header.conversation, *about, header.device, prev or b"", content or b""))
        raw += seq.to_bytes(4, "big")
        op = Op(OpId.of(raw), header, raw, digest(f"signature {raw!r}") * 2, content)
        self.ops.append(op)
        return AddOp(op, sort_key=hlc, received_ms=5_000 + seq)

    def message(
        self, text: str = "hello", *, sort_key: int | None = None, reply_to: OpId | None = None
    ) -> list[Change]:
        added = self.op(text)
        if sort_key is not None:
            added = replace(added, sort_key=sort_key)
        return [added, self.shown(added, text, reply_to)]

    def shown(self, added: AddOp, text: str, reply_to: OpId | None = None) -> AddMessage:
        return AddMessage(
            op=added.op.id,
            conversation=self.conversation,
            author=self.person.account,
            device=self.person.device,
            seq=added.op.header.seq,
            own=self.own,
            text=text,
            type="text",
            sent_ms=added.op.header.hlc,
            received_ms=added.received_ms,
            sort_key=added.sort_key,
            reply_to=reply_to,
        )

    def edit(self, target: OpId, text: str, hlc: int | None = None) -> list[Change]:
        added = self.op(text, Kind.EDIT, target, hlc)
        header = added.op.header
        about = self.conversation, target, header.account
        return [added, AddEdit(added.op.id, *about, header.hlc, text)]

    def delete(self, target: OpId) -> list[Change]:
        added = self.op("", Kind.DELETE, target)
        return [added, AddDeletion(added.op.id, self.conversation, target, self.person.account)]

    def react(
        self, target: OpId, emoji: str, *, is_on: bool = True, hlc: int | None = None
    ) -> list[Change]:
        added = self.op(f"{emoji} {is_on}", Kind.REACTION, target, hlc)
        header = added.op.header
        about = self.conversation, target, header.account
        return [added, AddReaction(added.op.id, *about, header.hlc, emoji, is_on)]

    def messages(self, count: int) -> list[Change]:
        return [change for n in range(count) for change in self.message(f"number {n}")]


def delivery(
    person: Person,
    *,
    acked: int,
    sent: int = 0,
    read: int = 0,
    conversation: ConversationId = ROOM,
) -> SetDelivery:
    return SetDelivery(
        conversation=conversation,
        account=person.account,
        device=person.device,
        control_acked=1,
        talk_acked=acked,
        talk_sent=sent,
        attempts=2,
        next_try_ms=9_000,
        last_error="no answer",
        talk_read=read,
    )


def peer_id(text: str) -> PeerId:
    return DeviceId(digest(text)).peer_id


def one_of_each() -> list[Change]:
    """Every kind of change once, in an order that makes sense."""
    writer = Writer()
    first, second, third = writer.op("first"), writer.op("second"), writer.op("third")
    return [
        PutConversation(ROOM, RoomKind.INVITED, "garden", 1),
        first,
        writer.shown(first, "first"),
        second,
        third,
        writer.shown(third, "third", reply_to=first.op.id),
        *writer.edit(third.op.id, "third, mended"),
        *writer.delete(second.op.id),
        *writer.react(third.op.id, "👍"),
        RestoreContent(second.op, "second"),
        SetFloor(ROOM, ALICE.device, Chain.TALK, 1, first.op.id),
        delivery(BOB, acked=2, sent=3),
        SetPublished(ROOM, 2),
        PutReadMark(ROOM, BOB.device, 4),
        SetTelling(ROOM, is_on=True),
        SetTelling(OTHER_ROOM, is_on=False),
        SetTelling(OTHER_ROOM, None),
        PutDraft(ROOM, "dear"),
        PutReceipt(ROOM, BOB.device, b"body", b"signature"),
        PutContact(BOB.account, OTHER_ROOM, ContactState.ACCEPTED, 7, b"i" * 16),
        PutName(BOB.account, "Bob", 3),
        PutProfile(BOB.account, "gardener", b"picture", 4),
        PutTrust(BOB.account, 5, None, is_confirmed=False),
        PutTrust(ALICE.account, 0, BOB.account, is_confirmed=True),
        PutConversation(OTHER_ROOM, None, "", 2),
        PutDeviceSet(BOB.account, b"device set"),
        PutPeer(peer_id("bob"), ("/ip4/10.0.0.1/tcp/1", "/dns/bob.example/tcp/2"), 77),
        PutPeer(peer_id("carol"), (), 78),
        DropPeer(peer_id("carol")),
        PutBlock(BOB.account, 80),
        PutBlock(peer_id("carol"), 81),
        PutBlock(parse_target("2001:db8::/32"), 82),
        PutBlock(parse_target("203.0.113.0/24"), 83),
        DropBlock(parse_target("203.0.113.0/24")),
        PutSetting("routing table", b"\0\1"),
        *mail(),
        DropConversation(OTHER_ROOM, ALICE.device),
    ]


def ratchet(person: Person, session: str, *, counter: int = 0) -> PutRatchet:
    return PutRatchet(person.device, digest(session), f"pickle {counter}", counter, False, 5)


def mail() -> list[Change]:
    """Every kind of change that sealed mail makes."""
    keys = (HpkeSecret(2, b"hybrid", 7), HpkeSecret(1, b"x25519", 7), HpkeSecret(2, b"older", 1))
    return [
        PutOlmAccount("pickle"),
        PutMailKeys(digest("fallback"), 7, keys),
        ratchet(BOB, "one"),
        ratchet(BOB, "two", counter=3),
        DropRatchet(BOB.device, digest("one")),
        SpendSession(digest("spent"), 100, BOB.account),
        SpendSession(digest("spent long ago"), 10, BOB.account),
        SeeMail(digest("seen"), 100),
        SeeMail(digest("seen long ago"), 10),
        ForgetSpent(11),
        ForgetSeen(10),
        PutBundle(BOB.device, b"record", 50, 2),
        SetMailed(ROOM, BOB.device, 1, 2, 60),
        *rooms(),
    ]


def rooms() -> list[Change]:
    """Every kind of change that a room by invitation makes."""
    first = PutEpoch(ROOM, OpId(digest("epoch")), digest("epoch secret"), 5)
    return [
        PutRoom(ROOM, b"genesis", digest("room secret"), BOB.account),
        PutLeave(ROOM, (StoredOp(OpId(digest("leave")), 3, b"header", bytes(64), b"content"),)),
        first,
        PutEpoch(ROOM, OpId(digest("next epoch")), digest("next secret"), 6),
        DropEpoch(ROOM, first.op),
        ExpectMember(ROOM, BOB.account, 1),
        ExpectMember(ROOM, CAROL.account, 2),
        ForgetMember(ROOM, CAROL.account),
        SetSettled(ROOM, 1, 1),
        SetLost(ROOM, ((0, 1),)),
        PutSpan(ROOM, BOB.account, BOB.device, 1, OpId(digest("below")), 2, OpId(digest("end")), 7),
        PutSpan(ROOM, BOB.account, BOB.device, 4, OpId(digest("hole")), 5, OpId(digest("top")), 8),
        DropSpan(ROOM, BOB.device, 4),
    ]
