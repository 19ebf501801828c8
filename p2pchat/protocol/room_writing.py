"""What we write into the control chain of a room by invitation.

Others take our op only if it is within bounds, and follow it only if they come to the same answer
about it. So it is held to the same rules before it is signed, and it depends on all that counts:
where that is more than one op can name, an admin's first names the rest in ops that say nothing.
"""

from __future__ import annotations

from collections.abc import Iterable

from p2pchat.errors import LocalProtocolError, PermissionDenied, RemoteProtocolError
from p2pchat.model.control import (
    Admission,
    Control,
    Cut,
    DeviceRevoked,
    Link,
    SetStanding,
    Standing,
    TalkHead,
)
from p2pchat.model.ids import AccountId, DeviceId
from p2pchat.model.machine import Now
from p2pchat.model.op import Chain, Op
from p2pchat.model.query import StoredOp
from p2pchat.protocol.intake import Intake
from p2pchat.protocol.machine import Effect
from p2pchat.protocol.outbox import Outbox
from p2pchat.protocol.room_history import Own, floors_of
from p2pchat.protocol.room_state import InvitedRoom
from p2pchat.protocol.state import Conversation, State
from p2pchat.wire.control import (
    CONTROL_BYTES_MAX,
    TALK_HEADS_MAX,
    decode_control,
    encode_control,
    fitting_cuts,
    fitting_floors,
    naming_ends,
)
from p2pchat.wire.devices import revocation
from p2pchat.wire.frames import Ops
from p2pchat.wire.ops import DEPS_MAX

__all__ = ["LAST_WORDS_BYTES", "ROOMS_TOLD_MAX", "RoomWriter", "talk_sent"]

ROOMS_TOLD_MAX = 16
"""Rooms that somebody was put out of, told it at one hello."""
LAST_WORDS_MAX = 32
"""Ops told to who was put out, the one that did so among them."""
LAST_WORDS_BYTES = 48 * 1024
"""Of one frame."""


