"""Which rooms by invitation we are taken into, and which we have left.

A welcome proves the room's secret, and not that we are in the room. So what a contact brings is a
*guest* first: its control ops are read from whoever brought it, and nothing is heard, published or
announced there. Once they say that we are a member the room is entered, or the user is asked, as
they chose; a room that does not come to that within minutes is forgotten. A contact brings a share
of rooms alone.

Leaving outlives the room: the op that says so is kept, and answers everybody who takes us for a
member still. The room is entered again only if it knows of that op and we are a member all the
same. What we said is kept, too: perhaps nobody else has it, and what we say later follows it; and
a few control ops that it may hang on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate

from p2pchat.errors import RemoteProtocolError
from p2pchat.model.change import DropConversation, PutConversation, PutSetting, SetFloor
from p2pchat.model.contact import ContactState
from p2pchat.model.control import SetStanding
from p2pchat.model.conversation import room_id
from p2pchat.model.ids import AccountId, ConversationId, DeviceId
from p2pchat.model.machine import Now, SetTimer
from p2pchat.model.op import Chain, Kind, Op
from p2pchat.model.query import StoredOp
from p2pchat.model.room import Role, RoomInfo, RoomKind, RoomsFrom
from p2pchat.model.room_change import PutLeave, PutRoom
from p2pchat.protocol.log import Floor
from p2pchat.protocol.machine import Effect, Lane, Persist, Send
from p2pchat.protocol.mail_routes import REMAIL_MS
from p2pchat.protocol.pace import Buckets, Rate
from p2pchat.protocol.room_state import Details, InvitedRoom, Stage
from p2pchat.protocol.room_writing import LAST_WORDS_BYTES
from p2pchat.protocol.state import Conversation, Left, State
from p2pchat.wire.control import control_op
from p2pchat.wire.frames import Ops, Welcome, decode_ops, encode_ops, split_ops
from p2pchat.wire.invite_links import InviteLink
from p2pchat.wire.joining import Refusal
from p2pchat.wire.ops import restore_op, stored_op

__all__ = ["BESIDE_MAX", "GUEST_PREFIX", "LEFT_PREFIX", "SETTING", "Admission", "Knocking"]

SETTING = "rooms_from"
LEFT_PREFIX = "left/"
"""Settings that hold, of a room that was left, when that was and who was in it then."""
LEFT_ROOMS_MAX = 1000
"""Rooms left last of which that is known, and what we said before we left."""
LEFT_MS = 90 * 24 * 3600 * 1000
"""So long; who comes later hears that we left, and nothing more."""
BESIDE_PREFIX = "beside/"
"""Settings that hold, of a room that was left, control ops that our talk there, and our leaving,
may depend on and nobody else may have."""
BESIDE_MAX = 32
BESIDE_BYTES_MAX = 128 * 1024
READERS_MAX = 1000
"""Of one room that was left."""
ANSWER_RATE = Rate(per_s=0.1, burst=4)
"""Welcomes of one peer for one room that are answered with how we left it."""
GUEST_PREFIX = "guest:"
GUEST_S = 300.0
"""So long a room has to show that we are a member."""
ROOMS_MAX = 1000
ROOMS_OF_ONE_MAX = 100
"""Into which one contact took us, those included that wait to be seen."""
GUESTS_OF_ONE_MAX = 8
_ACCOUNT_BYTES = 32
_TIME_BYTES = 8


@dataclass(slots=True)
class Knocking:
    """A room that we ask to be let into."""

    text: str = field(repr=False)
    link: InviteLink
    answers: dict[DeviceId, Refusal] = field(default_factory=dict[DeviceId, Refusal])
    """Who did not let us in in this round, and why."""

    @property
    def info(self) -> RoomInfo:
        """As much of the room as the link says."""
        role = Role.JOINING
        ids = self.link.conversation, self.link.name
        return RoomInfo(*ids, RoomKind.INVITED, "", "", role, 0, 0, public=False)

    def addresses(self, door: DeviceId) -> tuple[str, ...]:
        """Where the link says that a device is."""
        return tuple(h.address for h in self.link.hints if h.device == door and h.address)


Taken = Callable[[Conversation, Op, Details, Now], list[Effect]]
"""What follows from a control op of a room, which said this of itself before."""


class Admission:
    """The door of rooms by invitation, from inside and outside."""

    def __init__(self, state: State, taken: Taken) -> None:
        self._state = state
        self._taken = taken
        self._leaves: dict[ConversationId, tuple[Op, ...]] = {}
        """The op by which we left each, after what stood before it."""
        self._readers: dict[ConversationId, _Readers] = {}
        """Who was in each then: the others hear by which op we left, and nothing more."""
        self.beside: dict[ConversationId, tuple[Op, ...]] = {}
        """What our talk in each, and our leaving, may depend on, until it is in the room again."""
        self._answers = Buckets[tuple[DeviceId, ConversationId]](ANSWER_RATE)
        self._unfit: list[Effect] = []
        """Ends rooms on disk that nobody takes any more."""
        self.rooms_from = RoomsFrom.CONTACTS
        self.joins: dict[ConversationId, Knocking] = {}
        """Rooms that we ask to be let into by a link."""

    # Restart

    def restore(self, leaves: Iterable[PutLeave], settings: Mapping[str, bytes]) -> None:
        """As of the last commit."""
        self._leaves = {row.conversation: tuple(map(restore_op, row.ops)) for row in leaves}
        for id in self._leaves:
            raw = settings.get(LEFT_PREFIX + id.hex(), b"")
            if raw:
                self._readers[id] = _read_readers(raw)
        for key, raw in settings.items():
            if key.startswith(BESIDE_PREFIX) and raw:
                id = ConversationId(bytes.fromhex(key.removeprefix(BESIDE_PREFIX)))
                self.beside[id] = decode_ops(raw).ops
        self.rooms_from = RoomsFrom(settings.get(SETTING, b"").decode() or RoomsFrom.CONTACTS)

    def restored(self, row: PutRoom) -> InvitedRoom | None:
        """A room as of the last commit; none where it began in a way that others refuse."""
        conversation = self._state.conversations[row.conversation]
        try:
            room = InvitedRoom(row.genesis, row.secret)
        except RemoteProtocolError:
            self._state.refuse("room with a beginning out of bounds")
            self._unfit += self.forget(conversation)
            return None
        room.inviter = row.inviter
        room.stage = Stage.ENTERED if row.is_entered else Stage.GUEST
        self.keep(conversation, room)
        return room

    def start(self, now: Now) -> list[Effect]:
        """Rooms that are of no use go from the disk, too, and what is old of those that we left."""
        unfit, self._unfit = self._unfit, []
        for id, readers in self._readers.items():
            if readers.left_ms == 0:  # written by a version that did not say
                self._readers[id] = replace(readers, left_ms=now.wall_ms)
                unfit.append(_setting(id, self._readers[id]))
        return unfit + self._grow_old(now)

    def keep(self, conversation: Conversation, room: InvitedRoom) -> None:
        conversation.invited = room
        room.control_taken = lambda op, before, now: self._taken(conversation, op, before, now)

    # In

    def choose(self, rooms_from: RoomsFrom) -> list[Effect]:
        """Whose rooms are entered without a question from now on."""
        self.rooms_from = rooms_from
        return [Persist(PutSetting(SETTING, rooms_from.encode()))]

    def begin(self, genesis: bytes, secret: bytes, now: Now) -> tuple[Conversation, list[Effect]]:
        """A room of our own."""
        room = InvitedRoom(genesis, secret)
        room.stage = Stage.ENTERED
        return self._made(room, now)

    def receive(
        self, peer: DeviceId, frame: Welcome, now: Now
    ) -> tuple[Conversation | None, list[Effect]]:
        """A room that we do not have: a guest, if who brings it may; and our leaving, if we had
        it once."""
        effects = self.answer_welcome(peer, frame.conversation, now)
        room = InvitedRoom(frame.genesis, frame.secret)
        room.inviter = self.inviter(peer)
        is_asked = self.is_door(frame.conversation, peer)
        if is_asked:
            room.inviter = self.joins[frame.conversation].link.giver
        objection = self._objection(room, is_asked=is_asked)
        if objection:
            self._state.refuse(objection)
            return None, effects
        conversation, made = self._made(room, now)
        is_mailed = peer not in self._state.connected
        return conversation, [*effects, *made, self.expect(conversation.id, is_mailed=is_mailed)]

    def expect(self, id: ConversationId, *, is_mailed: bool = False) -> SetTimer:
        """Give a room some time to show that we are in it: what shows it may come by mail, too, and
        what came is not mailed again before that time."""
        return SetTimer(GUEST_PREFIX + id.hex(), REMAIL_MS / 1000 if is_mailed else GUEST_S)

    def inviter(self, peer: DeviceId) -> AccountId | None:
        """The account that a device may take us into rooms for: a contact's, or our own."""
        state = self._state
        account = state.directory.accounts.get(peer)
        if account is None or peer not in state.directory.acting(account):
            return None
        is_contact = state.contact_state(account) is ContactState.ACCEPTED
        return account if is_contact or account == state.me.account else None

    def is_door(self, id: ConversationId, peer: DeviceId) -> bool:
        """Whether we asked this device to let us in."""
        return id in self.joins and peer in self.joins[id].link.doors

    def next_stage(self, conversation: Conversation, room: InvitedRoom) -> Stage:
        """How far a room has come that is not entered."""
        words = self._leaves.get(conversation.id)
        is_over = words is not None and (
            words[-1].header.kind != Kind.LEAVE or words[-1].id not in room.membership
        )
        if is_over or not room.membership.standing(self._state.me.account).may_read:
            return Stage.GUEST
        is_ours = room.inviter == self._state.me.account
        is_wanted = is_ours or self.rooms_from is RoomsFrom.CONTACTS
        is_wanted |= conversation.id in self.joins
        return Stage.ENTERED if is_wanted and room.stage is Stage.GUEST else Stage.ASKED

    def enter(self, conversation: Conversation, room: InvitedRoom) -> list[Effect]:
        """It is ours from now on; our own talk goes on where it ended."""
        room.stage = Stage.ENTERED
        room.hosts.clear()
        self._state.come_back(conversation)
        return [Persist(_row(conversation.id, room))]

    def may_rule(self, conversation: Conversation) -> bool:
        """Whether our own control chain is here as far as we ever wrote it: going on from an
        earlier place would fork it."""
        left = self._state.left.get(conversation.id)
        written = conversation.log.count(self._state.me.device, Chain.CONTROL)
        return left is None or left.control is None or written >= left.control.seq

    # Out

    def forget(self, conversation: Conversation) -> list[Effect]:
        """Keep nothing of a room but what we said, where our ruling ended, and that we left."""
        state, id, device = self._state, conversation.id, self._state.me.device
        del state.conversations[id]
        log, left = conversation.log, state.left.pop(id, Left())
        talk, ruled = (device, Chain.TALK), log.tip(device, Chain.CONTROL)
        if conversation.is_entered:
            left.talk, left.floor = log.tips.get(talk, []), log.floors.get(talk)
            left.stops = log.parts.stops.get(talk, [])
        if ruled is not None and (left.control is None or ruled.seq >= left.control.seq):
            left.control = Floor(ruled.seq + 1, ruled.id)
        effects: list[Effect] = [Persist(DropConversation(id, device))]
        if left.control is not None:
            floor = left.control
            effects.append(Persist(SetFloor(id, device, Chain.CONTROL, floor.seq, floor.prev)))
        if left != Left():
            state.left[id] = left
        stored = tuple(map(stored_op, self._leaves.get(id, ())))
        if stored:
            effects.append(Persist(PutLeave(id, stored)))
        if id in self._readers:
            effects.append(_setting(id, self._readers[id]))
        return effects

    def left(
        self,
        id: ConversationId,
        words: Sequence[Op],
        now: Now,
        readers: Iterable[AccountId] = (),
    ) -> list[Effect]:
        """Remember the op by which we go, after what stands before it on our chain, which perhaps
        nobody has, for those who are in it; of an owner, who goes when nobody else is there and
        for good, what was said last: who was put out by it may not have heard."""
        if not words:
            return []
        some = frozenset(sorted(readers)[:READERS_MAX])
        self._leaves[id], self._readers[id] = tuple(words), _Readers(now.wall_ms, some)
        return self._grow_old(now)

    def keep_beside(self, id: ConversationId, rows: Iterable[StoredOp]) -> list[Effect]:
        """Remember what our talk in a room that we leave may depend on, and our leaving: perhaps
        nobody else has it, and what has no effect is not asked for."""
        found = {op.id: op for op in (*self.beside.get(id, ()), *map(restore_op, rows))}
        sizes = accumulate(op.size_bytes for op in found.values())
        ops = [
            op for op, size in zip(found.values(), sizes, strict=True) if size < BESIDE_BYTES_MAX
        ]
        if not ops:
            return []
        self.beside[id] = tuple(ops[:BESIDE_MAX])
        return [Persist(PutSetting(BESIDE_PREFIX + id.hex(), encode_ops(Ops(self.beside[id]))))]

    def brought(self, id: ConversationId, room: InvitedRoom) -> list[Effect]:
        """What was kept so may be here again."""
        if not all(op.id in room.membership for op in self.beside.get(id, ())):
            return []
        kept = self.beside.pop(id, None)
        return [Persist(PutSetting(BESIDE_PREFIX + id.hex(), b""))] if kept else []

    # How

    def _made(self, room: InvitedRoom, now: Now) -> tuple[Conversation, list[Effect]]:
        id, name = room_id(room.genesis), room.membership.genesis.name
        row = PutConversation(id, RoomKind.INVITED, name, now.wall_ms)
        conversation = self._state.add_conversation(row, None)
        self.keep(conversation, room)
        return conversation, [Persist(row), Persist(_row(id, room))]

    def answer_welcome(self, peer: DeviceId, id: ConversationId, now: Now) -> list[Effect]:
        """The same to who takes us for a member: a welcome is short, and what it draws is not."""
        now_s = now.monotonic_s
        if id not in self._leaves:
            return []
        if not self._answers.of((peer, id), now_s).take(1, now_s):
            self._state.refuse("too many welcomes to a room that was left")
            return []
        return self.answer(peer, id)

    def _grow_old(self, now: Now) -> list[Effect]:
        """Of rooms that were left long ago, or of too many, nothing is kept but that we left."""
        newest = sorted(self._readers, key=lambda id: self._readers[id].left_ms, reverse=True)
        effects: list[Effect] = []
        for place, id in enumerate(newest):
            age_ms = now.wall_ms - self._readers[id].left_ms
            if place < LEFT_ROOMS_MAX and age_ms < LEFT_MS:
                continue
            del self._readers[id]
            self._leaves[id] = self._leaves[id][-1:]
            effects.append(Persist(PutLeave(id, tuple(map(stored_op, self._leaves[id])))))
            effects.append(Persist(PutSetting(LEFT_PREFIX + id.hex(), b"")))
        return effects

    def answer(self, peer: DeviceId, id: ConversationId) -> list[Effect]:
        """Tell that we left, if we did."""
        words = self._leaves.get(id)
        if words is None:
            return []
        told, account = control_op(words[-1]).control, self._state.directory.accounts.get(peer)
        if isinstance(told, SetStanding) and told.account != account:
            return []  # who was put out hears nothing of whom we put out later
        readers = self._readers.get(id)
        if readers is None or account not in readers.accounts:
            words = words[-1:]
        else:
            words = tuple({op.id: op for op in (*self.beside.get(id, ()), *words)}.values())
        devices = (self._state.own_devices,)
        parts = split_ops(words, LAST_WORDS_BYTES)
        return [Send(peer, Lane.LIVE, Ops(tuple(part), devices)) for part in parts]

    def _objection(self, room: InvitedRoom, *, is_asked: bool) -> str:
        """Why a room is not even looked at; empty when it is."""
        if room.inviter is None:
            return "welcome by a stranger"
        rooms = [c.invited for c in self._state.conversations.values() if c.invited is not None]
        if len(rooms) >= ROOMS_MAX:
            return "too many rooms"
        if is_asked or room.inviter == self._state.me.account:
            return ""
        if self.rooms_from is RoomsFrom.NOBODY:
            return "room that nobody asked for"
        of_one = [other for other in rooms if other.inviter == room.inviter]
        guests = sum(other.stage is Stage.GUEST for other in of_one)
        is_much = len(of_one) >= ROOMS_OF_ONE_MAX or guests >= GUESTS_OF_ONE_MAX
        return "too many rooms of one contact" if is_much else ""


@dataclass(frozen=True, slots=True)
class _Readers:
    """Who was in a room when we left it."""

    left_ms: int
    """Wall clock; 0 where that is not known."""
    accounts: frozenset[AccountId]


def _read_readers(raw: bytes) -> _Readers:
    start = len(raw) % _ACCOUNT_BYTES
    ends = range(start, len(raw), _ACCOUNT_BYTES)
    accounts = (AccountId(raw[at : at + _ACCOUNT_BYTES]) for at in ends)
    return _Readers(int.from_bytes(raw[:start], "big"), frozenset(accounts))


def _setting(id: ConversationId, readers: _Readers) -> Persist:
    raw = readers.left_ms.to_bytes(_TIME_BYTES, "big") + b"".join(sorted(readers.accounts))
    return Persist(PutSetting(LEFT_PREFIX + id.hex(), raw))


def _row(id: ConversationId, room: InvitedRoom) -> PutRoom:
    is_entered = room.stage is Stage.ENTERED
    return PutRoom(id, room.genesis, room.secret, room.inviter, is_entered)
