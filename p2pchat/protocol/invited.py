"""Rooms by invitation: who is in them, and who is given which secret.

Members' devices are given what they need on streams of their own: the room's secret and its usable
epochs with a welcome, our session's key before the next blob. Whoever is connected is told, and
tells those with whom it is connected; who was away is told when it says hello again, and gets by
sync what it missed. So no secret waits anywhere.

What is written is published under the epoch that sends. Where none is usable, ops go to connected
members on streams; an admin opens the next epoch, who excluded somebody at once, others after a
while in which somebody else may have done it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from p2pchat.errors import LocalProtocolError, PermissionDenied, UnknownContact, UnknownConversation
from p2pchat.events import MembersChanged, RoomJoined, RoomRequested
from p2pchat.model.contact import ContactState
from p2pchat.model.control import Admission as AdmissionOp
from p2pchat.model.control import (
    Control,
    Detail,
    Epoch,
    Genesis,
    Leave,
    SetStanding,
    Standing,
)
from p2pchat.model.conversation import epoch_commitment, room_commitment
from p2pchat.model.ids import AccountId, ConversationId, DeviceId, OpId
from p2pchat.model.machine import Now, Reply, SetTimer
from p2pchat.model.op import Chain, Kind, Op
from p2pchat.model.query import StoredOp
from p2pchat.model.room_change import NO_GENESIS, DropEpoch, PutEpoch
from p2pchat.model.snapshot import RoomsSnapshot
from p2pchat.protocol.admission import BESIDE_MAX, Admission
from p2pchat.protocol.intake import Intake
from p2pchat.protocol.joining import JOINING_SETTING, Joining
from p2pchat.protocol.machine import (
    BeginSession,
    ChangeStanding,
    CreateRoom,
    Dial,
    DrawEpoch,
    Effect,
    Emit,
    EnterTopic,
    EpochDrawn,
    HoldEpochs,
    Lane,
    Loaded,
    Persist,
    Publish,
    Published,
    Send,
    ShareSession,
    Unreadable,
)
from p2pchat.protocol.outbox import Outbox
from p2pchat.protocol.room_details import WHAT, detail_taken
from p2pchat.protocol.room_meetings import Meetings, connected_in, tell
from p2pchat.protocol.room_news import RoomNews
from p2pchat.protocol.room_state import Details, InvitedRoom, Stage
from p2pchat.protocol.room_vocabulary import (
    AcceptRoom,
    DescribeRoom,
    EndInvite,
    ForHistory,
    GiveInvite,
    GiveUpJoining,
    JoinByLink,
    PinMessage,
    RoomCommand,
    SetRoomsFrom,
    ShareAgain,
)
from p2pchat.protocol.room_writing import RoomWriter, talk_sent
from p2pchat.protocol.ruling import Ruling, devices_of
from p2pchat.protocol.sealing import EpochKey, room_secret
from p2pchat.protocol.sender_keys import SenderKeys
from p2pchat.protocol.state import Conversation, State
from p2pchat.protocol.sync import Sync
from p2pchat.wire.contents import Profile
from p2pchat.wire.control import OWNERS_MAX, control_op, encode_control, is_detail
from p2pchat.wire.frames import Ops, Welcome
from p2pchat.wire.ops import DEPS_MAX, restore_op
from p2pchat.wire.sender_keys import SignedSenderKey

__all__ = ["EPOCH_PREFIX", "PUZZLED_PREFIX", "InvitedRooms"]

EPOCH_PREFIX = "epoch:"
PUZZLED_PREFIX = "puzzled:"
PATIENCE_S = 5.0
"""So long others have to open an epoch that is missing, before we do."""
PUZZLED_S = 1.0
"""So long a key may take that comes another way than what it opens."""
DOUBTFUL_S = 10.0
"""The same, when what came may as well be rubbish."""
OWNERS_STAY = "an owner cannot leave a room that others are in: remove them first, or stay"
DIALS_MAX = 12


class InvitedRooms:
    """The rooms by invitation that we know of."""

    def __init__(self, state: State, outbox: Outbox, intake: Intake, sync: Sync) -> None:
        self._state = state
        self._outbox = outbox
        self._intake = intake
        self._sync = sync
        self._writer = RoomWriter(state, intake, outbox)
        self._keys = SenderKeys(state)
        self.admission = Admission(state, self.changed)
        self.meetings = Meetings(state, outbox, sync, self._writer, self._keys)
        self.joining = Joining(state, self.admission, self._writer, self.meetings, self._write)
        self.news = RoomNews(state, self.meetings)

    @property
    def _ruling(self) -> Ruling:
        return Ruling(self._state, self._outbox, self._writer, self.admission, self._write)

    # Restart

    def restore(self, snapshot: RoomsSnapshot, settings: Mapping[str, bytes]) -> None:
        """As of the last commit."""
        self.admission.restore(snapshot.leaves, settings)
        self.joining.restore(settings.get(JOINING_SETTING, b""))
        ops: dict[ConversationId, list[Op]] = {}
        for op in map(restore_op, snapshot.control):
            ops.setdefault(op.header.conversation, []).append(op)
        for row in snapshot.rooms:
            if row.genesis == NO_GENESIS:
                self._state.conversations[row.conversation].key = row.secret
                continue
            room = self.admission.restored(row)
            if room is None:
                continue
            room.restore(ops.get(row.conversation, ()))
            for op in ops.get(row.conversation, ()):
                if op.header.device == self._state.me.device:
                    self._state.conversations[row.conversation].remember_own(op)
            # Of an owner the genesis says so; the room's ops are what it is asked about with.
            found = self.admission.next_stage(self._state.conversations[row.conversation], room)
            if not room.is_entered and row.conversation in ops and found is not Stage.GUEST:
                room.stage = Stage.ASKED
        for epoch in snapshot.epochs:
            key = EpochKey(epoch.op, epoch.secret)
            for room in self._rooms(epoch.conversation):
                room.epochs.restore(key, epoch.learned_ms)

    def start(self, now: Now) -> list[Effect]:
        """Hear all rooms again, and look for their members."""
        effects = [*self.admission.start(now), *self.joining.start()]
        for id, room in list(self._all()):
            if room.stage is Stage.GUEST:
                effects += self.admission.forget(self._state.conversations[id])
            if not room.is_entered:
                continue
            effects.append(EnterTopic(id, room_secret(room.secret)))
            effects += [Persist(DropEpoch(id, key.op)) for key in room.epochs.expire(now)]
            effects += [HoldEpochs(id, room.epochs.keys), *self._want_epoch(id, room)]
            self._outbox.touch(id)
            effects += self._dial(room)
            effects += self._bring(self._state.conversations[id], room, now)
            effects += self.joining.heard(self._state.conversations[id])
            for account in room.membership.members():
                effects += self._revoke(self._state.conversations[id], account, now)
        return effects

    def handle(self, input: RoomCommand | EpochDrawn | Unreadable, now: Now) -> list[Effect]:
        """What is asked of rooms by invitation alone."""
        match input:
            case CreateRoom():
                return self.create(input, now)
            case ChangeStanding():
                return self._ruling.change(input, now)
            case AcceptRoom():
                return self.accept(input, now)
            case DescribeRoom():
                return self._ruling.describe(input, now)
            case PinMessage():
                return self._ruling.pin(input, now)
            case SetRoomsFrom():
                return [*self.admission.choose(input.rooms_from), Reply(input.id)]
            case GiveInvite():
                return self.joining.give(input, now)
            case EndInvite():
                return self.joining.end(input, now)
            case JoinByLink():
                return self.joining.join(input, now)
            case GiveUpJoining():
                return self.joining.give_up(input)
            case EpochDrawn():
                return self.drawn(input, now)
            case Unreadable():
                return self.unreadable(input, now)

    def history_loaded(self, tag: ForHistory, loaded: Loaded, now: Now) -> list[Effect]:
        """What was said last in a room, for somebody whom we let in."""
        if isinstance(tag.cause, ChangeStanding):
            return self._ruling.change(tag.cause, now, loaded.rows)
        return self.joining.let_in(*tag.cause, now, loaded.rows)

    # What the user wants

    def create(self, command: CreateRoom, now: Now) -> list[Effect]:
        """Begin a room; its members hear of it when they are connected."""
        me = self._state.me.account
        owners = tuple(sorted({me, *command.owners}))
        error = self._objection(command, owners)
        if error is not None:
            return [Reply(command.id, error=error)]
        name = " ".join(command.name.split())
        commitment = room_commitment(command.secret)
        shown = command.history
        genesis = Genesis(owners, shown.history, shown.last, name, command.nonce, commitment)
        _, raw = encode_control(genesis)
        conversation, effects = self.admission.begin(raw, command.secret, now)
        effects.append(EnterTopic(conversation.id, room_secret(command.secret)))
        effects += self._write(conversation, genesis, now)
        for account in dict.fromkeys(command.members):
            if account not in owners:
                effects += self._write(conversation, SetStanding(account, Standing.MEMBER), now)
        room = conversation.invited
        assert room is not None, "it was begun just now"
        effects += self._introduced(conversation, room, now)
        info = self._state.room_info(conversation)
        return [*effects, Reply(command.id, info), Emit(RoomJoined(info))]

    def objection_to_leaving(self, conversation: Conversation) -> LocalProtocolError | None:
        """Why we cannot go: nobody can take an owner's place, so owners are members for good."""
        room = conversation.invited
        if room is None or room.membership.standing(self._state.me.account) is not Standing.OWNER:
            return None
        others = room.membership.members().keys() - {self._state.me.account}
        return PermissionDenied(OWNERS_STAY) if others else None

    def named_beside(self, conversation: Conversation) -> tuple[OpId, ...]:
        """What our talk in a room may depend on, or our leaving it, and others may not have."""
        room, me = conversation.invited, self._state.me
        if room is None or not room.is_entered:
            return ()
        _, end = conversation.log.end(me.device, Chain.CONTROL)
        heads = room.membership.heads(DEPS_MAX, me.account, end)
        known = [id for id in (*heads, end) if id is not None and id in room.membership]
        return room.membership.beside(known, conversation.named_by(me.device), BESIDE_MAX)

    def leave(
        self, conversation: Conversation, now: Now, beside: Iterable[StoredOp] = ()
    ) -> list[Effect]:
        """We go: say so to those who are there, and keep the word for the others, and what our talk
        may depend on for when we are back."""
        said = self._said_farewell(conversation, now)
        return [*said, *self.admission.keep_beside(conversation.id, beside)]

    def _said_farewell(self, conversation: Conversation, now: Now) -> list[Effect]:
        room, me = conversation.invited, self._state.me.account
        if room is None or not self._is_member(room) or not self.admission.may_rule(conversation):
            return []
        if room.membership.standing(me) is Standing.OWNER:
            word = conversation.newest_own(Chain.CONTROL, Kind.STANDING)  # of who was put out last
            word = word or conversation.newest_own(Chain.CONTROL)
            words = [word] if word is not None else []
            return self.admission.left(conversation.id, words, now)
        sources = self._state.sources(room) & self._state.connected
        ops, effects = self._writer.write(conversation, Leave(), now)
        if not ops:
            return [*effects]  # our chain is full: we go without a word
        words = self._writer.up_to(conversation, ops[-1])
        others = room.membership.members().keys() - {me}
        effects += self.admission.left(conversation.id, words, now, others)
        for account in sorted(others):
            self._outbox.say_farewell(account, words)
        return [*effects, *tell(self._state, ops, sources)]

    # What others say

    def met(self, conversation: Conversation, peer: DeviceId) -> list[Effect]:
        """Somebody hears the room's topic whom we do not know: say hello, and nothing else."""
        room = conversation.invited
        is_known = room is None or peer in self._state.readers(room)
        return [] if is_known else [Send(peer, Lane.LIVE, Ops(()))]

    def welcomed(self, peer: DeviceId, frame: Welcome, now: Now) -> list[Effect]:
        """Secrets of a room: one that we know, or one that somebody takes us into."""
        effects: list[Effect] = []
        conversation = self._state.conversations.get(frame.conversation)
        if conversation is None:
            conversation, effects = self.admission.receive(peer, frame, now)
        elif not conversation.is_entered:
            effects = self.admission.answer_welcome(peer, frame.conversation, now)
        room = conversation.invited if conversation is not None else None
        if conversation is None or room is None:
            return effects
        is_asked = self.admission.is_door(conversation.id, peer)
        if (is_asked or self.admission.inviter(peer) is not None) and not self._is_in(room):
            room.hear(peer)
        if peer not in self._state.sources(room):
            self._state.refuse("welcome by a stranger")
            return effects
        effects += self._learned(conversation.id, room, room.epochs.learn(frame.epochs, now), now)
        return effects + self._sync.begin(conversation, peer, now)

    def shared(self, peer: DeviceId, frame: SignedSenderKey, now: Now) -> list[Effect]:
        """Somebody gives us the key of a member's session."""
        for room in self._rooms(frame.said.conversation):
            return self._keys.heard(room, peer, frame, now)
        self._state.refuse("key of no room")
        return []

    def changed(
        self, conversation: Conversation, op: Op, before: Details, now: Now
    ) -> list[Effect]:
        """A control op was taken, ours or another's."""
        room = conversation.invited
        assert room is not None, "only rooms by invitation have control ops that matter"
        effects = self._outbox.states.expect(conversation) + self._bring(conversation, room, now)
        effects += detail_taken(self._state, conversation, op, before)
        if not room.membership.counts(op.id):
            # Our leaving may be void: who knows of it takes us for a member, and so do we.
            looked = [] if room.is_entered else self._looked_at(conversation, room, now)
            return [*effects, *looked]
        effects += self._learned(conversation.id, room, room.epochs.settle(now), now)
        if not room.is_entered:
            return effects + self._looked_at(conversation, room, now)
        effects.append(Emit(MembersChanged(conversation.id)))
        said = control_op(op).control
        effects += self._admitted(conversation, room, said, now)
        if isinstance(said, AdmissionOp):
            effects += self.joining.heard(conversation)
        if self._is_member(room):
            effects += self.joining.joined(conversation.id)
        if room.hosts and self._is_member(room):
            room.hosts.clear()
            effects.append(Emit(RoomJoined(self._state.room_info(conversation))))
            effects += self._introduced(conversation, room, now)
        is_ours = op.header.device == self._state.me.device and op.header.kind == Kind.STANDING
        return effects + self._want_epoch(conversation.id, room, at_once=is_ours)

    def revoked(self, account: AccountId, now: Now) -> list[Effect]:
        """A device of a member knows the epoch and may read no more."""
        effects: list[Effect] = []
        for id, room in list(self._all()):
            if account in room.membership.members():
                effects += self._revoke(self._state.conversations[id], account, now)
                room.epochs.doubt()
                is_ours = account == self._state.me.account
                effects += self._want_epoch(id, room, at_once=is_ours)
        return effects

    def drawn(self, input: EpochDrawn, now: Now) -> list[Effect]:
        """Open an epoch with a secret that nobody else knows yet, if one is still missing."""
        effects: list[Effect] = []
        for room in self._rooms(input.conversation):
            conversation = self._state.conversations[input.conversation]
            is_able = room.is_entered and self.admission.may_rule(conversation)
            if is_able and room.epochs.is_wanted(self._state.me.account):
                room.epochs.tried()
                room.epochs.learn([input.secret], now)
                epoch = Epoch(epoch_commitment(input.secret))
                effects += self._write(conversation, epoch, now)
        return effects

    def fired(self, name: str) -> list[Effect]:
        """Nobody opened an epoch in the meantime, perhaps."""
        id = ConversationId(bytes.fromhex(name.removeprefix(EPOCH_PREFIX)))
        effects: list[Effect] = []
        for room in self._rooms(id):
            room.epochs.waited()
            is_wanted = room.epochs.is_wanted(self._state.me.account)
            effects += [DrawEpoch(id)] if is_wanted else []
        return effects

    def unreadable(self, input: Unreadable, now: Now) -> list[Effect]:
        """We lack a key, which may be on its way, or here since before we knew whose it is: what
        was sealed comes by sync soon, later when anybody may have made it."""
        effects: list[Effect] = []
        delay_s = PUZZLED_S if input.is_of_epoch else DOUBTFUL_S
        for room in self._rooms(input.conversation):
            effects += self._keys.early(room, now)
            waits_s = room.sharing.puzzled_s
            if waits_s is None or delay_s < waits_s:
                room.sharing.puzzled_s = delay_s
                effects.append(SetTimer(PUZZLED_PREFIX + input.conversation.hex(), delay_s))
        return effects

    def puzzled(self, name: str, now: Now) -> list[Effect]:
        """Ask somebody who is there for what we could not read."""
        effects: list[Effect] = []
        id = ConversationId(bytes.fromhex(name.removeprefix(PUZZLED_PREFIX)))
        for room in self._rooms(id):
            room.sharing.puzzled_s = None
            here = sorted(connected_in(self._state, room))
            if here:
                peer = self._state.rng.choice(here)
                effects += self._sync.begin(self._state.conversations[id], peer, now)
        return effects

    # Sealing

    def publish(self, conversation: Conversation, blobs: Sequence[Ops], now: Now) -> list[Effect]:
        """Give what we wrote to the members: sealed under the epoch that sends, else on streams."""
        room = conversation.invited
        assert room is not None, "open rooms have no sessions"
        self._outbox.touch(conversation.id)
        readers = self._state.readers(room)
        here, epoch = readers & self._state.connected, room.epochs.sending()
        effects: list[Effect] = []
        if epoch is None:
            for blob in blobs:
                effects += [Send(peer, Lane.LIVE, blob) for peer in sorted(here)]
            sent = max((talk_sent(blob) for blob in blobs), default=0)
            return effects + self._outbox.states.published(
                Published(conversation.id, sent, len(here))
            )
        for blob in blobs:
            if room.sharing.is_over(readers, now):
                room.sharing.begin(now)
                effects.append(BeginSession(conversation.id))
            effects += self._share(conversation.id, room, blob)
            effects.append(Publish(conversation.id, blob, talk_sent(blob), epoch))
            room.sharing.used()
        return effects

    # How

    def _share(self, id: ConversationId, room: InvitedRoom, blob: Ops) -> list[Effect]:
        """Give our session's key, before a blob, to those who do not have it."""
        readers = self._state.readers(room)
        here = readers & self._state.connected
        is_news, again = room.sharing.give(readers, here), room.sharing.give_again(here)
        if not is_news:
            return [ShareAgain(id, again)] if again else []
        serial = max(op.header.hlc for op in blob.ops)
        return [ShareSession(id, tuple(sorted(here)), tuple(sorted(readers - here)), serial)]

    def _objection(
        self, command: CreateRoom, owners: tuple[AccountId, ...]
    ) -> LocalProtocolError | None:
        name = " ".join(command.name.split())
        if not is_detail(Detail.NAME, name):
            return LocalProtocolError(WHAT[Detail.NAME])
        if len(owners) > OWNERS_MAX:
            return LocalProtocolError(f"a room has at most {OWNERS_MAX} owners, you among them")
        others = {*command.members, *owners} - {self._state.me.account}
        if len(others) >= self._state.limits.room_members_max:
            most = self._state.limits.room_members_max
            return LocalProtocolError(f"a room has at most {most} members")
        if not all(map(self._is_contact, others)):
            return UnknownContact("only accepted contacts can be added to a room; see `contacts`")
        return None

    def accept(self, command: AcceptRoom, now: Now) -> list[Effect]:
        """Go into a room that we were asked about."""
        conversation = self._state.conversations.get(command.conversation)
        room = conversation.invited if conversation is not None else None
        if conversation is None or room is None or room.stage is not Stage.ASKED:
            error = UnknownConversation("nobody takes us into a room of this id; see its requests")
            return [Reply(command.id, error=error)]
        entered = self._entered(conversation, room, now)
        return [*entered, Reply(command.id, self._state.room_info(conversation))]

    def _bring(self, conversation: Conversation, room: InvitedRoom, now: Now) -> list[Effect]:
        """What our talk from before we left depends on comes back, once all is here that it follows
        itself."""
        kept, effects = self.admission.beside.get(conversation.id), list[Effect]()
        if kept is None or not room.is_entered:
            return []
        for op in kept:
            parents = control_op(op).parents
            if op.id not in room.membership and all(id in room.membership for id in parents):
                effects += self._intake.apply(conversation, op, now)
        return effects + self.admission.brought(conversation.id, room)

    def _looked_at(self, conversation: Conversation, room: InvitedRoom, now: Now) -> list[Effect]:
        """The control ops of a room that is not entered became more."""
        before, found = room.stage, self.admission.next_stage(conversation, room)
        if found is before:
            return []
        if found is Stage.ENTERED:
            return self._entered(conversation, room, now)
        room.stage = found
        if found is Stage.GUEST:
            return [self.admission.expect(conversation.id)]
        assert room.inviter is not None, "into our own rooms we are not asked"
        return [Emit(RoomRequested(self._state.room_info(conversation), room.inviter))]

    def _entered(self, conversation: Conversation, room: InvitedRoom, now: Now) -> list[Effect]:
        """We are a member, and want to be."""
        hosts = list(room.hosts)
        effects = self.admission.enter(conversation, room) + self.joining.joined(conversation.id)
        effects += self._bring(conversation, room, now)
        effects += self._outbox.states.expect(conversation)
        effects.append(EnterTopic(conversation.id, room_secret(room.secret)))
        effects.append(HoldEpochs(conversation.id, room.epochs.keys))
        effects.append(Emit(RoomJoined(self._state.room_info(conversation))))
        effects += self._introduced(conversation, room, now)
        effects += self._want_epoch(conversation.id, room) + self._keys.early(room, now)
        return effects + [e for h in hosts for e in self._sync.begin(conversation, h, now)]

    def _write(self, conversation: Conversation, control: Control, now: Now) -> list[Effect]:
        """A control op of ours: to all who are there, on streams, for an epoch may end with it."""
        ops, effects = self._writer.write(conversation, control, now)
        self._outbox.touch(conversation.id)
        room = conversation.invited
        assert room is not None, "control ops are written in rooms by invitation"
        return effects + tell(self._state, ops, connected_in(self._state, room))

    def _revoke(self, conversation: Conversation, account: AccountId, now: Now) -> list[Effect]:
        """Say which devices act for an account no more, where that is ours to say."""
        said = self._writer.revocations(conversation, account)
        return [effect for control in said for effect in self._write(conversation, control, now)]

    def _admitted(
        self, conversation: Conversation, room: InvitedRoom, control: Control | None, now: Now
    ) -> list[Effect]:
        """Somebody may be a member now: welcome the devices that are here, whoever said so, and
        take the keys that they gave before."""
        if not isinstance(control, SetStanding | AdmissionOp) or not self._is_member(room):
            return []
        effects: list[Effect] = []
        for device in sorted(devices_of(self._state, control.account) & self._state.readers(room)):
            if device in self._state.connected:
                effects += self.news.admitted(conversation, device, now)
        effects += self._keys.early(room, now)
        self._outbox.touch(conversation.id)  # who was taken in is mailed by all who know it
        return effects + self._revoke(conversation, control.account, now)

    def _introduced(self, conversation: Conversation, room: InvitedRoom, now: Now) -> list[Effect]:
        """Write our name, as who begins to take part does."""
        me = self._state.me
        if not room.membership.standing(me.account).may_write:
            return []
        op = self._state.author(conversation, Profile(self._state.profile.name), now)
        applied = self._intake.apply(conversation, op, now)
        self._outbox.touch(conversation.id)
        return [
            *applied,
            *tell(self._state, [op], connected_in(self._state, room)),
            *self._dial(room),
        ]

    def _learned(
        self, id: ConversationId, room: InvitedRoom, keys: Iterable[EpochKey], now: Now
    ) -> list[Effect]:
        """Secrets of epochs are news: keep them, and tell the members who are there. One for which
        there is no room is none."""
        found, expired = list(keys), room.epochs.expire(now)
        kept = [key for key in found if key not in expired]
        rows = [Persist(PutEpoch(id, key.op, key.secret, now.wall_ms)) for key in kept]
        gone: list[Effect] = [Persist(DropEpoch(id, k.op)) for k in expired if k not in found]
        if not rows or not room.is_entered:
            return [*rows, *gone]
        told = self.news.learned(self._state.conversations[id], now)
        return [*rows, *gone, HoldEpochs(id, room.epochs.keys), *told]

    def _want_epoch(
        self, id: ConversationId, room: InvitedRoom, *, at_once: bool = False
    ) -> list[Effect]:
        if not room.is_entered:
            return []
        if not room.epochs.is_wanted(self._state.me.account):
            room.epochs.rest()
            return []
        if at_once:
            return [DrawEpoch(id)]
        factor = room.epochs.patience()
        if factor is None:
            return []
        delay_s = PATIENCE_S * factor * self._state.rng.uniform(0.2, 1.0)
        return [SetTimer(EPOCH_PREFIX + id.hex(), delay_s)]

    def _dial(self, room: InvitedRoom) -> list[Effect]:
        away = sorted(self._state.readers(room) - self._state.connected)
        some = self._state.rng.sample(away, min(len(away), DIALS_MAX))
        return [Dial(device) for device in some]

    def _is_in(self, room: InvitedRoom) -> bool:
        return room.is_entered and self._is_member(room)

    def _is_member(self, room: InvitedRoom) -> bool:
        return room.membership.standing(self._state.me.account).may_read

    def _is_contact(self, account: AccountId) -> bool:
        return self._state.contact_state(account) is ContactState.ACCEPTED

    def _all(self) -> Iterable[tuple[ConversationId, InvitedRoom]]:
        for id, conversation in self._state.conversations.items():
            if conversation.invited is not None:
                yield id, conversation.invited

    def _rooms(self, id: ConversationId) -> list[InvitedRoom]:
        """The room of this id, if it is one by invitation."""
        conversation = self._state.conversations.get(id)
        room = conversation.invited if conversation is not None else None
        return [room] if room is not None else []
