"""Into a room by its link, and letting in who shows one.

Who has a link asks the devices that it names, each as soon as it is there, and asks them again
after a while, also after a restart, until one answers or the link's time is over. Who gave the link
is believed when it says that it is over, the others only when all say so: one of them may want to
keep us out. Any member lets in who shows an invitation that is good (`protocol.membership`), so no
admin has to be there; it looks at its own clock for the invitation's time. A member says why not;
who knows of no such room and who will not tell give the same answer.

Who gave an invitation, and each owner, shows soon that it heard of whom it let in, by an op that
says nothing else: nobody's dated back can come before that (`protocol.invitations`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from p2pchat.errors import (
    BadSignature,
    LinkError,
    LocalProtocolError,
    P2PChatError,
    PermissionDenied,
)
from p2pchat.events import JoinFailed
from p2pchat.model.change import PutSetting
from p2pchat.model.control import Admission as AdmissionOp
from p2pchat.model.control import Control, ControlOp, Invite, InviteRevoked, Link
from p2pchat.model.ids import AccountId, ConversationId, DeviceId, OpId
from p2pchat.model.machine import Now, Reply, SetTimer
from p2pchat.model.op import Chain, Kind
from p2pchat.model.query import StoredOp
from p2pchat.protocol.admission import Admission, Knocking
from p2pchat.protocol.contacts import BLOCKED
from p2pchat.protocol.machine import Dial, Drop, Effect, Emit, Lane, Load, Persist, Send
from p2pchat.protocol.own_devices import RETIRED
from p2pchat.protocol.pace import Buckets, Rate
from p2pchat.protocol.room_history import latest_of
from p2pchat.protocol.room_meetings import Meetings
from p2pchat.protocol.room_state import InvitedRoom
from p2pchat.protocol.room_vocabulary import (
    EndInvite,
    ForHistory,
    GiveInvite,
    GiveUpJoining,
    JoinByLink,
)
from p2pchat.protocol.room_writing import RoomWriter
from p2pchat.protocol.state import Conversation, State
from p2pchat.wire.invite_links import decode_invite
from p2pchat.wire.joining import Join, JoinRefused, Refusal, sign_join, verify_join
from p2pchat.wire.ops import DEPS_MAX

__all__ = ["JOINING_SETTING", "REFUSALS", "SEEN_PREFIX", "TIMER", "Joining"]

TIMER = "joining"
JOINING_SETTING = "joining"
"""The links of rooms that we wait to be let into, a line each."""
SEEN_PREFIX = "seen:"
JOINS_MAX = 16
AGAIN_S = 60.0
"""Between two rounds in which all who may let us in are asked."""
SEEN_S = 5.0
"""So long others have to show that they heard of somebody who was let in, before we do."""
PACE = Rate(per_s=0.2, burst=8)
"""Askings of one device: each costs a signature, and perhaps an op."""
REFUSALS = {
    Refusal.UNKNOWN: "nobody whom this link names knows of the invitation; ask for a new link",
    Refusal.EXPIRED: "the time of this invitation is over; ask for a new link",
    Refusal.USED_UP: "this invitation was used as often as it is good for; ask for a new link",
    Refusal.REVOKED: "this invitation was taken back; ask for a new link",
    Refusal.EXCLUDED: "you were put out of this room, so no link lets you in; ask an admin",
    Refusal.FULL: "this room is full",
    Refusal.OFTEN: "you left this room too often to come back by a link; ask an admin",
}

Write = Callable[[Conversation, Control, Now], list[Effect]]
"""A control op of ours, to all who are there."""


class Joining:
    """Both sides of a room's door."""

    def __init__(
        self,
        state: State,
        admission: Admission,
        writer: RoomWriter,
        meetings: Meetings,
        write: Write,
    ) -> None:
        self._state = state
        self._admission = admission
        self._writer = writer
        self._meetings = meetings
        self._write = write
        self._pace = Buckets[DeviceId](PACE)
        self._unseen: set[ConversationId] = set()
        """Rooms of which we may show soon whom we heard of."""

    # Restart

    def restore(self, setting: bytes) -> None:
        """As of the last commit."""
        for text in setting.decode().split():
            link = decode_invite(text)
            self._admission.joins[link.conversation] = Knocking(text, link)

    def start(self) -> list[Effect]:
        """Ask again where nobody had answered."""
        asked = [self._knock(one) for one in self._admission.joins.values()]
        return [effect for effects in asked for effect in effects] + self._again()

    # What the user wants

    def give(self, command: GiveInvite, now: Now) -> list[Effect]:
        """Invite whoever holds a key; answered by the op that says so."""
        invite = Invite(command.key, command.uses, command.expires_ms)
        conversation = self._state.conversations.get(command.conversation)
        if conversation is None or not self._may_invite(conversation):
            error = PermissionDenied("owners and admins of a room by invitation invite to it")
            return [Reply(command.id, error=error)]
        objection = self._writer.objection(conversation, invite)
        if objection is not None:
            return [Reply(command.id, error=objection)]
        effects = self._write(conversation, invite, now)
        given = conversation.newest_own(Chain.CONTROL, Kind.INVITE)
        assert given is not None, "it was written just now"
        return [*effects, Reply(command.id, given.id)]

    def end(self, command: EndInvite, now: Now) -> list[Effect]:
        """Take an invitation back, ours or as an owner anybody's."""
        conversation = self._state.conversations.get(command.conversation)
        control = InviteRevoked(command.invite)
        if conversation is None or not self._would_count(conversation, control):
            error = PermissionDenied("who gave an invitation takes it back, or an owner")
            return [Reply(command.id, error=error)]
        return [*self._write(conversation, control, now), Reply(command.id)]

    def join(self, command: JoinByLink, now: Now) -> list[Effect]:
        """Ask to be let in; answered by the room, joined or not yet."""
        state, link, joins = self._state, command.link, self._admission.joins
        conversation = state.conversations.get(link.conversation)
        if conversation is not None and self._is_in(conversation):
            return [Reply(command.id, state.room_info(conversation))]
        error = self._objection(command, now)
        if error is not None:
            return [Reply(command.id, error=error)]
        knocking = joins[link.conversation] = Knocking(command.text, link)
        asked = [self._kept(), *self._knock(knocking), *self._again()]
        return [*asked, Reply(command.id, knocking.info)]

    def give_up(self, command: GiveUpJoining) -> list[Effect]:
        """Ask no more."""
        if self._admission.joins.pop(command.conversation, None) is None:
            error = LocalProtocolError("you do not wait to be let into this room")
            return [Reply(command.id, error=error)]
        return [self._kept(), Reply(command.id)]

    def joined(self, id: ConversationId) -> list[Effect]:
        """We are in."""
        return [self._kept()] if self._admission.joins.pop(id, None) is not None else []

    # What others do

    def peer_up(self, peer: DeviceId) -> list[Effect]:
        """Somebody is here who may let us in."""
        doors = [one for one in self._admission.joins.values() if peer in one.link.doors]
        return [effect for one in doors for effect in self._ask(one, peer)]

    def fired(self, now: Now) -> list[Effect]:
        """Another round."""
        effects: list[Effect] = []
        for one in list(self._admission.joins.values()):
            conversation = self._state.conversations.get(one.link.conversation)
            if conversation is not None and self._is_in(conversation):
                effects += self.joined(conversation.id)
            elif one.link.expires_ms <= now.wall_ms:
                effects += self._ended(one, Refusal.EXPIRED)
            else:
                one.answers.clear()
                effects += self._knock(one)
        return effects + self._again()

    def refused(self, peer: DeviceId, said: JoinRefused) -> list[Effect]:
        """A member does not let us in. Who knows of nothing may only not know it yet, and who did
        not give the link may lie: so all have to say it, but for who gave it."""
        one = self._admission.joins.get(said.conversation)
        if one is None or peer not in one.link.doors or said.invite != one.link.invite:
            self._state.refuse("answer that nobody asked for")
            return []
        one.answers[peer] = said.reason
        if peer == one.link.device and said.reason is not Refusal.UNKNOWN:
            return self._ended(one, said.reason)
        if one.answers.keys() < one.link.doors - {self._state.me.device}:
            return []
        known = [reason for reason in one.answers.values() if reason is not Refusal.UNKNOWN]
        return self._ended(one, known[0] if known else Refusal.UNKNOWN)

    def asked(self, peer: DeviceId, join: Join, now: Now) -> list[Effect]:
        """Somebody shows an invitation."""
        account = self._state.directory.accounts.get(peer)
        if account is None:
            self._state.refuse("asks to join, and did not say who it is")
            return []
        if not self._pace.of(peer, now.monotonic_s).take(1, now.monotonic_s):
            self._state.refuse("too many askings to join")
            return []
        try:
            verify_join(join.key, join.invite, account, join.proof)
        except BadSignature as error:
            self._state.refuse(error)
            return [Drop(peer, str(error))]
        return self.let_in(peer, join, now)

    def let_in(
        self, peer: DeviceId, join: Join, now: Now, rows: Sequence[StoredOp] | None = None
    ) -> list[Effect]:
        """The same, when its proof was seen; what was said last in the room is looked up first,
        where newcomers are given that."""
        account = self._state.directory.accounts.get(peer)
        conversation = self._state.conversations.get(join.conversation)
        room = conversation.invited if conversation is not None else None
        if account is None or conversation is None or room is None or not self._is_in(conversation):
            return [_no(peer, join, Refusal.UNKNOWN)]
        if room.membership.standing(account).may_read:
            return self._meetings.admitted(conversation, room, peer, now)
        reason = self._reason(room, join, account, now)
        if reason is not None:
            return [_no(peer, join, reason)]
        admission = AdmissionOp(account, join.invite, join.key, join.proof)
        query = latest_of(conversation)
        if query is not None and rows is None:
            return [Load(ForHistory((peer, join)), query)]
        admission = self._writer.given(conversation, admission, rows or ())
        objection = self._writer.objection(conversation, admission)
        if objection is not None or not self._would_count(conversation, admission):
            return [_no(peer, join, Refusal.UNKNOWN)]
        return self._write(conversation, admission, now)

    # Who came

    def heard(self, conversation: Conversation) -> list[Effect]:
        """Somebody was let in, perhaps: show soon that we know, if nobody has who would."""
        room, id = conversation.invited, conversation.id
        if room is None or id in self._unseen or not self._is_in(conversation):
            return []
        if not room.membership.unseen(self._state.me.account):
            return []
        self._unseen.add(id)
        return [SetTimer(SEEN_PREFIX + id.hex(), SEEN_S * self._state.rng.uniform(0.2, 1.0))]

    def show(self, name: str, now: Now) -> list[Effect]:
        """Nobody else did in the meantime, perhaps."""
        id = ConversationId(bytes.fromhex(name.removeprefix(SEEN_PREFIX)))
        self._unseen.discard(id)
        conversation = self._state.conversations.get(id)
        room = conversation.invited if conversation is not None else None
        if conversation is None or room is None:
            return []
        is_ours = self._would_count(conversation, Link())
        if not is_ours or not room.membership.unseen(self._state.me.account):
            return []
        return self._write(conversation, Link(), now)

    # How

    def _reason(
        self, room: InvitedRoom, join: Join, account: AccountId, now: Now
    ) -> Refusal | None:
        reason = room.membership.refusal(join.invite, join.key, account)
        given = room.membership.invite(join.invite)
        if reason is not None or given is None:
            return reason
        if given.expires_ms <= now.wall_ms:
            return Refusal.EXPIRED
        is_full = len(room.membership.members()) >= self._state.limits.room_members_max
        return Refusal.FULL if is_full else None

    def _objection(self, command: JoinByLink, now: Now) -> P2PChatError | None:
        link, joins = command.link, self._admission.joins
        if self._state.is_retired:
            return PermissionDenied(RETIRED)
        if self._state.is_blocked(link.giver, link.device):
            return PermissionDenied(BLOCKED)
        if link.expires_ms <= now.wall_ms:
            return LinkError(REFUSALS[Refusal.EXPIRED])
        if len(joins) >= JOINS_MAX and link.conversation not in joins:
            return LocalProtocolError(f"you wait to be let into {JOINS_MAX} rooms already")
        return None

    def _knock(self, one: Knocking) -> list[Effect]:
        """Ask whoever is there, and look for the others."""
        connected, effects = self._state.connected, list[Effect]()
        for door in sorted(one.link.doors):
            if door in connected:
                effects += self._ask(one, door)
            elif door != self._state.me.device:
                effects.append(Dial(door, one.addresses(door)))
        return effects

    def _ask(self, one: Knocking, peer: DeviceId) -> list[Effect]:
        """After telling that we left, if we did: who does not know that takes us for a member."""
        link = one.link
        join = sign_join(link.seed, link.conversation, link.invite, self._state.me.account)
        return [*self._admission.answer(peer, link.conversation), Send(peer, Lane.LIVE, join)]

    def _again(self) -> list[Effect]:
        wait_s = AGAIN_S * self._state.rng.uniform(0.5, 1.5)
        return [SetTimer(TIMER, wait_s)] if self._admission.joins else []

    def _ended(self, one: Knocking, reason: Refusal) -> list[Effect]:
        del self._admission.joins[one.link.conversation]
        failed = JoinFailed(one.link.conversation, one.link.name, REFUSALS[reason])
        return [self._kept(), Emit(failed)]

    def _kept(self) -> Effect:
        texts = [one.text for one in self._admission.joins.values()]
        return Persist(PutSetting(JOINING_SETTING, "\n".join(texts).encode()))

    def _may_invite(self, conversation: Conversation) -> bool:
        room, me = conversation.invited, self._state.me.account
        is_able = room is not None and room.membership.standing(me).may_administer
        return is_able and self._is_in(conversation)

    def _would_count(self, conversation: Conversation, control: Control) -> bool:
        """Whether what we write now has an effect."""
        room, me = conversation.invited, self._state.me
        if room is None or not self._is_in(conversation):
            return False
        _, end = conversation.log.end(me.device, Chain.CONTROL)
        heads: Iterable[OpId] = room.membership.heads(DEPS_MAX, me.account, end)
        parents = (*heads, end) if end is not None else tuple(heads)
        is_known = all(id in room.membership for id in parents)
        op = ControlOp(OpId(bytes(32)), me.account, me.device, parents, control)
        return is_known and room.membership.would_count(op)

    def _is_in(self, conversation: Conversation) -> bool:
        """Whether we are a member who may say something of the room."""
        room = conversation.invited
        if room is None or not room.is_entered or not self._admission.may_rule(conversation):
            return False
        return room.membership.standing(self._state.me.account).may_read


def _no(peer: DeviceId, join: Join, reason: Refusal) -> Effect:
    return Send(peer, Lane.LIVE, JoinRefused(join.conversation, join.invite, reason))
