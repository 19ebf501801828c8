"""What the chat's machines share: who we are, whom we know, which conversations there are."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from p2pchat.config.limits import Limits
from p2pchat.errors import RemoteProtocolError
from p2pchat.model.blocking import NOBODY, Target
from p2pchat.model.change import (
    PutBlock,
    PutContact,
    PutConversation,
    PutProfile,
    PutTrust,
)
from p2pchat.model.contact import ContactInfo, ContactState
from p2pchat.model.control import Detail
from p2pchat.model.conversation import open_room_key
from p2pchat.model.ids import AccountId, ConversationId, DeviceId, OpId, Party
from p2pchat.model.lookalikes import NameFlag, flags_of
from p2pchat.model.machine import Now
from p2pchat.model.op import Chain, Header, Kind, Op, covers
from p2pchat.model.room import Role, RoomInfo, RoomKind
from p2pchat.protocol.held_back import HeldBack
from p2pchat.protocol.log import Floor, Log, Tip
from p2pchat.protocol.pairs import Pairs
from p2pchat.protocol.parts import Stop
from p2pchat.protocol.room_state import ROLES, InvitedRoom
from p2pchat.protocol.timeline import HybridClock
from p2pchat.wire.contents import Content, Profile, encode_content
from p2pchat.wire.devices import DeviceSet, holding, is_certified, merged
from p2pchat.wire.envelope import Signer
from p2pchat.wire.ops import DEPS_MAX, content_hash, make_op

if TYPE_CHECKING:
    from random import Random

__all__ = ["ACCOUNTS_MAX", "LEFT", "OWN_RECENT_MAX", "Conversation", "Left", "Me", "State"]

OWN_RECENT_MAX = 512
GREETINGS_MAX = 1024
"""Device sets of connected devices."""
ACCOUNTS_MAX = 20_000
"""Accounts whose device sets are kept; past it only contacts become more."""


LEFT = (ContactState.REMOVED, ContactState.WITHDRAWN)
"""Whom we want to have nothing to do with, as long as we do not add them again."""


@dataclass(frozen=True, slots=True)
class Me:
    """Our own identity, as far as the core may see it."""

    account: AccountId
    device: DeviceId
    name: str
    devices: DeviceSet
    signer: Signer
    intro: bytes = field(repr=False)
    """The token in our contact link; a request without it does not reach us."""


class Blocks:
    """Who is blocked; decided by `protocol.blocking`."""

    def __init__(self) -> None:
        self.rows: dict[Target, PutBlock] = {}
        """What the user said."""
        self.configured = NOBODY
        """What the configuration says."""
        self.in_force = NOBODY
        """What the host refuses: both, and the devices of blocked accounts."""

    def is_account(self, account: AccountId | None) -> bool:
        return account in self.rows

    def is_device(self, device: DeviceId) -> bool:
        return self.in_force.blocks_peer(device.peer_id)


class Directory:
    """Which devices act for which account, what accounts call themselves, and who is blocked.

    Anybody can certify any key, so nobody asks whose a device is: the question is whether it acts
    for the account it claims. Kept are the sets of accounts whose ops are here; that of a stranger
    is remembered while its device is connected, and costs no disk.
    """

    def __init__(self, own: DeviceSet) -> None:
        self.sets: dict[AccountId, DeviceSet] = {own.account: own}
        self.names: dict[AccountId, tuple[int, str]] = {}
        self.profiles: dict[AccountId, PutProfile] = {}
        self.introducers: dict[AccountId, AccountId] = {}
        """By whom somebody and we were introduced to each other; kept by the introductions."""
        """What contacts, and we, say of themselves."""
        self.trust: dict[AccountId, PutTrust] = {}
        """Contacts that were verified, or of whose key there was doubt."""
        self.blocks = Blocks()
        self.pairs = Pairs()
        self._greetings: dict[DeviceId, DeviceSet] = {}
        self._proved: set[Party] = set()
        self._retired: dict[DeviceId, AccountId] = {}
        """Devices that were revoked since somebody asked."""

    @property
    def accounts(self) -> dict[DeviceId, AccountId]:
        """The accounts that connected devices say they act for."""
        return {device: devices.account for device, devices in self._greetings.items()}

    def greet(self, device: DeviceId, devices: DeviceSet) -> None:
        """A device said hello with a set that names it; the oldest goes when there are too many."""
        self._greetings.pop(device, None)
        if len(self._greetings) >= GREETINGS_MAX:
            del self._greetings[next(iter(self._greetings))]
        self._greetings[device] = devices

    def greeted(self, account: AccountId) -> list[tuple[DeviceId, DeviceSet]]:
        """Connected devices that said that they act for an account, and the sets they brought."""
        return [(one, said) for one, said in self._greetings.items() if said.account == account]

    def prove(self, party: Party) -> None:
        """A device that is known for good has said itself that it acts for an account."""
        if party.device in self.devices(party.account):
            self._proved.add(party)

    def proved(self, account: AccountId) -> frozenset[DeviceId]:
        """Those of its devices that have said so themselves."""
        return frozenset(d for d in self.devices(account) if Party(account, d) in self._proved)

    def devices(self, account: AccountId) -> frozenset[DeviceId]:
        """The devices that are known for good to act for an account, or to have done so."""
        known = self.sets.get(account)
        return known.devices | known.revoked if known is not None else frozenset()

    def is_revoked(self, account: AccountId, device: DeviceId) -> bool:
        """Whether a device is known to act for an account no more, whatever else certifies it."""
        known = self.sets.get(account)
        return known is not None and (device in known.revoked or known.is_closed)

    def is_doubtful(self, account: AccountId | None) -> bool:
        """Whether a contact's key seems to have changed, and the user has not said what to do."""
        row = self.trust.get(account) if account is not None else None
        return row is not None and row.claimed is not None and not row.is_confirmed

    def acting(self, account: AccountId) -> frozenset[DeviceId]:
        """The devices that are known for good to act for an account now."""
        known = self.sets.get(account)
        return known.devices if known is not None and not known.is_closed else frozenset()

    def part(self, device: DeviceId) -> None:
        """A device is gone."""
        self._greetings.pop(device, None)

    def keep(self, devices: DeviceSet) -> bool:
        """Take a verified set's certificates for good; True when one was new. Sets only grow."""
        account = devices.account
        known = self.sets.get(account)
        kept = merged(known, devices) if known is not None else devices
        if kept is known:
            return False
        acted = self.acting(account) | {d for d, a in self.accounts.items() if a == account}
        self.sets[account] = kept
        for device in acted:
            if self.is_revoked(account, device):
                self.part(device)
                self._retired[device] = account
        return True

    def take_retired(self) -> dict[DeviceId, AccountId]:
        """Devices that acted for an account until lately, and do so no more."""
        retired, self._retired = self._retired, {}
        return retired

    def certificate(
        self, account: AccountId, device: DeviceId, *, even_revoked: bool = False
    ) -> DeviceSet | None:
        """The set that lets a device act for an account, if we know one and no revocation; or that
        once let it."""
        known = self.sets.get(account)
        if self.is_revoked(account, device):
            is_here = even_revoked and known is not None and is_certified(known, device)
            return known if is_here else None
        for devices in (known, self._greetings.get(device)):
            if devices is not None and devices.account == account and device in devices.devices:
                return devices
        return None

    def certifies(self, account: AccountId | None, device: DeviceId) -> bool:
        return account is not None and self.certificate(account, device) is not None

    def name(self, account: AccountId) -> str:
        """What an account calls itself; a short form of its id when that is not known."""
        _, name = self.names.get(account, (0, ""))
        return name or f"{str(account)[:10]}…"


