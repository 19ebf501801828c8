"""The chat: the root machine. It routes and holds no rule of its own.

Contacts   who may talk to us               Outbox    what others do not have yet
Intake     the way of an op into its log    Receipts  what we owe for what came
Rooms      open rooms                       Sync      what both sides lack
Invited    rooms by invitation              Blocking  who gets no word in
Mailing    what is left for who is away       Talk      what the user says
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, assert_never

from p2pchat.config.limits import Limits
from p2pchat.errors import (
    PermissionDenied,
    RemoteProtocolError,
)
from p2pchat.model.conversation import direct_id
from p2pchat.model.ids import DeviceId, Party
from p2pchat.model.machine import Now, Reply, TimerFired
from p2pchat.model.op import Chain, Op
from p2pchat.model.query import StoredOp
from p2pchat.model.snapshot import Snapshot
from p2pchat.protocol import composing as composing_rules
from p2pchat.protocol import joining as join_rules
from p2pchat.protocol import mailing as mail_rules
from p2pchat.protocol import outbox as outboxes
from p2pchat.protocol import receipts as receipt_rules
from p2pchat.protocol import sync as sync_rules
from p2pchat.protocol.admission import GUEST_PREFIX
from p2pchat.protocol.blocking import Blocking, proved
from p2pchat.protocol.composing_vocabulary import SayTyping, TellTyping
from p2pchat.protocol.contacts import Contacts
from p2pchat.protocol.intake_vocabulary import ForDeletion, ForFork, ForPruning
from p2pchat.protocol.introductions import SETTING as INTRODUCTIONS
from p2pchat.protocol.invited import EPOCH_PREFIX, PUZZLED_PREFIX, InvitedRooms
from p2pchat.protocol.log import Floor, Tip
from p2pchat.protocol.machine import (
    AcceptContact,
    AddContact,
    AnswerIntroduction,
    BlockTarget,
    CompareKeys,
    ConfigureBlocks,
    ConfirmKey,
    DevicesTold,
    DialFailed,
    Drop,
    Effect,
    EpochDrawn,
    FinishComparison,
    Flush,
    ForOutbox,
    ForPull,
    ForReceipt,
    ForStates,
    Heard,
    Input,
    IntroduceContact,
    JoinOpen,
    JoinWithPassword,
    Lane,
    LeaveRoom,
    Loaded,
    PeerDown,
    PeerUp,
    Persist,
    Published,
    Received,
    RejectContact,
    RemoveContact,
    RenewLink,
    ReviseDevices,
    RoomPeerJoined,
    RoomPeerLeft,
    Send,
    SendFailed,
    SendText,
    SetProfile,
    UnblockTarget,
    Unreadable,
    VerifyContact,
)
from p2pchat.protocol.mail_vocabulary import ForMail, ForPairs, Mail, MailInput, MailOpened
from p2pchat.protocol.mailing import Mailing
from p2pchat.protocol.outbox import Outbox
from p2pchat.protocol.own_devices import RETIRED
from p2pchat.protocol.proof import is_signed
from p2pchat.protocol.reading_vocabulary import KeepDraft, MarkRead, TellReading
from p2pchat.protocol.receipts import Receipts
from p2pchat.protocol.relation_vocabulary import ChangeMessage, Looked
from p2pchat.protocol.room_meetings import AGAIN_PREFIX
from p2pchat.protocol.room_news import NEWS_PREFIX
from p2pchat.protocol.room_parts import restore_parts
from p2pchat.protocol.room_vocabulary import ForHistory, ForLeaving, RoomCommand
from p2pchat.protocol.rooms import Rooms
from p2pchat.protocol.state import Left, Me, State
from p2pchat.protocol.sync import Sync
from p2pchat.protocol.talk import Talk
from p2pchat.wire.devices import read_device_set, shown_by
from p2pchat.wire.frames import (
    Compare,
    Hello,
    Ops,
    SyncDigest,
    SyncFrontier,
    SyncPage,
    SyncPull,
    Typing,
    Welcome,
)
from p2pchat.wire.joining import Join, JoinRefused
from p2pchat.wire.ops import restore_op
from p2pchat.wire.receipts import SignedReceipt
from p2pchat.wire.sender_keys import SignedSenderKey

if TYPE_CHECKING:
    from random import Random

__all__ = ["Chat"]


class Chat:
    """`handle(input, now) -> effects` for everything a chatting peer hears."""

    def __init__(self, me: Me, snapshot: Snapshot, limits: Limits, rng: Random) -> None:
        self.state = State(me, limits, rng)
        self.receipts = Receipts(self.state)
        self.outbox = Outbox(self.state)
        self.contacts = Contacts(self.state, self.outbox, self.receipts)
        self.intake = self.contacts.intake
        self.blocking = Blocking(self.state, self.outbox, self.intake)
        self.sync = Sync(self.state, self.receipts, self.intake)
        self.mailing = Mailing(self.state, self.outbox, self.receipts)
        invited = InvitedRooms(self.state, self.outbox, self.intake, self.sync)
        self.rooms = Rooms(self.state, self.outbox, self.intake, invited)
        self._is_committing = False
        self._restore(snapshot)

    @property
    def _talk(self) -> Talk:
        return Talk(self.state, self.contacts, self.outbox, self.rooms, self.receipts.reading)

    def start(self, now: Now) -> list[Effect]:
        """What a restart owes: blocks in force, rooms entered, recipients dialled, timers set."""
        begun = [*self.blocking.start(), *self.contacts.introduce(now)]
        begun += self.contacts.own_devices.start()
        begun += [*self.rooms.start(), *self.rooms.invited.start(now)]
        begun += self.outbox.states.start()
        begun += [*self.outbox.start(), *self.sync.start()]
        return begun + self.mailing.start(now)

    def handle(self, input: Input, now: Now) -> list[Effect]:
        """Decide on one input."""
        effects = self._route(input, now)
        self._is_committing |= any(isinstance(effect, Persist) for effect in effects)
        return effects

    def settle(self, now: Now) -> list[Effect]:
        """After a batch: publish, answer with receipts, send what is owed, mend gaps."""
        effects = [*self._part_revoked(now), *self.rooms.settle(now), *self.receipts.settle(now)]
        effects += self.intake.consequences.relations.settle()
        effects += self.mailing.settle(self.outbox.touched, now)
        effects += self.outbox.settle(now, is_committing=self._is_committing)
        self._is_committing = False
        return effects + self.sync.gaps.settle()

    def _part_revoked(self, now: Now) -> list[Effect]:
        """Let go of devices that somebody's account revoked in this batch: what waits for them on a
        stream goes no further."""
        effects: list[Effect] = []
        for device, account in self.state.directory.take_retired().items():
            if device in self.state.connected:
                self.sync.give_up(device)
                effects.append(Drop(device, "its account revoked it"))
            effects += self.rooms.invited.revoked(account, now)
        return effects

    def _route(self, input: Input, now: Now) -> list[Effect]:
        if isinstance(input, RoomCommand | EpochDrawn | Unreadable):
            return self.rooms.invited.handle(input, now)
        match input:
            case (
                SendText()
                | ChangeMessage()
                | AddContact()
                | AcceptContact()
                | JoinOpen()
                | JoinWithPassword()
                | SetProfile()
            ) if self.state.is_retired:
                return [Reply(input.id, error=PermissionDenied(RETIRED))]
            case Received():
                return self._received(input, now)
            case Heard():
                return self._heard(input, now)
            case SendText():
                return self._talk.send(input, now)
            case ChangeMessage():
                return self._talk.change(input, now)
            case Looked():
                return self.intake.consequences.relations.looked(input)
            case AddContact():
                return self.contacts.add(input, now)
            case AcceptContact():
                return self.contacts.accept(input, now)
            case RejectContact():
                return self.contacts.reject(input, now)
            case RemoveContact():
                return self.contacts.remove(input, now)
            case RenewLink():
                return self.contacts.renew_link(input)
            case IntroduceContact():
                return self.contacts.introductions.introduce(input, now)
            case AnswerIntroduction():
                return self.contacts.introductions.answer(input, now)
            case JoinOpen():
                return self.rooms.join(input, now)
            case JoinWithPassword():
                return self.rooms.join_with_password(input, now)
            case LeaveRoom():
                return self._leave(input, now)
            case MarkRead() | TellReading() | KeepDraft():
                return self.receipts.read(input)
            case SayTyping() | TellTyping():
                return self.contacts.composing.handle(input, now)
            case Flush(id):
                return [*self.outbox.flush(), Reply(id)]
            case BlockTarget():
                return self.blocking.block(input, now)
            case UnblockTarget():
                return [*self.blocking.unblock(input), *self.mailing.fired(now)]
            case ConfigureBlocks():
                return self.blocking.configure(input)
            case ReviseDevices() | VerifyContact() | ConfirmKey() | SetProfile():
                return self._people(input, now)
            case CompareKeys():
                return self.contacts.comparing.compare(input, now)
            case FinishComparison():
                return self.contacts.comparing.finish(input, now)
            case Loaded():
                return self._loaded(input, now)
            case TimerFired(name):
                return self._fired(name, now)
            case _:
                return self._network(input, now)

    def _people(
        self, input: ReviseDevices | VerifyContact | ConfirmKey | SetProfile, now: Now
    ) -> list[Effect]:
        match input:
            case ReviseDevices():
                return self.contacts.own_devices.revise(input)
            case VerifyContact():
                return self.contacts.trust.verify(input, now)
            case ConfirmKey():
                return self.contacts.trust.confirm(input)
            case SetProfile():
                is_renamed = input.profile.name != self.state.profile.name
                effects = self.contacts.profiles.change(input, now)
                return effects + (self.rooms.renamed(now) if is_renamed else [])

    def _network(
        self,
        input: DevicesTold
        | PeerUp
        | PeerDown
        | DialFailed
        | SendFailed
        | RoomPeerJoined
        | RoomPeerLeft
        | Published
        | MailInput,
        now: Now,
    ) -> list[Effect]:
        match input:
            case PeerUp(peer):
                self.state.connected.add(peer)
                self.mailing.peer_up(peer)
                self.receipts.peer_up(peer)
                effects = [*self.outbox.peer_up(peer, now), *self.sync.peer_up(peer, now)]
                effects += self.rooms.invited.joining.peer_up(peer)
                return effects + self.contacts.own_devices.peer_up(peer)
            case PeerDown(peer, reason):
                self.state.connected.discard(peer)
                self.state.directory.part(peer)
                self.sync.peer_down(peer)
                self.rooms.invited.meetings.gone(peer)
                ended = self.contacts.comparing.peer_down(peer)
                return ended + self.outbox.peer_down(peer, reason, now)
            case DialFailed(peer, reason):
                failed = self.outbox.dial_failed(peer, reason, now)
                return failed + self.mailing.dial_failed(peer, now)
            case SendFailed(peer, Lane.LIVE, reason):
                self.receipts.lost(peer)
                again = self.rooms.invited.meetings.lost(peer)
                return again + self.outbox.send_failed(peer, reason, now)
            case SendFailed(peer, _):
                self.sync.give_up(peer)
                return []
            case DevicesTold():
                return self.contacts.own_devices.told(input)
            case RoomPeerJoined(id, peer):
                return self._room_peer(input, now)
            case RoomPeerLeft(id, peer):
                self.sync.room_peers.get(id, {}).pop(peer, None)
                return []
            case Published():
                return self.outbox.states.published(input)
            case _:
                return self._mail(input, now)

    def _mail(self, input: MailInput, now: Now) -> list[Effect]:
        match input:
            case MailOpened():
                return self._letter(input, now)
            case Mail():
                raise AssertionError("mail is opened before the chat hears of it")
            case _:
                return self.mailing.handle(input, now)

    def _letter(self, mail: MailOpened, now: Now) -> list[Effect]:
        """What a device sealed for us says as much as what it says on a stream; there is nobody
        connected whom to drop for it."""
        state, account, device = self.state, mail.sender.account, mail.sender.device
        effects = self.mailing.opened(mail)
        if state.is_blocked(account, device):
            state.refuse("letter of somebody blocked")
            return effects + self.mailing.withheld(mail.sender, now)
        id = direct_id(state.me.account, account)
        if id in state.conversations and is_signed(mail.sender, mail.frames):
            effects += self.intake.keep(mail.devices)
            state.directory.prove(mail.sender)
        effects += self.contacts.own_devices.written(account, mail.frames)
        if state.directory.is_revoked(account, device):
            state.refuse("letter of a revoked device")
            return effects
        effects += self.mailing.asked(mail, now)
        is_here = device in state.connected
        if not is_here:
            state.directory.greet(device, mail.devices)
        if id in state.conversations:
            effects += self.outbox.watch(id, account, device)
        is_its = state.directory.accounts.get(device) == account
        for frame in mail.frames:
            match frame:
                case Ops():
                    effects += self._ops(frame, device, now)
                case Welcome() if is_its:
                    effects += self.rooms.invited.welcomed(device, frame, now)
                case SignedReceipt():
                    effects += self.outbox.receipt(device, frame, now)
                case Hello():
                    pass  # it was heard before the rest
                case _:
                    state.refuse("frame that is not for mail")
        if not is_here:
            state.directory.part(device)
            effects = [e for e in effects if not (isinstance(e, Send) and e.peer == device)]
        return [effect for effect in effects if not isinstance(effect, Drop)]

    def _received(self, input: Received, now: Now) -> list[Effect]:
        peer, frame = input.peer, input.frame
        if self.state.is_blocked(None, peer):
            self.state.refuse("frame of a blocked peer")  # it came before its connection was cut
            return []
        match frame:
            case Ops():
                effects = self._ops(frame, peer, now)
                self.sync.received(peer, frame.ops, self.intake.taken)
                return effects
            case SignedReceipt():
                return self.outbox.receipt(peer, frame, now)
            case Hello():
                return self._hello(peer, frame, now)
            case SyncDigest():
                return self.sync.digest(peer, frame, now)
            case SyncFrontier():
                return self.sync.frontier(peer, frame, now)
            case SyncPull():
                return self.sync.serving.pull(peer, frame, now)
            case SyncPage():
                return self.sync.page(peer, frame, now)
            case Compare():
                return self.contacts.comparing.heard(peer, frame, now)
            case Typing():
                return self.contacts.composing.heard(peer, frame, now)
            case Welcome():
                return self.rooms.invited.welcomed(peer, frame, now)
            case SignedSenderKey():
                return self.rooms.invited.shared(peer, frame, now)
            case Join():
                return self.rooms.invited.joining.asked(peer, frame, now)
            case JoinRefused():
                return self.rooms.invited.joining.refused(peer, frame)
            case _:
                assert_never(frame)

    def _hello(self, peer: DeviceId, hello: Hello, now: Now) -> list[Effect]:
        """A device says whose it is."""
        state, devices = self.state, hello.devices
        if peer not in devices.devices:
            state.refuse("hello of another device")
            return []
        if devices.account != state.me.account:
            devices = shown_by(devices, peer)
        if state.is_blocked(devices.account, peer):
            state.directory.greet(peer, devices)
            return self.blocking.greeted(peer, devices)
        is_new = not state.directory.certifies(devices.account, peer)
        id = direct_id(state.me.account, devices.account)
        is_known = id in state.conversations or devices.account in state.directory.sets
        effects = self.intake.keep(devices) if is_known else []
        state.directory.prove(Party(devices.account, peer))
        if state.directory.is_revoked(devices.account, peer):
            state.refuse("hello of a revoked device")
            return effects
        is_first = peer not in state.directory.accounts
        state.directory.greet(peer, devices)
        effects += self.contacts.trust.claimed(peer, devices.account)
        effects += self.rooms.invited.meetings.greeted(peer, now) if is_first else []
        if id not in state.conversations:
            return effects
        effects += self.outbox.watch(id, devices.account, peer)
        return effects + self.sync.peer_up(peer, now) if is_new else effects

    def _ops(self, ops: Ops, peer: DeviceId, now: Now) -> list[Effect]:
        """Take a frame's ops, the only part of a frame that is judged after it was decoded; a peer
        that broke the rules is dropped and counted."""
        effects: list[Effect] = []
        try:
            effects += self.intake.tell(ops.devices)
            effects += self.contacts.requested(ops.ops, peer, now)
            for op in ops.ops:
                effects += self.intake.offer(op, peer, now)
        except RemoteProtocolError as error:
            self.state.refuse(error)
            effects.append(Drop(peer, str(error)))  # what came before it is applied, and stays
        effects += self.intake.conclude(now)
        self._touch_own(ops.ops)
        for conversation in self.intake.gaps:
            self.sync.gaps.note(conversation)
            effects += self.sync.begin(conversation, peer, now)
        self.intake.gaps.clear()
        return effects

    def _touch_own(self, ops: Iterable[Op]) -> None:
        """Ops of ours that come back may be of a history that we had lost: it is owed, too."""
        for op in ops:
            if op.header.device == self.state.me.device:
                self.outbox.touch(op.header.conversation)

    def _heard(self, heard: Heard, now: Now) -> list[Effect]:
        """A blob of a room: about that room alone, and not the fault of who forwarded it."""
        if any(op.header.conversation != heard.conversation for op in heard.ops.ops):
            self.state.refuse("blob about another conversation")
            return []
        if self.state.is_blocked(None, heard.peer):
            self.state.refuse("blob of a blocked peer")
            return []
        effects = self._ops(heard.ops, heard.peer, now)
        return [effect for effect in effects if not isinstance(effect, Drop)]

    def _room_peer(self, input: RoomPeerJoined, now: Now) -> list[Effect]:
        conversation = self.state.conversations.get(input.conversation)
        if conversation is None:
            return []
        self.sync.room_peers.setdefault(conversation.id, {})[input.peer] = None
        begun = self.rooms.invited.met(conversation, input.peer)
        return begun + self.sync.begin(conversation, input.peer, now)

    def _loaded(self, loaded: Loaded, now: Now) -> list[Effect]:
        match loaded.tag:
            case ForOutbox() as tag:
                return self.outbox.loaded(tag, loaded)
            case ForReceipt() as tag:
                return self.outbox.receipt_loaded(tag, loaded, now)
            case ForPull() as tag:
                return self.sync.serving.loaded(tag, loaded, now)
            case ForFork() as tag:
                self._touch_own(tag.ops)
                return self.intake.loaded(tag, loaded, now)
            case ForDeletion() as tag:
                return self.intake.deletion_loaded(tag, loaded, now)
            case ForPruning() as tag:
                return self.intake.pruning.loaded(tag, loaded)
            case ForStates() as tag:
                return self.outbox.states.loaded(tag, loaded)
            case ForMail() as tag:
                return self.mailing.loaded(tag, loaded, now)
            case ForHistory() as tag:
                return self.rooms.invited.history_loaded(tag, loaded, now)
            case ForLeaving(command, conversation):
                return self._leave(LeaveRoom(command, conversation), now, loaded.rows)
            case ForPairs() as tag:
                return self.mailing.pairs_loaded(tag, loaded, now)

    def _leave(
        self, command: LeaveRoom, now: Now, rows: Sequence[StoredOp] | None = None
    ) -> list[Effect]:
        self.sync.forget(command.conversation)
        self.receipts.reading.forget(command.conversation)
        return self.rooms.leave(command, now, rows)

    def _fired(self, name: str, now: Now) -> list[Effect]:
        match name:
            case receipt_rules.TIMER:
                return self.receipts.fired(now)
            case sync_rules.TIMER:
                return self.sync.fired(now)
            case mail_rules.TIMER:
                return self.mailing.fired(now)
            case outboxes.FLUSH_TIMER:
                return self.outbox.flush()
            case composing_rules.TIMER:
                return self.contacts.composing.fired(now)
            case join_rules.TIMER:
                return self.rooms.invited.joining.fired(now)
            case _ if name.startswith(EPOCH_PREFIX):
                return self.rooms.invited.fired(name)
            case _ if name.startswith(join_rules.SEEN_PREFIX):
                return self.rooms.invited.joining.show(name, now)
            case _ if name.startswith(GUEST_PREFIX):
                return self.rooms.expired(name)
            case _ if name.startswith(NEWS_PREFIX):
                return self.rooms.invited.news.fired(name, now)
            case _ if name.startswith(AGAIN_PREFIX):
                return self.rooms.invited.meetings.again(name, now)
            case _ if name.startswith(PUZZLED_PREFIX):
                return self.rooms.invited.puzzled(name, now)
            case _:
                device = DeviceId(bytes.fromhex(name.removeprefix(outboxes.RETRY_PREFIX)))
                return self.outbox.fired(device, now)

    def _restore(self, snapshot: Snapshot) -> None:
        state = self.state
        for row in snapshot.device_sets:
            state.directory.keep(read_device_set(row.raw))
        for account, devices in proved(snapshot, snapshot.device_sets).items():
            for device in devices:
                state.directory.prove(Party(account, device))
        self.blocking.restore(snapshot.blocks)
        for row in snapshot.names:
            state.directory.names[row.account] = (row.hlc, row.name)
        state.directory.profiles = {row.account: row for row in snapshot.profiles}
        state.directory.trust = {row.account: row for row in snapshot.trust}
        others = {row.conversation: row.account for row in snapshot.contacts}
        for row in snapshot.conversations:
            made = state.add_conversation(row, others.get(row.conversation))
            made.published = snapshot.published.get(row.conversation, 0)
        self.contacts.composing.restore(snapshot.settings)
        self.contacts.introductions.restore(snapshot.settings.get(INTRODUCTIONS, b""))
        for row in snapshot.contacts:
            state.contacts[row.account] = row
        guests = {row.conversation for row in snapshot.rooms.rooms if not row.is_entered}
        entered = state.conversations.keys() - guests
        for row in snapshot.floors:
            floor = Floor(row.seq, row.prev)
            if row.chain is Chain.CONTROL:
                state.left.setdefault(row.conversation, Left()).control = floor
            elif row.conversation in entered:
                state.conversations[row.conversation].log.set_floor((row.device, row.chain), floor)
            else:
                state.left.setdefault(row.conversation, Left()).floor = floor
        for id, device, seq in snapshot.wordless:
            if id in entered:
                state.conversations[id].log.wordless.add(device, seq)
        for id, op in snapshot.control:
            state.conversations[id].log.control.add(op)
        known = {row.id: restore_op(row).header.deps for row in snapshot.rooms.talk}
        last = 0
        for head in sorted(snapshot.heads, key=lambda head: head.sort_key):
            told = known.get(head.id, ())
            tip = Tip(head.account, head.seq, head.id, head.sort_key, told)
            if head.conversation in entered or head.chain is Chain.CONTROL:
                state.conversations[head.conversation].log.restore((head.device, head.chain), tip)
            else:
                state.left.setdefault(head.conversation, Left()).talk.append(tip)
            last = max(last, head.hlc if head.device == state.me.device else 0)
        restore_parts(state, snapshot.rooms, entered)
        state.clock = type(state.clock)(last)
        self.rooms.invited.restore(snapshot.rooms, snapshot.settings)
        self.outbox.states.restore(snapshot.rooms)
        for row in snapshot.deliveries:
            self.outbox.restore(row)
        self.receipts.reading.restore(snapshot.reading, snapshot.settings)
        self.mailing.restore(snapshot.mail, snapshot.settings.get(mail_rules.SETTING, b""))