class RoomWriter:
    """Our own control ops, of all rooms by invitation."""

    def __init__(self, state: State, intake: Intake, outbox: Outbox) -> None:
        self._state = state
        self._intake = intake
        self._outbox = outbox

    def objection(self, conversation: Conversation, control: Control) -> LocalProtocolError | None:
        """Why nobody would take this op of ours."""
        kind, raw = encode_control(control)
        try:
            decode_control(kind, raw)
        except RemoteProtocolError as error:
            return LocalProtocolError(f"others could not read this: {error}")
        seq, _ = conversation.log.end(self._state.me.device, Chain.CONTROL)
        if seq >= self._state.limits.control_ops_max:
            return PermissionDenied("this device has written all that it may here; use another")
        if len(raw) > CONTROL_BYTES_MAX:
            return LocalProtocolError("this is larger than others take")
        return None

    def write(
        self, conversation: Conversation, control: Control, now: Now
    ) -> tuple[list[Op], list[Effect]]:
        """The op, after those that link what it cannot name itself; none where it would be
        refused."""
        ops: list[Op] = []
        effects: list[Effect] = []
        while self._is_crowded(conversation) and self._is_good(conversation, Link()):
            ops.append(self._state.author(conversation, Link(), now))
            effects += self._intake.apply(conversation, ops[-1], now)
        if self._is_good(conversation, control):
            ops.append(self._state.author(conversation, control, now))
            effects += self._intake.apply(conversation, ops[-1], now)
        return ops, effects

    def standing(
        self, conversation: Conversation, account: AccountId, standing: Standing
    ) -> SetStanding:
        """What to say of an account, naming where its devices stand as far as there is room."""
        room, talk = _room(conversation), dict[DeviceId, Cut]()
        for (device, chain), tips in conversation.log.tips.items():
            if chain is Chain.TALK and tips and tips[0].account == account:
                talk[device] = Cut(device, (), self._talk(conversation, device))
        cuts = room.membership.cuts(account, talk)
        control = SetStanding(account, standing, fitting_cuts(account, standing, cuts))
        is_in = room.membership.standing(account).may_read or not standing.may_read
        return self._with_ends(conversation, control) if is_in else control  # after its floors

    def given(
        self,
        conversation: Conversation,
        control: SetStanding | Admission,
        rows: Iterable[StoredOp],
    ) -> SetStanding | Admission:
        """What lets somebody in, with what it is given of the room's past. `rows` are the ops with
        which the last messages of each device begin."""
        own = Own(self._state.me.device, self._outbox.recipients.delivered(conversation.id))
        fitted = fitting_floors(control, floors_of(conversation, rows, own))
        is_cutting = isinstance(fitted, SetStanding)
        return self._with_ends(conversation, fitted) if is_cutting else fitted

    def revocations(self, conversation: Conversation, account: AccountId) -> list[DeviceRevoked]:
        """What is to be said of an account's devices that were revoked: by another device of the
        account, and by the owners, who may be there when it is not."""
        state, membership = self._state, _room(conversation).membership
        known, me = state.directory.sets.get(account), state.me.account
        is_mine = account == me or membership.standing(me) is Standing.OWNER
        is_in = membership.standing(account).may_read and membership.standing(me).may_read
        if known is None or state.is_retired or not is_mine or not is_in:
            return []
        return [
            DeviceRevoked(
                account, device, self._last(conversation, device), revocation(known, device)
            )
            for device in sorted(known.revoked)
            if not membership.is_revoked(account, device)
        ]

    def last_words(self, conversation: Conversation, account: AccountId) -> list[Op]:
        """For an account that we put out while it was away: the op that did so, after what we
        wrote just before it, which it may have missed as well. Nothing that was written later."""
        room = _room(conversation)
        last = room.membership.removal(account) if room.is_entered else None
        return conversation.own_up_to(Chain.CONTROL, last, LAST_WORDS_MAX) if last else []

    def up_to(self, conversation: Conversation, last: Op) -> list[Op]:
        """The op of ours by which we go, after what we wrote just before it."""
        return conversation.own_up_to(Chain.CONTROL, {last.id}, LAST_WORDS_MAX)

    def _talk(self, conversation: Conversation, device: DeviceId) -> tuple[TalkHead, ...]:
        tips = conversation.log.tips.get((device, Chain.TALK), ())
        return tuple(TalkHead(tip.seq, tip.id) for tip in tips)

    def _with_ends(self, conversation: Conversation, control: SetStanding) -> SetStanding:
        ends = {cut.device: self._ends(conversation, cut.device) for cut in control.cuts}
        return naming_ends(control, ends)

    def _ends(self, conversation: Conversation, device: DeviceId) -> tuple[TalkHead, ...]:
        """Where a device's talk ends for some readers, the last of it first: they are given nothing
        that leads from there to where it stands."""
        parts, key = conversation.log.parts, (device, Chain.TALK)
        tips = [stop.tip for stop in parts.stops.get(key, ())]
        tips += [span.tip for span in parts.spans.get(key, ())]
        heads = dict.fromkeys(TalkHead(tip.seq, tip.id) for tip in tips)
        return tuple(sorted(heads, key=lambda head: -head.seq))

    def _last(self, conversation: Conversation, device: DeviceId) -> tuple[TalkHead, ...]:
        """Where a device's talk stands, and then where it ends for some."""
        heads = (*self._talk(conversation, device), *self._ends(conversation, device))
        return tuple(dict.fromkeys(heads))[:TALK_HEADS_MAX]

    def _is_good(self, conversation: Conversation, control: Control) -> bool:
        return self.objection(conversation, control) is None

    def _is_crowded(self, conversation: Conversation) -> bool:
        """Whether more counts than one op can follow, and a link of ours would count, too."""
        me, membership = self._state.me, _room(conversation).membership
        if not membership.standing(me.account).may_administer:
            return False
        _, end = conversation.log.end(me.device, Chain.CONTROL)
        return len(membership.heads(DEPS_MAX + 1, me.account, end)) > DEPS_MAX


def _room(conversation: Conversation) -> InvitedRoom:
    assert conversation.invited is not None, "control ops are written in rooms by invitation"
    return conversation.invited


def talk_sent(blob: Ops) -> int:
    """How many of our talk ops are out with a blob."""
    seqs = [op.header.seq for op in blob.ops if op.header.chain is Chain.TALK]
    return max(seqs, default=-1) + 1