@dataclass(slots=True)
class Left:
    """A room that we left: all that we said in it stays on disk, for perhaps nobody else has it,
    and of what we ruled where that ended."""

    talk: list[Tip] = field(default_factory=list[Tip])
    """The heads of our talk chain."""
    floor: Floor | None = None
    """Where that begins."""
    stops: list[Stop] = field(default_factory=list[Stop])
    """Where it may end for somebody."""
    control: Floor | None = None
    """Where our control chain goes on."""


class Conversation:
    """One conversation in memory."""

    def __init__(self, row: PutConversation, other: AccountId | None, log: Log) -> None:
        self.id = row.conversation
        self.kind: RoomKind | None = row.kind
        self.name = row.name
        self.created_ms = row.created_ms
        self.other = other
        """The other account of a direct conversation; None for a room."""
        self.log = log
        self.invited: InvitedRoom | None = None
        """What a room by invitation is beside its log."""
        self.key = open_room_key(row.name) if row.kind is RoomKind.OPEN else None
        """Of a room that nobody rules: who has it is in it."""
        self.published = 0
        """How many of our talk ops were handed to at least one peer of the room."""
        self._own: dict[Chain, deque[Op]] = {c: deque(maxlen=OWN_RECENT_MAX) for c in Chain}

    @property
    def is_unruled(self) -> bool:
        """A room of all who can name its id: nobody rules it, and only what is newest is kept."""
        return self.kind is RoomKind.OPEN or self.kind is RoomKind.PASSWORD

    def digest(self) -> bytes:
        """What a peer compares with. In a room by invitation control ops without effect are left
        out: they are not worth to be asked for, and not all of them are kept."""
        if self.invited is None:
            return self.log.digest()
        return self.log.digest(self.invited.membership.last)

    @property
    def is_entered(self) -> bool:
        """Whether this is a room that we are in, and not one that somebody takes us into."""
        return self.kind is not None and (self.invited is None or self.invited.is_entered)

    def remember_own(self, op: Op) -> None:
        recent = self._own[op.header.chain]
        if recent and recent[-1].id != op.header.prev:
            recent.clear()  # a history of ours that we had forgotten came back
        recent.append(op)

    def forget_content(self, deletion: Op) -> None:
        """Keep no content of ours that was deleted."""
        recent = self._own[Chain.TALK]
        for place, op in enumerate(recent):
            if op.content is not None and covers(deletion, op):
                recent[place] = replace(op, content=None, deletion=deletion)

    def own_recent(self, chain: Chain, start: int, stop: int) -> list[Op] | None:
        """Our ops of `start <= seq < stop` when all are still in memory."""
        recent = self._own[chain]
        first = recent[0].header.seq if recent else stop
        if start < first or stop > first + len(recent):
            return None
        return [recent[seq - first] for seq in range(start, stop)]

    def own_up_to(self, chain: Chain, ids: AbstractSet[OpId], most: int) -> list[Op]:
        """The newest of our ops of a chain that is one of these, after so many before it; none if
        it is not in memory."""
        recent = self._own[chain]
        end = next((n for n in range(len(recent), 0, -1) if recent[n - 1].id in ids), 0)
        return [recent[n] for n in range(max(0, end - most), end)]

    def newest_own(self, chain: Chain, kind: Kind | None = None) -> Op | None:
        """Our newest op of a chain, or our newest of a kind in it, if that is still in memory."""
        found = (op for op in reversed(self._own[chain]) if kind in (None, op.header.kind))
        return next(found, None)

    def named_by(self, device: DeviceId) -> set[OpId]:
        """The control ops that talk of ours, a device's, says that it knew, as far as that is in
        memory."""
        tips = self.log.tips.get((device, Chain.TALK), ())
        recent = self._own[Chain.TALK]
        said = [*(tip.known for tip in tips), *(op.header.deps for op in recent)]
        return {id for known in said for id in known}

    def own_id(self, chain: Chain, seq: int) -> OpId | None:
        """The id of our op at a place, if it is still in memory."""
        recent = self._own[chain]
        first = recent[0].header.seq if recent else 0
        return recent[seq - first].id if first <= seq < first + len(recent) else None


