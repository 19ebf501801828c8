"""What is taken of what members and others sign into a room by invitation.

Everybody's later control ops hang on the earlier ones, by `deps`: whoever refuses one that others
took follows the room no more. So a control op is refused only for reasons that are a function of
the op and its past, which everybody sees alike: its size, its place in its chain, and that nobody
who could admit its author did. All else is taken and linked, and membership says whether it has an
effect. Who blocked its author, or knows that its device was revoked, takes it like anybody else.

Against growth there is a bound, of branches and of what one account wrote, that is no such reason.
It gives way wherever a member's op depends on what it would refuse; and honest members depend on
nothing that has no effect. Branches that have one are few, so that a peer is told them all in one
read.
"""

from __future__ import annotations

from p2pchat.model.ids import AccountId, DeviceId, OpId
from p2pchat.model.op import Chain, Op
from p2pchat.protocol.log import BRANCHES_MAX, Place
from p2pchat.protocol.room_history import begins_for_us, is_for_us
from p2pchat.protocol.room_parts import floor_at
from p2pchat.protocol.room_state import InvitedRoom
from p2pchat.protocol.state import Conversation, State
from p2pchat.wire.control import CONTROL_BYTES_MAX, control_op
from p2pchat.wire.devices import ClaimedSet
from p2pchat.wire.ops import verify_op

__all__ = ["COUNTING_BRANCHES_MAX", "RoomGate"]

ACCOUNT_CONTROL_OPS_MAX = 10_000
"""Control ops of one account in a room, of all its devices and branches."""
ACCOUNT_IDLE_OPS_MAX = 1_024
"""Of these such as have no effect."""

COUNTING_BRANCHES_MAX = 16
"""Branches of a control chain beyond which one that has an effect is not taken at once, either."""

PROVEN_MAX = 65_536
"""Talk ops of a room that are known to lead to a head which a limit names."""

_NEW = (Place.NEXT, Place.FORK, Place.BENEATH)
"""Where an op stands that is applied."""