class Conversations(dict[ConversationId, Conversation]):
    """All of them, and what waits in all of them together."""

    def __init__(self) -> None:
        super().__init__()
        self.held_back = HeldBack()
        self.resuming: set[tuple[DeviceId | None, ConversationId]] = set()
        """Of whom we ask at the moment where chains go on, in rooms that we were out of."""


class State:
    """Shared by the chat's machines; each part is written by the machine it belongs to."""

    def __init__(self, me: Me, limits: Limits, rng: Random) -> None:
        self.me = me
        self.limits = limits
        self.rng = rng
        self.clock = HybridClock()
        self.directory = Directory(me.devices)
        self.contacts: dict[AccountId, PutContact] = {}
        self.conversations = Conversations()
        self.left: dict[ConversationId, Left] = {}
        """By rooms that we left; where control chains ended stays when we come back."""
        self.connected: set[DeviceId] = set()
        self.refused: Counter[str] = Counter()

    def add_conversation(self, row: PutConversation, other: AccountId | None) -> Conversation:
        log = Log(self.limits.pending_ops_max, self.conversations.held_back)
        made = Conversation(row, other, log)
        self.conversations[row.conversation] = made
        return made

    def come_back(self, conversation: Conversation) -> None:
        """Our talk goes on where it ended."""
        left = self.left.get(conversation.id)
        if left is None:
            return
        key = (self.me.device, Chain.TALK)
        if left.floor is not None:
            conversation.log.set_floor(key, left.floor)
        for tip in left.talk:
            conversation.log.restore(key, tip)
        for stop in left.stops:
            conversation.log.parts.stop(key, stop)
        left.talk, left.floor, left.stops = [], None, []
        if left.control is None:
            del self.left[conversation.id]

    def contact_state(self, account: AccountId | None) -> ContactState | None:
        """How far we have come with an account; a block lies over everything."""
        if self.directory.blocks.is_account(account):
            return ContactState.BLOCKED
        return self.state_beneath(account)

    def state_beneath(self, account: AccountId | None) -> ContactState | None:
        """The same without the block: what an account is again when it is taken away."""
        contact = self.contacts.get(account) if account is not None else None
        return contact.state if contact else None

    def acquainted(self, peer: DeviceId) -> AccountId | None:
        """The contact for whom a connected device acts, if it is one that has accepted."""
        account = self.directory.accounts.get(peer)
        if self.contact_state(account) is not ContactState.ACCEPTED:
            return None
        return account if self.directory.certifies(account, peer) else None

    def devices_here(self, account: AccountId) -> list[DeviceId]:
        """The connected devices of an account, as it certified them."""
        known = self.directory.sets.get(account)
        return sorted(known.devices & self.connected) if known is not None else []

    @property
    def own_devices(self) -> DeviceSet:
        """Our account's devices, as far as this one knows, and always this one: who has stolen the
        account's key can certify smaller keys until a full set holds ours no more."""
        known, me = self.directory.sets[self.me.account], self.me
        return known if me.device in known.devices else holding(known, me.devices, me.device)

    @property
    def is_retired(self) -> bool:
        """Whether this very device was revoked: nobody takes anything new of it."""
        return self.directory.is_revoked(self.me.account, self.me.device)

    @property
    def profile(self) -> Profile:
        """What we say of ourselves."""
        _, name = self.directory.names.get(self.me.account, (0, ""))
        row = self.directory.profiles.get(self.me.account)
        name = name or self.me.name
        return Profile(name) if row is None else Profile(name, row.bio, row.avatar)

    def is_contacts(self, device: DeviceId) -> bool:
        """Whether a device is one that an accepted contact is known to have."""
        known = self.directory.sets
        return any(
            self.contact_state(account) is ContactState.ACCEPTED
            and device in known[account].devices
            for account in self.contacts
            if account in known
        )

    def is_blocked(self, account: AccountId | None, device: DeviceId) -> bool:
        """Whether a device, or the account it acts for, is blocked."""
        blocks = self.directory.blocks
        return blocks.is_account(account) or blocks.is_device(device)

    def is_accepted(self, conversation: Conversation) -> bool:
        """Whether talk may flow: a room, or a contact accepted by both."""
        return (
            conversation.other is None
            or self.contact_state(conversation.other) is ContactState.ACCEPTED
        )

    def may_write(self, conversation: Conversation) -> bool:
        """Whether we may say something here, as far as the room is concerned."""
        room = conversation.invited
        if room is None:
            return True
        return room.is_entered and room.membership.standing(self.me.account).may_write

    def may_answer(self, conversation: Conversation) -> bool:
        """Whether receipts may go out: who asks us learns nothing before we say yes or no."""
        return self.contact_state(conversation.other) is not ContactState.REQUEST

    def may_read(self, conversation: Conversation, peer: DeviceId) -> bool:
        """Whether `peer` may be served this conversation; decided by what we hold alone."""
        if conversation.is_unruled:
            return True
        if conversation.invited is not None:
            return peer in self.readers(conversation.invited)
        return self.is_party(conversation, peer) and self.may_send(conversation)

    def may_hear(self, conversation: Conversation, peer: DeviceId) -> bool:
        """Whether `peer` may be asked for what it holds of this conversation."""
        room = conversation.invited
        is_source = room is not None and peer in self.sources(room)
        return is_source or self.may_read(conversation, peer)

    def may_send(self, conversation: Conversation) -> bool:
        """Whether talk may go out: as `is_accepted`, and nobody's key is in doubt."""
        is_doubtful = self.directory.is_doubtful(conversation.other)
        return self.is_accepted(conversation) and not is_doubtful

    def readers(self, room: InvitedRoom) -> set[DeviceId]:
        """Every device, but this one, that is known to act for a member; nobody's before the room
        is entered."""
        if not room.is_entered:
            return set()
        members, directory = room.membership.members(), self.directory
        found = {device for account in members for device in directory.acting(account)}
        found |= {device for device, account in directory.accounts.items() if account in members}
        return found - {self.me.device}

    def sources(self, room: InvitedRoom) -> set[DeviceId]:
        """Whom a room is read from: its readers, and who says that we are in it. That proves
        nothing of who says so, and gives it nothing."""
        hosts = room.hosts.keys() & self.directory.accounts.keys()
        return self.readers(room) | hosts

    def readable(self, id: ConversationId, peer: DeviceId) -> Conversation | None:
        """The conversation, if this peer may read it; otherwise, for the peer, there is none."""
        conversation = self.conversations.get(id)
        if conversation is None or not self.may_read(conversation, peer):
            self.refuse("no such conversation for this peer")
            return None
        return conversation

    def audible(self, id: ConversationId, peer: DeviceId) -> Conversation | None:
        """The conversation, if what this peer answers about it is heard."""
        conversation = self.conversations.get(id)
        if conversation is None or not self.may_hear(conversation, peer):
            self.refuse("no such conversation for this peer")
            return None
        return conversation

    def is_party(self, conversation: Conversation, device: DeviceId) -> bool:
        """Whether a device acts for one of the two accounts of a direct conversation."""
        return any(
            self.directory.certifies(account, device)
            for account in (conversation.other, self.me.account)
        )

    def author(
        self, conversation: Conversation, content: Content, now: Now, refers: OpId | None = None
    ) -> Op:
        """A new op of ours at the end of its chain (not yet applied)."""
        kind, raw = encode_content(content)
        chain, me = kind.chain, self.me
        seq, prev = conversation.log.end(me.device, chain)
        deps = self._deps(conversation, chain, prev)
        header = Header(
            conversation=conversation.id,
            chain=chain,
            account=me.account,
            device=me.device,
            seq=seq,
            prev=prev,
            hlc=self.clock.tick(now),
            kind=kind,
            content_hash=content_hash(raw),
            deps=deps,
            after=conversation.log.shown_heads(me.device) if chain is Chain.TALK else (),
            devices=self.own_devices.hash,
            refers=refers,
            was=self._was(conversation, chain, deps),
        )
        return make_op(header, raw, me.signer)

    def _deps(
        self, conversation: Conversation, chain: Chain, prev: OpId | None
    ) -> tuple[OpId, ...]:
        if conversation.invited is not None:
            known = prev if chain is Chain.CONTROL else None
            return conversation.invited.membership.heads(DEPS_MAX, self.me.account, known)
        return conversation.log.control_heads()[-DEPS_MAX:]

    def _was(
        self, conversation: Conversation, chain: Chain, deps: tuple[OpId, ...]
    ) -> tuple[OpId, ...]:
        """What our talk op before knew of the room, where that was something else and those who
        came since may not have it."""
        room, tip = conversation.invited, conversation.log.tip(self.me.device, chain)
        if room is None or room.shows_all or chain is Chain.CONTROL or tip is None:
            return ()
        return () if tip.known == deps else tip.known

    def contact_info(self, contact: PutContact) -> ContactInfo:
        directory, account = self.directory, contact.account
        trust, profile = directory.trust.get(account), directory.profiles.get(account)
        return ContactInfo(
            account,
            contact.conversation,
            directory.name(account),
            self.contact_state(account) or contact.state,
            contact.created_ms,
            verified=trust is not None and trust.verified_ms > 0,
            key_changed=directory.is_doubtful(account),
            bio=profile.bio if profile is not None else "",
            flags=self._flags(account),
            introduced_by=directory.introducers.get(account),
        )

    def _flags(self, account: AccountId) -> tuple[NameFlag, ...]:
        """What is odd about what an account calls itself, beside the names of contacts."""
        _, name = self.directory.names.get(account, (0, ""))
        others = (
            self.directory.name(other)
            for other, row in self.contacts.items()
            if other != account and row.state is ContactState.ACCEPTED
        )
        return flags_of(name, self.profile.name, others) if name else ()

    def room_info(self, conversation: Conversation) -> RoomInfo:
        assert conversation.kind is not None, "a direct conversation is no room"
        role, count = Role.MEMBER, len(conversation.log.accounts() | {self.me.account})
        description = announcement = ""
        if conversation.invited is not None:
            membership, says = conversation.invited.membership, conversation.invited.says
            description, announcement = says(Detail.DESCRIPTION), says(Detail.ANNOUNCEMENT)
            role, count = ROLES[membership.standing(self.me.account)], len(membership.members())
        return RoomInfo(
            id=conversation.id,
            name=conversation.name,
            kind=conversation.kind,
            description=description,
            announcement=announcement,
            role=role,
            members_count=count,
            created_at=conversation.created_ms,
            public=conversation.kind is RoomKind.OPEN,
            history=None if conversation.invited is None else str(conversation.invited.rule),
        )

    def refuse(self, error: RemoteProtocolError | str) -> None:
        """Count what a remote was refused, by kind."""
        self.refused[error if isinstance(error, str) else type(error).__name__] += 1