class RoomGate:
    """Decides about ops of rooms by invitation; of other conversations it says nothing."""

    def __init__(self, state: State) -> None:
        self._state = state

    def may_come(self, op: Op) -> bool:
        """Whether an op is looked at, wherever it stands."""
        header, limits = op.header, self._state.limits
        if header.chain is Chain.TALK:
            return True
        return header.seq < limits.control_ops_max and len(op.content or b"") <= CONTROL_BYTES_MAX

    def is_muted(self, conversation: Conversation | None, op: Op) -> bool:
        """Whether an op's author is blocked here. A block hides what somebody says; what somebody
        changes is changed for everybody."""
        is_blocked = self._state.is_blocked(op.header.account, op.header.device)
        return is_blocked and not self._rules(conversation, op)

    def is_retired(self, op: Op, claim: ClaimedSet | None = None) -> bool:
        """Whether an op is refused because its device was revoked, as we know or as is claimed.
        In a room, who revoked it says what of its talk stays; its control ops are always taken."""
        state, header = self._state, op.header
        is_claimed = claim is not None and (header.device in claim.revoked or claim.is_closed)
        if not is_claimed and not state.directory.is_revoked(header.account, header.device):
            return False
        conversation = state.conversations.get(header.conversation)
        if conversation is None or conversation.invited is None:
            return True
        membership = conversation.invited.membership
        is_named = membership.is_revoked(header.account, header.device)
        return header.chain is Chain.TALK and not is_named

    def is_doubtful(self, deletion: Op, claim: ClaimedSet | None = None) -> bool:
        """Whether a deletion might be a thief's, for its device was revoked: one that is not in our
        log takes nobody's words."""
        header = deletion.header
        conversation = self._state.conversations.get(header.conversation)
        room = None if conversation is None else conversation.invited
        is_named = room is not None and room.membership.is_revoked(header.account, header.device)
        return is_named or self.is_retired(deletion, claim)

    def may_wait(self, room: InvitedRoom | None, op: Op, peer: DeviceId) -> bool:
        """Whether an op is held until what it misses is here: strangers' ops only if a member
        brings them, who may know better."""
        return (
            room is None
            or self._is_member(room, op.header.account)
            or peer in self._state.sources(room)
        )

    def withholds(self, conversation: Conversation, op: Op) -> bool:
        """Whether a talk op is not for us by the room's history, whoever brings it."""
        room, header = conversation.invited, op.header
        if room is None or room.shows_all or header.chain is Chain.CONTROL:
            return False
        is_known = conversation.log.knows_dependencies(op)
        return is_known and not is_for_us(self._state, room, header)

    def let_begin(self, conversation: Conversation, op: Op, peer: DeviceId | None) -> None:
        """Let a chain begin for us with this op, or go on behind a hole, if what it says of itself
        is so. Who was out, by an admission that did not count in the end, too, may lack what was
        said to it before that, so it goes on only where somebody whom it asks has nothing for it
        that comes first. Raises `BadSignature`."""
        room, log, header = conversation.invited, conversation.log, op.header
        if room is None or room.shows_all or header.chain is Chain.CONTROL:
            return
        key = (header.device, header.chain)
        log.claims.clear()  # none lasts longer than its op, which may turn out to be nobody's
        if header.seq < log.begins_at(key) and log.lacks_before(op):
            log.let_go(op)  # it may begin a part below what came in the meantime
        if header.seq <= log.count(*key) or not log.knows_dependencies(op):
            return
        is_new = log.count(*key) == 0 and not room.membership.was_out(self._state.me.account)
        is_asked = (peer, conversation.id) in self._state.conversations.resuming
        is_due = is_new or is_asked or op.id in room.proven
        if is_due and header.prev is not None and begins_for_us(self._state, room, header):
            verify_op(op)  # anybody could have us skip what a device said before some number
            log.claim(key, floor_at(header), is_free=True)
            log.let_go(op)

    def beneath(self, conversation: Conversation, op: Op) -> Place:
        """Where a talk op stands that is for us and lies below its chain's floor. Each part of a
        chain shows by itself where it begins for us, in whatever order they come."""
        room, log, header = conversation.invited, conversation.log, op.header
        key = (header.device, header.chain)
        if room is None or room.shows_all or not log.knows_dependencies(op):
            return Place.BELOW
        if log.parts.holding(key, header.seq) or log.parts.forgets(key, header.seq):
            return Place.BELOW
        span = log.parts.ends_with(key, header.prev)
        if span is not None:
            is_next = (span.tip.seq + 1, span.tip.account) == (header.seq, header.account)
            return Place.BENEATH if is_next else Place.BELOW
        if header.prev is None or begins_for_us(self._state, room, header):
            return Place.BENEATH
        return Place.BELOW if log.held(header.prev) is None else Place.WAITS

    def refusal(self, conversation: Conversation, op: Op, place: Place | None) -> str | None:
        """Why an op that could be applied, for all that it depends on is here, is not."""
        room = conversation.invited
        if room is None or place not in _NEW:
            return None
        if op.header.chain is Chain.CONTROL:
            return self._objection(conversation, room, op)
        # Below a head that a limit names something may follow that was written in time: by who was
        # put out and taken in again before that.
        if room.is_refused(op) and op.id not in room.proven and not room.heads_over(op):
            return "written after a limit"
        is_rewritten = place is Place.FORK and room.is_rewritten(op)
        return "written after a limit" if is_rewritten and op.id not in room.proven else None

    def awaits(self, conversation: Conversation, op: Op, place: Place | None) -> OpId | None:
        """A head that a talk op may have to lead to, where its chain was cut above it: one that is
        not here yet, the nearest first, if there is any. A place alone proves nothing: who was
        limited may sign another op for it."""
        room = conversation.invited
        if room is None or place not in _NEW or op.id in room.proven:
            return None
        if op.header.chain is Chain.CONTROL or op.header.device == self._state.me.device:
            return None
        heads = room.heads_over(op)
        if not heads or op.id in heads:
            return None
        key = (op.header.device, op.header.chain)
        return next((head for head in heads if not conversation.log.knows(key, head)), heads[0])

    def prove(self, conversation: Conversation, op: Op) -> list[Op]:
        """What waited for a head, or for what leads to it, and may be taken now that it came: in
        the order of its chain."""
        room, log = conversation.invited, conversation.log
        if room is None or op.header.chain is Chain.CONTROL or not log.knows_dependencies(op):
            return []
        if op.id not in room.proven and op.id not in room.heads_over(op):
            return []
        found: list[Op] = []
        before = op.header.prev
        while before is not None:
            held = log.held(before)
            if len(room.proven) < PROVEN_MAX:
                room.proven.add(before)
            if held is None or before not in room.proven:
                break
            found.append(held)
            before = held.header.prev
        return found[::-1]

    def may_branch(self, conversation: Conversation, op: Op) -> bool:
        """Whether one more branch of a chain may be kept."""
        tips = conversation.log.tips.get((op.header.device, op.header.chain), ())
        if len(tips) < BRANCHES_MAX:
            return True
        room = conversation.invited
        if room is None or op.header.chain is Chain.TALK:
            return room is not None and op.id in room.proven
        has_room = len(tips) < COUNTING_BRANCHES_MAX
        is_taken = has_room and room.membership.would_count(control_op(op))
        return is_taken or self._is_needed(conversation, op)

    def _objection(self, conversation: Conversation, room: InvitedRoom, op: Op) -> str | None:
        account = op.header.account
        if not room.membership.admits(account, control_op(op).parents):
            return "nobody admitted its author"
        count, idle = room.membership.weight(account)
        is_much = count >= ACCOUNT_CONTROL_OPS_MAX or idle >= ACCOUNT_IDLE_OPS_MAX
        if is_much and account != self._state.me.account and not self._is_needed(conversation, op):
            return "too many control ops of one account"
        return None

    def _is_needed(self, conversation: Conversation, op: Op) -> bool:
        """Whether another member's op waits for it, or for what follows it."""
        room, log = conversation.invited, conversation.log
        return room is not None and any(
            account != op.header.account and self._is_member(room, account)
            for account in log.awaited_by(op.id)
        )

    def _rules(self, conversation: Conversation | None, op: Op) -> bool:
        is_room = conversation is not None and conversation.invited is not None
        return is_room and op.header.chain is Chain.CONTROL

    def _is_member(self, room: InvitedRoom, account: AccountId) -> bool:
        return room.membership.standing(account).may_read
